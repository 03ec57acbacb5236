"""Which stored market days are whole."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.series import assembly
from shared.warehouse.queries.series_days import DayRow

DAY = date(2026, 3, 1)


def day(quantities: str, qualities: str) -> DayRow:
    """Return a day of which the first values are given; the others are 1.000."""
    left = 24 - len(qualities)
    return DayRow(
        "707057500000000018",
        DAY,
        "PT1H",
        ",".join([quantities, *["1.000"] * left]),
        qualities + "M" * left,
        "24.000",
        datetime(2026, 3, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("quantities", "qualities"),
    [("0.000", "M"), ("123456789012345.678", "E"), ("null", "X"), ("1.000,null,2.000", "MXC")],
)
def test_numbers_with_three_decimals_and_nulls_where_missing_are_whole(
    quantities: str, qualities: str
) -> None:
    row = day(quantities, qualities)

    assert assembly.sound([row]) == [row]


@pytest.mark.parametrize(
    ("quantities", "qualities"),
    [
        ("1.00", "M"),
        ("1.0000", "M"),
        ("1.", "M"),
        (".000", "M"),
        ("-1.000", "M"),
        (" 1.000", "M"),
        ("1.000\n", "M"),
        ("1e3.000", "M"),
        ("NaN.", "M"),
        ("١.000", "M"),
        ("1234567890123456.000", "M"),
        ('"],"a":["1.000', "M"),
        ("Null", "X"),
        ("n1ull", "X"),
        ("1null", "X"),
        ("null1", "X"),
        ("1.000;1.000", "M"),
        ("1.000;1.000", "MM"),
        ("", "X"),
        ("null", "M"),
        ("1.000", "X"),
        ("null,1.000", "MX"),
        ("1.0.00,2", "MM"),
    ],
)
def test_values_of_any_other_form_or_place_are_left_out(quantities: str, qualities: str) -> None:
    good, bad = day("2.000", "M"), day(quantities, qualities)

    assert assembly.sound([bad]) == []
    assert assembly.sound([good, bad, good]) == [good, good]


def test_days_are_whole_though_some_have_values_that_are_missing_and_some_none() -> None:
    rows = [day("1.000", "M"), day("null,2.000", "XE"), day(",".join(["null"] * 24), "X" * 24)]

    assert assembly.sound(rows) == rows
    assert assembly.sound([]) == []


@pytest.mark.parametrize("changed", [{"resolution": "P1D"}, {"qualities": "M" * 23}, {"qualities": "m" * 24}])
def test_a_day_of_an_unknown_resolution_letter_or_length_is_left_out(changed: dict[str, Any]) -> None:
    good = day("1.000", "M")

    assert assembly.sound([good, good._replace(**changed)]) == [good]


def test_the_log_counts_the_days_that_are_left_out_and_names_some(caplog: pytest.LogCaptureFixture) -> None:
    rows = [day("1.00", "M")._replace(delivery_date=date(2026, 3, number)) for number in range(1, 8)]

    assembly.sound([day("1.000", "M"), *rows])

    assert "left out of an answer, 7 of them: " in caplog.text
    assert caplog.text.count("'707057500000000018' on 2026-03-0") == assembly.LOGGED == 5
