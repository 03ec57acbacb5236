"""The watermark: never backwards, healed when a publish died before it, five seconds old, fifteen at most."""

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from shared import limits, tables
from shared.publishing import announce, publish, watermark
from shared.publishing.watermark import Publication, Publications
from shared.tables import Tables, TablesUnavailable
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, Clock, Deliverer, values

UNTIL = datetime(2026, 3, 30, 22, tzinfo=UTC)


def opened(table_storage: str) -> Tables:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    return storage


def publication(sequence: int) -> Publication:
    return Publication(sequence, datetime(2026, 4, 1, 6, 0, 0, sequence, tzinfo=UTC), UNTIL, {"NO1": UNTIL})


class Slow:
    """Tables that answer when they may, and report the first question."""

    def __init__(self, storage: Tables) -> None:
        self._storage = storage
        self.reached, self.let = threading.Event(), threading.Event()
        self.let.set()
        self.reads = 0

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        self.reads += 1
        self.reached.set()
        assert self.let.wait(10)
        return self._storage.get(table, partition=partition, row=row)

    def insert(self, table: str, entity: Mapping[str, Any]) -> object:
        return self._storage.insert(table, entity)

    def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> object:
        return self._storage.replace(table, entity, etag=etag)


def while_reading(reader: Publications, slow: Slow) -> tuple[Publication | None, Publication | None]:
    """Let one request read the watermark; return what another is answered meanwhile, and what was read."""
    slow.let.clear()
    slow.reached.clear()
    with ThreadPoolExecutor(1) as other:
        reading = other.submit(reader.latest)
        assert slow.reached.wait(10)
        meanwhile = reader.latest()
        slow.let.set()
        return meanwhile, reading.result(10)


def test_there_is_none_before_the_first_publication(table_storage: str, clock: Clock) -> None:
    assert Publications(tables=opened(table_storage), monotonic=clock.seconds).latest() is None


def test_what_was_written_is_read_to_the_microsecond(table_storage: str, clock: Clock) -> None:
    storage = opened(table_storage)
    Publications(tables=storage, monotonic=clock.seconds).write(publication(7), clock=clock)

    assert Publications(tables=storage, monotonic=clock.seconds).latest() == publication(7)


def test_it_never_goes_backwards(table_storage: str, clock: Clock) -> None:
    publications = Publications(tables=opened(table_storage), monotonic=clock.seconds)
    publications.write(publication(7), clock=clock)

    publications.write(publication(6), clock=clock)

    assert publications.latest() == publication(7)


def test_it_says_which_publication_every_instance_knows_of(table_storage: str, clock: Clock) -> None:
    publications = Publications(tables=opened(table_storage), monotonic=clock.seconds)
    settled = []

    for seconds, number in (
        (0, 1),
        (30, None),
        (10, 2),
        (25, 3),
        (4.9, None),
        (0.2, None),
        (24.8, None),
        (0.2, None),
    ):
        clock.forward(seconds=seconds)
        if number is not None:
            publications.write(publication(number), clock=clock)
        settled.append(publications.state(now=clock()).settled)

    assert settled == [1, 1, 1, 1, 1, 2, 2, 3]


def test_many_publications_in_a_row_do_not_hold_each_other_back(table_storage: str, clock: Clock) -> None:
    publications = Publications(tables=opened(table_storage), monotonic=clock.seconds)

    for number in range(1, 101):
        publications.write(publication(number), clock=clock)
        clock.forward(seconds=1)

    assert publications.state(now=clock()).settled == 71


def test_no_instance_remembers_a_watermark_longer_than_others_take_it_for_known(
    table_storage: str, clock: Clock
) -> None:
    storage = opened(table_storage)
    behind = Slow(storage)
    reader = Publications(tables=behind, monotonic=clock.seconds)

    class SlowToWrite(Slow):
        """Tables that take as long as they may to write, and are read meanwhile."""

        def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> object:
            clock.forward(seconds=limits.TABLES.in_all)
            reader.latest()
            return super().replace(table, entity, etag=etag)

    writer = Publications(tables=SlowToWrite(storage), monotonic=clock.seconds)
    writer.write(publication(1), clock=clock)
    clock.forward(minutes=1)
    writer.write(publication(2), clock=clock)
    clock.forward(seconds=14.9)
    remembered, _ = while_reading(reader, behind)

    assert remembered == publication(1)
    assert writer.state(now=clock()).settled == 1


def test_it_is_remembered_for_five_seconds(table_storage: str, clock: Clock) -> None:
    storage = opened(table_storage)
    reader = Publications(tables=storage, monotonic=clock.seconds)
    writer = Publications(tables=storage, monotonic=clock.seconds)
    writer.write(publication(1), clock=clock)
    reader.latest()
    writer.write(publication(2), clock=clock)

    clock.forward(seconds=4.9)
    early = reader.latest()
    clock.forward(seconds=0.1)
    late = reader.latest()

    assert (early, late) == (publication(1), publication(2))


