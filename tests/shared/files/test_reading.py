"""What a file reads: the series of its metering points, each in order."""

from datetime import date, timedelta

import pytest

from shared import periods
from shared.files import reading
from shared.files.reading import Question
from shared.metering import Direction
from shared.periods import Period
from shared.warehouse.queries.published import PublicationSpan
from tests.builders.warehouse import CABIN, HOUSE, MORNING, Deliverer, readable, values

FIRST = date(2026, 3, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(5)]


@pytest.mark.parametrize("page", [2, 100])
@pytest.mark.parametrize("publications", [None, PublicationSpan(1, 9)])
def test_days_published_in_any_order_are_read_in_order(
    deliverer: Deliverer, page: int, publications: PublicationSpan | None
) -> None:
    for day in reversed(DAYS):
        deliverer.deliver(values(HOUSE, day, ["0.5"]) + values(CABIN, day, ["1"]))

    found = reading.series(
        deliverer.warehouse,
        readable=readable((HOUSE, None, None)),
        question=Question(
            directions=(Direction.CONSUMPTION,),
            period=Period(periods.start_of(FIRST), periods.start_of(DAYS[-1] + timedelta(days=1))),
            resolution=None,
            as_of=MORNING + timedelta(days=1),
            publications=publications,
        ),
        page=page,
    )

    [series] = found
    assert series.scope.metering_point_id == HOUSE
    assert [part.day for part in series.parts] == DAYS
