"""No response has a day outside the caller's grants, whatever is granted, stored and requested."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import metering, periods
from shared.access.grant import Grant, Span
from shared.metering import MeteringPointId
from tests.builders import warehouse as delivering
from tests.builders.api import Answer, Api
from tests.function_app.conftest import Deliver

# Around the day on which the clock goes forward.
FIRST = date(2026, 3, 26)
DAYS = [FIRST + timedelta(days=count) for count in range(7)]
_numbers = itertools.count(1)

Values = dict[tuple[MeteringPointId, datetime], Decimal]


@dataclass(frozen=True)
class World:
    """Stored values by metering point and start, grants of one principal, and a request."""

    points: tuple[MeteringPointId, ...]
    stored: Values
    lines: list[delivering.Line]
    grants: list[Grant]
    start: datetime
    end: datetime
    limit: int


def _point() -> MeteringPointId:
    payload = f"70705759{next(_numbers):09d}"
    return metering.parse_metering_point_id(payload + metering.check_digit(payload))


_days = st.sampled_from(DAYS)
_edges = st.none() | _days
_moments = st.integers(0, 7 * 24 * 4).map(
    lambda quarters: periods.start_of(FIRST) + timedelta(minutes=15 * quarters)
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    points = tuple(_point() for _ in range(3))
    principal = f"app:{uuid4()}"
    stored: Values = {}
    lines: list[delivering.Line] = []
    for point in points:
        for day in draw(st.lists(_days, unique=True, max_size=5)):
            starts = periods.starts(day, timedelta(hours=1))
            quantities = [f"{draw(st.integers(0, 9))}.{hour:03d}" for hour in range(len(starts))]
            lines += delivering.values(point, day, quantities)
            stored |= {
                (point, start.astimezone(UTC)): Decimal(quantity)
                for start, quantity in zip(starts, quantities, strict=True)
            }
    grants = [
        Grant(principal, draw(st.sampled_from(points)), customer, f"Customer {customer}", spans, "test")
        for customer, spans in enumerate(draw(st.lists(_spans(), min_size=1, max_size=3)), start=1)
    ]
    start, end = sorted(draw(st.tuples(_moments, _moments)))
    return World(points, stored, lines, grants, start, end + timedelta(hours=1), draw(st.integers(1, 8)))


@st.composite
def _spans(draw: st.DrawFn) -> tuple[Span, ...]:
    first, end = draw(_edges), draw(_edges)
    if first is not None and end is not None and first >= end:
        first, end = (None, first) if draw(st.booleans()) else (first, None)
    return (Span(first, end),)


def _expected(world: World) -> Values:
    """Return what a caller may see, as simply as possible."""
    return {
        (point, start): quantity
        for (point, start), quantity in world.stored.items()
        if world.start <= start < world.end
        and any(
            grant.metering_point_id == point and _covers(span, start.astimezone(periods.OSLO).date())
            for grant in world.grants
            for span in grant.spans
        )
    }


def _covers(span: Span, day: date) -> bool:
    return (span.valid_from is None or span.valid_from <= day) and (
        span.valid_to is None or day < span.valid_to
    )


def _values(answer: Mapping[str, object]) -> Values:
    point = MeteringPointId(str(answer["meteringPointId"]))
    found: Values = {}
    for value in answer["values"]:  # type: ignore[attr-defined]
        key = (point, datetime.fromisoformat(value["start"]).astimezone(UTC))
        assert key not in found, "a value came twice"
        found[key] = value["quantity"]
    return found


def _ask(api: Api, world: World, path: str, **given: Any) -> Answer:
    return api.get(
        path,
        principal=world.grants[0].principal,
        from_=world.start.isoformat(),
        to=world.end.isoformat(),
        limit=world.limit,
        **given,
    )


def _pages(api: Api, world: World, **given: Any) -> Iterator[Any]:
    """Return all pages of the consumption of everything that the principal may read."""
    cursor: dict[str, str] = {}
    for _ in range(100):
        page = _ask(api, world, "/v1/consumption", **given, **cursor).json
        yield from page["series"]
        if page["nextCursor"] is None:
            return
        cursor = {"cursor": page["nextCursor"]}
    raise AssertionError("the pages do not end")


def _values_of_all(api: Api, world: World) -> Values:
    found: Values = {}
    for series in _pages(api, world):
        values = _values(series)
        assert not values.keys() & found.keys(), "a value came on two pages"
        found |= values
    return found


def _totals(
    series: Iterable[Any], quantities: Callable[[Any], Iterable[Decimal | None]]
) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for each in series:
        totals[each["meteringPointId"]] += sum(
            (one for one in quantities(each) if one is not None), Decimal()
        )
    return {point: total for point, total in totals.items() if total}


def _of_values(series: Any) -> list[Decimal | None]:
    return [value["quantity"] for value in series["values"]]


def _of_days(series: Any) -> list[Decimal | None]:
    return [quantity for day in series["days"] for quantity in day["quantities"]]


def _expected_totals(world: World) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for (point, _), quantity in _expected(world).items():
        totals[point] += quantity
    return {point: total for point, total in totals.items() if total}


def _changed_days(api: Api, world: World, since: datetime) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    parameters: dict[str, Any] = {"since": since.isoformat()}
    while True:
        page = api.get(
            "/v1/changes", principal=world.grants[0].principal, limit=world.limit, **parameters
        ).json
        found |= {(day["meteringPointId"], day["date"]) for day in page["days"]}
        if page["upToDate"]:
            return found
        parameters = {"cursor": page["cursor"]}


def _granted_days(world: World) -> set[tuple[str, str]]:
    """Return the stored days of which any is granted, whatever was requested."""
    everything = replace(world, start=datetime.min.replace(tzinfo=UTC), end=datetime.max.replace(tzinfo=UTC))
    return {(point, str(periods.day_of(start))) for point, start in _expected(everything)}


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds())
def test_answers_are_what_is_stored_granted_and_asked_and_nothing_else(
    api: Api, deliver: Deliver, world: World
) -> None:
    before = datetime.now(UTC)
    if world.lines:
        deliver(world.lines)
    api.grant(*world.grants)
    expected = _expected(world)

    many = _values_of_all(api, world)
    packed = _totals(_pages(api, world, layout="days"), _of_days)
    by_day = _totals(_pages(api, world, resolution="P1D"), _of_values)
    by_month = _totals(_pages(api, world, resolution="P1M", layout="days"), _of_days)
    changed = _changed_days(api, world, before)
    for point in world.points:
        one = _ask(api, world, f"/v1/metering-points/{point}/consumption")
        if one.status == 404:
            assert point not in {grant.metering_point_id for grant in world.grants}
            continue
        shown = _values(one.json)
        wanted = {key: quantity for key, quantity in expected.items() if key[0] == point}
        assert wanted.items() >= shown.items()
        if one.json["nextCursor"] is None:
            assert shown == wanted

    assert many == expected
    assert packed == by_day == by_month == _expected_totals(world)
    assert changed == _granted_days(world)
