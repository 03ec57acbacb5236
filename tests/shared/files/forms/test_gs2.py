"""GS2 read back: values, times and codes; what it cannot hold is refused."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import periods
from shared.files.forms import table
from shared.files.forms.about import About, Gaps
from shared.files.forms.form import Form
from shared.files.forms.gs2 import UnfitForGs2
from shared.metering import Direction, Resolution
from shared.series.assembly import Series, Sum
from tests.shared.files.forms import cases, gs2_reader
from tests.shared.files.forms.gs2_reader import TimeSeries

SEND = About(name="feed-1", as_of=cases.PUBLISHED, gaps=Gaps.SEND)


def written(series: list[Series], *, about: About = cases.ABOUT, **gs2: Any) -> list[TimeSeries]:
    form = Form.model_validate({"format": "gs2", "gs2": gs2}, strict=False)
    return gs2_reader.read(b"".join(table.write(series, form=form, about=about).pieces))


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


def test_a_gap_that_is_sent_is_an_empty_value_with_its_code() -> None:
    (found,) = written([cases.series(cases.run(cases.WINTER_DAY, missing=[3]))], about=SEND)

    assert [each.quality for each in found.values[:4]] == ["0", "0", "1", "X"]
    assert found.values[3].quantity is None


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
