"""API Management's gateway, as far as our policies need it, on one machine.

It loads the policy files that are deployed and runs them. What it does not know it refuses at
start. The documented meaning of each policy: https://learn.microsoft.com/azure/api-management/
api-management-policies; where the documentation is silent, the module that decides says so.
"""
