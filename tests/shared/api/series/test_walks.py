"""Walks from page to page over random grants, gaps and resolutions: whole, in order, and never an empty page.

`WALKS=10000` walks as often; 150 times otherwise.
"""

import os
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from shared import periods
from shared.api.problems import InvalidRequest
from shared.api.series import pages, requests
from shared.api.series.pages import Page
from shared.api.series.rendering import TEMPLATE
from shared.api.series.requests import Layout, SeriesRequest
from shared.files.forms import templates
from shared.metering import Direction, MeteringPointId, Resolution
from shared.publishing.remembered import LastDays
from shared.publishing.watermark import DataState
from shared.readable import Readable
from shared.warehouse import opening, schema
from shared.warehouse.engine import Warehouse
from tests.builders import access
from tests.builders import warehouse as building
from tests.builders.sealing import SEALS
from tests.builders.warehouse import Clock, Deliverer

WALKS = int(os.environ.get("WALKS", "150"))
POINTS = [access.point(number) for number in range(60)]
FIRST = date(2026, 3, 26)
DAYS = [FIRST + timedelta(days=number) for number in range(9)]
"""With the night to summer time, and the end of a month."""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Store sixty metering points: some with all days, most with none; hours, quarters or both."""
    folder, chance = tmp_path_factory.mktemp("walks"), random.Random(1)
    made = opening.open_warehouse(building.settings(f"duckdb:{folder / 'metering.duckdb'}"))
    schema.apply(made)
    lines: list[building.Line] = []
    for point in POINTS:
        share = chance.choice([0, 0, 0, 0.1, 0.5, 1])
        mixed = chance.choice([0, 0, 1, 0.5])
        for day in DAYS:
            if chance.random() < share:
                resolution = "PT15M" if chance.random() < mixed else "PT1H"
                count = len(periods.starts(day, Resolution(resolution).step))
                quantities = [chance.choice(["", "0.125", "1.5"]) for _ in range(count)]
                lines += building.values(point, day, quantities, resolution=resolution)
    clock = Clock()
    clock.forward(days=10)
    Deliverer(made, folder, clock).deliver(lines)
    yield made
    made.close()


def moment(chance: random.Random, day: date) -> datetime:
    last_hour = 23 * 60
    minutes = [0, 0, 0, 15, 30, 60, last_hour - 15, last_hour + 10, last_hour + 50, chance.randrange(1440)]
    return periods.start_of(day) + timedelta(minutes=chance.choice(minutes))


def permitted(chance: random.Random) -> Readable:
    """Permit some of the metering points, for all time, from or until a day, or with a gap."""
    found: list[tuple[str, date | None, date | None]] = []
    for point in chance.sample(POINTS, chance.choice([1, 5, 30, len(POINTS)])):
        one, other = sorted(chance.sample(DAYS, 2))
        found += chance.choice(
            [[(point, None, None)]] * 3
            + [[(point, one, None)], [(point, None, one)], [(point, None, one), (point, other, None)]]
        )
    return building.readable(*found)


def question(chance: random.Random, readable: Readable) -> dict[str, list[str]]:
    start = moment(chance, chance.choice(DAYS[:-1]))
    end = max(moment(chance, chance.choice(DAYS)), start + timedelta(minutes=chance.choice([1, 20, 90])))
    given = {"from": [start.isoformat()], "to": [end.isoformat()]}
    if chance.random() < 0.8:
        given["resolution"] = [str(chance.choice(list(Resolution)))]
    if chance.random() < 0.3:
        given["layout"] = [str(chance.choice(list(Layout)))]
        if given["layout"] == [Layout.WIDE]:
            given["format"] = ["csv"]
    if chance.random() < 0.2:
        ids = sorted({each.metering_point_id for each in readable.permissions})
        given["meteringPointId"] = chance.sample(ids, min(len(ids), chance.choice([1, 3, 50])))
    return given


def ask(given: dict[str, list[str]]) -> SeriesRequest:
    now = building.MORNING + timedelta(days=30)
    return requests.of_many(
        direction=Direction.CONSUMPTION, given=given, state=DataState(now, now, now), seals=SEALS
    )


def read(warehouse: Warehouse, readable: Readable, request: SeriesRequest, last_days: LastDays) -> Page:
    shown = readable.only(request.named) if request.named else readable
    return pages.fetch(warehouse, readable=shown, request=request, available_until=None, last_days=last_days)


def values_of(page: Page) -> list[tuple[MeteringPointId, str]]:
    """Return the text of each day's values or of each sum, with its metering point."""
    return [
        (series.scope.metering_point_id, templates.values(part, TEMPLATE))
        for series in page.series
        for part in series.parts
    ]


@pytest.mark.parametrize("part", range(10))
def test_no_page_but_the_last_is_empty_and_together_they_are_the_whole(
    warehouse: Warehouse, part: int
) -> None:
    chance = random.Random(part)
    for _ in range(-(-WALKS // 10)):
        readable, last_days = permitted(chance), LastDays(warehouse)
        given = question(chance, readable)
        whole = read(warehouse, readable, ask({**given, "limit": ["10000"]}), last_days)
        some = len(readable.permissions) > 10
        limit = str(chance.choice([7, 20, 50, 100] if some else [1, 2, 3, 7]))

        walked: list[tuple[MeteringPointId, str]] = []
        cursor: str | None = None
        while True:
            request = ask({**given, "limit": [limit], **({"cursor": [cursor]} if cursor else {})})
            page = read(warehouse, readable, request, last_days)
            walked += values_of(page)
            assert values_of(page) or page.cursor is None, (given, limit)
            if page.cursor is None:
                break
            assert page.cursor.as_text(request.seal) != cursor
            cursor = page.cursor.as_text(request.seal)

        assert whole.cursor is None or len(values_of(whole)) > 0
        rest = (
            [] if whole.cursor is None else values_of_the_rest(warehouse, readable, given, whole, last_days)
        )
        assert walked == values_of(whole) + rest, (given, limit)


def values_of_the_rest(
    warehouse: Warehouse, readable: Readable, given: dict[str, list[str]], page: Page, last_days: LastDays
) -> list[tuple[MeteringPointId, str]]:
    """Return what follows a large page that ended with the metering points that it searched."""
    found: list[tuple[MeteringPointId, str]] = []
    while page.cursor is not None:
        seal = ask(given).seal
        request = ask({**given, "limit": ["10000"], "cursor": [page.cursor.as_text(seal)]})
        page = read(warehouse, readable, request, last_days)
        found += values_of(page)
    return found


def test_a_question_for_one_metering_point_is_refused_on_each_page_or_on_none(warehouse: Warehouse) -> None:
    refused, answered = 0, 0
    readable = building.readable(*[(point, None, None) for point in POINTS])
    for point in POINTS:
        now = building.MORNING + timedelta(days=30)
        outcomes = set()
        for limit in ("1", "3", "10000"):
            request = requests.of_one(
                metering_point_id=point,
                direction=Direction.CONSUMPTION,
                given={"from": [str(FIRST)], "resolution": ["PT15M"], "limit": [limit]},
                state=DataState(now, now, now),
                seals=SEALS,
            )
            try:
                read(warehouse, readable, request, LastDays(warehouse))
                outcomes.add("answered")
            except InvalidRequest:
                outcomes.add("refused")
        assert len(outcomes) == 1
        refused, answered = refused + ("refused" in outcomes), answered + ("answered" in outcomes)
    assert refused > 0
    assert answered > 0
