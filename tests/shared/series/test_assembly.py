"""Cutting and summing of packed market days, with the numbers in sight."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import periods
from shared.metering import Direction, MeteringPointId, Resolution
from shared.periods import Period
from shared.readable import PermittedDays
from shared.series import assembly
from shared.series import sums as series_of_sums
from shared.series.assembly import Scope, Sum, Values
from shared.warehouse.queries.series_days import DayRow

POINT = MeteringPointId("707057500000010017")
PUBLISHED = datetime(2026, 11, 22, 6, tzinfo=UTC)
SPRING = date(2026, 3, 29)
AUTUMN = date(2026, 10, 25)
ALWAYS = [PermittedDays(None, None)]


def row(
    day: date, quantities: Sequence[str], *, qualities: str | None = None, resolution: str = "PT1H"
) -> DayRow:
    known = [Decimal(each) for each in quantities if each != "null"]
    return DayRow(
        metering_point_id=POINT,
        delivery_date=day,
        resolution=resolution,
        quantities=",".join(quantities),
        qualities=qualities or "".join("X" if each == "null" else "M" for each in quantities),
        total_kwh=str(sum(known, Decimal("0.000"))),
        published_at=PUBLISHED,
    )


def hours(day: date, quantity: str = "1.000") -> DayRow:
    return row(day, [quantity] * len(periods.starts(day, timedelta(hours=1))))


def scope(
    start: str,
    end: str,
    *,
    resolution: Resolution | None = None,
    permitted: Sequence[PermittedDays] = ALWAYS,
    available_until: str = "2027-01-01",
) -> Scope:
    return Scope(
        metering_point_id=POINT,
        direction=Direction.CONSUMPTION,
        period=Period(periods.parse_moment(start), periods.parse_moment(end)),
        resolution=resolution,
        permitted=permitted,
        available_until=periods.parse_moment(available_until),
    )


def runs(rows: Sequence[DayRow], wanted: Scope) -> list[Values]:
    return [part for part in assembly.assemble(rows, wanted).parts if isinstance(part, Values)]


def sums(rows: Sequence[DayRow], wanted: Scope) -> list[Sum]:
    return [part for part in series_of_sums.assemble(rows, wanted).parts if isinstance(part, Sum)]


def test_a_whole_day_is_handed_on_untouched() -> None:
    stored = row(SPRING, [f"{hour}.125" for hour in range(23)])

    [run] = runs([stored], scope("2026-03-29", "2026-03-30"))

    assert (run.quantities, run.qualities, run.first) == (stored.quantities, "M" * 23, 0)
    assert run.start == datetime(2026, 3, 28, 23, tzinfo=UTC)


def test_a_range_that_starts_and_ends_inside_a_day_has_the_values_that_start_within_it() -> None:
    stored = row(SPRING, [f"{hour}.000" for hour in range(23)])

    [run] = runs([stored], scope("2026-03-29T01:00:00+01:00", "2026-03-29T05:00:00+02:00"))

    # 01-03 (the clock jumps), 03-04, 04-05
    assert run.quantities == "1.000,2.000,3.000"
    assert run.start == datetime(2026, 3, 29, 0, tzinfo=UTC)


def test_a_value_belongs_to_the_range_in_which_it_starts() -> None:
    stored = row(SPRING, [f"{hour}.000" for hour in range(23)])

    [early] = runs([stored], scope("2026-03-29", "2026-03-29T00:30:00+01:00"))
    [late] = runs([stored], scope("2026-03-29T00:30:00+01:00", "2026-03-29T03:00:00+02:00"))

    assert (early.quantities, late.quantities) == ("0.000", "1.000")


def test_a_range_between_two_starts_has_no_values() -> None:
    wanted = scope("2026-03-29T05:10:00+02:00", "2026-03-29T05:50:00+02:00")

    assert runs([hours(SPRING)], wanted) == []


def test_quarters_become_hours_on_the_autumn_day() -> None:
    stored = row(AUTUMN, [f"0.{quarter:03d}" for quarter in range(100)], resolution="PT15M")

    [run] = runs([stored], scope("2026-10-25", "2026-10-26", resolution=Resolution.PT1H))

    assert run.quantities.split(",")[:2] == ["0.006", "0.022"]
    assert len(run.qualities) == 25
    assert run.resolution is Resolution.PT1H


def test_an_hour_without_all_its_quarters_is_missing() -> None:
    stored = row(AUTUMN, ["0.100", "null", "0.100", "0.100", *["0.250"] * 96], resolution="PT15M")

    [run] = runs([stored], scope("2026-10-25", "2026-10-26", resolution=Resolution.PT1H))

    assert run.quantities.startswith("null,1.000,")
    assert run.qualities == "X" + "M" * 24


def test_a_day_sum_is_exact_and_complete() -> None:
    stored = row(SPRING, ["0.412"] * 23)

    [day] = sums([stored], scope("2026-03-29", "2026-03-30", resolution=Resolution.P1D))

    assert (day.quantity, day.quality, day.complete, day.missing) == ("9.476", "M", True, 0)


def test_a_sum_is_as_sure_as_its_least_sure_value_and_counts_what_is_missing() -> None:
    stored = row(SPRING, ["1.000"] * 22 + ["null"], qualities="M" * 20 + "FE" + "X")

    [day] = sums([stored], scope("2026-03-29", "2026-03-30", resolution=Resolution.P1D))

    assert (day.quantity, day.quality, day.complete, day.missing) == ("22.000", "E", False, 1)


def test_a_day_without_any_value_has_no_sum() -> None:
    stored = row(SPRING, ["null"] * 23)

    [day] = sums([stored], scope("2026-03-29", "2026-03-30", resolution=Resolution.P1D))

    assert (day.quantity, day.quality, day.complete, day.missing) == ("null", "X", False, 23)


def test_a_month_cut_by_the_range_says_which_part_it_covers() -> None:
    days = [hours(date(2026, 3, day)) for day in range(10, 32)]

    [month] = sums(days, scope("2026-03-10T12:00:00+01:00", "2026-04-01", resolution=Resolution.P1M))

    assert month.quantity == f"{12 + 20 * 24 + 23}.000"
    assert month.period == scope("2026-03-10T12:00:00+01:00", "2026-04-01").period
    assert (month.complete, month.missing) == (False, 0)


def test_a_sum_covers_the_values_that_start_within_the_range_and_says_so() -> None:
    wanted = scope("2026-03-10T10:30:00+01:00", "2026-03-10T12:30:00+01:00", resolution=Resolution.P1D)

    [day] = sums([hours(date(2026, 3, 10))], wanted)

    assert day.quantity == "2.000"
    assert day.period == scope("2026-03-10T11:00:00+01:00", "2026-03-10T13:00:00+01:00").period
    assert (day.complete, day.missing) == (False, 0)


def test_a_sum_ends_with_a_quarter_where_its_last_day_has_quarters() -> None:
    quarters = row(date(2026, 3, 11), ["0.250"] * 96, resolution="PT15M")
    wanted = scope("2026-03-10T10:30:00+01:00", "2026-03-11T01:15:00+01:00", resolution=Resolution.P1M)

    [month] = sums([hours(date(2026, 3, 10)), quarters], wanted)

    assert month.period == scope("2026-03-10T11:00:00+01:00", "2026-03-11T01:15:00+01:00").period
    assert (month.quantity, month.missing) == ("14.250", 0)


def test_a_sum_is_as_new_as_the_newest_of_its_days() -> None:
    corrected = hours(date(2026, 3, 10))._replace(published_at=PUBLISHED + timedelta(days=1))

    [month] = sums(
        [corrected, hours(date(2026, 3, 11))],
        scope("2026-03-10", "2026-03-12", resolution=Resolution.P1M),
    )

    assert month.published_at == corrected.published_at


def test_a_range_in_which_no_value_starts_has_no_sum() -> None:
    wanted = scope("2026-03-10T10:30:00+01:00", "2026-03-10T10:45:00+01:00", resolution=Resolution.P1D)

    assert sums([hours(date(2026, 3, 10))], wanted) == []


def test_a_month_with_an_unpublished_day_counts_its_hours_as_missing() -> None:
    days = [hours(date(2026, 3, day)) for day in range(1, 32) if day != 29]

    [month] = sums(days, scope("2026-03-01", "2026-04-01", resolution=Resolution.P1M))

    assert (month.quantity, month.complete, month.missing) == ("720.000", False, 23)


def test_a_gap_in_what_is_permitted_is_missing_between_start_and_end() -> None:
    days = [hours(date(2026, 2, day)) for day in (1, 3)]
    permitted = [PermittedDays(None, date(2026, 2, 2)), PermittedDays(date(2026, 2, 3), None)]

    [month] = sums(days, scope("2026-02-01", "2026-02-04", resolution=Resolution.P1M, permitted=permitted))

    assert month.period == Period(periods.start_of(date(2026, 2, 1)), periods.start_of(date(2026, 2, 4)))
    assert (month.quantity, month.missing, month.complete) == ("48.000", 24, False)


def test_absent_days_are_counted_in_the_resolution_of_the_days_beside_them() -> None:
    quarters = [row(date(2026, 4, day), ["0.250"] * 96, resolution="PT15M") for day in (20, 25)]
    days = [hours(date(2026, 4, day)) for day in (3, 10)]

    [month] = sums([*days, *quarters], scope("2026-04-01", "2026-05-01", resolution=Resolution.P1M))

    hours_absent = (2 + 6 + 9) * 24
    quarters_absent = (4 + 5) * 96
    assert month.missing == hours_absent + quarters_absent


@pytest.mark.parametrize(
    ("resolution", "start", "end", "energy"),
    [
        (Resolution.P1M, "2026-02-01", "2026-03-01", 28 * 24),
        (Resolution.P1M, "2026-10-01", "2026-11-01", 31 * 24 + 1),
        (Resolution.P1Y, "2024-01-01", "2025-01-01", 366 * 24),
    ],
)
def test_a_month_or_year_with_every_day_is_complete(
    resolution: Resolution, start: str, end: str, energy: int
) -> None:
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    days = [hours(first + timedelta(days=number)) for number in range((last - first).days)]

    [found] = sums(days, scope(start, end, resolution=resolution))
    [part] = sums(days[:-1], scope(start, str(last - timedelta(days=1)), resolution=resolution))

    assert found.period == Period(periods.start_of(first), periods.start_of(last))
    assert (found.quantity, found.complete, found.missing) == (f"{energy}.000", True, 0)
    assert (part.complete, part.missing) == (False, 0)


def test_a_month_that_is_not_over_ends_where_the_data_does() -> None:
    days = [hours(date(2026, 11, day)) for day in range(1, 11)]
    wanted = scope("2026-11-01", "2026-12-01", resolution=Resolution.P1M, available_until="2026-11-11")

    [month] = sums(days, wanted)

    assert month.period == Period(periods.start_of(date(2026, 11, 1)), periods.start_of(date(2026, 11, 11)))
    assert (month.complete, month.missing) == (False, 0)


def test_a_month_permitted_in_part_is_not_complete_and_misses_nothing() -> None:
    days = [hours(date(2026, 5, day)) for day in range(10, 32)]
    permitted = [PermittedDays(date(2026, 5, 10), None)]

    [month] = sums(days, scope("2026-05-01", "2026-06-01", resolution=Resolution.P1M, permitted=permitted))

    assert month.period.start == periods.start_of(date(2026, 5, 10))
    assert (month.quantity, month.complete, month.missing) == ("528.000", False, 0)


def test_years_and_months_start_on_their_first_market_day() -> None:
    days = [hours(date(2025, 12, 31)), hours(date(2026, 1, 1))]

    years = sums(days, scope("2025-12-31", "2026-01-02", resolution=Resolution.P1Y))
    months = sums(days, scope("2025-12-31", "2026-01-02", resolution=Resolution.P1M))

    assert [each.day for each in years] == [date(2025, 1, 1), date(2026, 1, 1)]
    assert [each.day for each in months] == [date(2025, 12, 1), date(2026, 1, 1)]


def test_the_resolution_of_a_series_that_changes_it_is_unknown() -> None:
    quarters = row(date(2026, 3, 30), ["0.250"] * 96, resolution="PT15M")

    found = assembly.assemble([hours(SPRING), quarters], scope("2026-03-29", "2026-03-31"))

    assert found.resolution is None


@given(st.lists(st.integers(0, 10**15), min_size=23, max_size=23))
def test_sums_are_exact_to_the_last_digit(watt_hours: list[int]) -> None:
    stored = row(SPRING, [assembly.kwh(each) for each in watt_hours])

    [day] = sums([stored], scope("2026-03-29", "2026-03-30", resolution=Resolution.P1D))

    assert Decimal(day.quantity) == Decimal(sum(watt_hours)) / 1000


@given(st.data())
def test_the_parts_of_a_day_are_the_day_wherever_it_is_cut(data: st.DataObject) -> None:
    day = data.draw(st.sampled_from([SPRING, AUTUMN, date(2026, 6, 1)]))
    whole = periods.market_day(day)
    minutes = int((whole.end - whole.start).total_seconds()) // 60
    middle = whole.start + timedelta(minutes=data.draw(st.integers(1, minutes - 1)))
    count = minutes // 60
    stored = row(day, [f"{hour}.000" for hour in range(count)])

    before = runs([stored], scope(periods.local_text(whole.start), periods.local_text(middle)))
    after = runs([stored], scope(periods.local_text(middle), periods.local_text(whole.end)))

    assert ",".join(run.quantities for run in before + after) == stored.quantities
