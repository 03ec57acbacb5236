"""Packed days read as columns of whole Wh: sound ones only, and exact whatever their size."""

import logging
from datetime import date

import pytest

from shared.metering import Resolution
from shared.periods import ONE_DAY, Period, start_of
from shared.series import blocks, peaks, totals
from shared.series.peaks import Of
from shared.warehouse.queries import PackedRow

DAY = date(2026, 3, 1)
HOUSE, CABIN = "707057500000010017", "707057500000010024"


def packed(
    metering_point_id: str = HOUSE, quantities: str = "", qualities: str = "", resolution: str = "PT1H"
) -> PackedRow:
    """Return a day of which the first values are given; the others are 1.000."""
    left = (96 if resolution == "PT15M" else 24) - len(qualities)
    values = ",".join([*([quantities] if quantities else []), *["1.000"] * left])
    return PackedRow(metering_point_id, DAY, resolution, values, qualities + "M" * left)


@pytest.mark.parametrize(
    ("quantities", "qualities"),
    [
        ("1.00", "M"),
        ("-1.000", "M"),
        ("null", "M"),
        ("1.000", "X"),
        ("null,1.000", "MX"),
        ("1.0.00,2", "MM"),
        ("99999999999999999999.000", "M"),
        ("2.000,3.000", "M"),
        ("+1.000", "M"),
        (" 1.000", "M"),
        ('"1.000"', "M"),
        ("0x1.000", "M"),
        (".000", "M"),
        ("1000,1.0.000", "MM"),
        ("1.000\n1.000", "MM"),
    ],
)
def test_a_day_of_another_form_is_left_out_and_named_and_the_others_are_answered(
    quantities: str, qualities: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [packed(HOUSE, quantities, qualities), packed(CABIN, "null,7.000", "XM")]

    with caplog.at_level(logging.ERROR):
        found = peaks.highest(blocks.blocks(rows), count=1, of=Of.DAYS)

    assert [(each.metering_point_id, [hour.watt_hours for hour in each.hours]) for each in found] == [
        (CABIN, [7_000])
    ]
    assert HOUSE in caplog.text


def test_a_day_of_an_unknown_resolution_or_length_is_left_out() -> None:
    rows = [packed(resolution="PT30M"), packed()._replace(qualities="M" * 23)]

    assert list(blocks.blocks(rows)) == []


def test_a_sum_that_no_column_can_hold_is_exact() -> None:
    most = "999999999999999.999"
    points = [f"7070575000000{number:05d}" for number in range(5_000)]
    rows = [packed(point, f"{most},null", "MX") for point in points]

    found = list(
        totals.of_blocks(
            blocks.blocks(rows),
            resolution=Resolution.PT1H,
            period=Period(start_of(DAY), start_of(DAY + ONE_DAY)),
        )
    )

    assert [(each.watt_hours, each.missing, each.metering_points) for each in found[:3]] == [
        (5_000 * 999_999_999_999_999_999, 0, 5_000),
        (None, 5_000, 5_000),
        (5_000_000, 0, 5_000),
    ]


def test_an_hour_that_lacks_a_quarter_is_no_peak() -> None:
    row = packed(quantities="9.000,null,9.000,9.000,2.000", qualities="MXMMM", resolution="PT15M")

    (found,) = peaks.highest(blocks.blocks([row]), count=1, of=Of.HOURS)

    assert [hour.watt_hours for hour in found.hours] == [5_000]
    assert found.provisional
