"""Sample data as delivery files, in the format that the loader takes."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

from local import demo
from local.sampledata import readings
from local.sampledata.readings import Reading, Span

DAYS = 400
SUPPLIED_SINCE = date(2021, 5, 1)


def span_until(last: date, *, days: int = DAYS) -> Span:
    """Return the market days of a first delivery that ends with `last`."""
    return Span(last - timedelta(days=days - 1), last)


def write_first(folder: Path, span: Span) -> list[Path]:
    """Return everything of a new demo world, in the order of loading; the correction comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    days = (span.first + timedelta(days=number) for number in range((span.last - span.first).days + 1))
    return [
        *write_master_data(folder, span),
        _write_readings(folder / f"values_{span.first}_{span.last}.csv", days, span=span),
        _write_rows(
            folder / f"correction_{span.corrected}.csv", READING_COLUMNS, map(_row, readings.correction(span))
        ),
    ]


def write_master_data(folder: Path, span: Span) -> list[Path]:
    """What is known of the metering points, and who is supplied at them."""
    return [
        _write_metering_points(folder / "metering_points.csv"),
        _write_supply_periods(folder / "supply_periods.csv", span),
    ]


def write_days(folder: Path, days: Sequence[date], *, span: Span) -> Path:
    """Return a further delivery, with the market days that have come since the first one."""
    folder.mkdir(parents=True, exist_ok=True)
    return _write_readings(folder / f"values_{days[0]}_{days[-1]}.csv", days, span=span)


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


def _write_supply_periods(path: Path, span: Span) -> Path:
    rows: list[Sequence[object]] = []
    for point in demo.METERING_POINTS:
        since: date = SUPPLIED_SINCE
        if point.former:
            rows.append((point.former.number, point.metering_point_id, since, span.tenant_since))
            since = span.tenant_since
        rows.append((point.customer.number, point.metering_point_id, since, ""))
    return _write_rows(path, _SUPPLY_COLUMNS, rows)


def _write_readings(path: Path, days: Iterable[date], *, span: Span) -> Path:
    values = chain.from_iterable(readings.of_day(day, span=span) for day in days)
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
    """Write a CSV file whole or not at all: under another name until it is complete."""
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    draft.replace(path)
    return path
