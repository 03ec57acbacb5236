"""When metering points were last described: stored with the load, and reported through the watermark."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared import tables
from shared.deliveries.faults import Rejected
from shared.deliveries.master_data.records import METERING_POINTS, SUPPLY_PERIODS
from shared.publishing import announce
from shared.publishing.watermark import Publications
from shared.warehouse.engine import Query, Warehouse, aware
from tests.builders import warehouse as building
from tests.builders.warehouse import HOUSE, MORNING, Clock


@pytest.fixture
def publications(table_storage: str, clock: Clock) -> Publications:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    return Publications(tables=storage, monotonic=clock.seconds)


def points(folder: Path, *, name: str = "House", id_: str = HOUSE) -> Path:
    line = (id_, name, "", "", "", "NO1", "", "")
    return building.write_csv(folder / "points.csv", [line], header=METERING_POINTS)


def periods(folder: Path) -> Path:
    return building.write_csv(
        folder / "periods.csv", [("1001", HOUSE, "2020-01-01", "")], header=SUPPLY_PERIODS
    )


def recorded(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """What is noted of files of metering points and supply periods."""
    return warehouse.fetch(
        Query(
            "SELECT kind, source, received_at, records FROM metering.register_delivery ORDER BY received_at",
            (),
            lambda kind, source, at, records: (kind, source, aware(at), records),
            "taken_in",
        )
    )


def test_each_file_that_was_taken_in_is_noted_with_its_records(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    building.load(warehouse, points(tmp_path), clock=clock)
    building.load(warehouse, periods(tmp_path), clock=clock)

    assert recorded(warehouse) == [
        ("metering points", "points.csv", MORNING, 1),
        ("supply periods", "periods.csv", MORNING + timedelta(microseconds=1), 1),
    ]


def test_a_rejected_file_is_not_noted(warehouse: Warehouse, tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(Rejected):
        building.load(warehouse, points(tmp_path, id_="1"), clock=clock)

    assert recorded(warehouse) == []


def test_the_watermark_says_when_metering_points_were_described_before_anything_is_published(
    warehouse: Warehouse, publications: Publications, tmp_path: Path, clock: Clock
) -> None:
    before = publications.described_at()
    building.load(warehouse, points(tmp_path), clock=clock)

    announce.publish_pending(warehouse, publications=publications, clock=clock)

    assert before is None
    assert (publications.latest(), publications.described_at()) == (None, MORNING)


def test_supply_periods_do_not_describe_metering_points(
    warehouse: Warehouse, publications: Publications, tmp_path: Path, clock: Clock
) -> None:
    building.load(warehouse, periods(tmp_path), clock=clock)

    announce.publish_pending(warehouse, publications=publications, clock=clock)

    assert publications.described_at() is None


def test_each_description_moves_the_watermark_also_when_the_clock_was_set_back(
    warehouse: Warehouse, publications: Publications, tmp_path: Path, clock: Clock
) -> None:
    building.load(warehouse, points(tmp_path), clock=clock)
    announce.bring_up_to_date(warehouse, publications, clock=clock)
    clock.forward(hours=-1)

    building.load(warehouse, points(tmp_path, name="Cottage"), clock=clock)
    announce.bring_up_to_date(warehouse, publications, clock=clock)

    assert publications.stored_described_at() == MORNING + timedelta(microseconds=1)


def test_an_earlier_description_does_not_take_the_watermark_back(publications: Publications) -> None:
    publications.write_described(MORNING)

    publications.write_described(MORNING - timedelta(minutes=1))

    assert publications.described_at() == MORNING
