"""Days that are stored coarser than requested: refused for one metering point, listed for many."""

from datetime import date

import pytest

from shared.api.problems import InvalidRequest
from shared.api.series import resolutions
from shared.metering import Resolution
from shared.series import coarser
from shared.warehouse.queries.series_days import StoredInHoursRow


def stored(number: int, *, count: int) -> StoredInHoursRow:
    return StoredInHoursRow(f"{number:018d}", date(2026, 3, 1), date(2026, 3, 4), count)


def test_the_first_forty_are_listed_and_all_are_counted() -> None:
    parts = [[stored(number, count=45) for number in range(40)], [stored(50, count=1)], []]

    found = coarser.put_together(parts)

    assert [row.metering_point_id for row in found.rows] == [f"{number:018d}" for number in range(40)]
    assert found.count == 46


def test_they_are_written_with_the_day_after_the_last() -> None:
    assert coarser.put_together([[stored(7, count=1)]]).as_json() == [
        {
            "meteringPointId": "000000000000000007",
            "resolution": Resolution.PT1H,
            "from": date(2026, 3, 1),
            "to": date(2026, 3, 5),
        }
    ]


def test_a_question_for_one_is_refused_with_the_first_of_these_days() -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolutions.refuse(coarser.put_together([[stored(7, count=1)]]))

    [fault] = refused.value.faults
    assert (fault.parameter, fault.code) == ("resolution", "finer-than-stored")
    assert fault.message == "000000000000000007 is stored as PT1H on 2026-03-01."
    assert fault.hint == "Ask for PT1H or coarser, or leave 'resolution' out to get what is stored."


def test_where_there_are_none_nothing_is_refused() -> None:
    nothing = coarser.put_together([[], []])

    resolutions.refuse(nothing)

    assert (list(nothing.rows), nothing.count) == ([], 0)
