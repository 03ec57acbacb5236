"""Stand-ins for Visma Severa and Microsoft Graph, for the local stack and for tests.

They behave as the real services are described and known to behave, including when they misbehave:
throttling, two ways of paging, tokens that end, and faults on demand. `shared/` never imports them.
"""
