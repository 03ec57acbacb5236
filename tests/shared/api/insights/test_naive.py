"""Totals, peaks and completeness equal a naive loop over single values, for random histories and grants.

The history has both nights when the clock changes, quarters, gaps, corrections and both directions. A
question has random grants, a moment, a period, a page size and a resolution; its pages are walked to the end,
or the answer is returned whole.
Ten thousand questions are put to a warehouse in memory, and 300 of the same kind to the engine, for which the
statements are real; `QUESTIONS=10000` asks the engine as many.
"""

import os
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import pytest

from shared import periods
from shared.api.insights import completeness, peaks, requests, totals
from shared.api.problems import InvalidRequest
from shared.metering import Direction, Resolution
from shared.publishing.watermark import DataState
from shared.readable import Readable
from shared.series.peaks import Of
from shared.warehouse import opening, schema
from shared.warehouse.engine import Warehouse
from tests.builders import access
from tests.builders import warehouse as building
from tests.builders.sealing import SEALS
from tests.builders.warehouse import Clock, Deliverer
from tests.shared.api.insights.remembered import Remembered, Stored, Value

QUESTIONS = int(os.environ.get("QUESTIONS", "300"))
POINTS = [access.point(number) for number in range(8)]
DAYS = [
    first + timedelta(days=number)
    for first, count in ((date(2025, 10, 24), 10), (date(2025, 12, 28), 7), (date(2026, 3, 25), 10))
    for number in range(count)
]
"""Both nights when the clock changes, and ends of months and of a year."""
EDGES = sorted({*DAYS, date(2025, 10, 1), date(2025, 11, 1), date(2026, 4, 1), date(2026, 4, 20)})
FIRST_AT = datetime.fromisoformat("2026-04-04T06:00:00+00:00")
QUALITIES = ("measured", "estimated", "final-estimated", "temporary", "calculated")

IN_MEMORY, HISTORIES = 10_000, 20


@dataclass(frozen=True)
class World:
    """A warehouse, and what two publications left in it."""

    warehouse: Warehouse
    published: tuple[tuple[datetime, Stored], tuple[datetime, Stored]]


def history(chance: random.Random, *, share: float) -> Stored:
    """Return random days."""
    stored: Stored = {}
    for point in POINTS[:-1]:  # The last one never has any data.
        for direction in ("consumption", "production"):
            often = share * chance.choice([0, 0.3, 0.9, 1] if direction == "consumption" else [0, 0, 0.8])
            quarters = chance.choice([0, 0, 1, 0.3])
            for day in DAYS:
                if chance.random() >= often:
                    continue
                step = timedelta(minutes=15 if chance.random() < quarters else 60)
                gaps = chance.choice([0, 0, 0.05, 0.5, 1])
                stored[point, direction, day] = step, [value(chance, gaps) for _ in periods.starts(day, step)]
    return stored


def value(chance: random.Random, gaps: float) -> Value:
    if chance.random() < gaps:
        return None, "missing"
    return chance.choice([0, 125, 1500, 1500, chance.randrange(3000)]), chance.choice(QUALITIES)


