"""GS2 read back: values, times and codes; what it cannot hold is refused."""

from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import periods
from shared.files.forms import table
from shared.files.forms.about import About, Gaps
from shared.files.forms.form import FileFormat, Form
from shared.files.forms.gs2 import UnfitForGs2
from shared.metering import Direction, Resolution
from shared.series.assembly import Series, Sum
from tests.shared.files.forms import cases, gs2_reader
from tests.shared.files.forms.gs2_reader import TimeSeries

GOLDEN = Path(__file__).parent / "golden"
FLOW = {Direction.CONSUMPTION: "out", Direction.PRODUCTION: "in"}
SEND = About(name="feed-1", as_of=cases.PUBLISHED, gaps=Gaps.SEND)


def written(series: list[Series], *, about: About = cases.ABOUT, **gs2: Any) -> list[TimeSeries]:
    form = Form.model_validate({"format": "gs2", "gs2": gs2}, strict=False)
    return gs2_reader.read(b"".join(table.write(series, form=form, about=about).pieces))


@pytest.mark.parametrize("name", cases.CASES)
def test_golden_files_have_every_value_of_complete_days_at_its_time(name: str) -> None:
    day, resolution, direction, missing = cases.CASES[name]

    found = gs2_reader.read((GOLDEN / f"{name}.gs2").read_bytes())

    assert [each.keys["direction-of-flow"] for each in found] == ([] if missing else [FLOW[direction]])
    assert [(value.start, value.quantity) for each in found for value in each.values] == [
        (start.astimezone(UTC), Decimal(quantity))
        for start, quantity in zip(
            periods.starts(day, resolution.step),
            cases.run(day, resolution=resolution).quantities.split(","),
            strict=True,
        )
        if not missing
    ]


def test_a_golden_file_lacks_the_day_with_a_gap_and_has_the_days_beside_it() -> None:
    days = cases.days(cases.WINTER_DAY, 3)
    runs = [cases.run(day, missing=[7] if day is days[1] else []) for day in days]
    file = table.write([cases.series(*runs)], form=Form(format=FileFormat.GS2), about=cases.ABOUT)
    golden = (GOLDEN / "held-gap.gs2").read_bytes()

    assert b"".join(file.pieces) == golden
    assert [
        (each.keys["start"], each.keys["stop"], each.keys["sum"]) for each in gs2_reader.read(golden)
    ] == [
        ("2026-01-15.00:00:00", "2026-01-16.00:00:00", "28.212"),
        ("2026-01-17.00:00:00", "2026-01-18.00:00:00", "28.212"),
    ]


@pytest.mark.parametrize(
    ("day", "start", "stop"),
    [
        (cases.WINTER_DAY, "2026-01-15.00:00:00", "2026-01-16.00:00:00"),
        (cases.SPRING, "2026-03-29.00:00:00", "2026-03-29.23:00:00"),
        (cases.SUMMER_DAY, "2026-06-30.23:00:00", "2026-07-01.23:00:00"),
        (cases.AUTUMN, "2026-10-24.23:00:00", "2026-10-26.00:00:00"),
    ],
)
def test_all_times_have_one_offset_in_summer_and_winter(day: Any, start: str, stop: str) -> None:
    (found,) = written([cases.series(cases.run(day))])

    assert (found.keys["start"], found.keys["stop"]) == (start, stop)


def test_consecutive_days_are_one_series_and_a_day_with_a_gap_is_held() -> None:
    first, second, third, fourth = cases.days(cases.SPRING, 4)
    runs = [cases.run(first), cases.run(second), cases.run(third, missing=[3]), cases.run(fourth)]

    found = written([cases.series(*runs)])

    assert [len(each.values) for each in found] == [47, 24]
    assert found[1].values[0].start == periods.start_of(fourth)


def test_a_day_that_is_not_there_parts_the_series() -> None:
    first, _, third = cases.days(cases.SPRING, 3)

    found = written([cases.series(cases.run(first), cases.run(third))])

    assert [(each.values[0].start, len(each.values)) for each in found] == [
        (periods.start_of(first), 23),
        (periods.start_of(third), 24),
    ]


