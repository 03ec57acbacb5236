"""Wide tables: a row for each interval in order of time, a column for each metering point and direction."""

from collections.abc import Sequence
from datetime import date

import pytest

from shared import periods
from shared.files.forms import table
from shared.files.forms.form import Form
from shared.metering import Direction, Resolution
from shared.periods import Period
from shared.series.assembly import Series, Sum, Values
from tests.shared.files.forms import cases

WIDE = Form.model_validate({"format": "csv", "layout": "wide"}, strict=False)


def rows(series: Sequence[Series], *, form: Form = WIDE) -> list[list[str]]:
    file = table.write(series, form=form, about=cases.ABOUT)
    text = b"".join(file.pieces).decode()
    found = [line.split(",") for line in text.removesuffix("\r\n").split("\r\n")]
    assert file.counts.rows == len(found) - 1
    return found


def part(*, first: int, count: int) -> Values:
    whole = cases.run(cases.WINTER_DAY)
    quantities = ",".join(whole.quantities.split(",")[first : first + count])
    return whole._replace(
        first=first, quantities=quantities, qualities=whole.qualities[first : first + count]
    )


def test_quarters_stand_between_hours() -> None:
    hours = cases.series(cases.run(cases.WINTER_DAY))
    quarters = cases.series(cases.run(cases.WINTER_DAY, resolution=Resolution.PT15M), point=cases.OTHER_POINT)

    heading, *found = rows([hours, quarters])

    assert heading == ["start", "end", cases.POINT, cases.OTHER_POINT]
    assert len(found) == 24 + 96
    assert [[cell[11:16] for cell in row[:2]] + row[2:] for row in found[:3]] == [
        ["00:00", "00:15", "", "0.000"],
        ["00:00", "01:00", "0.000", ""],
        ["00:15", "00:30", "", "0.037"],
    ]


def test_parts_of_a_day_stand_beside_the_whole_day() -> None:
    whole, some = cases.series(cases.run(cases.WINTER_DAY)), part(first=22, count=2)

    _, *found = rows([whole, cases.series(some, point=cases.OTHER_POINT)])

    assert len(found) == 24
    assert [row[2:] for row in found[21:]] == [["2.777", ""], ["2.814", "2.814"], ["2.851", "2.851"]]


def test_days_of_different_metering_points_follow_one_another() -> None:
    first, second = cases.days(cases.WINTER_DAY, 2)

    _, *found = rows(
        [cases.series(cases.run(second)), cases.series(cases.run(first), point=cases.OTHER_POINT)]
    )

    assert [row[0][:10] for row in found] == [str(first)] * 24 + [str(second)] * 24
    assert (found[1][2:], found[25][2:]) == (["", "0.037"], ["0.037", ""])


def test_both_directions_have_a_column_each() -> None:
    both = [cases.series(cases.run(cases.WINTER_DAY), direction=each) for each in Direction]

    heading, first, *_ = rows(both)

    assert heading[2:] == [f"{cases.POINT} consumption", f"{cases.POINT} production"]
    assert first[2:] == ["0.000", "0.000"]


def test_sums_have_a_row_for_each_period() -> None:
    months = [
        Sum(
            first,
            Resolution.P1M,
            Period(*map(periods.start_of, (first, end))),
            quantity,
            "M",
            True,
            0,
            cases.PUBLISHED,
        )
        for first, end, quantity in (
            (date(2026, 9, 1), date(2026, 10, 1), "700.500"),
            (date(2026, 10, 1), date(2026, 11, 1), "null"),
        )
    ]

    _, *found = rows([cases.series(*months)])

    assert found == [
        ["2026-09-01T00:00:00+02:00", "2026-10-01T00:00:00+02:00", "700.500"],
        ["2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00", ""],
    ]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"time": "utc"}, ["2026-01-14T23:00:00Z", "2026-01-15T00:00:00Z", "0.000"]),
        ({"time": "local"}, ["15.01.2026 00:00", "+01:00", "15.01.2026 01:00", "+01:00", "0.000"]),
        ({"time": "epoch-ms", "stamp": "end", "unit": "Wh"}, ["1768435200000", "0"]),
        ({"time": "local", "stamp": "end"}, ["15.01.2026 01:00", "+01:00", "0.000"]),
    ],
)
def test_times_are_those_of_the_profile(profile: dict[str, str], expected: list[str]) -> None:
    form = Form.model_validate({"format": "csv", "layout": "wide", "profile": profile}, strict=False)

    _, first, *_ = rows([cases.series(cases.run(cases.WINTER_DAY))], form=form)

    assert first == expected


def test_a_table_without_values_has_its_columns() -> None:
    assert rows([cases.series()]) == [["start", "end", cases.POINT]]
