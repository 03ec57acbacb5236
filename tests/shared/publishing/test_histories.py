"""Any history of deliveries, corrections, deaths and simultaneous publishing ends as a plain reading says.

HISTORIES says how many histories there are, 20 by default; each is made from its number, so that one
that fails can be run again by itself. Every statement of loading and publishing is a place to die;
some deaths are those of a real process, by SIGKILL.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from shared import periods
from shared.api import changes
from shared.deliveries import loading
from shared.deliveries.faults import Rejected
from shared.metering import Direction
from shared.publishing import affected_days, publish
from shared.publishing.remembered import Ranges
from shared.publishing.watermark import DataState
from shared.readable import Readable
from shared.warehouse import opening
from shared.warehouse.engine import LONGEST_PUBLICATION, Warehouse, aware
from shared.warehouse.queries import publication_log, series_days
from shared.warehouse.queries.changes import ChangeRow
from shared.warehouse.queries.series_days import DayRow, WantedDays
from tests.builders import elsewhere, histories
from tests.builders import warehouse as building
from tests.builders.histories import Content, Died, Key, Model, Mortal, Version
from tests.builders.sealing import SEALS
from tests.builders.warehouse import Clock, Deliverer, Line

HISTORIES = int(os.environ.get("HISTORIES", "20"))
ROOT = Path(__file__).parents[3]
KILLED_EVERY = 5
"""In one of so many histories a real process is killed."""
STEPS = 45
"""More steps than loading or publishing some deliveries takes: each of them is a place to die."""
SINCE, UNTIL = date(2025, 1, 1), date(2026, 1, 1)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class Place:
    """One warehouse for all histories; each has metering points of its own."""

    url: str
    warehouse: Warehouse
    folder: Path


@pytest.fixture(scope="module")
def place(warehouse_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("histories")
    with elsewhere.address(warehouse_template, folder / "histories.duckdb") as url:
        warehouse = opening.open_warehouse(building.settings(url))
        yield Place(url, warehouse, folder)
        warehouse.close()


@dataclass
class Reader:
    """Follows the changes with nothing but the cursor that it was given last, in pages of any size."""

    readable: Readable
    cursor: str
    after: tuple[int, str, str, date]
    """Where the cursor stands, as the model has it."""
    seen: list[tuple[int, Key]] = field(default_factory=list)
    mirror: dict[Key, Version] = field(default_factory=dict)

    def may_read(self, key: Key) -> bool:
        """Whether a permission covers the day."""
        return any(
            each.metering_point_id == key.metering_point_id
            and (each.valid_to is None or key.day < each.valid_to)
            for each in self.readable.permissions
        )


class History:
    """A history under way, in the warehouse and in the model."""

    def __init__(self, place: Place, *, number: int, folder: Path) -> None:
        self.place = place
        self.ranges = Ranges(place.warehouse)
        self.chance = random.Random(number)
        self.is_killed = number % KILLED_EVERY == 0
        self.clock = Clock()
        self.deliverer = Deliverer(place.warehouse, folder, self.clock)
        self.deliverer.values_at_once = self.chance.choice([affected_days.VALUES_AT_ONCE, 40, 1])
        self.deliverer.publish()  # What others left waiting is not part of this history.
        self.ids = histories.metering_point_ids(number)
        self.keys = histories.few_keys(self.chance, self.ids)
        self.readable = building.readable(*((each, None, None) for each in self.ids))
        (latest,) = place.warehouse.fetch(publication_log.sequence_at(LATER))
        self.model = Model(first_sequence=latest + 1)
        narrow = building.readable((self.ids[0], None, histories.MONDAY), (self.ids[1], None, None))
        self.readers = [self.new_reader(each) for each in (self.readable, self.readable, narrow)]

    # --- what happens

    def live(self) -> None:
        """Let some things happen, and read between them."""
        happenings: list[Callable[[], None]] = [
            self.deliver,
            self.deliver,
            self.publish,
            self.publish,
            self.correct,
            self.deliver_again,
            self.deliver_in_another_order,
            self.deliver_what_is_refused,
            self.die_loading,
            self.die_publishing,
            self.publish_out_of_turn,
            self.do_all_at_once,
        ]
        for _ in range(self.chance.randint(6, 12)):
            self.chance.choice(happenings)()
            self.clock.forward(minutes=self.chance.choice([-90, 0, 1, 60]))
            self.follow(self.chance.choice(self.readers))
        if self.is_killed:
            self.be_killed()
        self.publish()

    def deliver(self) -> None:
        self.load(histories.delivery(self.chance, self.keys))

    def correct(self) -> None:
        """Publish something and then other values of it."""
        self.deliver()
        self.publish()
        content = self.chance.choice(self.model.accepted)
        self.load(histories.with_other_values(self.chance, content))

    def deliver_again(self) -> None:
        if self.model.accepted:
            self.load(self.chance.choice(self.model.accepted))

    def deliver_in_another_order(self) -> None:
        if self.model.accepted:
            content = self.chance.choice(self.model.accepted)
            self.load(histories.again_in_another_order(self.chance, content))

    def deliver_what_is_refused(self) -> None:
        """A faulty value among right ones, or a day in another resolution: nothing is loaded."""
        lines: list[Line] = list(histories.delivery(self.chance, self.keys).lines)
        known = sorted({key for content in self.model.accepted for key, _ in content.values})
        if known and self.chance.random() < 0.5:
            lines = histories.in_another_resolution(self.chance.choice(known))
        else:
            lines.append((*lines[0][:4], "-1", "measured"))
        with pytest.raises(Rejected):
            self.deliverer.load(lines)

    def load(self, content: Content) -> None:
        """Load a delivery; one of the same content counts once."""
        assert self.deliverer.load(content.lines).is_new == self.model.accept(content)

    def publish(self) -> None:
        done = self.deliverer.publish()
        expected = range(self.model.sequence + 1, self.model.sequence + 1 + len(self.model.waiting))
        assert [each.sequence for each in done] == list(expected)
        self.model.publish_all()

    def publish_out_of_turn(self) -> None:
        """Publish a correction before what it corrects: it is not taken back then."""
        content = histories.delivery(self.chance, self.keys)
        self.load(content)
        self.load(histories.with_other_values(self.chance, content))
        waiting = publish.list_waiting(self.place.warehouse)
        publish.publish(self.place.warehouse, waiting[-1], clock=self.clock)
        self.model.publish(self.model.waiting[-1])

    def die_loading(self) -> None:
        """Die at any step of a load; later the same file may come again, or not."""
        content = histories.delivery(self.chance, self.keys)
        mortal = Mortal(self.place.warehouse, self.chance.randint(0, STEPS // 2))
        with suppress(Died):
            building.load(mortal, self.deliverer.file(content.lines), clock=self.clock)
        if "record_delivery" in mortal.committed:
            self.model.accept(content)
        if self.chance.random() < 0.5:
            self.load(content)

    def die_publishing(self) -> None:
        """Die at any step of publishing what waits."""
        self.deliver()
        mortal = Mortal(self.place.warehouse, self.chance.randint(0, STEPS))
        with suppress(Died):
            replace(self.deliverer, warehouse=mortal).publish()
        for number in self.model.waiting[: mortal.committed.count("record_publication")]:
            self.model.publish(number)

    def do_all_at_once(self) -> None:
        """Two load the same file, two publish what waits."""
        content = histories.delivery(self.chance, self.keys)
        file = self.deliverer.file(content.lines)
        with ThreadPoolExecutor(4) as threads:
            loading = [
                threads.submit(building.load, self.place.warehouse, file, clock=self.clock) for _ in range(2)
            ]
            publishing = [threads.submit(self.publish_pending) for _ in range(2)]
            assert sum(each.result().is_new for each in loading) == self.model.accept(content)
            done = sorted(sequence for each in publishing for sequence in each.result())
        assert done == list(range(self.model.sequence + 1, self.model.sequence + 1 + len(done)))
        for number in self.model.waiting[: len(done)]:
            self.model.publish(number)

    def publish_pending(self) -> list[int]:
        return [each.sequence for each in self.deliverer.publish()]

    def be_killed(self) -> None:
        """Another process loads and publishes and is killed at any moment; then the same is done again."""
        content = histories.delivery(self.chance, self.keys)
        file = self.deliverer.file(content.lines)
        arguments = ("load_and_publish_at_a_line", self.place.url, str(file))
        with subprocess.Popen(
            [sys.executable, "-m", "tests.builders.processes.warehouse", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as child:
            assert child.stdout is not None
            assert child.stdin is not None
            child.stdout.readline()
            child.stdin.write(b"\n")
            child.stdin.flush()
            time.sleep(self.chance.uniform(0, 0.35))
            child.kill()
        loading.load(self.place.warehouse, file, now=self.clock.now, progress=lambda rows, share: None)
        self.deliverer.publish()
        self.model.accept(content)
        self.model.publish_all()

    # --- what is read

    def new_reader(self, readable: Readable) -> Reader:
        """A reader that has seen nothing of this history."""
        request = changes.requests.read({}, state=self.state(0), seals=SEALS)
        answer = changes.pages.fetch(
            self.place.warehouse, ranges=self.ranges, readable=readable, request=request
        )
        assert (answer.rows, answer.is_up_to_date) == ((), True)
        return Reader(readable, answer.cursor, (self.model.first_sequence, "", "", periods.FIRST_DAY))

    def state(self, behind: int) -> DataState:
        """What an instance says that is some publications behind."""
        return DataState(LATER, LATER, LATER, settled=max(self.model.sequence - behind, 0))

    def follow(self, reader: Reader, *, pages: int = 3, behind: int | None = None) -> bool:
        """Read some pages; whether the reader is up to date. Now and then an answer gets lost."""
        state = self.state(self.chance.choice([0, 0, 1, 2]) if behind is None else behind)
        for _ in range(pages):
            limit = self.chance.choice([1, 2, 3, 5, 8, 100])
            request = changes.requests.read(
                {"cursor": [reader.cursor], "limit": [str(limit)]}, state=state, seals=SEALS
            )
            answer = changes.pages.fetch(
                self.place.warehouse,
                ranges=self.ranges,
                readable=reader.readable,
                request=request,
                at_once=self.chance.choice([1, 2, 3]),
            )
            expected = self.expected(reader, through=state.settled)
            assert [seen(row) for row in answer.rows] == expected[:limit]
            assert answer.is_up_to_date == (len(expected) <= limit)
            if self.chance.random() < 0.2:
                continue
            self.take(reader, answer, through=state.settled)
            if answer.is_up_to_date:
                return True
        return False

    def expected(self, reader: Reader, *, through: int) -> list[Version]:
        """Every day after the cursor that may be read, as it is now, in the order of publication."""
        return sorted(
            each
            for each in self.model.current.values()
            if reader.may_read(each.key)
            and (each.sequence, *each.key) > reader.after
            and each.sequence <= through
        )

    def take(self, reader: Reader, answer: changes.pages.Page, *, through: int) -> None:
        rows = [seen(row) for row in answer.rows]
        reader.seen += [(row.sequence, row.key) for row in rows]
        reader.mirror |= {row.key: row for row in rows}
        reader.cursor = answer.cursor
        if not answer.is_up_to_date:
            reader.after = (rows[-1].sequence, *rows[-1].key)
        elif reader.after[0] <= through:
            reader.after = (through + 1, "", "", periods.FIRST_DAY)

    def check(self) -> None:
        """Compare everything that can be asked with the model."""
        self.check_readers()
        times = histories.published_at(self.place.warehouse, since=self.model.first_sequence)
        assert list(times) == list(range(self.model.first_sequence, self.model.sequence + 1))
        assert sorted(set(times.values())) == list(times.values())
        assert self.days(LATER, times=times) == self.model.current
        for (sequence, at), state in zip(times.items(), self.model.states, strict=True):
            before = self.model.states[sequence - self.model.first_sequence - 1 :][:1]
            if sequence == self.model.first_sequence:
                before = [{}]
            assert self.days(at, times=times) == state
            assert self.days(at - timedelta(microseconds=1), times=times) == before[0]
        self.check_since(times)

    def check_readers(self) -> None:
        for reader in self.readers:
            while not self.follow(reader, behind=0):
                pass
            assert reader.seen == sorted(set(reader.seen))
            assert reader.mirror == {
                key: version for key, version in self.model.current.items() if reader.may_read(key)
            }

    def check_since(self, times: dict[int, datetime]) -> None:
        """One that asks by a moment gets what was published after it, and what was shortly before it."""
        for at in islice(times.values(), 3):
            request = changes.requests.read(
                {"since": [(at + LONGEST_PUBLICATION).isoformat()], "limit": ["10000"]},
                state=self.state(0),
                seals=SEALS,
            )
            answer = changes.pages.fetch(
                self.place.warehouse, ranges=self.ranges, readable=self.readable, request=request
            )
            assert [seen(row) for row in answer.rows] == sorted(
                each for each in self.model.current.values() if times[each.sequence] > at
            )

    def days(self, as_of: datetime, *, times: dict[int, datetime]) -> dict[Key, Version]:
        """What the days were at a moment, by the API's question, which knows publications by their times."""
        sequences = {at: sequence for sequence, at in times.items()}
        found = {}
        for direction in Direction:
            rows = self.place.warehouse.fetch(
                series_days.days(
                    self.readable,
                    direction=direction,
                    wanted=WantedDays.every(SINCE, UNTIL),
                    as_of=as_of,
                    after=None,
                    limit=1_000,
                )
            )
            for row in rows:
                version = of_day(row, direction, sequence=sequences[aware(row.published_at)])
                assert version.key not in found
                found[version.key] = version
        return found


def seen(row: ChangeRow) -> Version:
    key = Key(row.metering_point_id, row.direction, row.delivery_date)
    total = sum(Decimal(each) for each in row.quantities.split(",") if each != "null")
    return _version(row, key, sequence=row.sequence, total=Decimal(total))


def of_day(row: DayRow, direction: Direction, *, sequence: int) -> Version:
    key = Key(row.metering_point_id, direction.value, row.delivery_date)
    return _version(row, key, sequence=sequence, total=Decimal(row.total_kwh))


def _version(row: ChangeRow | DayRow, key: Key, *, sequence: int, total: Decimal) -> Version:
    missing = row.qualities.count("X")
    return Version(sequence, key, row.resolution, row.quantities, row.qualities, total, missing)


@pytest.mark.parametrize("number", range(HISTORIES))
def test_a_history_ends_as_a_plain_reading_of_it_says(place: Place, number: int, tmp_path: Path) -> None:
    history = History(place, number=number, folder=tmp_path)

    history.live()

    history.check()
