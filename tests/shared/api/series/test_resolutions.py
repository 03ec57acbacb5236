"""Days stored coarser than asked for are told apart, never made finer."""

from datetime import UTC, date, datetime

import pytest

from shared.api.problems import InvalidRequest
from shared.api.series import resolutions
from shared.api.series.resolutions import StoredCoarser
from shared.metering import MeteringPointId, Resolution
from shared.warehouse.queries import DayRow

HOUSE, CABIN = MeteringPointId("707057500000010017"), MeteringPointId("707057500000010024")
PUBLISHED = datetime(2026, 4, 1, tzinfo=UTC)


def stored(day: int, resolution: str, *, point: str = HOUSE) -> DayRow:
    return DayRow(point, date(2026, 3, day), resolution, "1.000", "M", "1.000", 1, PUBLISHED)


def test_days_in_a_row_that_are_stored_coarser_are_one_entry() -> None:
    hours, quarters = [stored(1, "PT1H"), stored(2, "PT1H"), stored(4, "PT1H")], [stored(5, "PT15M")]

    fit, found = resolutions.parted([*hours, *quarters, stored(1, "PT1H", point=CABIN)], Resolution.PT15M)

    assert fit == quarters
    assert found == [
        StoredCoarser(HOUSE, Resolution.PT1H, date(2026, 3, 1), date(2026, 3, 5)),
        StoredCoarser(CABIN, Resolution.PT1H, date(2026, 3, 1), date(2026, 3, 2)),
    ]


def test_days_between_which_there_are_finer_ones_are_entries_of_their_own() -> None:
    rows = [stored(1, "PT1H"), stored(2, "PT15M"), stored(3, "PT1H")]

    _, found = resolutions.parted(rows, Resolution.PT15M)

    assert [(each.first.day, each.end.day) for each in found] == [(1, 2), (3, 4)]


@pytest.mark.parametrize("asked", [None, Resolution.PT1H, Resolution.P1D, Resolution.P1Y])
def test_what_can_be_shown_or_summed_is_never_left_out(asked: Resolution | None) -> None:
    rows = [stored(1, "PT1H"), stored(2, "PT15M")]

    assert resolutions.parted(rows, asked) == (rows, [])
    assert resolutions.rows_within(rows, asked, metering_points=0) == 2


def test_rows_are_counted_up_to_the_first_metering_point_too_many() -> None:
    rows = [
        stored(1, "PT1H"),
        stored(2, "PT1H"),
        stored(1, "PT15M", point=CABIN),
        stored(2, "PT1H", point=CABIN),
    ]

    assert resolutions.rows_within(rows, Resolution.PT15M, metering_points=1) == 3
    assert resolutions.rows_within(rows, Resolution.PT15M, metering_points=2) == 4


def test_one_metering_point_is_refused_with_the_day_and_what_is_stored() -> None:
    _, found = resolutions.parted([stored(29, "PT1H")], Resolution.PT15M)

    with pytest.raises(InvalidRequest) as refused:
        resolutions.refuse(found)

    [fault] = refused.value.faults
    assert (fault.parameter, fault.code) == ("resolution", "finer-than-stored")
    assert fault.message == "707057500000010017 is stored as PT1H on 2026-03-29."


def test_nothing_is_refused_where_all_is_as_fine_as_asked() -> None:
    resolutions.refuse([])
