"""API Management's gateway, as far as our policies need it, on one machine.

It loads the policy files that are deployed and runs them. What it does not know it refuses at
start. The documented meaning of each policy: https://learn.microsoft.com/azure/api-management/
api-management-policies.

Where the documentation is silent it decides as follows, and a deployed gateway may differ:

- rate-limit-by-key: a bucket of `calls` that refills evenly (v2 tiers; sizes are not documented)
- headers announced by limits are put on the backend's answer; return-response starts without them
- CORS headers are put on every answer after the cors policy has run
- a path is matched without regard to case, after dot segments are removed
- a method that a path does not have is an operation that is not found; on-error can distinguish the two
- a query parameter's name is compared without regard to case
- a token that is not valid yet, without expiry, or malformed: JwtInvalid; another scheme than the
  required one: TokenNotPresent
- a managed identity without a token: a failure with status 500
- URLs above 16 KiB and headers above 32 KiB are refused before any policy runs
"""