def test_parts_of_a_day_follow_one_another_as_days_do() -> None:
    day = cases.run(cases.WINTER_DAY)
    quantities = day.quantities.split(",")
    parts = [
        day._replace(
            first=first, quantities=",".join(quantities[first:end]), qualities=day.qualities[first:end]
        )
        for first, end in ((6, 10), (10, 20), (22, 24))
    ]

    found = written([cases.series(*parts)])

    assert [(each.keys["start"], each.keys["stop"]) for each in found] == [
        ("2026-01-15.06:00:00", "2026-01-15.20:00:00"),
        ("2026-01-15.22:00:00", "2026-01-16.00:00:00"),
    ]


def test_a_gap_that_is_sent_is_an_empty_value_with_its_code() -> None:
    (found,) = written([cases.series(cases.run(cases.WINTER_DAY, missing=[3]))], about=SEND)

    assert [each.quality for each in found.values[:4]] == ["0", "0", "1", "X"]
    assert found.values[3].quantity is None


def test_measured_and_calculated_values_have_one_code_and_all_estimates_another() -> None:
    run = cases.run(cases.WINTER_DAY)._replace(qualities="MCEFT" + 19 * "M")

    (found,) = written([cases.series(run)])

    assert [each.quality for each in found.values[:5]] == ["0", "0", "1", "1", "1"]


def test_key_codes_and_directions_are_the_receivers() -> None:
    production = cases.series(cases.run(cases.WINTER_DAY), direction=Direction.PRODUCTION)

    (found,) = written([production], key="Plant", qualities={"estimated": "99"}, gmtReference=2)

    assert (found.keys["plant"], found.keys["direction-of-flow"]) == (cases.POINT, "in")
    assert "reference" not in found.keys
    assert found.values[2].quality == "99"
    assert found.values[0].start == periods.start_of(cases.WINTER_DAY)


def test_a_series_with_two_resolutions_is_refused() -> None:
    first, second = cases.days(cases.SUMMER_DAY, 2)
    runs = [cases.run(first), cases.run(second, resolution=Resolution.PT15M)]

    with pytest.raises(UnfitForGs2, match="PT1H"):
        written([cases.series(*runs)])


def test_sums_are_refused() -> None:
    day = periods.market_day(cases.SPRING)
    total = Sum(cases.SPRING, Resolution.P1D, day, "1.000", "M", True, 0, cases.PUBLISHED)

    with pytest.raises(UnfitForGs2, match="fixed length"):
        written([cases.series(total)])


def test_a_file_of_several_pieces_is_whole() -> None:
    runs = [cases.run(day, resolution=Resolution.PT15M) for day in cases.days(cases.WINTER_DAY, 365)]
    form = Form.model_validate({"format": "gs2"}, strict=False)

    pieces = list(table.write([cases.series(*runs)], form=form, about=cases.ABOUT).pieces)

    (found,) = gs2_reader.read(b"".join(pieces))
    assert len(pieces) > 3
    assert len(found.values) == 365 * 96


@settings(max_examples=60, deadline=None)
@given(
    start=st.dates(cases.days(cases.SPRING, 1)[0] - timedelta(days=3), cases.AUTUMN),
    count=st.integers(1, 5),
    missing=st.lists(st.integers(0, 22), max_size=3),
    resolution=st.sampled_from([Resolution.PT1H, Resolution.PT15M]),
    direction=st.sampled_from(list(Direction)),
)
def test_a_file_has_the_values_and_the_sum_of_its_series(
    start: Any, count: int, missing: list[int], resolution: Resolution, direction: Direction
) -> None:
    runs = [cases.run(day, resolution=resolution, missing=missing) for day in cases.days(start, count)]
    form = Form.model_validate({"format": "gs2"}, strict=False)
    file = table.write([cases.series(*runs, direction=direction)], form=form, about=SEND)

    (found,) = gs2_reader.read(b"".join(file.pieces))

    assert sum(each.quantity or 0 for each in found.values) * 1000 == file.counts.watt_hours
    assert len(found.values) == file.counts.values == sum(len(run.qualities) for run in runs)
    assert sum(each.quantity is None for each in found.values) == file.counts.missing
