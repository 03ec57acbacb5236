"""What published metering data must be after any history of deliveries: a plain reading of the rules.

A delivery is its content, and counts once. Publishing a delivery puts, on each market day that it has
values of, the newest value of each interval; a day that comes out different gets a new version.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from shared import metering, periods
from shared.metering import Quality
from shared.warehouse.engine import Query, Row, Session, Statement, Warehouse, aware
from tests.builders import warehouse as building
from tests.builders.warehouse import Line

SPRING, MONDAY, AUTUMN = date(2025, 3, 30), date(2025, 3, 31), date(2025, 10, 26)
DAYS = (SPRING, MONDAY, AUTUMN)
DIRECTIONS = ("consumption", "production")
LETTERS = {each.value: each.letter for each in Quality}
QUANTITIES = ("", "0", "1", "1.5", "0.125", "12.345", "1000000")


class Key(NamedTuple):
    """A market day of a metering point in one direction."""

    metering_point_id: str
    direction: str
    day: date


class Version(NamedTuple):
    """A market day as a publication left it."""

    sequence: int
    key: Key
    resolution: str
    quantities: str
    qualities: str
    total_kwh: Decimal
    missing: int


@dataclass(frozen=True)
class Content:
    """A delivery: the value at each position of some days, as (quantity or '', quality), and its lines."""

    values: dict[tuple[Key, int], tuple[str, str]]
    lines: tuple[Line, ...]


@dataclass
class Model:
    """Everything that was accepted and published, from `first_sequence` on."""

    first_sequence: int
    accepted: list[Content] = field(default_factory=list)
    published: list[int] = field(default_factory=list)
    """Which of the accepted deliveries each publication published."""
    current: dict[Key, Version] = field(default_factory=dict)
    states: list[dict[Key, Version]] = field(default_factory=list)
    """`current` after each publication."""

    @property
    def sequence(self) -> int:
        """Of the latest publication; that of somebody else before our first."""
        return self.first_sequence + len(self.published) - 1

    @property
    def waiting(self) -> list[int]:
        """Which of the accepted deliveries wait to be published, the oldest first."""
        return [number for number in range(len(self.accepted)) if number not in self.published]

    def accept(self, content: Content) -> bool:
        """Load a delivery, unless it was loaded before and none of its intervals came later."""
        same = [place for place, other in enumerate(self.accepted) if other.lines == content.lines]
        is_new = not same or any(
            content.values.keys() & later.values.keys() for later in self.accepted[same[-1] + 1 :]
        )
        if is_new:
            self.accepted.append(content)
        return is_new

    def publish(self, number: int) -> None:
        """Publish a delivery that waits."""
        self.published.append(number)
        newest: dict[tuple[Key, int], tuple[str, str]] = {}
        for content in self.accepted[: max(self.published) + 1]:
            newest |= content.values
        for key in {key for key, _ in self.accepted[number].values}:
            version = _packed(key, newest, sequence=self.sequence)
            if key not in self.current or self.current[key][2:] != version[2:]:
                self.current[key] = version
        self.states.append(dict(self.current))

    def publish_all(self) -> None:
        """Publish whatever waits."""
        for number in self.waiting:
            self.publish(number)


def _packed(key: Key, newest: dict[tuple[Key, int], tuple[str, str]], *, sequence: int) -> Version:
    resolution = resolution_of(key.metering_point_id, key.day)
    delivered = [newest.get((key, place), ("", "missing")) for place in range(positions(key))]
    numbers = [Decimal(quantity) if quantity else None for quantity, _ in delivered]
    return Version(
        sequence,
        key,
        resolution,
        ",".join("null" if number is None else f"{number:.3f}" for number in numbers),
        "".join(LETTERS[quality] for _, quality in delivered),
        sum((number for number in numbers if number is not None), Decimal("0.000")),
        numbers.count(None),
    )


def resolution_of(metering_point_id: str, day: date) -> str:
    """Return the resolution: ids with an even payload change to quarters of an hour on the Monday."""
    return "PT15M" if int(metering_point_id[-2]) % 2 == 0 and day >= MONDAY else "PT1H"


def positions(key: Key) -> int:
    """Return how many values a market day has."""
    step = timedelta(minutes=15 if resolution_of(key.metering_point_id, key.day) == "PT15M" else 60)
    return len(periods.starts(key.day, step))


def metering_point_ids(history: int) -> list[str]:
    """Return three metering points that no other history has."""
    payloads = [f"7070575{history:05d}{number:05d}" for number in (1, 2, 3)]
    return [payload + metering.check_digit(payload) for payload in payloads]


def few_keys(chance: random.Random, ids: Sequence[str]) -> list[Key]:
    """Return so few market days that deliveries meet on most of them."""
    every = [Key(id_, direction, day) for id_ in ids for direction in DIRECTIONS for day in DAYS]
    return chance.sample(every, chance.randint(2, 5))


def delivery(chance: random.Random, keys: Sequence[Key]) -> Content:
    """Draw some values of some days, some of them whole, in any order, now and then a line twice."""
    values: dict[tuple[Key, int], tuple[str, str]] = {}
    for _ in range(chance.randint(1, 3)):
        key = chance.choice(keys)
        places = range(positions(key))
        for place in places if chance.random() < 0.3 else chance.sample(places, chance.randint(1, 5)):
            quantity = chance.choice(QUANTITIES)
            quality = (
                chance.choice([each for each in LETTERS if each != "missing"]) if quantity else "missing"
            )
            values[key, place] = quantity, quality
    lines = [line for (key, place), value in values.items() for line in _lines(key, place, value)]
    if chance.random() < 0.2:
        lines.append(lines[0])
    chance.shuffle(lines)
    return Content(values, tuple(lines))


def with_other_values(chance: random.Random, content: Content) -> Content:
    """Return a correction of everything that a delivery has."""
    values = {place: (str(chance.randint(2, 99)), "estimated") for place in content.values}
    return Content(
        values, tuple(line for (key, place), value in values.items() for line in _lines(key, place, value))
    )


def again_in_another_order(chance: random.Random, content: Content) -> Content:
    """Return the same values as a delivery of their own."""
    return Content(content.values, tuple(chance.sample(content.lines, len(content.lines))))


def in_another_resolution(key: Key) -> list[Line]:
    """Return a value that contradicts the resolution in which the day is stored."""
    other = {"PT1H": "PT15M", "PT15M": "PT1H"}[resolution_of(key.metering_point_id, key.day)]
    return building.values(key.metering_point_id, key.day, ["1"], resolution=other, direction=key.direction)


def _lines(key: Key, place: int, value: tuple[str, str]) -> Iterable[Line]:
    return building.values(
        key.metering_point_id,
        key.day,
        [value[0]],
        resolution=resolution_of(key.metering_point_id, key.day),
        direction=key.direction,
        quality=value[1],
        first=place,
    )


class Died(Exception):
    """The process came to its end here."""


@dataclass
class Mortal:
    """A warehouse that a process has for so many steps and then never again.

    A step is a question, a change, or one of the two sides of a commit.
    """

    inner: Warehouse
    steps: int
    committed: list[str] = field(default_factory=list)
    """The changes that were committed, by name."""

    def step(self) -> None:
        """Go on, or die."""
        if self.steps == 0:
            raise Died
        self.steps -= 1

    def fetch(self, query: Query[Row]) -> list[Row]:
        self.step()
        return self.inner.fetch(query)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        self.step()
        with self.inner.transaction() as session:
            mortal = _MortalSession(self, session)
            yield mortal
            self.step()
        self.committed += mortal.done
        self.step()

    def define(self, batch: str) -> None:
        self.inner.define(batch)

    def close(self) -> None:
        self.inner.close()


@dataclass
class _MortalSession:
    owner: Mortal
    inner: Session
    done: list[str] = field(default_factory=list)

    def fetch(self, query: Query[Row]) -> list[Row]:
        self.owner.step()
        return self.inner.fetch(query)

    def run(self, statement: Statement) -> None:
        self.owner.step()
        self.inner.run(statement)
        self.done.append(statement.name)


def published_at(warehouse: Warehouse, *, since: int) -> dict[int, datetime]:
    """Return when each publication from a sequence on became visible."""
    rows = warehouse.fetch(
        Query(
            "SELECT sequence, published_at FROM metering.publication WHERE sequence >= ? ORDER BY sequence",
            (since,),
            lambda sequence, at: (int(sequence), aware(at)),
            "publications",
        )
    )
    return dict(rows)