def test_while_one_request_reads_it_again_the_others_are_answered_with_what_is_known(
    table_storage: str, clock: Clock
) -> None:
    storage = opened(table_storage)
    slow, writer = Slow(storage), Publications(tables=storage, monotonic=clock.seconds)
    reader = Publications(tables=slow, monotonic=clock.seconds)
    writer.write(publication(1), clock=clock)
    reader.latest()
    writer.write(publication(2), clock=clock)
    clock.forward(seconds=5)

    meanwhile, read = while_reading(reader, slow)

    assert (meanwhile, read, reader.latest()) == (publication(1), publication(2), publication(2))


@pytest.mark.parametrize("known_since", [None, 15])
def test_what_is_unknown_or_too_old_is_waited_for_and_read_once(
    table_storage: str, clock: Clock, known_since: float | None
) -> None:
    storage = opened(table_storage)
    slow, writer = Slow(storage), Publications(tables=storage, monotonic=clock.seconds)
    reader = Publications(tables=slow, monotonic=clock.seconds)
    writer.write(publication(1), clock=clock)
    if known_since is not None:
        reader.latest()
        writer.write(publication(2), clock=clock)
        clock.forward(seconds=known_since)
    slow.let.clear()
    slow.reached.clear()
    slow.reads = 0

    with ThreadPoolExecutor(3) as others:
        reading = [others.submit(reader.latest) for _ in range(3)]
        assert slow.reached.wait(10)
        slow.let.set()
        read = [each.result(10) for each in reading]

    assert read == [publication(1 if known_since is None else 2)] * 3
    assert slow.reads == 2  # The publication, and when metering points were described.


class Away:
    """Tables that fail when they may, and count the questions."""

    def __init__(self) -> None:
        self.reached, self.let = threading.Event(), threading.Event()
        self.reads = 0

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        self.reads += 1
        self.reached.set()
        assert self.let.wait(10)
        raise TablesUnavailable("away")

    def insert(self, table: str, entity: Mapping[str, Any]) -> object:
        raise TablesUnavailable("away")

    def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> object:
        raise TablesUnavailable("away")


def test_who_waited_for_tables_that_did_not_answer_fails_at_once(clock: Clock) -> None:
    away = Away()
    reader = Publications(tables=away, monotonic=clock.seconds)

    with ThreadPoolExecutor(3) as requests:
        first = requests.submit(reader.latest)
        assert away.reached.wait(10)
        others = [requests.submit(reader.latest) for _ in range(2)]
        with pytest.raises(TimeoutError):
            others[1].result(0.2)  # Now they wait for the first.
        away.let.set()
        failures = [each.exception(10) for each in (first, *others)]

    assert [type(each) for each in failures] == [TablesUnavailable] * 3
    assert away.reads == 1
    with pytest.raises(TablesUnavailable, match="away"):
        reader.latest()
    assert away.reads == 2


def test_publishing_says_how_far_data_reaches_overall_and_by_price_area(
    deliverer: Deliverer, table_storage: str, clock: Clock, tmp_path: Path
) -> None:
    publications = Publications(tables=opened(table_storage), monotonic=clock.seconds)
    points = tmp_path / "points.csv"
    points.write_text(
        "metering_point_id,name,address,postal_code,city,price_area,grid_area,meter_serial\n"
        f"{HOUSE},,,,,NO1,,\n{CABIN},,,,,NO5,,\n",
        encoding="utf-8",
    )
    building.load(deliverer.warehouse, points, clock=clock)
    deliverer.load(
        values(HOUSE, date(2026, 3, 29), ["1"] * 23) + values(CABIN, date(2026, 3, 28), ["1"] * 24)
    )
    announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)

    deliverer.load(values(CABIN, date(2026, 3, 30), ["1"] * 24))
    (published,) = announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)

    assert publications.latest() == Publication(
        sequence=2,
        published_at=published.published_at,
        available_until=datetime(2026, 3, 30, 22, tzinfo=UTC),
        available_until_by_price_area={
            "NO1": datetime(2026, 3, 29, 22, tzinfo=UTC),
            "NO5": datetime(2026, 3, 30, 22, tzinfo=UTC),
        },
    )


@pytest.mark.parametrize(
    ("ends", "earliest"),
    [
        ({}, 30),
        ({"NO1": 30}, 30),
        ({"NO1": 30, "NO2": 29, "NO5": 28}, 28),
        # Nothing of NO4 came for more than two weeks: no metering point there is supplied any more.
        ({"NO1": 30, "NO2": 29, "NO4": 16}, 29),
        ({"NO4": 16}, 30),
    ],
)
def test_data_reaches_as_far_as_that_of_the_price_area_that_is_furthest_behind(
    ends: dict[str, int], earliest: int
) -> None:
    latest = Publication(
        sequence=1,
        published_at=datetime(2026, 3, 31, 6, tzinfo=UTC),
        available_until=datetime(2026, 3, 30, 22, tzinfo=UTC),
        available_until_by_price_area={
            area: datetime(2026, 3, day, 22, tzinfo=UTC) for area, day in ends.items()
        },
    )

    assert latest.available_everywhere_until == datetime(2026, 3, earliest, 22, tzinfo=UTC)


