"""After a warehouse was restored: new publications come after all that callers know, so they see them."""

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared import tables
from shared.api import changes
from shared.api.changes import search
from shared.publishing import announce
from shared.publishing.remembered import Ranges
from shared.publishing.watermark import Publication, Publications
from shared.readable import AT_ONCE
from shared.warehouse import opening
from shared.warehouse.engine import Query, Row, Warehouse, WarehouseError
from tests.builders import warehouse as building
from tests.builders.sealing import SEALS
from tests.builders.warehouse import CABIN, HOUSE, MORNING, Clock, Deliverer, values

FIRST, SECOND, THIRD = date(2026, 3, 29), date(2026, 3, 30), date(2026, 3, 31)


@pytest.fixture
def publications(table_storage: str, clock: Clock) -> Publications:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    return Publications(tables=storage, monotonic=clock.seconds)


def follow(
    warehouse: Warehouse,
    publications: Publications,
    cursor: str | None,
    *,
    ranges: Ranges,
    at_once: int = AT_ONCE,
) -> changes.pages.Page:
    """The next page of somebody who may read two metering points."""
    given = {} if cursor is None else {"cursor": [cursor]}
    state = publications.state(now=MORNING + timedelta(days=1))
    request = changes.requests.read(given, state=state, seals=SEALS)
    readable = building.readable((HOUSE, None, None), (CABIN, None, None))
    return changes.pages.fetch(warehouse, ranges=ranges, readable=readable, request=request, at_once=at_once)


@dataclass
class InUse:
    """The warehouse of an app that goes on when another one takes its place."""

    warehouse: Warehouse

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query."""
        return self.warehouse.fetch(query)


def test_what_is_delivered_again_has_new_numbers_for_callers_who_know_what_was_lost(
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
    in_use = InUse(lost)
    ranges = Ranges(in_use)  # type: ignore[arg-type]  # Of an instance that lives through it all.
    oldest = changes.requests.cursor_text(search.first_of(1), SEALS.of("changes"))
    cursor = follow(lost, publications, oldest, ranges=ranges).cursor
    lost.close()

    restored = in_use.warehouse = opening.open_warehouse(building.settings(backup))
    for loaded in came_since:
        building.load(restored, loaded.path, clock=clock)
    announce.publish_pending(restored, publications=publications, clock=clock)

    latest = publications.stored()
    assert latest is not None
    assert (last.sequence, latest.sequence) == (3, 5)
    for at_once in (1, AT_ONCE):  # A portfolio in parts, and one joined whole.
        page = follow(restored, publications, cursor, ranges=ranges, at_once=at_once)
        assert [(row.sequence, row.delivery_date) for row in page.rows] == [(4, SECOND), (5, THIRD)]
        page = follow(restored, publications, oldest, ranges=ranges, at_once=at_once)
        assert [row.delivery_date for row in page.rows] == [FIRST, SECOND, THIRD]
    restored.close()


def test_its_publications_are_later_than_what_callers_know_whatever_the_clock(
    deliverer: Deliverer, publications: Publications, clock: Clock
) -> None:
    tomorrow = MORNING + timedelta(days=1)
    publications.write(Publication(40, tomorrow, tomorrow), clock=clock)
    deliverer.load(values(HOUSE, FIRST, ["1"] * 23))

    (published,) = announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)

    assert (published.sequence, published.published_at) == (41, tomorrow + timedelta(microseconds=1))


@pytest.mark.parametrize("left", [0, 1])
def test_a_loss_is_reported_in_the_log_until_something_is_published(
    deliverer: Deliverer,
    publications: Publications,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    left: int,
) -> None:
    for _ in range(left):
        deliverer.deliver(values(HOUSE, FIRST, ["1"] * 23))
    known = Publication(40, MORNING, MORNING)
    publications.write(known, clock=clock)

    announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)
    logged = [(each.name, each.levelno, each.getMessage()) for each in caplog.records]
    caplog.clear()
    deliverer.load(values(HOUSE, SECOND, ["2"] * 24))
    announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)

    assert logged == [
        (
            "metering.deliveries",
            logging.ERROR,
            f"The warehouse has publications up to {left}, and callers know of 40: it was restored. "
            "Deliver again what came since: docs/operations.md, Restoring the warehouse.",
        )
    ]
    assert caplog.records == []


def test_nothing_is_published_while_it_is_unknown_what_callers_know(
    deliverer: Deliverer, clock: Clock
) -> None:
    deliverer.load(values(HOUSE, FIRST, ["1"] * 23))

    with pytest.raises(tables.TablesUnavailable):
        announce.publish_pending(
            deliverer.warehouse,
            publications=Publications(tables=Away(), monotonic=clock.seconds),
            clock=clock,
        )

    assert building.count(deliverer.warehouse, "publication") == 0


def test_a_failure_to_publish_is_raised_though_what_came_before_cannot_be_announced(
    deliverer: Deliverer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    deliverer.load(values(HOUSE, FIRST, ["1"] * 23))
    storage = Answering()

    def fail(_: object) -> None:
        storage.is_away = True
        raise WarehouseError("the warehouse refuses the next delivery")

    with pytest.raises(WarehouseError, match="refuses the next delivery"):
        announce.publish_pending(
            deliverer.warehouse, publications=Publications(tables=storage), clock=clock, each=fail
        )

    assert caplog.messages == ["What was published before is not announced yet: away"]


class Away:
    """Tables that do not answer."""

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        raise tables.TablesUnavailable("away")

    def insert(self, table: str, entity: object) -> object:
        raise tables.TablesUnavailable("away")

    def replace(self, table: str, entity: object, *, etag: str) -> object:
        raise tables.TablesUnavailable("away")


class Answering(Away):
    """Tables that are empty, until they do not answer."""

    is_away = False

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        return super().get(table, partition=partition, row=row) if self.is_away else None
