"""Examples for the reference: real answers of the demo world, kept in docs/examples.

`python -m contract.record` asks for each of them again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract import operations
from local import demo, places
from shared.api import problems, too_large
from shared.api.formats import Kind
from shared.api.too_large import TooLargeForOneAnswer

FOLDER = places.ROOT / "docs" / "examples"
ANY = "any"
_POINT = demo.METERING_POINTS[0].metering_point_id
_SERIES = f"/metering-points/{_POINT}/consumption"
_SOLAR = demo.METERING_POINTS[2].metering_point_id
_NOON = (
    f"/metering-points/{_SOLAR}/production?from=2026-03-28T12:00:00%2B01:00&to=2026-03-28T14:00:00%2B01:00"
)
_NIGHT = "from=2026-03-29T00:00:00%2B01:00&to=2026-03-29T05:00:00%2B02:00"
_READERS = f"/customers/{demo.BAKERY.number}/readers"
_MORNING = "since=2026-04-01T07:00:00Z"


@dataclass(frozen=True)
class Example:
    """A request, and where its answer is kept.

    Attributes:
        operation: ANY for a failure that every operation answers alike.
        target: path and query below the version.
        kind: None for a problem.
        caller: None for one whom the gateway alone answers, with nothing behind it.
        error: what the app raised, where the demo world is too small for it to happen.
    """

    name: str
    operation: str
    summary: str
    target: str
    kind: Kind | None = Kind.JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    caller: demo.Client | demo.User | None = demo.VENDOR
    error: TooLargeForOneAnswer | None = None

    @property
    def file(self) -> Path:
        """The file with the answer's body."""
        return FOLDER / f"{self.operation}.{self.name}.{self.kind or 'problem.json'}"

    @property
    def media_type(self) -> str:
        """The media type of the answer."""
        return self.kind.media_type if self.kind else problems.MEDIA_TYPE


