"""A store of Parquet files, one for each month, and of a SQLite file with days and notes."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

from metering_api import errors
from metering_api.models import Day, Period
from metering_api.store import Notes, SqliteStore

_MONTH = "month/"


class ParquetStore:
    """`values-2026-03.parquet` and so on in a folder: a row for each value, sorted, times in UTC.

    Days and notes are in `metering.db` beside them. Files of months that changed are written at the end of a
    run, each under another name first, so that a reader sees the old file or the new one. After a kill the
    next run writes those that are left.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise errors.NotConfigured("Parquet needs pyarrow: pip install pyarrow") from error
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sqlite = SqliteStore(self.folder / "metering.db")

    def close(self) -> None:
        """Close the SQLite file."""
        self._sqlite.close()

    def lock_for_run(self) -> AbstractContextManager[None]:
        """Hold `metering.db.lock` in the folder, so that one run at a time works on it.

        Raises:
            StoreInUse: another run holds it.
            StoreFailed: it cannot be made or locked.
        """
        return self._sqlite.lock_for_run()

    def remembered(self) -> Mapping[str, str]:
        """Return all notes."""
        return self._sqlite.remembered()

    def put(self, days: Sequence[Day], notes: Notes) -> None:
        """Replace each day by its key as a whole, and remember notes."""
        changed = {f"{_MONTH}{day.date:%Y-%m}": "changed" for day in days}
        self._sqlite.put(days, {**notes, **changed})

    def keep_only(self, metering_point_id: str, permitted: Sequence[Period], notes: Notes) -> None:
        """Delete a metering point's days that are in none of the periods, and remember notes."""
        held = {f"{day.date:%Y-%m}" for day in self._sqlite.days(metering_point_id=metering_point_id)}
        self._sqlite.keep_only(
            metering_point_id, permitted, {**notes, **{_MONTH + each: "changed" for each in held}}
        )

    def finish(self) -> None:
        """Write the files of the months that changed.

        Raises:
            StoreFailed: a file cannot be written; the others are. On Windows, a file cannot be replaced while
                a program reads it.
        """
        failures = []
        for name in self._sqlite.remembered():
            if name.startswith(_MONTH):
                try:
                    self._write(name.removeprefix(_MONTH))
                except errors.StoreFailed as error:
                    failures.append(error)
                else:
                    self._sqlite.put([], {name: None})
        self._sqlite.finish()
        if failures:
            raise failures[0]

    def _write(self, month: str) -> None:
        target = self.folder / f"values-{month}.parquet"
        columns = _columns(self._sqlite.days(month=month))
        try:
            if columns["start"]:
                _replace(target, columns)
            else:
                target.unlink(missing_ok=True)
        except OSError as error:
            raise errors.StoreFailed(
                f"{target} cannot be written now: {error}. If a program has the file open, close it there; "
                "the next run writes it."
            ) from error


def _replace(target: Path, columns: Mapping[str, Any]) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema(
        [
            ("meteringPointId", pyarrow.string()),
            ("direction", pyarrow.string()),
            ("start", pyarrow.timestamp("us", tz="UTC")),
            ("end", pyarrow.timestamp("us", tz="UTC")),
            ("quantity", pyarrow.decimal128(18, 3)),
            ("quality", pyarrow.string()),
        ]
    )
    draft = target.with_suffix(".part")
    parquet.write_table(pyarrow.table(columns, schema=schema), draft, compression="zstd")
    draft.replace(target)


def _columns(days: Iterator[Day]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: [] for name in ("meteringPointId", "direction", "start", "end", "quantity", "quality")
    }
    for day in days:
        for value in day.values:
            quantity = value.quantity if value.quantity is None else value.quantity.quantize(Decimal("0.001"))
            row = (day.metering_point_id, day.direction, value.start, value.end, quantity, value.quality)
            for name, cell in zip(columns, row, strict=True):
                columns[name].append(cell)
    return columns
