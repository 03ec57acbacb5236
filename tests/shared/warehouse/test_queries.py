"""What the API asks: only permitted days, each once, in order, as they were at a moment."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import periods
from shared.metering import Direction
from shared.readable import Readable
from shared.warehouse import opening, queries
from shared.warehouse.engine import LONGEST_PUBLICATION, Query, Statement, Warehouse
from shared.warehouse.queries import DayRow, WantedDays
from tests.builders import elsewhere
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, MORNING, SHOP, Clock, Deliverer, readable, values

FIRST = date(2026, 3, 28)
LAST = date(2026, 4, 2)
START = (0, "", "", periods.FIRST_DAY)
EVER = queries.PublishedDays(periods.FIRST_DAY, periods.END_DAY)
ALL_DAYS = [date(2026, 3, 28) + timedelta(days=n) for n in range(5)]


def fetch_days(
    warehouse: Warehouse,
    permitted: Readable,
    *,
    direction: Direction = Direction.CONSUMPTION,
    first_day: date = FIRST,
    last_day: date = LAST,
    as_of: datetime = MORNING + timedelta(days=1),
    after: tuple[str, date] | None = None,
    limit: int = 1000,
) -> list[DayRow]:
    query = queries.days(
        permitted,
        direction=direction,
        wanted=WantedDays.every(first_day, last_day),
        as_of=as_of,
        after=after,
        limit=limit,
    )
    return sorted(warehouse.fetch(query))


def keys(rows: list[DayRow]) -> list[tuple[str, int]]:
    """Metering point and day of month of each row."""
    return [(row.metering_point_id, row.delivery_date.day) for row in rows]


@pytest.fixture
def filled(deliverer: Deliverer) -> Deliverer:
    """Five days of a house and a cabin, from 28 March to 1 April."""
    deliverer.deliver(
        [line for id_ in (CABIN, HOUSE) for day in ALL_DAYS for line in values(id_, day, ["0.5", "1"])]
    )
    return deliverer


def test_days_come_by_metering_point_and_day(filled: Deliverer) -> None:
    rows = fetch_days(filled.warehouse, readable((CABIN, None, None), (HOUSE, None, None)))

    assert keys(rows) == [(HOUSE, n) for n in (28, 29, 30, 31, 1)] + [(CABIN, n) for n in (28, 29, 30, 31, 1)]


def test_a_day_is_given_as_it_is_stored(filled: Deliverer) -> None:
    (row,) = fetch_days(filled.warehouse, readable((HOUSE, None, None)), last_day=date(2026, 3, 29))

    assert row == DayRow(
        metering_point_id=HOUSE,
        delivery_date=FIRST,
        resolution="PT1H",
        quantities="0.500,1.000" + ",null" * 22,
        qualities="MM" + "X" * 22,
        total_kwh="1.500",
        published_at=(MORNING + timedelta(minutes=2)).replace(tzinfo=None),
    )


@pytest.mark.parametrize(
    ("permitted", "days"),
    [
        ([], []),
        ([(SHOP, None, None)], []),
        ([(HOUSE, date(2026, 3, 30), None)], [30, 31, 1]),
        ([(HOUSE, None, date(2026, 3, 30))], [28, 29]),
        ([(HOUSE, date(2026, 3, 29), date(2026, 3, 30))], [29]),
        ([(HOUSE, date(2026, 3, 29), date(2026, 3, 29))], []),
        ([(HOUSE, date(2026, 4, 2), None)], []),
        ([(HOUSE, None, date(2026, 3, 28))], []),
        ([(HOUSE, None, date(2026, 3, 30)), (HOUSE, date(2026, 3, 29), None)], [28, 29, 30, 31, 1]),
        ([(HOUSE, None, date(2026, 3, 30)), (HOUSE, date(2026, 3, 30), None)], [28, 29, 30, 31, 1]),
        ([(HOUSE, None, None), (HOUSE, date(2026, 3, 29), date(2026, 3, 30))], [28, 29, 30, 31, 1]),
        ([(HOUSE, None, date(2026, 3, 29)), (HOUSE, date(2026, 3, 31), None)], [28, 31, 1]),
    ],
)
def test_only_permitted_days_are_given_and_each_once(
    filled: Deliverer, permitted: list[tuple[str, date | None, date | None]], days: list[int]
) -> None:
    rows = fetch_days(filled.warehouse, readable(*permitted))

    assert keys(rows) == [(HOUSE, day) for day in days]


def test_only_the_asked_direction_is_given(filled: Deliverer) -> None:
    filled.deliver(values(HOUSE, FIRST, ["9"], direction="production"))

    (row,) = fetch_days(filled.warehouse, readable((HOUSE, None, None)), direction=Direction.PRODUCTION)

    assert row.total_kwh == "9.000"


def test_the_end_day_is_not_given(filled: Deliverer) -> None:
    rows = fetch_days(
        filled.warehouse,
        readable((HOUSE, None, None)),
        first_day=date(2026, 3, 29),
        last_day=date(2026, 3, 31),
    )

    assert keys(rows) == [(HOUSE, 29), (HOUSE, 30)]


def test_pages_start_at_a_key_and_end_at_the_limit(filled: Deliverer) -> None:
    permitted = readable((HOUSE, None, None), (CABIN, date(2026, 3, 29), None))

    first = fetch_days(filled.warehouse, permitted, limit=3)
    second = fetch_days(filled.warehouse, permitted, after=(HOUSE, date(2026, 3, 31)), limit=3)
    third = fetch_days(filled.warehouse, permitted, after=(CABIN, date(2026, 3, 30)), limit=10)

    assert keys(first) == [(HOUSE, 28), (HOUSE, 29), (HOUSE, 30)]
    assert keys(second) == [(HOUSE, 31), (HOUSE, 1), (CABIN, 29)]
    assert keys(third) == [(CABIN, 30), (CABIN, 31), (CABIN, 1)]


@pytest.mark.parametrize(("limit", "days"), [(2, [29, 30]), (3, [29, 30, 31]), (9, [29, 30, 31])])
def test_a_page_of_one_metering_point_has_its_first_days(
    filled: Deliverer, limit: int, days: list[int]
) -> None:
    permitted = readable((HOUSE, date(2026, 3, 29), date(2026, 4, 1)))

    assert keys(fetch_days(filled.warehouse, permitted, limit=limit)) == [(HOUSE, day) for day in days]


def test_a_correction_is_seen_from_the_moment_it_was_published(filled: Deliverer, clock: Clock) -> None:
    before = clock()
    filled.deliver(values(HOUSE, FIRST, ["7"]))
    permitted = readable((HOUSE, None, None))

    def total(as_of: datetime) -> str:
        (row,) = fetch_days(filled.warehouse, permitted, last_day=date(2026, 3, 29), as_of=as_of)
        return row.total_kwh

    assert total(before) == "1.500"
    assert total(clock() - timedelta(microseconds=1)) == "1.500"
    assert total(clock()) == "8.000"


def test_nothing_is_seen_before_the_first_publication(filled: Deliverer) -> None:
    assert fetch_days(filled.warehouse, readable((HOUSE, None, None)), as_of=MORNING) == []


def test_the_latest_day_of_a_series_is_the_latest_that_may_be_read(filled: Deliverer, clock: Clock) -> None:
    filled.deliver(values(HOUSE, date(2026, 4, 2), ["0.1"] * 96, resolution="PT15M"))
    filled.deliver(values(CABIN, FIRST, ["1"], direction="production"))
    permitted = readable((HOUSE, date(2026, 3, 30), None), (CABIN, None, None), (SHOP, None, None))

    rows = filled.warehouse.fetch(queries.latest_days(permitted, since=FIRST, as_of=clock()))
    lately = filled.warehouse.fetch(queries.latest_days(permitted, since=date(2026, 4, 2), as_of=clock()))

    assert rows == [
        queries.LatestDayRow(HOUSE, "consumption", date(2026, 4, 2), "PT15M"),
        queries.LatestDayRow(CABIN, "consumption", date(2026, 4, 1), "PT1H"),
        queries.LatestDayRow(CABIN, "production", date(2026, 3, 28), "PT1H"),
    ]
    assert lately == rows[:1]


def test_the_last_day_is_the_last_that_may_be_read_and_lies_on_or_after_the_day_asked(
    filled: Deliverer, clock: Clock
) -> None:
    permitted = readable((HOUSE, None, date(2026, 3, 30)), (CABIN, None, None), (SHOP, None, None))

    def last_days(since: date) -> list[tuple[str, date]]:
        query = queries.last_days(permitted, direction=Direction.CONSUMPTION, since=since, as_of=clock())
        return [(row.metering_point_id, row.last_day) for row in filled.warehouse.fetch(query)]

    assert last_days(FIRST) == [(HOUSE, date(2026, 3, 29)), (CABIN, date(2026, 4, 1))]
    assert last_days(date(2026, 3, 30)) == [(CABIN, date(2026, 4, 1))]


def test_changes_come_in_order_of_publication_and_as_they_are_now(filled: Deliverer) -> None:
    filled.deliver(values(HOUSE, FIRST, ["7"]) + values(CABIN, FIRST, ["8"]))
    filled.deliver(values(HOUSE, FIRST, ["9"]))
    permitted = readable((HOUSE, None, date(2026, 3, 30)), (CABIN, None, date(2026, 3, 29)))

    rows = filled.warehouse.fetch(
        queries.changes(permitted, after=START, through=3, published=EVER, limit=10)
    )

    assert [
        (row.sequence, row.metering_point_id, row.delivery_date.day, row.quantities[:5]) for row in rows
    ] == [
        (1, HOUSE, 29, "0.500"),
        (2, CABIN, 28, "8.000"),
        (3, HOUSE, 28, "9.000"),
    ]


def test_changes_are_paged_by_key_and_end_at_the_last_publication_that_is_announced(
    filled: Deliverer,
) -> None:
    filled.deliver(values(HOUSE, FIRST, ["7"]))
    permitted = readable((HOUSE, None, date(2026, 3, 31)), (CABIN, None, date(2026, 3, 30)))

    def page(after: tuple[int, str, str, date], through: int) -> list[tuple[int, str, int]]:
        rows = filled.warehouse.fetch(
            queries.changes(permitted, after=after, through=through, published=EVER, limit=2)
        )
        return [(row.sequence, row.metering_point_id, row.delivery_date.day) for row in rows]

    assert page(START, 2) == [(1, HOUSE, 29), (1, HOUSE, 30)]
    assert page((1, HOUSE, "consumption", date(2026, 3, 30)), 2) == [(1, CABIN, 28), (1, CABIN, 29)]
    assert page((1, CABIN, "consumption", date(2026, 3, 29)), 2) == [(2, HOUSE, 28)]
    assert page((1, CABIN, "consumption", date(2026, 3, 29)), 1) == []
    assert page((2, HOUSE, "consumption", FIRST), 2) == []


def test_many_permissions_travel_in_one_parameter(filled: Deliverer) -> None:
    others = [(f"{n:018d}", None, None) for n in range(5_000)]

    rows = fetch_days(filled.warehouse, readable((HOUSE, None, None), *others), last_day=date(2026, 3, 29))

    assert keys(rows) == [(HOUSE, 28)]


ids = st.sampled_from([HOUSE, CABIN, SHOP])
some_days = st.dates(date(2026, 3, 26), date(2026, 4, 4))
permissions = st.lists(st.tuples(ids, st.none() | some_days, st.none() | some_days), max_size=8)


@pytest.fixture(scope="module")
def seeded(warehouse_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deliverer]:
    """Five days of two metering points in a warehouse that the tests of this module only read."""
    folder = tmp_path_factory.mktemp("seeded")
    with elsewhere.address(warehouse_template, folder / "seeded.duckdb") as url:
        deliverer = Deliverer(opening.open_warehouse(building.settings(url)), folder, Clock())
        deliverer.deliver(
            [line for id_ in (HOUSE, CABIN) for day in ALL_DAYS for line in values(id_, day, ["1"])]
        )
        yield deliverer
        deliverer.warehouse.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(permitted=permissions, first_day=some_days, last_day=some_days)
def test_no_day_outside_a_grant_is_ever_given_and_none_inside_is_left_out(
    seeded: Deliverer,
    permitted: list[tuple[str, date | None, date | None]],
    first_day: date,
    last_day: date,
) -> None:
    rows = fetch_days(seeded.warehouse, readable(*permitted), first_day=first_day, last_day=last_day)

    expected = [
        (id_, day)
        for id_ in (HOUSE, CABIN)
        for day in ALL_DAYS
        if first_day <= day < last_day
        and any(
            id_ == granted and (start is None or start <= day) and (end is None or day < end)
            for granted, start, end in permitted
        )
    ]
    assert [(row.metering_point_id, row.delivery_date) for row in rows] == expected


def questions(permitted: Readable) -> list[Query[Any]]:
    """Every question that joins what may be read to the published days."""
    wanted, to = WantedDays.every(FIRST, LAST), Direction.CONSUMPTION
    key = (0, "", "", periods.FIRST_DAY)
    return [
        queries.days(
            permitted, direction=to, wanted=wanted, as_of=MORNING, after=(CABIN, ALL_DAYS[1]), limit=9
        ),
        queries.first_metering_point(permitted, direction=to, wanted=wanted, as_of=MORNING),
        queries.count_days(permitted, direction=to, wanted=wanted, as_of=MORNING),
        queries.sizes(permitted, direction=to, wanted=wanted, as_of=MORNING),
        queries.stored_in_hours(permitted, direction=to, wanted=wanted, as_of=MORNING, limit=9),
        queries.changes(permitted, after=START, through=1, published=EVER, limit=9),
        queries.count_changes(permitted, after=key, through=1, published=EVER),
        queries.latest_days(permitted, since=FIRST, as_of=MORNING),
        queries.last_days(permitted, direction=to, since=FIRST, as_of=MORNING),
    ]


@given(permitted=permissions)
def test_the_range_of_metering_points_is_that_of_the_rows_beside_it(
    permitted: list[tuple[str, date | None, date | None]],
) -> None:
    for query in questions(readable(*permitted)):
        marks = re.findall(r"(?:s\.metering_point_id ([<>]=|=(?= \? AND s\.delivery_date)) )?\?", query.sql)
        bounds = {mark: value for mark, value in zip(marks, query.parameters, strict=True) if mark}
        if "OPENJSON" not in query.sql:
            assert bounds.keys() == {"="}, query.name
            assert bounds["="] in {id_ for id_, _, _ in permitted}, query.name
            continue
        rows = json.loads(str(query.parameters[0]))
        ids = [row["metering_point_id"] for row in rows] or [""]
        assert len(rows) != 1, query.name
        assert bounds == {">=": min(ids), "<=": max(ids)}, query.name
    assert sorted(query.name for query in questions(readable())) == sorted(joined_questions())


def joined_questions() -> list[str]:
    """The names of the questions whose text has the readable days."""
    source = Path(queries.__file__).read_text(encoding="utf-8")
    return [
        name
        for text, name in re.findall(
            r'return Query\(\s*f"""(.*?)""".*?"(\w+)",\n    \)', source, flags=re.DOTALL
        )
        if "FROM {permitted.source}" in text and "{permitted.bounds}" in text
    ]


def test_a_publication_counts_as_had_once_it_was_visible_for_certain(
    filled: Deliverer, warehouse: Warehouse
) -> None:
    filled.deliver(values(HOUSE, FIRST, ["9"]))
    (latest,) = warehouse.fetch(
        queries.changes(
            readable((HOUSE, FIRST, ALL_DAYS[1])), after=START, through=2, published=EVER, limit=1
        )
    )

    def had_at(moment: datetime) -> int:
        (sequence,) = warehouse.fetch(queries.sequence_at(moment))
        return sequence

    visible_at = latest.published_at + LONGEST_PUBLICATION
    assert (latest.sequence, had_at(visible_at)) == (2, 2)
    assert had_at(visible_at - timedelta(microseconds=1)) == 1
    assert had_at(MORNING) == 0


def test_where_published_days_lie_is_known_of_publications_that_are_all_there(
    filled: Deliverer,
) -> None:
    (known,) = filled.warehouse.fetch(queries.published_days(first=1, last=1))
    (beyond,) = filled.warehouse.fetch(queries.published_days(first=1, last=2))

    assert known == (ALL_DAYS[0], ALL_DAYS[-1])
    assert beyond == EVER


def test_publications_that_left_no_days_have_an_empty_range(filled: Deliverer) -> None:
    of_house = readable((HOUSE, None, None))
    (repeated,) = filled.deliver(reversed(values(HOUSE, FIRST, ["0.5", "1"])))

    (published,) = filled.warehouse.fetch(queries.published_days(first=2, last=2))
    (both,) = filled.warehouse.fetch(queries.published_days(first=1, last=2))
    asked = queries.changes(of_house, after=(2, *START[1:]), through=2, published=published, limit=10)

    assert (repeated.sequence, repeated.days) == (2, 0)
    assert published == (periods.FIRST_DAY, periods.FIRST_DAY - periods.ONE_DAY)
    assert both == (ALL_DAYS[0], ALL_DAYS[-1])
    assert asked.parameters[:5] == ("[]", "", "", periods.FIRST_DAY, periods.FIRST_DAY)
    assert filled.warehouse.fetch(asked) == []


def test_days_whose_range_is_not_recorded_may_lie_anywhere(filled: Deliverer) -> None:
    filled.deliver(values(HOUSE, FIRST, ["9"]))
    with filled.warehouse.transaction() as session:
        session.run(
            Statement(
                "UPDATE metering.publication SET first_day = NULL, last_day = NULL WHERE sequence = 2",
                (),
                "forget_range",
            )
        )

    for first in (1, 2):
        (published,) = filled.warehouse.fetch(queries.published_days(first=first, last=2))
        assert published == EVER