EXAMPLES = (
    Example("all", "list-customers", "Two customers of a vendor", "/customers"),
    Example("all", "list-customers", "The same as CSV", "/customers?format=csv", Kind.CSV),
    Example("all", "list-customers", "The same as lines", "/customers?format=ndjson", Kind.NDJSON),
    Example("all", "list-readers", "Who may read a bakery's metering points", _READERS, caller=demo.KARI),
    Example(
        "all", "list-readers", "The same as CSV", f"{_READERS}?format=csv", Kind.CSV, caller=demo.KARI
    ),
    Example(
        "all", "list-readers", "The same as lines",
        f"{_READERS}?format=ndjson", Kind.NDJSON, caller=demo.KARI,
    ),
    Example(
        "application", "list-readers", "An application may not ask", _READERS, kind=None, status=403,
    ),
    Example("page", "list-metering-points", "A page of two", "/metering-points?limit=2"),
    Example(
        "page", "list-metering-points", "The same as CSV",
        "/metering-points?limit=2&format=csv", Kind.CSV,
    ),
    Example(
        "page", "list-metering-points", "The same as lines",
        "/metering-points?limit=2&format=ndjson", Kind.NDJSON,
    ),
    Example("one", "get-metering-point", "A metering point with solar cells", f"/metering-points/{_SOLAR}"),
    Example(
        "night", "get-consumption-of-metering-point", "The night to summer time has no hour from 2 to 3",
        f"{_SERIES}?{_NIGHT}",
    ),
    Example(
        "months", "get-consumption-of-metering-point", "A month that is not complete",
        f"{_SERIES}?from=2026-03-01&to=2026-04-01&resolution=P1M",
    ),
    Example(
        "corrected", "get-consumption-of-metering-point", "A packed day, as it was before its correction",
        f"{_SERIES}?date=2026-03-22&layout=days&asOf=2026-04-01T06:00:00Z",
    ),
    Example(
        "night", "get-consumption-of-metering-point", "The same night as CSV",
        f"{_SERIES}?{_NIGHT}&format=csv", Kind.CSV,
    ),
    Example(
        "norwegian", "get-consumption-of-metering-point", "For Excel with Norwegian settings",
        f"{_SERIES}?{_NIGHT}&format=csv&csv=norwegian", Kind.CSV,
    ),
    Example(
        "night", "get-consumption-of-metering-point", "The same night as lines",
        f"{_SERIES}?{_NIGHT}&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "noon", "get-production-of-metering-point", "What the solar cells delivered at noon",
        _NOON,
    ),
    Example(
        "days", "list-consumption", "Daily sums of two metering points, and one that cannot be read",
        f"/consumption?meteringPointId={_POINT}&meteringPointId={_SOLAR}&meteringPointId=707057500000010017"
        "&from=2026-03-30&to=2026-04-01&resolution=P1D",
    ),
    Example(
        "days", "list-consumption", "Daily sums as CSV",
        "/consumption?customerNumber=10001&from=2026-03-30&to=2026-04-01&resolution=P1D&format=csv", Kind.CSV,
    ),
    Example(
        "wide", "list-consumption", "A column for each metering point",
        f"/consumption?customerNumber=10001&{_NIGHT}&layout=wide&format=csv", Kind.CSV,
    ),
    Example(
        "packed", "list-consumption", "Packed days as lines",
        "/consumption?customerNumber=10001&date=2026-03-30&layout=days&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "quarters", "list-consumption", "Quarters, where not all metering points have them",
        "/consumption?date=2026-03-30&resolution=PT15M&layout=days", Kind.JSON,
    ),
    Example(
        "months", "get-consumption-of-metering-point", "A month that is not complete, as lines",
        f"{_SERIES}?from=2026-03-01&to=2026-04-01&resolution=P1M&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "noon", "get-production-of-metering-point", "The same as CSV", f"{_NOON}&format=csv", Kind.CSV,
    ),
    Example(
        "noon", "get-production-of-metering-point", "The same as lines",
        f"{_NOON}&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "rows", "list-consumption", "The night to summer time as rows, for loading tools",
        f"/consumption?meteringPointId={_POINT}&{_NIGHT}&layout=rows",
    ),
    Example("day", "list-production", "A day of all", "/production?date=2026-03-28&layout=days"),
    Example(
        "sums", "list-production", "Daily sums as CSV",
        "/production?from=2026-03-28&to=2026-03-30&resolution=P1D&format=csv", Kind.CSV,
    ),
    Example(
        "day", "list-production", "A day of all, packed, as lines",
        "/production?date=2026-03-28&layout=days&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "days", "get-total-consumption", "A customer's daily totals",
        "/consumption/total?customerNumber=10001&from=2026-03-28&to=2026-03-31",
    ),
    Example(
        "days", "get-total-consumption", "The same as CSV",
        "/consumption/total?customerNumber=10001&from=2026-03-28&to=2026-03-31&format=csv", Kind.CSV,
    ),
    Example(
        "months", "get-total-consumption", "A month that is not complete, as lines",
        "/consumption/total?from=2026-03-01&to=2026-04-01&resolution=P1M&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "night", "get-total-production", "The night to summer time has no hour from 2 to 3",
        f"/production/total?{_NIGHT}&resolution=PT1H",
    ),
    Example(
        "days", "get-total-production", "Daily totals as CSV",
        "/production/total?from=2026-03-28&to=2026-03-31&format=csv", Kind.CSV,
    ),
    Example(
        "days", "get-total-production", "Daily totals as lines",
        "/production/total?from=2026-03-28&to=2026-03-31&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "month", "list-consumption-peaks", "The three highest hours of the month on different days",
        "/consumption/peaks?month=2026-03&customerNumber=10001",
    ),
    Example(
        "month", "list-consumption-peaks", "The same as CSV",
        "/consumption/peaks?month=2026-03&customerNumber=10001&format=csv", Kind.CSV,
    ),
    Example(
        "month", "list-consumption-peaks", "The same as lines",
        "/consumption/peaks?month=2026-03&customerNumber=10001&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "hours", "list-production-peaks", "The two highest hours overall",
        "/production/peaks?month=2026-03&count=2&of=hours",
    ),
    Example(
        "hours", "list-production-peaks", "The same as CSV",
        "/production/peaks?month=2026-03&count=2&of=hours&format=csv", Kind.CSV,
    ),
    Example(
        "hours", "list-production-peaks", "The same as lines",
        "/production/peaks?month=2026-03&count=2&of=hours&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "days", "list-completeness", "Two days, the newest with missing hours",
        f"/completeness?meteringPointId={_POINT}&meteringPointId={_SOLAR}&from=2026-03-30&to=2026-04-01",
    ),
    Example(
        "months", "list-completeness", "Months as CSV",
        "/completeness?from=2026-03-01&to=2026-04-01&resolution=P1M&format=csv", Kind.CSV,
    ),
    Example(
        "months", "list-completeness", "Months as lines",
        "/completeness?from=2026-03-01&to=2026-04-01&resolution=P1M&format=ndjson", Kind.NDJSON,
    ),
    Example("correction", "list-changes", "A correction", f"/changes?{_MORNING}"),
    Example("now", "list-changes", "The first call: the cursor of now", "/changes"),
    Example(
        "correction", "list-changes", "A correction as lines",
        f"/changes?{_MORNING}&format=ndjson", Kind.NDJSON,
    ),
    Example(
        "correction", "list-changes", "A correction as CSV",
        f"/changes?{_MORNING}&format=csv", Kind.CSV,
    ),
    Example("all", "list-webhooks", "A webhook", "/webhooks"),
    Example("one", "get-webhook", "A webhook that is confirmed", "/webhooks/main"),
    Example("delivered", "list-notices", "A notice that was delivered", "/webhooks/main/notices"),
    Example("page", "list-exports", "One export", "/exports"),
    Example(
        "finished", "get-export", "An export that is finished, with its file",
        f"/exports/{operations.EXPORT_ID.example}",
    ),
    Example("all", "list-feeds", "One feed", "/feeds"),
    Example("gs2", "get-feed", "A feed of GS2 files", f"/feeds/{operations.FEED_ID.example}"),
    Example(
        "correction", "list-feed-runs", "A run with a correction",
        f"/feeds/{operations.FEED_ID.example}/runs",
    ),
    Example("now", "get-status", "How fresh it is", "/status"),
    Example(
        "faults", "list-consumption", "Every fault at once",
        "/consumption?from=2026-03-29T00:00&to=2026-03-28&resolution=hour&limt=10", None, 400,
    ),
    Example(
        "too-large", "list-consumption", "CSV without `limit` that is larger than the largest page",
        "/consumption?from=2016-01-01&format=csv", None, 400, error=too_large.market_days(32_850),
    ),
    Example(
        "unknown", "get-consumption-of-metering-point", "Unknown, or somebody else's: the answer is the same",
        "/metering-points/707057500000010017/consumption?date=2026-03-29", None, 404,
    ),
    Example(
        "xml", "list-consumption", "A format that there is not",
        "/consumption?date=2026-03-29", None, 406, {"Accept": "application/xml"},
    ),
    Example(
        "no-access", ANY, "A good token, but nobody has given access yet",
        "/metering-points", None, 403, caller=demo.WITHOUT_GRANTS,
    ),
    Example(
        "no-token", ANY, "No token", "/metering-points", None, 401,
        {"Authorization": ""}, caller=None,
    ),
    Example("away", ANY, "Not available now", "/metering-points", None, 503, caller=None),
    Example("too-fast", ANY, "Too many calls", "/metering-points", None, 429, caller=None),
)  # fmt: skip


def of(operation_id: str) -> Mapping[tuple[int, str], Mapping[str, Any]]:
    """Return the examples of an operation by status and media type, each with its name, for OpenAPI 3.1."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for example in EXAMPLES:
        if example.operation in (operation_id, ANY):
            text = example.file.read_bytes().decode()
            is_json = example.kind in (Kind.JSON, None)
            shown = {"summary": example.summary, "value": json.loads(text) if is_json else text}
            found.setdefault((example.status, example.media_type), {})[example.name] = shown
    return found