def test_each_run_logs_until_when_all_price_areas_have_data(caplog: pytest.LogCaptureFixture) -> None:
    latest = Publication(
        sequence=1,
        published_at=datetime(2026, 3, 31, 6, tzinfo=UTC),
        available_until=datetime(2026, 3, 30, 22, tzinfo=UTC),
        available_until_by_price_area={"NO1": datetime(2026, 3, 29, 22, tzinfo=UTC)},
    )

    with caplog.at_level(logging.INFO):
        announce.log_results([], latest=latest)

    assert caplog.messages == [
        "Data is available until 2026-03-30T22:00:00+00:00, "
        "in each price area at least until 2026-03-29T22:00:00+00:00."
    ]


def test_a_correction_of_an_early_day_does_not_shorten_the_reach(
    deliverer: Deliverer, table_storage: str, clock: Clock
) -> None:
    publications = Publications(tables=opened(table_storage), monotonic=clock.seconds)
    for day in (date(2026, 3, 29), date(2026, 3, 1)):
        deliverer.load(values(HOUSE, day, ["1"] * 23))
        announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)

    latest = publications.latest()

    assert latest is not None
    assert (latest.sequence, latest.available_until) == (2, datetime(2026, 3, 29, 22, tzinfo=UTC))


def test_a_publish_that_died_before_the_watermark_is_completed_by_the_next_run(
    deliverer: Deliverer, table_storage: str, clock: Clock
) -> None:
    publications = Publications(tables=opened(table_storage), monotonic=clock.seconds)
    deliverer.load(values(HOUSE, date(2026, 3, 29), ["1"] * 23))
    list(publish.publish_waiting(deliverer.warehouse, clock=clock))
    assert publications.stored() is None

    done = announce.publish_pending(deliverer.warehouse, publications=publications, clock=clock)

    stored = publications.stored()
    assert done == []
    assert stored is not None
    assert (stored.sequence, stored.available_until) == (1, datetime(2026, 3, 29, 22, tzinfo=UTC))


def test_two_that_write_at_the_same_time_leave_the_later_publication(
    table_storage: str, clock: Clock
) -> None:
    storage = opened(table_storage)

    class Overtaken:
        """Tables in which somebody else writes just before the first write."""

        overtaken = False

        def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
            found = storage.get(table, partition=partition, row=row)
            if not self.overtaken:
                self.overtaken = True
                Publications(tables=storage, monotonic=clock.seconds).write(publication(9), clock=clock)
            return found

        def insert(self, table: str, entity: Mapping[str, Any]) -> str:
            return storage.insert(table, entity)

        def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> str:
            return storage.replace(table, entity, etag=etag)

    Publications(tables=Overtaken(), monotonic=clock.seconds).write(publication(8), clock=clock)

    assert Publications(tables=storage, monotonic=clock.seconds).latest() == publication(9)


def test_a_wall_clock_that_is_set_back_does_not_keep_an_old_watermark_in_memory(
    table_storage: str, clock: Clock
) -> None:
    ticking = iter([0.0, 0.0, 6.0, 6.0])
    publications = Publications(tables=opened(table_storage), monotonic=lambda: next(ticking))
    assert publications.latest() is None

    Publications(tables=opened(table_storage)).write(publication(7), clock=clock)

    assert publications.latest() == publication(7)


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (watermark.ROW, "sequence", None),
        (watermark.ROW, "publishedAt", "2026-04-01T06:00:00"),
        (watermark.ROW, "availableUntil", "soon"),
        (watermark.ROW, "availableUntilByPriceArea", "[]"),
        (watermark.ROW, "availableUntilByPriceArea", '{"NO1": null}'),
        (watermark.ROW, "announced", '{"1": "soon"}'),
        (watermark.ROW, "announced", '{"one": "2026-04-01T06:00:00+00:00"}'),
        (watermark.ROW, "announced", '{"1": "2026-04-01T06:00:00+00:00", "-2": "2026-04-01T06:00:00+00:00"}'),
        (watermark.DESCRIBED_ROW, "describedAt", ""),
    ],
)
def test_a_stored_row_of_another_shape_makes_the_watermark_unavailable(
    table_storage: str, clock: Clock, row: str, column: str, value: object
) -> None:
    storage = opened(table_storage)
    publications = Publications(tables=storage, monotonic=clock.seconds)
    publications.write(publication(7), clock=clock)
    publications.write_described(UNTIL)
    stored = storage.get(tables.SERVICE_STATE, partition=watermark.PARTITION, row=row)
    assert stored is not None
    storage.replace(tables.SERVICE_STATE, {**stored, column: value}, etag=stored["etag"])

    with pytest.raises(TablesUnavailable):
        publications.latest()
