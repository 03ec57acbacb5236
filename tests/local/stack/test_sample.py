"""Sample data comes whole at first, and day by day afterwards."""

from datetime import date
from pathlib import Path

from local.stack import sample

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)


def names(missing: list[list[Path]]) -> list[list[str]]:
    return [[path.name for path in files] for files in missing]


def test_a_first_start_loads_everything_and_the_correction_after_it(tmp_path: Path) -> None:
    missing, loaded = sample.write_missing(tmp_path, yesterday=FRIDAY, days=10)

    assert names(missing) == [
        ["metering_points.csv", "supply_periods.csv", "values_2026-11-11_2026-11-20.csv"],
        ["correction_2026-11-11.csv"],
    ]
    assert loaded.until == FRIDAY


def test_a_start_on_the_same_day_loads_nothing(tmp_path: Path) -> None:
    _, loaded = sample.write_missing(tmp_path, yesterday=FRIDAY, days=10)
    sample.remember(tmp_path, loaded)

    assert sample.write_missing(tmp_path, yesterday=FRIDAY, days=10) == ([], loaded)


def test_a_later_start_loads_the_days_since(tmp_path: Path) -> None:
    _, loaded = sample.write_missing(tmp_path, yesterday=FRIDAY, days=10)
    sample.remember(tmp_path, loaded)

    missing, later = sample.write_missing(tmp_path, yesterday=MONDAY, days=10)

    assert names(missing) == [["values_2026-11-21_2026-11-23.csv"]]
    assert (later.timeline, later.until) == (loaded.timeline, MONDAY)


def test_a_start_that_died_before_it_had_loaded_does_it_again(tmp_path: Path) -> None:
    first, _ = sample.write_missing(tmp_path, yesterday=FRIDAY, days=10)
    again, _ = sample.write_missing(tmp_path, yesterday=FRIDAY, days=10)

    assert names(again) == names(first)


def test_a_clock_that_went_back_loads_nothing(tmp_path: Path) -> None:
    _, loaded = sample.write_missing(tmp_path, yesterday=MONDAY, days=10)
    sample.remember(tmp_path, loaded)

    missing, _ = sample.write_missing(tmp_path, yesterday=FRIDAY, days=10)

    assert missing == []
