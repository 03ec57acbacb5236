"""The contract check finds what the queries cannot live with."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shared.warehouse import check, opening
from shared.warehouse.check import Finding
from shared.warehouse.engine import WORK_LIMIT, Query, Row, Statement, Warehouse
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, Clock, Deliverer, Recorded, values

DAY = date(2026, 3, 29)
AS_DEFINED = (
    "Correct the table: the scripts in infra/warehouse define it, and do not change one that is there."
)


@dataclass
class Limits(Recorded):
    """A warehouse that also remembers the limit of each query, by the query's name."""

    limits: dict[str, timedelta | None] = field(default_factory=dict)

    def fetch(self, query: Query[Row]) -> list[Row]:
        self.limits[query.name] = query.within
        return super().fetch(query)


def change(warehouse: Warehouse, sql: str) -> None:
    with warehouse.transaction() as session:
        session.run(Statement(sql, (), "change"))


@pytest.fixture
def clock() -> Clock:
    """The morning after the day."""
    return Clock(datetime(2026, 3, 30, 6, tzinfo=UTC))


@pytest.fixture
def published(deliverer: Deliverer) -> Warehouse:
    """A warehouse with one published day."""
    deliverer.deliver(values(HOUSE, DAY, ["1"] * 23))
    return deliverer.warehouse


def test_a_warehouse_as_the_queries_need_it_has_no_findings(published: Warehouse, clock: Clock) -> None:
    assert check.check(published, now=clock()) == []


def test_a_warehouse_without_publication_is_found(warehouse: Warehouse, clock: Clock) -> None:
    assert check.check(warehouse, now=clock()) == [
        Finding(
            "metering.publication",
            "Nothing has been published yet. Deliver a file (docs/data-onboarding.md), or publish what was "
            "delivered: python3 dev.py publish.",
        )
    ]


def test_a_late_publication_is_found(published: Warehouse, clock: Clock) -> None:
    findings = check.check(published, now=clock() + timedelta(hours=50))

    assert findings == [
        Finding(
            "metering.publication",
            "The last publication is 50 hours old. See data-late in docs/operations.md.",
        )
    ]


def test_data_that_ended_is_found_though_corrections_are_published(
    published: Warehouse, deliverer: Deliverer, clock: Clock
) -> None:
    clock.now += timedelta(hours=50)
    deliverer.deliver(values(HOUSE, DAY, ["2"] * 23))

    assert check.check(published, now=clock()) == [
        Finding(
            "metering.series_day",
            "The data ends 58 hours ago: the last publications left only earlier days. "
            "See data-late in docs/operations.md.",
        )
    ]


def test_at_noon_yesterday_is_late(published: Warehouse, deliverer: Deliverer, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 31, 9, 59, tzinfo=UTC)
    deliverer.deliver(values(HOUSE, DAY, ["2"] * 23))

    before, after = (
        check.check(published, now=datetime(2026, 3, 31, 10, minute, tzinfo=UTC)) for minute in (0, 1)
    )

    assert (len(before), len(after)) == (0, 1)


def test_all_that_is_stored_may_be_read_for_longer_than_a_caller_waits(
    published: Warehouse, clock: Clock
) -> None:
    recorded = Limits(published)

    check.check(recorded, now=clock())
    check.latest(recorded)

    as_callers = {name for name, within in recorded.limits.items() if within != WORK_LIMIT}
    assert as_callers == {"read_back", "columns", "ignores_case", "market_days", "last_published"}


def test_it_says_when_data_was_last_published_and_until_when_it_is_there(
    published: Warehouse, clock: Clock
) -> None:
    latest = check.latest(published)

    assert latest is not None
    assert latest.available_until == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert latest.published_at <= clock()


def test_it_says_how_many_series_have_the_last_day_and_the_day_before(
    published: Warehouse, deliverer: Deliverer
) -> None:
    deliverer.deliver(values(CABIN, DAY, ["1"] * 23))
    deliverer.deliver(values(CABIN, DAY + timedelta(days=1), ["1"] * 24))

    latest = check.latest(published)

    assert latest is not None
    assert latest.available_until == datetime(2026, 3, 30, 22, tzinfo=UTC)
    assert (latest.series, latest.series_before) == (1, 2)


