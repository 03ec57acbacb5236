"""Stores for what a follower has read: the protocol, and the SQLite file that most will use."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from metering_api import errors, locks, models
from metering_api.models import Day, Period

Notes = Mapping[str, str | None]
"""What to remember, by name; None forgets it. Texts are the follower's own: keep them as they are."""


class Store(Protocol):
    """What a follower needs of a store.

    `put` and `keep_only` change days and notes in one transaction, so that after a kill the next run
    continues without a gap.
    """

    def remembered(self) -> Mapping[str, str]:
        """Return all notes."""
        ...

    def put(self, days: Sequence[Day], notes: Notes) -> None:
        """Replace each day by its key (metering point, direction, date) as a whole, and remember notes."""
        ...

    def keep_only(self, metering_point_id: str, permitted: Sequence[Period], notes: Notes) -> None:
        """Delete a metering point's days that are in none of the periods, and remember notes."""
        ...

    def finish(self) -> None:
        """Finish a run; no data may depend on this being called."""
        ...


@runtime_checkable
class LockableStore(Protocol):
    """A store that lets one run at a time work on it."""

    def lock_for_run(self) -> AbstractContextManager[None]:
        """Lock the store until the run ends; raise StoreInUse at once if another run holds the lock."""
        ...


_SCHEMA = """
CREATE TABLE IF NOT EXISTS day (
    metering_point_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    date TEXT NOT NULL,
    start TEXT NOT NULL,
    minutes INTEGER,
    resolution TEXT NOT NULL,
    quality TEXT NOT NULL,
    exceptions TEXT NOT NULL,
    quantities TEXT NOT NULL,
    published_at TEXT,
    PRIMARY KEY (metering_point_id, direction, date)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS value AS
SELECT metering_point_id, direction, date,
       strftime('%Y-%m-%dT%H:%M:%SZ', start, '+' || (each.key * minutes) || ' minutes') AS start,
       strftime('%Y-%m-%dT%H:%M:%SZ', start, '+' || ((each.key + 1) * minutes) || ' minutes') AS end,
       each.value AS quantity,
       coalesce(json_extract(exceptions, '$."' || each.key || '"'), quality) AS quality,
       resolution, published_at
FROM day, json_each(day.quantities) AS each;
"""


class SqliteStore:
    """Days in a SQLite file: the table `day`, and the view `value` with a row for each value, times in UTC.

    A day's `quantities` are a JSON list with the decimals that were delivered; the view has them as REAL.

    Raises:
        StoreFailed: SQLite refuses, such as for a full disk or a lock that another program holds for longer
            than a minute. Any method may raise it.
        StoreDamaged: the file is damaged. Any method may raise it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the file, and create it if it is missing.

        Raises:
            NotConfigured: its folder does not exist or may not be written, or it is not a SQLite file.
        """
        self.path = Path(path)
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=60)
        except sqlite3.Error as error:
            raise errors.NotConfigured(f"{self.path} cannot be opened: {error}.") from error
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._connection.close()
            raise errors.NotConfigured(f"{self.path} cannot be used: {error}.") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def lock_for_run(self) -> Iterator[None]:
        """Hold `NAME.lock` beside the file, so that one run at a time works on it.

        Raises:
            StoreInUse: another run holds it.
            StoreFailed: it cannot be made or locked.
        """
        with self._translated():
            _, _, file = self._connection.execute("PRAGMA database_list").fetchone()
        if not file:  # A database in memory has no file, and no other run can open it.
            yield
            return
        with locks.exclusive(Path(f"{file}.lock"), store=self.path):
            yield

    def remembered(self) -> dict[str, str]:
        """Return all notes."""
        with self._translated():
            return dict(self._connection.execute("SELECT name, text FROM note"))

    def put(self, days: Sequence[Day], notes: Notes) -> None:
        """Replace each day by its key as a whole, and remember notes, in one transaction."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO day VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, days)
            )
            _remember(connection, notes)

    def keep_only(self, metering_point_id: str, permitted: Sequence[Period], notes: Notes) -> None:
        """Delete a metering point's days that are in none of the periods, and remember notes."""
        with self._transaction() as connection:
            found = connection.execute(
                "SELECT DISTINCT date FROM day WHERE metering_point_id = ?", (metering_point_id,)
            ).fetchall()
            ended = [text for (text,) in found if not _is_permitted(date.fromisoformat(text), permitted)]
            connection.executemany(
                "DELETE FROM day WHERE metering_point_id = ? AND date = ?",
                [(metering_point_id, text) for text in ended],
            )
            _remember(connection, notes)

    def finish(self) -> None:
        """Write what the write-ahead log holds into the file, so that a copy of it is whole."""
        with self._translated():
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def days(
        self, *, metering_point_id: str | None = None, direction: str | None = None, month: str | None = None
    ) -> Iterator[Day]:
        """Yield stored days in the order of their keys; `month` is written as in `2026-03`."""
        wanted = (metering_point_id, metering_point_id, direction, direction, month, month)
        with (
            self._translated(),
            closing(
                self._connection.execute(
                    """
                    SELECT metering_point_id, direction, date, start, resolution, quality, exceptions,
                           quantities, published_at
                    FROM day
                    WHERE (? IS NULL OR metering_point_id = ?) AND (? IS NULL OR direction = ?)
                      AND (? IS NULL OR substr(date, 1, 7) = ?)
                    ORDER BY metering_point_id, direction, date
                    """,
                    wanted,
                )
            ) as rows,
        ):
            yield from map(_day, rows)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._translated():
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # After some errors, such as a full disk, SQLite has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise errors.StoreFailed(f"{self.path} cannot be used now: {error}.") from error
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise errors.StoreDamaged(
                f"{self.path} is damaged: {error}. Delete it; the next run fetches everything again."
            ) from error


def _remember(connection: sqlite3.Connection, notes: Notes) -> None:
    for name, text in notes.items():
        if text is None:
            connection.execute("DELETE FROM note WHERE name = ?", (name,))
        else:
            connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, text))


def _is_permitted(day: date, permitted: Sequence[Period]) -> bool:
    return any(period.holds(day) for period in permitted)


def _row(day: Day) -> tuple[Any, ...]:
    return (
        day.metering_point_id,
        day.direction,
        day.date.isoformat(),
        _utc_text(day.start),
        _minutes(day.resolution),
        day.resolution,
        day.quality,
        json.dumps({str(position): quality for position, quality in day.exceptions.items()}),
        # json would write decimals as floats or as texts.
        "[" + ", ".join(["null" if each is None else str(each) for each in day.quantities]) + "]",
        _utc_text(day.published_at) if day.published_at else None,
    )


@lru_cache(maxsize=64)
def _minutes(resolution: str) -> int | None:
    step = models.length(resolution)
    return int(step.total_seconds()) // 60 if step else None


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _day(row: tuple[str, ...]) -> Day:
    point, direction, day, start, resolution, quality, exceptions, quantities, published_at = row
    return Day(
        metering_point_id=point,
        direction=direction,
        date=date.fromisoformat(day),
        start=models.utc(start),
        resolution=resolution,
        quality=quality,
        exceptions={int(position): each for position, each in json.loads(exceptions).items()},
        quantities=tuple(json.loads(quantities, parse_float=Decimal, parse_int=Decimal)),
        published_at=models.utc(published_at) if published_at else None,
    )
