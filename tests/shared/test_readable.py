from collections.abc import Sequence
from datetime import date

import pytest

from shared.metering import MeteringPointId
from shared.readable import Permission, PermittedDays, Readable, clip

POINT = MeteringPointId("707057500000010017")


def _permission(valid_from: date | None, valid_to: date | None, *, customer: int = 1) -> Permission:
    return Permission(POINT, customer, f"Customer {customer}", valid_from, valid_to)


def _periods(*permissions: Permission) -> Sequence[PermittedDays]:
    return Readable("app:x", permissions, "1").periods[POINT]


def test_periods_of_two_customers_that_touch_are_one() -> None:
    found = _periods(
        _permission(date(2024, 5, 1), None, customer=2), _permission(date(2020, 1, 1), date(2024, 5, 1))
    )

    assert found == [PermittedDays(date(2020, 1, 1), None)]


def test_periods_with_a_gap_stay_apart() -> None:
    found = _periods(
        _permission(None, date(2020, 1, 1)), _permission(date(2020, 1, 2), date(2021, 1, 1), customer=2)
    )

    assert found == [PermittedDays(None, date(2020, 1, 1)), PermittedDays(date(2020, 1, 2), date(2021, 1, 1))]


def test_a_period_within_another_adds_nothing() -> None:
    found = _periods(
        _permission(date(2020, 1, 1), date(2025, 1, 1)),
        _permission(date(2021, 1, 1), date(2022, 1, 1), customer=2),
    )

    assert found == [PermittedDays(date(2020, 1, 1), date(2025, 1, 1))]


def test_periods_without_a_first_day_are_one() -> None:
    found = _periods(_permission(None, date(2020, 1, 1)), _permission(None, date(2021, 1, 1), customer=2))

    assert found == [PermittedDays(None, date(2021, 1, 1))]


def test_a_period_without_an_end_holds_all_that_begin_later() -> None:
    found = _periods(_permission(date(2020, 1, 1), None), _permission(date(2021, 1, 1), None, customer=2))

    assert found == [PermittedDays(date(2020, 1, 1), None)]


def test_the_end_of_a_period_is_exclusive() -> None:
    days = PermittedDays(date(2020, 1, 1), date(2020, 1, 3))

    assert [days.contains(date(2020, 1, day)) for day in (1, 2, 3)] == [True, True, False]
    assert not days.contains(date(2019, 12, 31))


def test_only_permitted_days_are_left_without_empty_spans() -> None:
    permitted = [
        PermittedDays(None, date(2024, 1, 1)),
        PermittedDays(date(2024, 1, 5), date(2024, 1, 7)),
        PermittedDays(date(2024, 1, 9), None),
    ]

    assert clip(permitted, (date(2024, 1, 1), date(2024, 1, 9))) == [(date(2024, 1, 5), date(2024, 1, 7))]
    assert clip(permitted, (date(2023, 12, 31), date(2024, 1, 10))) == [
        (date(2023, 12, 31), date(2024, 1, 1)),
        (date(2024, 1, 5), date(2024, 1, 7)),
        (date(2024, 1, 9), date(2024, 1, 10)),
    ]


def _portfolio(*numbers: int) -> Readable:
    """Two customers' permissions of each metering point."""
    permissions = tuple(
        Permission(MeteringPointId(f"{each:018d}"), customer, "", None, None)
        for each in numbers
        for customer in (1, 2)
    )
    return Readable("app:x", permissions, "1")


def _numbers(readable: Readable) -> list[int]:
    return [int(each.metering_point_id) for each in readable.permissions]


def test_a_chunk_holds_whole_metering_points_and_names_the_next() -> None:
    readable = _portfolio(1, 2, 4, 5)

    first, following = readable.chunk(start="", size=3)
    last, end = readable.chunk(start=f"{3:018d}", size=3)

    assert (_numbers(first), following) == ([1, 1, 2, 2, 4, 4], f"{5:018d}")
    assert (_numbers(last), end) == ([4, 4, 5, 5], None)
    assert first.version == readable.version


def test_a_chunk_after_the_last_metering_point_is_empty() -> None:
    part, following = _portfolio(1).chunk(start=f"{2:018d}", size=3)

    assert (part.permissions, following) == ((), None)


def test_only_some_metering_points_are_kept_with_all_their_permissions() -> None:
    assert _numbers(_portfolio(1, 2, 3).only({f"{2:018d}", f"{9:018d}"})) == [2, 2]


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        ((date(1899, 12, 31), date(2200, 1, 1)), (None, None)),
        ((date(1, 1, 1), date(9999, 12, 31)), (None, None)),
        ((date(1900, 1, 1), date(2199, 12, 31)), (date(1900, 1, 1), date(2199, 12, 31))),
        ((None, None), (None, None)),
    ],
)
def test_bounds_are_shown_where_they_can_be_asked_for(
    days: tuple[date | None, date | None], shown: tuple[date | None, date | None]
) -> None:
    assert PermittedDays(*days).shown == shown


def test_a_part_that_leaves_nothing_out_shares_the_computed_periods() -> None:
    readable = _portfolio(1, 2, 3)

    chunk, following = readable.chunk(start="", size=3)

    assert following is None
    assert chunk.periods is readable.periods
    assert readable.only([f"{each:018d}" for each in (3, 1, 2)]).periods is readable.periods
    assert readable.only([f"{1:018d}"]).periods is not readable.periods
