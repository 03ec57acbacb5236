"""What policies need from outside a request: the clock, counters, signing keys, tokens, the network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from local.gateway.backends import Backends
from local.gateway.keysets import KeySets
from local.gateway.limits import Quotas, TokenBuckets
from local.gateway.managed_identity import ManagedIdentity


@dataclass(frozen=True)
class Services:
    """One gateway's state and connections."""

    clock: Callable[[], datetime]
    http: httpx.AsyncClient
    """For signing keys and the gateway's own tokens."""
    keys: KeySets
    identity: ManagedIdentity
    backends: Backends = field(default_factory=Backends)
    rates: TokenBuckets = field(default_factory=TokenBuckets)
    quotas: Quotas = field(default_factory=Quotas)

    async def close(self) -> None:
        """End all connections."""
        await self.backends.close()
        await self.http.aclose()
