"""A warehouse that answers the questions beyond the series from Python's own dictionaries.

It is what the statements of `shared.warehouse.insights` say, day by day; another test asks the engine itself.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from shared.metering import Quality
from shared.warehouse.engine import Query, Row
from tests.builders.warehouse import permitted_in

Value = tuple[int | None, str]
"""Wh and quality."""
Stored = dict[tuple[str, str, date], tuple[timedelta, list[Value]]]
"""The step and the values of each metering point, direction and day."""

_LETTERS = {each.value: each.letter for each in Quality}
_COUNTED = "MEFTC"


class Day(NamedTuple):
    """A stored market day."""

    metering_point_id: str
    direction: str
    day: date
    resolution: str
    quantities: str
    qualities: str
    watt_hours: int
    missing: int


class Remembered:
    """A warehouse of one state for each moment of publication."""

    def __init__(self, published: Iterable[tuple[datetime, Stored]]) -> None:
        self._states = {at: _by_series(stored) for at, stored in published}
        self._answers: dict[str, Callable[..., Iterable[tuple[Any, ...]]]] = {
            "joined_days": partial(_joined, with_ids=False),
            "joined_days_with_ids": partial(_joined, with_ids=True),
            "day_sums": _day_sums,
            "month_sums": _month_sums,
            "day_range": _day_range,
            "qualities_of_days": lambda days, _: (_qualities([each]) for each in days),
            "qualities_of_months": lambda days, _: map(_in_two, map(_qualities, _by_month(days))),
            "first_days": _first_days,
            "last_days": _last_days,
            "first_metering_point": _first_metering_point,
            "stored_in_hours": _stored_in_hours,
        }

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query, by its name and what is bound to it."""
        (as_of,) = {each for each in query.parameters if isinstance(each, datetime)}
        direction = next((each for each in query.parameters if each in ("consumption", "production")), None)
        days = list(self._read(permitted_in(query), as_of, direction))
        return [query.row(*row) for row in self._answers[query.name](days, query.parameters)]

    def _read(
        self, permitted: Iterable[Mapping[str, str]], as_of: datetime, direction: object
    ) -> Iterator[Day]:
        state = self._states[as_of]
        for row in permitted:
            first, end = date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])
            for each in ("consumption", "production") if direction is None else (str(direction),):
                for day in state.get((row["metering_point_id"], each), ()):
                    if first <= day.day < end:
                        yield day

    def transaction(self) -> Any:
        """Refuse: nothing is written."""
        raise AssertionError("these questions write nothing")

    def define(self, batch: str) -> None:
        """Refuse: nothing is defined."""
        raise AssertionError("these questions define nothing")

    def close(self) -> None:
        """Do nothing."""


def _by_series(stored: Stored) -> dict[tuple[str, str], list[Day]]:
    found: dict[tuple[str, str], list[Day]] = defaultdict(list)
    for (point, direction, day), (step, values) in sorted(stored.items()):
        energies = [wh for wh, _ in values]
        found[point, direction].append(
            Day(
                point,
                direction,
                day,
                "PT15M" if step < timedelta(hours=1) else "PT1H",
                ",".join("null" if wh is None else f"{wh // 1000}.{wh % 1000:03d}" for wh in energies),
                "".join(_LETTERS[quality] for _, quality in values),
                sum(wh or 0 for wh in energies),
                energies.count(None),
            )
        )
    return found


def _joined(days: Sequence[Day], _: object, *, with_ids: bool) -> Iterator[tuple[Any, ...]]:
    for group in _grouped(days, lambda each: (each.day, each.resolution, each.qualities)):
        one = group[0]
        texts = [
            f"{each.metering_point_id},{each.quantities}" if with_ids else each.quantities for each in group
        ]
        yield (one.day, f"{one.resolution}|{one.qualities}|", len(group), ";".join(texts))


def _grouped(days: Iterable[Day], key: Callable[[Day], Any]) -> list[list[Day]]:
    groups: dict[Any, list[Day]] = defaultdict(list)
    for each in days:
        groups[key(each)].append(each)
    return list(groups.values())


def _day_sums(days: Sequence[Day], _: object) -> Iterator[tuple[Any, ...]]:
    for group in _grouped(days, lambda each: each.day):
        yield (group[0].day, 1, *_sums(group), len(group))


def _month_sums(days: Sequence[Day], _: object) -> Iterator[tuple[Any, ...]]:
    for group in _by_month(days):
        one = group[0]
        dates = [each.day for each in group]
        yield (
            *(one.metering_point_id, 1, one.resolution),
            *(*_sums(group), len(group), min(dates), max(dates)),
        )


def _by_month(days: Iterable[Day]) -> list[list[Day]]:
    return _grouped(days, lambda each: (*each[:2], each.day.year, each.day.month, each.resolution))


def _sums(group: Sequence[Day]) -> tuple[str, int, int]:
    watt_hours = sum(each.watt_hours for each in group)
    return (
        f"{watt_hours // 1000}.{watt_hours % 1000:03d}",
        sum(each.missing for each in group),
        sum(len(each.qualities) for each in group),
    )


def _qualities(group: Sequence[Day]) -> tuple[Any, ...]:
    letters, dates = "".join(each.qualities for each in group), [each.day for each in group]
    return (
        *(group[0].metering_point_id, group[0].direction, group[0].resolution, min(dates), max(dates)),
        *(len(letters), *(letters.count(each) for each in _COUNTED)),
    )


def _in_two(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the counts of a month as the statement does: three in each of two numbers."""
    *key, stored, measured, estimated, final_estimated, temporary, calculated = row
    one = stored + (stored - measured) * 2**20 + estimated * 2**40
    return *key, one, final_estimated + temporary * 2**20 + calculated * 2**40


def _day_range(days: Sequence[Day], _: object) -> Iterator[tuple[Any, ...]]:
    dates = [each.day for each in days]
    yield min(dates, default=None), max(dates, default=None)


def _first_days(days: Sequence[Day], _: object) -> Iterator[tuple[Any, ...]]:
    for group in _grouped(days, lambda each: each.metering_point_id):
        yield group[0].metering_point_id, min(each.day for each in group)


def _last_days(days: Sequence[Day], _: object) -> Iterator[tuple[Any, ...]]:
    for group in _grouped(days, lambda each: each.metering_point_id):
        yield group[0].metering_point_id, max(each.day for each in group)


def _first_metering_point(days: Sequence[Day], _: object) -> Iterator[tuple[Any, ...]]:
    yield (min((each.metering_point_id for each in days), default=None),)


def _stored_in_hours(days: Sequence[Day], parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    groups = _grouped(
        (each for each in days if each.resolution == "PT1H"), lambda each: each.metering_point_id
    )
    rows = [(group[0].metering_point_id, group[0].day, group[-1].day, len(groups)) for group in groups]
    return rows[: parameters[-1]]
