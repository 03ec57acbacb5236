"""Series of whole market days, as files get them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import cycle, islice

from shared import periods
from shared.files.forms.about import About
from shared.metering import Direction, MeteringPointId, Quality, Resolution
from shared.periods import ONE_DAY, Period
from shared.readable import PermittedDays
from shared.series.assembly import Scope, Series, Sum, Values

POINT = MeteringPointId("707057500000010017")
OTHER_POINT = MeteringPointId("707057500000010024")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
WINTER_DAY, SUMMER_DAY = date(2026, 1, 15), date(2026, 7, 1)
PUBLISHED = datetime(2026, 11, 22, 6, 15, 30, tzinfo=UTC)
ABOUT = About(name="ex_1_2026-01-15", as_of=PUBLISHED)

CASES: dict[str, tuple[date, Resolution, Direction, Sequence[int]]] = {
    "winter-day": (WINTER_DAY, Resolution.PT1H, Direction.CONSUMPTION, ()),
    "summer-day": (SUMMER_DAY, Resolution.PT1H, Direction.CONSUMPTION, ()),
    "spring-day": (SPRING, Resolution.PT1H, Direction.CONSUMPTION, ()),
    "autumn-day": (AUTUMN, Resolution.PT1H, Direction.CONSUMPTION, ()),
    "missing-hour": (WINTER_DAY, Resolution.PT1H, Direction.CONSUMPTION, (7,)),
    "quarters": (SUMMER_DAY, Resolution.PT15M, Direction.CONSUMPTION, ()),
    "production": (SUMMER_DAY, Resolution.PT1H, Direction.PRODUCTION, ()),
}
"""What golden files show: day, resolution, direction, and the positions of missing values."""

CORRECTED = "corrected-day"
"""What golden files show as well: a day that was published again, with every quality but missing."""


def run(day: date, *, resolution: Resolution = Resolution.PT1H, missing: Sequence[int] = ()) -> Values:
    """Return a whole market day; the third value is estimated, and all quantities are different."""
    count = len(periods.starts(day, resolution.step))
    quantities = ["null" if n in missing else f"{n // 10}.{n * 37 % 1000:03d}" for n in range(count)]
    qualities = "".join("X" if n in missing else "E" if n == 2 else "M" for n in range(count))
    return Values(day, resolution, 0, ",".join(quantities), qualities, PUBLISHED)


def series(
    *parts: Values | Sum, point: MeteringPointId = POINT, direction: Direction = Direction.CONSUMPTION
) -> Series:
    """Return parts as a series."""
    period = Period(periods.start_of(date(2026, 1, 1)), periods.start_of(date(2027, 1, 1)))
    return Series(Scope(point, direction, period, None, [PermittedDays(None, None)], period.end), parts)


def corrected(day: date) -> Values:
    """Return a whole market day that was published again; the qualities of its values take turns."""
    first = run(day)
    turns = cycle(each.letter for each in Quality if each is not Quality.MISSING)
    qualities = "".join(islice(turns, len(first.qualities)))
    return first._replace(qualities=qualities, published_at=PUBLISHED + ONE_DAY)


def case(name: str) -> list[Series]:
    """Return what a golden file shows."""
    if name == CORRECTED:
        return [series(corrected(WINTER_DAY))]
    day, resolution, direction, missing = CASES[name]
    return [series(run(day, resolution=resolution, missing=missing), direction=direction)]


def days(first: date, count: int) -> list[date]:
    """Return market days in order."""
    return [first + number * ONE_DAY for number in range(count)]
