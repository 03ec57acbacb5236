"""Publishing: packed market days, corrections, versions, and two publishers at once."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from shared.publishing import publish
from shared.warehouse import opening
from shared.warehouse.engine import (
    LONGEST_PUBLICATION,
    WORK_LIMIT,
    Query,
    Row,
    Session,
    Statement,
    Warehouse,
    WarehouseConflict,
    WarehouseTimeout,
)
from tests.builders import histories
from tests.builders import warehouse as building
from tests.builders.histories import Mortal
from tests.builders.warehouse import CABIN, HOUSE, MORNING, Clock, Deliverer, Line, Recorded, values, versions
from tests.doubles.tds.faults import Fault
from tests.doubles.tds.server import Server

SPRING, AUTUMN, PLAIN = date(2026, 3, 29), date(2025, 10, 26), date(2026, 3, 30)


@pytest.mark.parametrize(
    ("day", "resolution", "positions"),
    [
        (SPRING, "PT1H", 23),
        (PLAIN, "PT1H", 24),
        (AUTUMN, "PT1H", 25),
        (SPRING, "PT15M", 92),
        (PLAIN, "PT15M", 96),
        (AUTUMN, "PT15M", 100),
    ],
)
def test_a_day_has_a_position_for_each_of_its_intervals(
    deliverer: Deliverer, day: date, resolution: str, positions: int
) -> None:
    quantities = [f"{place}.125" for place in range(positions)]

    deliverer.deliver(values(HOUSE, day, quantities, resolution=resolution))

    (stored,) = versions(deliverer.warehouse, HOUSE, day)
    assert stored.quantities == ",".join(quantities)
    assert stored.qualities == "M" * positions
    assert stored.missing == 0
    assert stored.total_kwh == sum(Decimal(quantity) for quantity in quantities)


def test_nothing_is_published_by_a_clock_far_ahead_of_the_warehouse(warehouse: Warehouse) -> None:
    now = datetime.now(UTC)

    publish.refuse_ahead(warehouse, now=now + timedelta(minutes=1))
    publish.refuse_ahead(warehouse, now=now - timedelta(days=400))
    with pytest.raises(publish.ClockAhead, match="nothing is published by it"):
        publish.refuse_ahead(warehouse, now=now + timedelta(days=365))


@pytest.mark.parametrize("minutes", [-3, 3])
def test_an_operators_clock_is_set_by_the_warehouses(warehouse: Warehouse, minutes: int) -> None:
    wrong = timedelta(minutes=minutes)
    clock = publish.server_clock(warehouse, clock=lambda: datetime.now(UTC) + wrong)

    before, shown = datetime.now(UTC), clock()

    assert before <= shown < before + timedelta(minutes=1)


def test_quantities_have_three_decimals_however_they_were_delivered(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, PLAIN, ["0", "0.29", "1.470", "007.5", "123456789012.5"]))

    (stored,) = versions(deliverer.warehouse, HOUSE, PLAIN)
    assert stored.quantities.startswith("0.000,0.290,1.470,7.500,123456789012.500,null,")


def test_a_series_that_begins_inside_a_day_has_its_earlier_hours_missing(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, SPRING, ["1.5"] * 20, first=3))

    (stored,) = versions(deliverer.warehouse, HOUSE, SPRING)
    assert stored.qualities == "XXX" + "M" * 20
    assert stored.quantities == "null,null,null," + ",".join(["1.500"] * 20)
    assert (stored.missing, stored.total_kwh) == (3, Decimal("30.000"))


def test_each_quality_has_its_letter_and_a_missing_value_is_null(deliverer: Deliverer) -> None:
    qualities = ["measured", "estimated", "final-estimated", "temporary", "calculated", "missing"]
    lines = [
        values(HOUSE, PLAIN, ["" if quality == "missing" else "1"], quality=quality, first=place)[0]
        for place, quality in enumerate(qualities)
    ]

    deliverer.deliver(lines)

    (stored,) = versions(deliverer.warehouse, HOUSE, PLAIN)
    assert stored.qualities == "MEFTCX" + "X" * 18
    assert stored.quantities.split(",")[4:7] == ["1.000", "null", "null"]


def test_a_correction_of_one_hour_keeps_the_others(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, SPRING, ["1"] * 5 + [""] + ["1"] * 17))

    deliverer.deliver(values(HOUSE, SPRING, ["7.25"], quality="estimated", first=5))

    before, after = versions(deliverer.warehouse, HOUSE, SPRING)
    assert before.qualities == "MMMMMXMMMMMMMMMMMMMMMMM"
    assert after.qualities == "MMMMMEMMMMMMMMMMMMMMMMM"
    assert after.quantities.split(",")[4:7] == ["1.000", "7.250", "1.000"]
    assert (after.total_kwh, after.missing) == (Decimal("29.250"), 0)


def test_the_version_before_ends_when_the_new_one_begins(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24))

    deliverer.deliver(values(HOUSE, PLAIN, ["2"], first=0))

    before, after = versions(deliverer.warehouse, HOUSE, PLAIN)
    assert (before.sequence, after.sequence) == (1, 2)
    assert before.superseded_at == after.published_at
    assert after.superseded_at is None


def test_a_value_can_be_taken_back(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24))

    deliverer.deliver(values(HOUSE, PLAIN, [""], first=23))

    assert versions(deliverer.warehouse, HOUSE, PLAIN)[-1].qualities == "M" * 23 + "X"


def test_a_day_that_comes_out_as_it_was_is_left_alone(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24))

    (published,) = deliverer.deliver(values(HOUSE, PLAIN, ["1.000"] * 24))

    assert (published.sequence, published.days, published.values) == (2, 0, 0)
    assert len(versions(deliverer.warehouse, HOUSE, PLAIN)) == 1


def test_a_changed_quality_alone_is_a_new_version(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24, quality="temporary"))

    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24, quality="measured"))

    assert [stored.qualities[0] for stored in versions(deliverer.warehouse, HOUSE, PLAIN)] == ["T", "M"]


def test_the_publication_counts_days_and_values(deliverer: Deliverer) -> None:
    lines = values(HOUSE, SPRING, ["1"] * 23) + values(CABIN, PLAIN, ["1"] * 10)

    (published,) = deliverer.deliver(lines)

    assert (published.sequence, published.days, published.values) == (1, 2, 23 + 24)


def test_consumption_and_production_of_one_day_are_apart(deliverer: Deliverer) -> None:
    deliverer.deliver(
        values(HOUSE, PLAIN, ["1"] * 24) + values(HOUSE, PLAIN, ["2"] * 24, direction="production")
    )

    (used,) = versions(deliverer.warehouse, HOUSE, PLAIN)
    (produced,) = versions(deliverer.warehouse, HOUSE, PLAIN, direction="production")
    assert (used.total_kwh, produced.total_kwh) == (Decimal("24.000"), Decimal("48.000"))


@pytest.mark.parametrize("before", ["published", "waiting", "in the same file"])
def test_consumption_and_production_of_one_day_may_have_two_resolutions(
    deliverer: Deliverer, before: str
) -> None:
    consumption = values(HOUSE, PLAIN, ["1"] * 24)
    production = values(HOUSE, PLAIN, ["2"], resolution="PT15M", direction="production")

    if before == "in the same file":
        deliverer.load(consumption + production)
    else:
        deliverer.load(consumption)
        if before == "published":
            deliverer.publish()
        deliverer.load(production)
    deliverer.publish()

    (used,) = versions(deliverer.warehouse, HOUSE, PLAIN)
    (produced,) = versions(deliverer.warehouse, HOUSE, PLAIN, direction="production")
    assert (len(used.qualities), len(produced.qualities)) == (24, 96)


def test_the_resolution_may_change_at_midnight(deliverer: Deliverer) -> None:
    deliverer.deliver(
        values(HOUSE, SPRING, ["1"] * 23) + values(HOUSE, PLAIN, ["0.25"] * 96, resolution="PT15M")
    )

    (hourly,) = versions(deliverer.warehouse, HOUSE, SPRING)
    (quarterly,) = versions(deliverer.warehouse, HOUSE, PLAIN)
    assert (len(hourly.qualities), len(quarterly.qualities)) == (23, 96)


def test_nothing_waits_after_everything_was_published(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24))

    assert deliverer.publish() == []


def test_deliveries_are_published_in_the_order_they_came(deliverer: Deliverer) -> None:
    deliverer.load(values(HOUSE, PLAIN, ["1"] * 24))
    deliverer.load(values(HOUSE, SPRING, ["1"] * 23))

    first, second = deliverer.publish()

    assert versions(deliverer.warehouse, HOUSE, PLAIN)[0].sequence == first.sequence == 1
    assert versions(deliverer.warehouse, HOUSE, SPRING)[0].sequence == second.sequence == 2


def test_the_latest_delivery_wins_even_when_the_clock_was_set_back(
    deliverer: Deliverer, clock: Clock
) -> None:
    deliverer.load(values(HOUSE, PLAIN, ["1"] * 24))
    clock.now = MORNING - timedelta(days=3)
    deliverer.load(values(HOUSE, PLAIN, ["2"] * 24))
    first, second = publish.list_waiting(deliverer.warehouse)

    deliverer.publish()

    assert second.received_at > first.received_at
    assert versions(deliverer.warehouse, HOUSE, PLAIN)[-1].total_kwh == Decimal("48.000")


def test_times_of_publication_increase_even_when_the_clock_stands_still(
    deliverer: Deliverer, clock: Clock
) -> None:
    for day in (SPRING, PLAIN, AUTUMN):
        deliverer.load(values(HOUSE, day, ["1"] * 23))

    times = [
        each.published_at for each in publish.publish_waiting(deliverer.warehouse, clock=lambda: MORNING)
    ]

    assert times == [MORNING + timedelta(microseconds=n) for n in range(3)]


@pytest.mark.parametrize("number", [24556, 24706, 3960])
def test_a_publication_that_meets_another_change_at_its_commit_is_done_again_whole(
    server: Server, tmp_path: Path, clock: Clock, number: int
) -> None:
    warehouse = opening.open_warehouse(building.settings(server.url))
    deliverer = Deliverer(warehouse, tmp_path, clock)
    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24))
    deliverer.load(values(HOUSE, PLAIN, ["2"]))
    before = server.faults.statements.count("COMMIT TRANSACTION")
    server.faults.order(Fault("error", matching="COMMIT", number=number, times=2))

    (published,) = deliverer.publish()

    old, new = versions(warehouse, HOUSE, PLAIN)
    assert server.faults.statements.count("COMMIT TRANSACTION") == before + 3
    assert (old.sequence, old.superseded_at is None, old.total_kwh) == (1, False, Decimal(24))
    assert (new.sequence, new.superseded_at, new.total_kwh) == (published.sequence, None, Decimal(25))
    assert (published.sequence, building.count(warehouse, "publication")) == (2, 2)
    warehouse.close()


@pytest.mark.parametrize(("values_at_once", "parts"), [(1, 4), (24, 4), (48, 2), (95, 2), (96, 1)])
def test_a_large_delivery_is_packed_in_parts_and_published_at_once(
    deliverer: Deliverer, values_at_once: int, parts: int
) -> None:
    """Of a day that is delivered in part, all values are packed."""
    ids = sorted([HOUSE, CABIN, *histories.metering_point_ids(1)[:2]])
    deliverer.deliver([line for id_ in ids for line in values(id_, PLAIN, ["1"] * 24)])
    deliverer.load(
        [
            *values(ids[0], PLAIN, ["2"] * 24),
            *values(ids[1], PLAIN, ["3"], first=5),
            *values(ids[2], SPRING, ["4"] * 23),
            *values(ids[3], PLAIN, ["1"] * 24),
        ]
    )
    watched = Mortal(deliverer.warehouse, steps=1_000)
    published = replace(deliverer, warehouse=watched, values_at_once=values_at_once).publish()

    assert watched.committed.count("new_versions") == parts
    assert [(each.sequence, each.days, each.values) for each in published] == [(2, 3, 71)]
    totals = {
        (id_, day): (each.sequence, each.total_kwh)
        for id_ in ids
        for day in (PLAIN, SPRING)
        for each in versions(deliverer.warehouse, id_, day)
        if each.superseded_at is None
    }
    assert totals == {
        (ids[0], PLAIN): (2, Decimal(48)),
        (ids[1], PLAIN): (2, Decimal(26)),
        (ids[2], PLAIN): (1, Decimal(24)),
        (ids[2], SPRING): (2, Decimal(92)),
        (ids[3], PLAIN): (1, Decimal(24)),
    }


def test_parts_together_may_take_as_long_as_one_statement(deliverer: Deliverer, clock: Clock) -> None:
    deliverer.load([*values(HOUSE, PLAIN, ["1"] * 24), *values(CABIN, PLAIN, ["1"] * 24)])

    with pytest.raises(WarehouseTimeout, match="Packing 48 values took longer than 900 s"):
        list(publish.publish_waiting(Slow(deliverer.warehouse, clock=clock), clock=clock, values_at_once=24))

    assert building.count(deliverer.warehouse, "series_day") == 0
    assert [each.days for each in deliverer.publish()] == [2]


@dataclass
class Slow(Recorded):
    """A warehouse in which every change and every commit takes as long as it may, and the first is undone."""

    clock: Clock = field(default_factory=Clock)
    is_undone: bool = False

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with super().transaction() as session:
            yield _SlowSession(session, self.clock)
            self.clock.now += WORK_LIMIT
            if not self.is_undone:
                self.is_undone = True
                raise WarehouseConflict("Somebody else was first.")


@dataclass
class _SlowSession:
    inner: Session
    clock: Clock

    def fetch(self, query: Query[Row]) -> list[Row]:
        self.clock.now += WORK_LIMIT
        return self.inner.fetch(query)

    def run(self, statement: Statement) -> None:
        self.clock.now += WORK_LIMIT
        self.inner.run(statement)


def test_a_publication_becomes_visible_soon_after_its_time_however_long_it_takes(
    deliverer: Deliverer, clock: Clock
) -> None:
    deliverer.load(values(HOUSE, PLAIN, ["1"] * 24))

    (published,) = publish.publish_waiting(Slow(deliverer.warehouse, clock=clock), clock=clock)

    assert clock() - published.published_at == LONGEST_PUBLICATION


def test_each_delivery_is_published_once_when_several_publish_at_the_same_time(
    deliverer: Deliverer, clock: Clock
) -> None:
    for hour in range(4):
        deliverer.load(values(HOUSE, PLAIN, [f"{hour}.5"], first=hour))

    def publish_all(_: int) -> list[int]:
        return [each.sequence for each in publish.publish_waiting(deliverer.warehouse, clock=clock)]

    with ThreadPoolExecutor(3) as publishers:
        sequences = [sequence for some in publishers.map(publish_all, range(3)) for sequence in some]

    assert sorted(sequences) == [1, 2, 3, 4]
    assert building.count(deliverer.warehouse, "publication") == 4
    current = [stored for stored in versions(deliverer.warehouse, HOUSE, PLAIN) if not stored.superseded_at]
    assert [stored.quantities[:24] for stored in current] == ["0.500,1.500,2.500,3.500,"]


def test_nothing_is_left_in_the_working_tables(deliverer: Deliverer, warehouse: Warehouse) -> None:
    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24))

    assert building.count(warehouse, "delivery_line") == 0
    assert building.count(warehouse, "publishing_day") == 0


def test_a_correction_that_waits_with_what_it_corrects_is_a_publication_of_its_own(
    deliverer: Deliverer, warehouse: Warehouse
) -> None:
    deliverer.load(values(HOUSE, date(2026, 3, 29), ["1.000"] * 23))
    deliverer.load(values(HOUSE, date(2026, 3, 29), ["2.000"]))

    published = deliverer.publish()

    assert [each.days for each in published] == [1, 1]
    assert [each.total_kwh for each in versions(warehouse, HOUSE, date(2026, 3, 29))] == [
        Decimal("23.000"),
        Decimal("24.000"),
    ]


def test_values_on_their_way_in_are_not_published_with_a_correction_of_their_day(
    deliverer: Deliverer,
) -> None:
    deliverer.load(values(HOUSE, PLAIN, ["1"] * 3))
    with deliverer.warehouse.transaction() as session:
        session.run(Statement("DELETE FROM metering.delivery", (), "not_complete_yet"))

    deliverer.deliver(values(HOUSE, PLAIN, ["5"] * 2, first=1))

    (version,) = versions(deliverer.warehouse, HOUSE, PLAIN)
    assert version.quantities == "null,5.000,5.000" + ",null" * 21


def test_a_delivery_published_after_a_later_one_does_not_take_its_values_back(
    deliverer: Deliverer, warehouse: Warehouse, clock: Clock
) -> None:
    deliverer.load(values(HOUSE, PLAIN, ["0"] * 24))
    deliverer.load(values(HOUSE, PLAIN, ["1"] * 24))
    deliverer.load(values(HOUSE, PLAIN, ["2"]))
    first, early, late = publish.list_waiting(warehouse)

    for each in (first, late, early):
        publish.publish(warehouse, each, clock=clock)

    assert versions(warehouse, HOUSE, PLAIN)[-1].quantities.startswith("2.000,1.000,")


def test_the_largest_quantities_of_a_day_have_a_sum_that_fits(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, AUTUMN, ["999999999999.999"] * 100, resolution="PT15M"))

    (stored,) = versions(deliverer.warehouse, HOUSE, AUTUMN)
    assert stored.total_kwh == Decimal("99999999999999.900")


# --- deliveries that came by other ways than the loader, which refuses such days


def take_in_unchecked(deliverer: Deliverer, lines: Iterable[Line]) -> None:
    """Write values and their delivery as a team that fills the tables by its own means does."""
    rows = [
        (id_, direction, datetime.fromisoformat(start), resolution, Decimal(quantity), quality)
        for id_, direction, start, resolution, quantity, quality in lines
    ]
    starts = [row[2] for row in rows]
    now = deliverer.clock.forward(minutes=1)
    with deliverer.warehouse.transaction() as session:
        for row in rows:
            session.run(
                Statement(
                    "INSERT INTO metering.interval_value SELECT ?, ?, ?, ?, ?, ?, ?, ?",
                    (*row, "unchecked", now),
                    "value",
                )
            )
        session.run(
            Statement(
                "INSERT INTO metering.delivery SELECT ?, ?, ?, ?, ?, ?, NULL",
                ("unchecked", "by hand", now, min(starts), max(starts), len(rows)),
                "delivery",
            )
        )


def test_a_large_delivery_of_nothing_but_contradictions_leaves_the_days_as_they_were(
    deliverer: Deliverer,
) -> None:
    ids = [HOUSE, CABIN]
    deliverer.deliver([line for id_ in ids for line in values(id_, PLAIN, ["1"] * 24)])
    take_in_unchecked(
        deliverer, [line for id_ in ids for line in values(id_, PLAIN, ["0.5"], resolution="PT15M")]
    )

    (last,) = replace(deliverer, values_at_once=1).publish()

    assert (last.sequence, last.days) == (2, 0)
    assert [len(versions(deliverer.warehouse, id_, PLAIN)) for id_ in ids] == [1, 1]


@pytest.mark.parametrize("published", [True, False])
def test_a_day_is_not_blanked_by_a_delivery_in_another_resolution(
    deliverer: Deliverer, caplog: pytest.LogCaptureFixture, *, published: bool
) -> None:
    deliverer.load(values(HOUSE, PLAIN, ["1"] * 24))
    if published:
        deliverer.publish()
    take_in_unchecked(
        deliverer,
        values(HOUSE, PLAIN, ["0.5"], resolution="PT15M")
        + values(HOUSE, SPRING, ["0.5"], resolution="PT15M"),
    )

    last = deliverer.publish()[-1]

    (stored,) = versions(deliverer.warehouse, HOUSE, PLAIN)
    assert stored.quantities == ",".join(["1.000"] * 24)
    assert (last.sequence, last.days) == (2, 1)
    assert len(versions(deliverer.warehouse, HOUSE, SPRING)) == 1
    assert caplog.messages == [
        "Publication 2 leaves out 1 market days of the delivery 'by hand': it has them in two resolutions, "
        "or in part in a resolution other than the published one."
    ]
    assert deliverer.publish() == []


@pytest.mark.parametrize("published", [True, False])
def test_a_day_that_comes_whole_in_another_resolution_replaces_the_day(
    deliverer: Deliverer, *, published: bool
) -> None:
    deliverer.load(values(HOUSE, PLAIN, ["1"] * 24) + values(CABIN, PLAIN, ["1"] * 24))
    if published:
        deliverer.publish()

    deliverer.load(values(HOUSE, PLAIN, ["0.5"] * 96, resolution="PT15M"))
    deliverer.publish()
    deliverer.deliver(values(HOUSE, PLAIN, ["7"], resolution="PT15M", first=95))
    deliverer.deliver(values(HOUSE, PLAIN, ["2"] * 24))
    deliverer.deliver(values(HOUSE, PLAIN, ["3"]))

    hours, quarters, corrected, again, last = versions(deliverer.warehouse, HOUSE, PLAIN)
    assert hours.quantities == ",".join(["1.000"] * 24)
    assert quarters.quantities == ",".join(["0.500"] * 96)
    assert corrected.quantities == ",".join([*["0.500"] * 95, "7.000"])
    assert again.quantities == ",".join(["2.000"] * 24)
    assert last.quantities == ",".join(["3.000", *["2.000"] * 23])
    assert [each.superseded_at is None for each in (hours, quarters, corrected, again, last)] == [
        *[False] * 4,
        True,
    ]
    assert len(versions(deliverer.warehouse, CABIN, PLAIN)) == 1


def test_a_day_that_a_delivery_has_in_two_resolutions_is_not_published(
    deliverer: Deliverer, caplog: pytest.LogCaptureFixture
) -> None:
    take_in_unchecked(
        deliverer,
        values(HOUSE, PLAIN, ["1"] * 12) + values(HOUSE, PLAIN, ["0.5"], resolution="PT15M", first=60),
    )

    (published,) = deliverer.publish()

    assert (published.days, len(caplog.messages)) == (0, 1)
    assert versions(deliverer.warehouse, HOUSE, PLAIN) == []


@pytest.mark.parametrize("hours", [24, 23])
def test_an_interval_that_a_delivery_repeats_counts_once(deliverer: Deliverer, hours: int) -> None:
    deliverer.deliver(values(HOUSE, PLAIN, ["1"] * 24))
    take_in_unchecked(deliverer, values(HOUSE, PLAIN, ["2"] * hours) + values(HOUSE, PLAIN, ["2"]))

    deliverer.publish()

    stored = versions(deliverer.warehouse, HOUSE, PLAIN)[-1]
    assert stored.quantities == ",".join(["2.000"] * hours + ["1.000"] * (24 - hours))


def test_what_starts_beside_the_intervals_is_no_value_of_any(deliverer: Deliverer) -> None:
    late: list[Line] = [
        (id_, direction, start.replace(":00:00+", ":07:00+"), resolution, quantity, quality)
        for id_, direction, start, resolution, quantity, quality in values(HOUSE, PLAIN, ["2"] * 23, first=1)
    ]
    take_in_unchecked(deliverer, values(HOUSE, PLAIN, ["1"]) + late)

    deliverer.publish()

    assert versions(deliverer.warehouse, HOUSE, PLAIN)[-1].quantities == "1.000" + ",null" * 23