def test_before_the_first_publication_nothing_is_said(warehouse: Warehouse) -> None:
    assert check.latest(warehouse) is None


def test_a_second_current_version_is_found(published: Warehouse, clock: Clock) -> None:
    columns = (
        "metering_point_id, direction, delivery_date, resolution, quantities, qualities, total_kwh, "
        "missing, sequence, published_at, superseded_at"
    )
    change(
        published,
        f"INSERT INTO metering.series_day ({columns}) SELECT {columns} FROM metering.series_day",
    )

    assert check.check(published, now=clock()) == [
        Finding(
            "metering.series_day",
            "A market day has more than one version that is not superseded. Find out what writes to the "
            "table besides publishing, and set superseded_at in all of these versions but the newest.",
            ("consumption of 707057500000010017 on 2026-03-29",),
        )
    ]


def test_a_metering_point_that_is_described_twice_is_found(published: Warehouse, clock: Clock) -> None:
    described = f"INSERT INTO metering.metering_point (metering_point_id) VALUES ('{HOUSE}')"
    change(published, described)
    change(published, described)

    assert check.check(published, now=clock()) == [
        Finding(
            "metering.metering_point",
            "A metering point is described more than once, and any of the rows may be shown. Delete all of "
            "its rows but one, and correct what added a row instead of replacing it.",
            (HOUSE,),
        )
    ]


@pytest.mark.parametrize(
    "damage",
    [
        "qualities = 'MMM'",
        "quantities = '1.000,2.000'",
        "delivery_date = CAST('2026-03-30' AS date)",
        "delivery_date = CAST('1999-03-30' AS date)",
        "resolution = 'PT15M'",
        "resolution = 'P1D'",
        "direction = 'Consumption'",
        "qualities = REPLACE(qualities, 'M', 'Q')",
        "quantities = REPLACE(quantities, '.', '')",
        "quantities = CONCAT('-', quantities)",
    ],
)
def test_a_day_that_is_not_whole_is_found(published: Warehouse, clock: Clock, damage: str) -> None:
    change(published, f"UPDATE metering.series_day SET {damage}")

    finding, *_ = check.check(published, now=clock())

    assert finding.fault.startswith("A market day is not whole: ")


def test_values_beside_the_intervals_of_their_resolution_are_found(
    published: Warehouse, clock: Clock
) -> None:
    change(
        published,
        "INSERT INTO metering.interval_value (metering_point_id, direction, start_utc, resolution, quantity, "
        "quality, batch_id, received_at) "
        "SELECT metering_point_id, direction, DATEADD(minute, 30, start_utc), resolution, quantity, quality, "
        "batch_id, received_at FROM metering.interval_value WHERE start_utc < '2026-03-29T01:00:00'",
    )

    (finding,) = check.check(published, now=clock())

    assert (finding.where, finding.fault) == (
        "metering.interval_value",
        "Values do not start with an interval of their resolution, so they are never published. Delete them, "
        "and deliver them again with the right start or resolution.",
    )
    assert [example.rpartition(" with ")[2] for example in finding.examples] == ["2 values"]


def test_values_without_a_delivery_are_found(published: Warehouse, clock: Clock) -> None:
    change(published, "DELETE FROM metering.delivery")

    (finding,) = check.check(published, now=clock())

    assert finding.where == "metering.interval_value"
    assert finding.examples[0].endswith(" with 23 values")


def test_missing_market_days_are_found(published: Warehouse, clock: Clock) -> None:
    change(published, "DELETE FROM metering.market_day WHERE delivery_date >= CAST('2050-01-01' AS date)")

    assert check.check(published, now=clock()) == [
        Finding(
            "metering.market_day",
            "14610 market days; 2010-01-01 to 2051-01-01 are 14975. Delete all rows, then run "
            "infra/warehouse/003_market_days.sql, which fills an empty table only.",
        )
    ]


