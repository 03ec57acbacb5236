"""Every question about days joins what the caller may read, within its range of metering points."""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, get_origin

from hypothesis import given

from shared.metering import Direction
from shared.warehouse.engine import Query
from shared.warehouse.queries import changes, insights, latest_days, published, series_days
from shared.warehouse.queries.published import PublicationSpan
from shared.warehouse.queries.series_days import WantedDays
from tests.builders.warehouse import CABIN, MORNING, readable
from tests.shared.warehouse.queries.five_days import END, EVER, FIRST, FIVE_DAYS, START, permissions

_CONSUMPTION = {"direction": Direction.CONSUMPTION}
_AT = {"as_of": MORNING}
_OF_DAYS = {**_CONSUMPTION, **_AT, "wanted": WantedDays.every(FIRST, END)}
_PAGE = {"after": (CABIN, FIVE_DAYS[1]), "limit": 2}
_LEFT = {"publications": PublicationSpan(1, 1)}
_OF_CHANGES = {"after": START, "through": 1, "published": EVER}
_RANGE = {**_AT, "first": FIRST, "end": END}

QUESTIONS: Mapping[Callable[..., Query[Any]], Mapping[str, Any]] = {
    series_days.days: {**_OF_DAYS, **_PAGE},
    series_days.first_metering_point: _OF_DAYS,
    series_days.count_days: _OF_DAYS,
    series_days.sizes: _OF_DAYS,
    series_days.stored_in_hours: {**_OF_DAYS, "limit": 9},
    published.days: {**_OF_DAYS, **_LEFT, **_PAGE},
    published.sizes: {**_OF_DAYS, **_LEFT},
    changes.days: {**_OF_CHANGES, "limit": 9},
    changes.count_days: _OF_CHANGES,
    latest_days.with_resolution: {**_AT, "since": FIRST},
    latest_days.in_direction: {**_CONSUMPTION, **_AT, "since": FIRST},
    insights.joined_days: {**_CONSUMPTION, **_RANGE},
    insights.joined_days_with_ids: {**_CONSUMPTION, **_RANGE},
    insights.packed_days: {**_CONSUMPTION, **_RANGE},
    insights.day_sums: {**_CONSUMPTION, **_RANGE},
    insights.month_sums: {**_CONSUMPTION, **_RANGE},
    insights.day_range: {**_CONSUMPTION, **_RANGE},
    insights.qualities_of_months: _RANGE,
    insights.qualities_of_days: _RANGE,
    insights.first_days: {**_CONSUMPTION, **_AT},
}


def test_every_question_about_readable_days_is_asked_here() -> None:
    found = {
        function
        for module in (series_days, published, changes, latest_days, insights)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and is_question(function)
    }

    assert found == set(QUESTIONS)


def is_question(function: Callable[..., Any]) -> bool:
    """Return whether a function makes a query of what a caller may read."""
    signature = inspect.signature(function)
    return "readable" in signature.parameters and get_origin(signature.return_annotation) is Query


@given(permitted=permissions)
def test_the_range_of_metering_points_is_that_of_the_rows_beside_it(
    permitted: list[tuple[str, date | None, date | None]],
) -> None:
    for question, arguments in QUESTIONS.items():
        query = question(readable(*permitted), **arguments)
        marks = re.findall(r"(?:s\.metering_point_id ([<>]=|=(?= \? AND s\.delivery_date)) )?\?", query.sql)
        bounds = {mark: value for mark, value in zip(marks, query.parameters, strict=True) if mark}
        if "OPENJSON" not in query.sql:
            assert bounds.keys() == {"="}, query.name
            assert bounds["="] in {id_ for id_, _, _ in permitted}, query.name
            continue
        rows = json.loads(str(query.parameters[0]))
        ids = [row["metering_point_id"] for row in rows] or [""]
        assert len(rows) != 1, query.name
        assert bounds == {">=": min(ids), "<=": max(ids)}, query.name
