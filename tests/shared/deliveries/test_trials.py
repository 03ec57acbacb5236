"""Inputs after the kind of public bug reports of the trade, each with what is right."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet
import pytest

from shared.deliveries.faults import Rejected
from shared.warehouse import supply
from shared.warehouse.engine import Query, Warehouse
from tests.builders import warehouse as building
from tests.builders.warehouse import Clock, Deliverer, versions

TRIALS = Path(__file__).parent / "trials"
PARTITIONED = sorted((TRIALS / "parquet_partitioned").rglob("*.parquet"))


@pytest.fixture
def clock() -> Clock:
    """After the days that the files are of."""
    return Clock(datetime.fromisoformat("2026-11-28T06:00:00+00:00"))


Value = tuple[str, str, datetime, Decimal | None, str]


def stored(warehouse: Warehouse) -> list[Value]:
    """The values that were loaded."""
    return warehouse.fetch(
        Query(
            "SELECT metering_point_id, direction, start_utc, quantity, quality FROM metering.interval_value "
            "ORDER BY start_utc",
            (),
            lambda *row: row,
            "stored",
        )
    )


def test_what_exasol_exports_with_names_in_capitals_is_loaded(warehouse: Warehouse, clock: Clock) -> None:
    kinds = [
        building.load(warehouse, TRIALS / f"exasol_{name}.csv", clock=clock).kind
        for name in ("points", "supply", "values")
    ]

    assert kinds == ["metering points", "supply periods", "interval values"]
    point = "707057500000011120"
    assert warehouse.fetch(supply.periods()) == [supply.SupplyPeriodRow(10001, point, date(2026, 1, 1), None)]
    assert stored(warehouse) == [
        (point, "consumption", datetime.fromisoformat("2026-11-20T00:00:00"), Decimal("0.412"), "measured")
    ]


@pytest.mark.parametrize("path", PARTITIONED, ids=lambda path: path.parent.name)
def test_a_folder_says_nothing_about_the_content_of_a_file(
    warehouse: Warehouse, clock: Clock, path: Path
) -> None:
    building.load(warehouse, path, clock=clock)

    assert len(PARTITIONED) == 6
    with path.open("rb") as content:  # A path would be read as the partition that its folders name.
        content_rows = pyarrow.parquet.read_table(content).to_pylist()
    assert stored(warehouse) == [
        (
            each["metering_point_id"],
            each["direction"],
            each["start"].astimezone(UTC).replace(tzinfo=None),
            each["quantity"],
            each["quality"],
        )
        for each in content_rows
    ]


def test_the_newest_delivery_counts_also_where_it_is_what_was_delivered_first(deliverer: Deliverer) -> None:
    for name in ("aba_1_and_3.csv", "aba_2.csv", "aba_1_and_3.csv"):
        deliverer.clock.forward(minutes=1)
        assert building.load(deliverer.warehouse, TRIALS / name, clock=deliverer.clock).is_new
    deliverer.publish()

    day = versions(deliverer.warehouse, "707057500000010475", date(2026, 11, 20))
    assert [version.quantities[:5] for version in day] == ["1.000", "2.000", "1.000"]


def test_numbers_with_six_decimals_of_which_three_say_something_are_loaded(
    warehouse: Warehouse, clock: Clock
) -> None:
    for name in ("real_fingrid_mapped.csv", "p_dec6.parquet"):
        building.load(warehouse, TRIALS / name, clock=clock)

    assert Decimal("0.735") in [value[3] for value in stored(warehouse)]


def test_the_known_words_are_named(warehouse: Warehouse, clock: Clock) -> None:
    with pytest.raises(Rejected) as caught:
        building.load(warehouse, TRIALS / "r7_ok.csv", clock=clock)

    known = "is not one of measured, estimated, final-estimated, temporary, calculated, missing."
    assert [(fault.line, fault.reason) for fault in caught.value.faults] == [
        (2, f"quality 'MISSING' {known}"),
        (3, f"quality 'OK' {known}"),
    ]


def test_a_blank_line_before_the_header_is_named(warehouse: Warehouse, clock: Clock) -> None:
    with pytest.raises(Rejected) as caught:
        building.load(warehouse, TRIALS / "f_blank_first.csv", clock=clock)

    assert [fault.reason for fault in caught.value.faults] == [
        "The first line is blank; it must be the header."
    ]
