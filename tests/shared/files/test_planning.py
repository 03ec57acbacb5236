"""What one file of an export holds."""

from datetime import date, timedelta

import pytest

from shared import periods
from shared.files import planning
from shared.files.forms.form import FileFormat, FileLayout, Form
from shared.metering import MeteringPointId, Resolution
from shared.periods import Period
from shared.warehouse.queries.series_days import SizeRow
from tests.builders.warehouse import CABIN, HOUSE, SHOP

POINTS = [MeteringPointId(each) for each in (HOUSE, CABIN, SHOP)]
DAYS = ((date(2020, 1, 1), date(2026, 1, 1)),)
PERMITTED = dict.fromkeys(POINTS, DAYS)


def parts(*sizes: tuple[str, str, int], most: int, resolution: Resolution | None = None) -> list[list[str]]:
    found = planning.parts(
        (SizeRow(*each) for each in sizes), resolution=resolution, permitted=PERMITTED, max_values=most
    )
    return [list(each.permitted) for each in found]


@pytest.mark.parametrize(
    ("file_format", "files"),
    [(FileFormat.CSV, [[HOUSE], [CABIN], [SHOP]]), (FileFormat.PARQUET, [[HOUSE, CABIN, SHOP]])],
)
def test_a_file_has_so_many_values_that_it_stays_at_fifty_megabytes(
    file_format: FileFormat, files: list[list[str]]
) -> None:
    most = planning.most_values(Form(format=file_format))

    # Three times 288 000 hours.
    assert parts(*((each, "PT1H", 12_000) for each in POINTS), most=most) == files


def test_a_metering_point_is_never_divided() -> None:
    assert parts((HOUSE, "PT1H", 9), (CABIN, "PT1H", 1_000), (SHOP, "PT1H", 9), most=500) == [
        [HOUSE],
        [CABIN],
        [SHOP],
    ]


def test_values_are_counted_in_the_resolution_of_the_file() -> None:
    quarters = [(HOUSE, "PT15M", 5), (CABIN, "PT15M", 5)]

    assert parts(*quarters, most=960) == [[HOUSE, CABIN]]
    assert parts(*quarters, most=959) == [[HOUSE], [CABIN]]
    assert parts(*quarters, most=240, resolution=Resolution.PT1H) == [[HOUSE, CABIN]]
    assert parts(*quarters, most=10, resolution=Resolution.P1D) == [[HOUSE, CABIN]]


def test_each_part_counts_its_own_days() -> None:
    sizes = [(HOUSE, "PT15M", 5), (HOUSE, "PT1H", 7), (CABIN, "PT1H", 1), (SHOP, "PT1H", 2)]

    found = planning.parts(
        (SizeRow(*each) for each in sizes), resolution=None, permitted=PERMITTED, max_values=72
    )

    assert [each.days for each in found] == [12, 3]


def test_a_part_has_no_more_metering_points_than_it_may() -> None:
    sizes = (SizeRow(each, "PT1H", 1) for each in POINTS)

    found = planning.parts(sizes, resolution=None, permitted=PERMITTED, max_values=10**9, max_points=2)

    assert [list(each.permitted) for each in found] == [[HOUSE, CABIN], [SHOP]]


def test_both_resolutions_of_a_metering_point_are_in_its_part() -> None:
    sizes = [(HOUSE, "PT15M", 5), (HOUSE, "PT1H", 5), (CABIN, "PT1H", 1)]

    assert parts(*sizes, most=1) == [[HOUSE], [CABIN]]


def test_permitted_days_are_kept_in_few_bytes() -> None:
    many = {MeteringPointId(f"70705750{number:010d}"): DAYS for number in range(planning.MAX_POINTS)}

    packed = planning.pack(many)

    assert planning.unpack(packed) == many
    assert len(packed) < 64_000  # A column of a table holds 64 KiB.


@pytest.mark.parametrize(
    ("held", "is_covered"),
    [
        (((date(2019, 1, 1), date(2027, 1, 1)),), True),
        (DAYS, True),
        (((date(2020, 1, 2), date(2026, 1, 1)),), False),
        (((date(2020, 1, 1), date(2023, 1, 1)), (date(2023, 1, 2), date(2026, 1, 1))), False),
    ],
)
def test_what_a_part_holds_is_covered_if_each_day_is_permitted(
    held: planning.Spans, is_covered: bool
) -> None:
    assert planning.covers({POINTS[0]: held}, {POINTS[0]: DAYS}) is is_covered


def test_a_metering_point_that_is_not_permitted_is_not_covered() -> None:
    assert not planning.covers({}, PERMITTED)


@pytest.mark.parametrize(
    ("layout", "days", "resolution", "most"),
    [
        ("rows", 1_100, None, planning.MAX_POINTS),
        ("wide", 1, Resolution.PT1H, planning.MAX_POINTS),
        ("wide", 1_000, Resolution.PT1H, 416),
        ("wide", 1_000, None, 104),
        ("wide", 1_000, Resolution.P1D, planning.MAX_POINTS),
    ],
)
def test_a_wide_file_has_no_more_cells_than_fit(
    layout: str, days: int, resolution: Resolution | None, most: int
) -> None:
    form = Form(format=FileFormat.CSV, layout=FileLayout(layout))
    first = date(2023, 1, 1)
    period = Period(periods.start_of(first), periods.start_of(first + timedelta(days=days)))

    assert planning.most_points(form, period, resolution) == most


def test_a_file_has_no_more_spans_of_permitted_days_than_fit_into_a_column() -> None:
    scattered = tuple((date(2020, 1, day), date(2020, 1, day + 1)) for day in range(1, 21, 2))
    points = [MeteringPointId(f"70705750{number:010d}") for number in range(900)]

    found = list(
        planning.parts(
            (SizeRow(each, "PT1H", 10) for each in points),
            resolution=None,
            permitted=dict.fromkeys(points, scattered),
            max_values=10**9,
        )
    )

    assert [len(each.permitted) for each in found] == [400, 400, 100]
