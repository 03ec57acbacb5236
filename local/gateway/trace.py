"""What happened to the last requests: which policies ran, and what each decided. Local only."""

from collections import deque
from datetime import datetime
from typing import Any

from local.gateway.exchange import Exchange, Response

KEPT = 100


class Trace:
    """The last requests, newest first. Holds no tokens, keys, query strings or bodies."""

    def __init__(self) -> None:
        self._entries: deque[tuple[datetime, Exchange, int, float]] = deque(maxlen=KEPT)

    def record(self, exchange: Exchange, response: Response, *, started: datetime, seconds: float) -> None:
        """Remember one request."""
        self._entries.appendleft((started, exchange, response.status, seconds))

    def shown(self) -> list[dict[str, Any]]:
        """Return the entries as JSON."""
        return [_entry(*entry) for entry in self._entries]


def _entry(started: datetime, exchange: Exchange, status: int, seconds: float) -> dict[str, Any]:
    failed = exchange.last_error
    return {
        "at": started.isoformat(timespec="milliseconds"),
        "requestId": exchange.variables.get("request-id", exchange.request_id),
        "method": exchange.request.method,
        "path": exchange.request.original_url.path,
        "operation": exchange.operation.id if exchange.operation else None,
        "subscription": exchange.subscription.name if exchange.subscription else None,
        "product": exchange.product.id if exchange.product else None,
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "error": {"source": failed.source, "reason": failed.reason, "path": failed.path} if failed else None,
        "policies": [
            {"section": section, "place": place, "policy": policy, "decided": decided}
            for section, place, policy, decided in exchange.ran
        ],
    }
