"""After a warehouse was restored: what is published comes after what callers know, so that they are told."""

import logging
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared import tables
from shared.api import feed
from shared.warehouse import announce, opening
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import changes
from shared.warehouse.watermark import Publication, Publications
from tests.builders import warehouse as building
from tests.builders.warehouse import HOUSE, MORNING, Clock, Deliverer, values

FIRST, SECOND, THIRD = date(2026, 3, 29), date(2026, 3, 30), date(2026, 3, 31)


@pytest.fixture
def publications(table_storage: str, clock: Clock) -> Publications:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    return Publications(tables=storage, clock=clock)


def told_since(warehouse: Warehouse, sequence: int, *, through: int) -> list[tuple[int, date]]:
    """What somebody is told who has read everything up to a publication."""
    permitted = building.readable((HOUSE, None, None))
    found = warehouse.fetch(changes(permitted, after=feed.first_of(sequence + 1), through=through, limit=9))
    return [(each.sequence, each.delivery_date) for each in found]


def test_what_is_delivered_again_is_told_under_new_numbers_to_who_knows_what_was_lost(
    warehouse_url: str, publications: Publications, tmp_path: Path, clock: Clock
) -> None:
    before = opening.open_warehouse(building.settings(warehouse_url))
    deliverer = Deliverer(before, tmp_path, clock)
    deliverer.load(values(HOUSE, FIRST, ["1"] * 23))
    announce.publish_pending(before, publications=publications, clock=clock)
    before.close()
    backup = building.copy_of(Path(warehouse_url.removeprefix("duckdb:")), tmp_path / "backup.duckdb")
    lost = opening.open_warehouse(building.settings(warehouse_url))
    came_since = [
        Deliverer(lost, tmp_path, clock, files=number).load(values(HOUSE, day, ["2"] * 24))
        for number, day in enumerate((SECOND, THIRD), 1)
    ]
    *_, last = announce.publish_pending(lost, publications=publications, clock=clock)
    lost.close()

    restored = opening.open_warehouse(building.settings(backup))
    for loaded in came_since:
        building.load(restored, loaded.path, clock=clock)
    announce.publish_pending(restored, publications=publications, clock=clock)

    latest = publications.stored()
    assert latest is not None
    assert (last.sequence, latest.sequence) == (3, 5)
    assert told_since(restored, last.sequence, through=latest.sequence) == [(4, SECOND), (5, THIRD)]
    restored.close()


def test_its_publications_are_later_than_what_callers_were_told_of_whatever_the_clock(
    deliverer: Deliverer, publications: Publications, clock: Clock
) -> None:
    tomorrow = MORNING + timedelta(days=1)
    publications.write(Publication(40, tomorrow, tomorrow))
    deliverer.load(values(HOUSE, FIRST, ["1"] * 23))

    (published,) = announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)

    assert (published.sequence, published.published_at) == (41, tomorrow + timedelta(microseconds=1))


@pytest.mark.parametrize("left", [0, 1])
def test_a_loss_is_told_in_the_log_until_something_is_published(
    deliverer: Deliverer,
    publications: Publications,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    left: int,
) -> None:
    for _ in range(left):
        deliverer.deliver(values(HOUSE, FIRST, ["1"] * 23))
    known = Publication(40, MORNING, MORNING)
    publications.write(known)

    announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)
    said = [(each.name, each.levelno, each.getMessage()) for each in caplog.records]
    caplog.clear()
    deliverer.load(values(HOUSE, SECOND, ["2"] * 24))
    announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)

    assert said == [
        (
            "metering.deliveries",
            logging.ERROR,
            f"The warehouse has publications up to {left}, and callers were told of 40: it was restored. "
            "Deliver again what came since: docs/operations.md, Restoring the warehouse.",
        )
    ]
    assert caplog.records == []


def test_nothing_is_published_while_it_is_unknown_what_callers_were_told_of(
    deliverer: Deliverer, clock: Clock
) -> None:
    deliverer.load(values(HOUSE, FIRST, ["1"] * 23))

    with pytest.raises(tables.TablesUnavailable):
        announce.publish_pending(
            deliverer.warehouse, publications=Publications(tables=Away(), clock=clock), clock=clock
        )

    assert building.count(deliverer.warehouse, "publication") == 0


class Away:
    """Tables that do not answer."""

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        raise tables.TablesUnavailable("away")

    def insert(self, table: str, entity: object) -> object:
        raise tables.TablesUnavailable("away")

    def replace(self, table: str, entity: object, *, etag: str) -> object:
        raise tables.TablesUnavailable("away")