def lines_of(stored: Stored) -> list[building.Line]:
    """Return the lines that deliver these days."""
    return [
        line
        for (point, direction, day), (step, values) in stored.items()
        for position, (wh, quality) in enumerate(values)
        for line in building.values(
            point,
            day,
            ["" if wh is None else f"{wh / 1000:.3f}"],
            first=position,
            resolution="PT15M" if step < timedelta(hours=1) else "PT1H",
            direction=direction,
            quality=quality,
        )
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Publish a history, and a day later a second delivery that corrects a part of it."""
    folder, chance = tmp_path_factory.mktemp("insights"), random.Random(3)
    made = opening.open_warehouse(building.settings(f"duckdb:{folder / 'metering.duckdb'}"))
    schema.apply(made)
    clock = Clock()
    clock.now = FIRST_AT
    deliverer = Deliverer(made, folder, clock)
    first, second = history(chance, share=1), history(chance, share=0.3)
    deliverer.deliver(lines_of(first))
    first_at = clock.now
    clock.forward(days=1)
    deliverer.deliver(lines_of(second))
    yield World(made, ((first_at, first), (clock.now, first | second)))
    made.close()


def remembered(chance: random.Random) -> World:
    """Return a world of the same kind in memory."""
    first = history(chance, share=1)
    published = (FIRST_AT, first), (FIRST_AT + timedelta(days=1), first | history(chance, share=0.3))
    return World(Remembered(published), published)


@dataclass(frozen=True)
class Asked:
    """What a question is about, for the loop."""

    stored: Stored
    readable: Readable
    days: tuple[date, date]

    def permitted(self, point: str, day: date) -> bool:
        return any(each.contains(day) for each in self.readable.periods.get(point, ()))  # type: ignore[call-overload]

    def points(self) -> list[str]:
        return sorted(self.readable.periods)

    def rows(self, direction: str) -> dict[tuple[str, date], tuple[timedelta, list[Value]]]:
        """The days that may be seen at all, requested or not."""
        return {
            (point, day): value
            for (point, its, day), value in self.stored.items()
            if its == direction and self.permitted(point, day)
        }

    @cached_property
    def requested(self) -> list[date]:
        first, end = self.days
        return [first + timedelta(days=count) for count in range((end - first).days)]


def permitted(chance: random.Random) -> Readable:
    found: list[tuple[str, date | None, date | None]] = []
    for point in chance.sample(POINTS, chance.choice([1, 3, 8])):
        one, other = sorted(chance.sample(DAYS, 2))
        found += chance.choice(
            [[(point, None, None)]] * 3
            + [[(point, one, None)], [(point, None, one)], [(point, None, one), (point, other, None)]]
        )
    return building.readable(*found)


def hours(step: timedelta, values: list[Value]) -> list[int | None]:
    size = timedelta(hours=1) // step
    return [
        None if any(wh is None for wh, _ in part) else sum(wh or 0 for wh, _ in part)
        for part in (values[at : at + size] for at in range(0, len(values), size))
    ]


def bucket(day: date, resolution: Resolution) -> tuple[date, date]:
    if resolution is Resolution.P1D:
        return day, day + timedelta(days=1)
    if resolution is Resolution.P1M:
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    return day.replace(month=1, day=1), date(day.year + 1, 1, 1)


@cache
def intervals(day: date, step: timedelta) -> int:
    return len(periods.starts(day, step))


def step_of_absent(day: date, steps: dict[date, timedelta], *, by_month: bool = True) -> timedelta:
    """Return the step of an absent day, given those of published days; `by_month`, steps may alternate."""
    if not steps:
        return timedelta(hours=1)
    in_month = sorted(each for each in steps if each.replace(day=1) == day.replace(day=1))
    if (
        by_month
        and in_month
        and in_month[0] < day < in_month[-1]
        and alternates([steps[each] for each in in_month])
    ):
        return steps[in_month[-1]]
    before = [each for each in steps if each < day]
    return steps[max(before)] if before else steps[min(steps)]


def alternates(steps: list[timedelta]) -> bool:
    """Return whether steps change more than once."""
    return sum(one != other for one, other in pairwise(steps)) > 1


def naive_totals(asked: Asked, direction: str, resolution: Resolution, start: datetime, end: datetime) -> Any:
    rows = asked.rows(direction)
    if resolution.is_stored:
        found: dict[datetime, list[int | None]] = defaultdict(list)
        for (_, day), (step, values) in rows.items():
            shown = hours(step, values) if resolution is Resolution.PT1H else [wh for wh, _ in values]
            for position, wh in enumerate(shown):
                at = periods.start_of(day) + position * resolution.step
                if start <= at < end:
                    found[at].append(wh)
        return [
            (at, at + resolution.step, total(all_), None not in all_, all_.count(None), len(all_))
            for at, all_ in sorted(found.items())
        ]
    parts: dict[tuple[date, date], list[tuple[int | None, bool, int]]] = defaultdict(list)
    for point in asked.points():
        last_day = max((day for its, day in rows if its == point), default=None)
        for both in sorted({bucket(day, resolution) for day in asked.requested}):
            days = [each for each in asked.requested if both[0] <= each < both[1]]
            stored = [day for day in days if (point, day) in rows]
            if not stored or last_day is None:
                continue
            due = [day for day in days if asked.permitted(point, day) and day <= last_day]
            span = [due[0] + timedelta(days=count) for count in range((due[-1] - due[0]).days + 1)]
            energies = [wh for day in stored for wh, _ in rows[point, day][1]]
            steps = {day: rows[point, day][0] for day in stored}
            absent = sum(intervals(day, step_of_absent(day, steps)) for day in span if day not in steps)
            missing = energies.count(None) + absent
            is_whole = (due[0], due[-1] + timedelta(days=1)) == both and len(due) == len(span)
            parts[both].append((total(energies), is_whole and missing == 0, missing))
    return [
        (
            periods.start_of(max(both[0], asked.days[0])),
            periods.start_of(min(both[1], asked.days[1])),
            total([wh for wh, _, _ in of_points]),
            all(complete for _, complete, _ in of_points),
            sum(missing for _, _, missing in of_points),
            len(of_points),
        )
        for both, of_points in sorted(parts.items())
    ]


def total(values: list[int | None]) -> int | None:
    known = [each for each in values if each is not None]
    return sum(known) if known else None


def naive_peaks(asked: Asked, direction: str, *, count: int, of: Of) -> Any:
    months: dict[tuple[str, date], list[tuple[int, datetime, date]]] = defaultdict(list)
    for (point, day), (step, values) in asked.rows(direction).items():
        if day in asked.requested:
            found = months[point, day.replace(day=1)]
            for position, wh in enumerate(hours(step, values)):
                if wh is not None:
                    found.append((-wh, periods.start_of(day) + timedelta(hours=position), day))
    answer = []
    for (point, month), found in sorted(months.items()):
        chosen: list[tuple[int, datetime]] = []
        seen = set()
        for negative, at, day in sorted(found):
            group = {Of.DAYS: day, Of.HOURS: at, Of.WEEKS: day.isocalendar()[:2]}[of]
            if group not in seen and len(chosen) < count:
                seen.add(group)
                chosen.append((-negative, at))
        first, end = bucket(month, Resolution.P1M)
        whole = (periods.start_of(end) - periods.start_of(first)) // timedelta(hours=1)
        mean = None
        if chosen:
            mean = int(Fraction(sum(wh for wh, _ in chosen), len(chosen)) + Fraction(1, 2))
        answer.append((point, month, chosen, mean, len(found) != whole))
    return answer


def naive_completeness(asked: Asked, resolution: Resolution, due_end: date) -> Any:
    answer = []
    every = {each: asked.rows(each) for each in ("consumption", "production")}
    seen = {(point, each) for each, rows in every.items() for point, _ in rows}
    for point in asked.points():
        directions = [each for each in every if (point, each) in seen] or ["consumption"]
        for direction in directions:
            rows = {day: value for (its, day), value in every[direction].items() if its == point}
            first = min(rows, default=asked.days[0])
            published = [day for day in asked.requested if day in rows]
            end = max([due_end, *(day + timedelta(days=1) for day in published)])
            for both in sorted({bucket(day, resolution) for day in asked.requested}):
                days = [each for each in asked.requested if both[0] <= each < both[1]]
                expected = [day for day in days if first <= day < end and asked.permitted(point, day)]
                if not expected:
                    continue
                steps = {day: rows[day][0] for day in published}
                absent = [day for day in expected if day not in rows]
                by_month = resolution is Resolution.P1M
                lacking = sum(intervals(day, step_of_absent(day, steps, by_month=by_month)) for day in absent)
                qualities = [quality for day in expected if day in rows for _, quality in rows[day][1]]
                answer.append(
                    (
                        (point, direction, max(both[0], asked.days[0]), min(both[1], asked.days[1])),
                        len(qualities) + lacking,
                        [qualities.count(each) for each in QUALITIES],
                        qualities.count("missing") + lacking,
                        bool(absent),
                    )
                )
    return answer


def walk(fetch: Any, ask: Any, given: dict[str, list[str]], entries: str) -> list[Any]:
    """Return all entries of all pages; no page but the last is empty, and none is larger than its limit."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        page = fetch(ask(given if cursor is None else {**given, "cursor": [cursor]}))
        found += getattr(page, entries)
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert getattr(page, entries)


@pytest.mark.parametrize("number", range(HISTORIES))
def test_ten_thousand_answers_from_memory_equal_the_naive_loop(number: int) -> None:
    chance = random.Random(1_000 + number)
    world = remembered(chance)
    for _ in range(IN_MEMORY // HISTORIES):
        ask_one(world, chance)


@pytest.mark.parametrize("part", range(10))
def test_answers_equal_the_naive_loop(world: World, part: int) -> None:
    chance = random.Random(part)
    for _ in range(-(-QUESTIONS // 10)):
        ask_one(world, chance)


def ask_one(world: World, chance: random.Random) -> None:
    readable = permitted(chance)
    published_at, stored = chance.choice(world.published)
    first, end = sorted(chance.sample(EDGES, 2))
    given = {"from": [str(first)], "to": [str(end)], "asOf": [published_at.isoformat()]}
    if chance.random() < 0.7:
        given["limit"] = [str(chance.choice([1, 2, 5, 40, 1000]))]
    else:
        given["format"] = [chance.choice(["json", "csv"])]
    now = world.published[1][0] + timedelta(days=chance.choice([0, 3]), hours=chance.choice([0, 2]))
    state = DataState(now, world.published[1][0], periods.start_of(max(DAYS) + timedelta(days=1)))
    direction = chance.choice(list(Direction))
    asked = Asked(stored, readable, (first, end))
    match chance.choice(["total", "total", "peaks", "completeness"]):
        case "total":
            resolution = chance.choice(list(Resolution))
            start, stop = periods.start_of(first), periods.start_of(end)
            if resolution.is_stored and chance.random() < 0.5:
                start += timedelta(minutes=15 * chance.randrange(50))
                stop -= timedelta(minutes=15 * chance.randrange(40))
                given |= {"from": [start.isoformat()], "to": [stop.isoformat()]}
            given["resolution"] = [str(resolution)]
            try:
                found = walk(
                    lambda request: totals.fetch(world.warehouse, readable=readable, request=request),
                    lambda given: requests.total(direction=direction, given=given, state=state, seals=SEALS),
                    given,
                    "totals",
                )
            except InvalidRequest:
                steps = {step for (_, day), (step, _) in asked.rows(direction).items() if first <= day < end}
                assert resolution is Resolution.PT15M
                assert timedelta(hours=1) in steps
                return
            assert [
                (each.start, each.end, each.watt_hours, each.complete, each.missing, each.metering_points)
                for each in found
            ] == naive_totals(asked, direction, resolution, start, stop)
        case "peaks":
            count, of = chance.randint(1, 10), chance.choice(list(Of))
            given |= {"count": [str(count)], "of": [str(of)]}
            found = walk(
                lambda request: peaks.fetch(world.warehouse, readable=readable, request=request),
                lambda given: requests.peaks(direction=direction, given=given, state=state, seals=SEALS),
                given,
                "peaks",
            )
            assert [
                (
                    each.metering_point_id,
                    each.month,
                    [(hour.watt_hours, hour.start) for hour in each.hours],
                    each.mean,
                    each.provisional,
                )
                for each in found
            ] == naive_peaks(asked, direction, count=count, of=of)
        case _:
            resolution = chance.choice(requests.COMPLETENESS_RESOLUTIONS)
            given["resolution"] = [str(resolution)]
            found = walk(
                lambda request: completeness.fetch(world.warehouse, readable=readable, request=request),
                lambda given: requests.complete(given=given, state=state, seals=SEALS),
                given,
                "periods",
            )
            local = published_at.astimezone(periods.OSLO)
            due_end = local.date() - timedelta(days=0 if local.hour >= 9 else 1)
            assert [
                (
                    (each.metering_point_id, each.direction, *each.days),
                    each.expected,
                    [
                        each.measured,
                        each.estimated,
                        each.final_estimated,
                        each.temporary,
                        each.calculated,
                    ],
                    each.missing,
                    each.late,
                )
                for each in found
            ] == naive_completeness(asked, resolution, due_end)
