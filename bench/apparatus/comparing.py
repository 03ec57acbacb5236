"""One question about series in three ways: this API, the usual way, and the limit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from bench.apparatus import asking, measuring, stored
from shared import periods
from shared.metering import Direction
from shared.readable import Readable
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import series_days
from shared.warehouse.queries.series_days import WantedDays


@dataclass(frozen=True)
class Compared:
    """One question: milliseconds of each way, and how they compare."""

    question: str
    layout: str
    times_faster_than_usual: float
    times_the_limit: float
    million_values_a_second: float
    ours_ms: float
    usual_ms: float
    limit_ms: float
    values: int
    bytes: int


def compare(
    question: str,
    layout: str,
    *,
    ours: Callable[[], bytes],
    usual: Callable[[], bytes],
    packed: Callable[[], object],
    values: int,
    runs: int,
) -> Compared:
    """Ask in each way in turn; the limit is `packed`, and copying as many bytes as our answer has."""
    answer = bytearray(ours())

    def limit() -> bytes:
        packed()
        return bytes(answer)

    taken = measuring.medians({"ours": ours, "usual": usual, "limit": limit}, runs=runs)
    return Compared(
        question,
        layout,
        times_faster_than_usual=taken["usual"] / taken["ours"],
        times_the_limit=taken["ours"] / taken["limit"],
        million_values_a_second=values / taken["ours"] / 1_000,
        ours_ms=taken["ours"],
        usual_ms=taken["usual"],
        limit_ms=taken["limit"],
        values=values,
        bytes=len(answer),
    )


def packed_days(warehouse: Warehouse, readable: Readable, *, first: date, end: date) -> Callable[[], object]:
    """Return a call that only fetches the packed rows of a period."""
    query = series_days.days(
        readable,
        direction=Direction.CONSUMPTION,
        wanted=WantedDays.every(first, end),
        as_of=asking.Published(stored.END).latest().published_at,
        after=None,
        limit=10_001,
    )
    return lambda: warehouse.fetch(query)


def hours(first: date, end: date) -> int:
    """Return the hours from the start of one market day to the start of another."""
    return (periods.start_of(end) - periods.start_of(first)) // timedelta(hours=1)