def test_a_working_table_made_by_earlier_scripts_is_found(warehouse_url: str) -> None:
    """In a file of its own: on a server the column would be missing to every test that follows."""
    earlier = opening.open_warehouse(building.settings(warehouse_url))
    earlier.define("ALTER TABLE metering.publishing_day DROP COLUMN is_whole")

    findings = check.structure(earlier)

    earlier.close()
    assert findings == [Finding("metering.publishing_day.is_whole", f"The column is missing. {AS_DEFINED}")]


@dataclass
class Retyped(Recorded):
    """A warehouse in which a server has another type of one column: table, column, and type as it says it."""

    column: tuple[object, ...] = ()

    def fetch(self, query: Query[Row]) -> list[Row]:
        other = query.row(*self.column)
        return [other if str(each[:2]) == str(other[:2]) else each for each in super().fetch(query)]  # type: ignore[index]


@pytest.mark.parametrize(
    ("column", "digits", "fault"),
    [
        ("quantity", ("decimal", 18, 3, None), None),
        ("quantity", ("decimal", 18, 0, None), "The type is decimal(18,0); it must be decimal(18,3)."),
        ("received_at", ("datetime2", None, None, 6), None),
        ("received_at", ("datetime2", None, None, 0), "The type is datetime2(0); it must be datetime2(6)."),
        ("start_utc", ("datetime2", None, None, 0), None),
    ],
)
def test_a_column_that_would_cut_what_is_stored_is_found(
    warehouse: Warehouse, column: str, digits: tuple[object, ...], fault: str | None
) -> None:
    retyped = Retyped(warehouse, column=("interval_value", column, *digits))

    found = check.structure(retyped)

    remedy = (
        "Correct the table: the scripts in infra/warehouse define it, and do not change one that is there."
    )
    expected = [] if fault is None else [Finding(f"metering.interval_value.{column}", f"{fault} {remedy}")]
    assert found == expected


def test_a_day_outside_of_what_its_publication_says_is_found(published: Warehouse, clock: Clock) -> None:
    change(
        published, "UPDATE metering.publication SET first_day = CAST('2026-04-10' AS date) WHERE sequence = 1"
    )

    (finding,) = check.check(published, now=clock())

    assert finding.where == "metering.publication"
    assert finding.examples == ("publication 1",)


@pytest.mark.parametrize("resolution", ["PT1H ", "pt1h", "P1D"])
def test_a_day_in_a_resolution_that_is_nearly_a_known_one_is_found(
    published: Warehouse, clock: Clock, resolution: str
) -> None:
    change(published, f"UPDATE metering.series_day SET resolution = '{resolution}'")

    (finding,) = check.check(published, now=clock())

    assert finding.where == "metering.series_day"


def test_a_clock_ahead_is_never_fresh(published: Warehouse, clock: Clock) -> None:
    (finding,) = check.check(published, now=clock() - timedelta(days=365))

    assert "ahead of this clock" in finding.fault


def test_what_is_missing_in_the_structure_is_found_before_anything_is_asked(
    tmp_path: Path, clock: Clock
) -> None:
    warehouse = opening.open_warehouse(building.settings(f"duckdb:{tmp_path / 'odd.duckdb'}"))
    warehouse.define(
        "CREATE TABLE metering.supply_period "
        "(customer_number varchar(9), metering_point_id varchar(18), valid_to date)"
    )

    findings = check.check(warehouse, now=clock())

    warehouse.close()
    missing = "The table is missing. Run the scripts in infra/warehouse."
    assert Finding("metering.series_day", missing) in findings
    assert [finding for finding in findings if finding.where.startswith("metering.supply_period.")] == [
        Finding(
            "metering.supply_period.customer_number", f"The type is varchar; it must be bigint. {AS_DEFINED}"
        ),
        Finding("metering.supply_period.valid_from", f"The column is missing. {AS_DEFINED}"),
    ]
