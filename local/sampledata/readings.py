"""The values that each meter of the demo world has for a market day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from local import demo
from local.sampledata import chance, loads
from shared import periods
from shared.metering import Direction, Quality, Resolution

FINE_SINCE = 300
"""Days from the first day until the parking house's meter changes to 15-minute values."""
TENANT_SINCE = 250
"""Days from the first day until the shop in Marken gets its new tenant."""
CORRECTED_BEFORE_END = 9
"""Days from the corrected day to the last day of the first delivery."""
LATE_DAYS = 3
"""Days for which values of the farm house are only temporary."""

BAKERY, OUTLET, PARKING, SHOP, OFFICE, BARN, HOUSE = (
    demo.METERING_POINTS[place].metering_point_id for place in (0, 1, 6, 3, 2, 10, 9)
)

_CONSUMPTION: Mapping[str, loads.Load] = dict(
    zip(
        (point.metering_point_id for point in demo.METERING_POINTS),
        (
            loads.bakery,
            loads.shop,
            loads.net_office,
            loads.shop,
            loads.mall,
            loads.grocery,
            loads.charging,
            loads.heat_pump,
            loads.outdoor_light,
            loads.dwelling,
            loads.barn,
            loads.grain_dryer,
        ),
        strict=True,
    )
)
_PRODUCTION: Mapping[str, loads.Load] = {OFFICE: loads.surplus}


@dataclass(frozen=True)
class Timeline:
    """The market days of the first delivery, `last` included; events are counted from its ends."""

    first: date
    last: date

    @property
    def fine_since(self) -> date:
        """The first market day of 15-minute values at the parking house."""
        return self.first + timedelta(days=FINE_SINCE)

    @property
    def tenant_since(self) -> date:
        """The first market day of the new tenant."""
        return self.first + timedelta(days=TENANT_SINCE)

    @property
    def corrected(self) -> date:
        """The market day that is corrected."""
        return self.last - timedelta(days=CORRECTED_BEFORE_END)


@dataclass(frozen=True)
class Reading:
    """A delivered value; `quantity` in kWh as decimal text, None when missing."""

    metering_point_id: str
    direction: Direction
    start: datetime
    resolution: Resolution
    quantity: str | None
    quality: Quality


def of_day(day: date, *, timeline: Timeline) -> Iterator[Reading]:
    """Yield all values of a market day as they are delivered first."""
    for point in demo.METERING_POINTS:
        resolution = _resolution(point.metering_point_id, day, timeline=timeline)
        for direction, load in _loads(point.metering_point_id):
            faults = _faults(point.metering_point_id, day, timeline=timeline)
            yield from _values(point, direction, load, day=day, resolution=resolution, faults=faults)


def correction(timeline: Timeline) -> Iterator[Reading]:
    """Yield the hours of the corrected day that were estimated first and measured later."""
    point = next(one for one in demo.METERING_POINTS if one.metering_point_id == BAKERY)
    measured = _values(
        point,
        Direction.CONSUMPTION,
        loads.bakery,
        day=timeline.corrected,
        resolution=Resolution.PT1H,
        faults={},
    )
    estimated = _faults(BAKERY, timeline.corrected, timeline=timeline)
    return (reading for hour, reading in enumerate(measured) if hour in estimated)


def _loads(metering_point_id: str) -> Iterator[tuple[Direction, loads.Load]]:
    yield Direction.CONSUMPTION, _CONSUMPTION[metering_point_id]
    if metering_point_id in _PRODUCTION:
        yield Direction.PRODUCTION, _PRODUCTION[metering_point_id]


def _resolution(metering_point_id: str, day: date, *, timeline: Timeline) -> Resolution:
    fine = metering_point_id == PARKING and day >= timeline.fine_since
    return Resolution.PT15M if fine else Resolution.PT1H


def _values(
    point: demo.MeteringPoint,
    direction: Direction,
    load: loads.Load,
    *,
    day: date,
    resolution: Resolution,
    faults: Mapping[int, Quality],
) -> Iterator[Reading]:
    """Yield one value for each interval; `faults` has the quality of hours that were not measured."""
    hours = resolution.step / timedelta(hours=1)
    day_start = periods.start_of(day)
    for start in periods.starts(day, resolution.step):
        quality = faults.get((start - day_start) // timedelta(hours=1), Quality.MEASURED)
        middle = (start.astimezone(UTC) + resolution.step / 2).astimezone(periods.OSLO)
        energy = load(loads.Moment(middle, point.price_area, point.metering_point_id)) * hours
        if quality is Quality.ESTIMATED:
            energy *= 0.9  # An estimate is off, and the correction shows by how much.
        quantity = None if quality is Quality.MISSING else f"{energy:.3f}"
        yield Reading(point.metering_point_id, direction, start, resolution, quantity, quality)


def _faults(metering_point_id: str, day: date, *, timeline: Timeline) -> dict[int, Quality]:
    """Return the hours of the day (0 is the first) that were not measured, with their quality."""
    if metering_point_id == BAKERY and day == timeline.corrected:
        return dict.fromkeys(range(5, 10), Quality.ESTIMATED)
    if metering_point_id == OUTLET and day == timeline.last:
        return dict.fromkeys(range(20, 24), Quality.MISSING)
    if metering_point_id == BARN and day.toordinal() % 45 == 7:
        return dict.fromkeys(range(11, 17), Quality.MISSING)
    # The barn's customer has no API access, so there is one with gaps for the others to see.
    if metering_point_id == OUTLET and day.toordinal() % 45 == 22:
        return dict.fromkeys(range(9, 13), Quality.MISSING)
    if metering_point_id == HOUSE and day > timeline.last - timedelta(days=LATE_DAYS):
        return dict.fromkeys(range(25), Quality.TEMPORARY)
    draw = chance.of("outage", metering_point_id, day)
    if draw.random() < 0.012:
        first = draw.randrange(0, 20)
        return dict.fromkeys(range(first, first + draw.randrange(1, 6)), Quality.ESTIMATED)
    return {}
