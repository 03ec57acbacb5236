"""Sample data as delivery files, in the format that the loader takes."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

from local import demo
from local.sampledata import readings
from local.sampledata.readings import Reading, Timeline

DAYS = 400
SUPPLIED_SINCE = date(2021, 5, 1)


def timeline_until(last: date, *, days: int = DAYS) -> Timeline:
    """Return the timeline of a first delivery that ends with `last`."""
    return Timeline(last - timedelta(days=days - 1), last)


def write_first(folder: Path, timeline: Timeline) -> list[Path]:
    """Write all files of a new demo world; return them in the order of loading, the correction last."""
    folder.mkdir(parents=True, exist_ok=True)
    days = (
        timeline.first + timedelta(days=number) for number in range((timeline.last - timeline.first).days + 1)
    )
    return [
        *write_master_data(folder, timeline),
        _write_readings(folder / f"values_{timeline.first}_{timeline.last}.csv", days, timeline=timeline),
        _write_rows(
            folder / f"correction_{timeline.corrected}.csv",
            READING_COLUMNS,
            map(_row, readings.correction(timeline)),
        ),
    ]


def write_master_data(folder: Path, timeline: Timeline) -> list[Path]:
    """Write the files of metering points and supply periods."""
    return [
        _write_metering_points(folder / "metering_points.csv"),
        _write_supply_periods(folder / "supply_periods.csv", timeline),
    ]


def write_days(folder: Path, days: Sequence[date], *, timeline: Timeline) -> Path:
    """Write a further delivery with market days after the first delivery."""
    folder.mkdir(parents=True, exist_ok=True)
    return _write_readings(folder / f"values_{days[0]}_{days[-1]}.csv", days, timeline=timeline)


READING_COLUMNS = ("metering_point_id", "direction", "start", "resolution", "quantity", "quality")
_POINT_COLUMNS = (
    "metering_point_id",
    "name",
    "address",
    "postal_code",
    "city",
    "price_area",
    "grid_area",
    "meter_serial",
)
_SUPPLY_COLUMNS = ("customer_number", "metering_point_id", "valid_from", "valid_to")


def _write_metering_points(path: Path) -> Path:
    rows = ([getattr(point, column) for column in _POINT_COLUMNS] for point in demo.METERING_POINTS)
    return _write_rows(path, _POINT_COLUMNS, rows)


def _write_supply_periods(path: Path, timeline: Timeline) -> Path:
    rows: list[Sequence[object]] = []
    for point in demo.METERING_POINTS:
        since: date = SUPPLIED_SINCE
        if point.former:
            rows.append((point.former.number, point.metering_point_id, since, timeline.tenant_since))
            since = timeline.tenant_since
        rows.append((point.customer.number, point.metering_point_id, since, ""))
    return _write_rows(path, _SUPPLY_COLUMNS, rows)


def _write_readings(path: Path, days: Iterable[date], *, timeline: Timeline) -> Path:
    values = chain.from_iterable(readings.of_day(day, timeline=timeline) for day in days)
    return _write_rows(path, READING_COLUMNS, map(_row, values))


def _row(reading: Reading) -> Sequence[object]:
    return (
        reading.metering_point_id,
        reading.direction,
        reading.start.isoformat(),
        reading.resolution,
        reading.quantity or "",
        reading.quality,
    )


def _write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV file whole or not at all: it has another name until it is complete."""
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    draft.replace(path)
    return path
