"""Ways to load deliveries, each a process: `python -m bench.apparatus.loaders WAY DATABASE FILE…`.

It prints a line of JSON for each file: seconds, seconds of processor time, and the most memory so far.
"""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import create_engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.apparatus import processes, stored
from shared.deliveries import files, loading
from shared.deliveries.faults import Faults
from shared.deliveries.interval_values import intervals
from shared.deliveries.loading import Located
from shared.deliveries.rules import Context
from shared.publishing import publish

CHUNK = 10_000
"""Rows that the usual way stores at a time."""


@dataclass(frozen=True)
class Took:
    """What one file took: seconds until it was stored, and from then until readers see it.

    Attributes:
        load_seconds: reading, checking, storing.
        publish_seconds: 0 where readers see what is stored.
        processor_seconds: of both together, on all processors.
        peak_megabytes: the most memory that the process had until its end.
    """

    load_seconds: float
    publish_seconds: float
    processor_seconds: float
    peak_megabytes: float

    @property
    def seconds(self) -> float:
        """The seconds until readers see it."""
        return self.load_seconds + self.publish_seconds


class Delivered(BaseModel):
    """A row of a delivery as most teams would model it."""

    metering_point_id: str = Field(pattern=r"^\d{18}$")
    direction: Literal["consumption", "production"]
    start: datetime
    resolution: Literal["PT15M", "PT1H"]
    quantity: Decimal | None = Field(ge=0, decimal_places=3)
    quality: str


class _Table(DeclarativeBase):
    pass


class HourlyValue(_Table):
    """A row for each hour; a correction takes the place of what was there."""

    __tablename__ = "hourly_value"

    metering_point_id: Mapped[str] = mapped_column(primary_key=True)
    direction: Mapped[str] = mapped_column(primary_key=True)
    start_utc: Mapped[datetime] = mapped_column(primary_key=True)
    resolution: Mapped[str]
    quantity: Mapped[str | None]  # SQLite has no decimals.
    quality: Mapped[str]


Load = Callable[[Path], None]
Publish = Callable[[], object]


def ours(database: Path) -> tuple[Load, Publish]:
    """Return our way: check, stage and store a file, then pack and publish versioned market days."""
    warehouse = stored.open_warehouse(database)

    def load(file: Path) -> None:
        loading.load(warehouse, file, now=_now(), progress=lambda rows, share: None)

    return load, lambda: list(publish.publish_waiting(warehouse, clock=_now))


def copied(database: Path) -> tuple[Load, Publish]:
    """Return the same way for a file that the warehouse reads itself."""
    warehouse = stored.open_warehouse(database)

    def load(file: Path) -> None:
        loading.load_copied(
            warehouse,
            Located(file, str(file), files.digest(file)),
            now=_now(),
            arrived_at=None,
            check_unchanged=lambda: None,
        )

    return load, lambda: list(publish.publish_waiting(warehouse, clock=_now))


def usual(database: Path) -> tuple[Load, Publish]:
    """Return the usual way: a pydantic model for each row, upserted with SQLAlchemy (SQLite)."""
    engine = create_engine(f"sqlite:///{database}")
    _Table.metadata.create_all(engine)
    insert = sqlite.insert(HourlyValue)
    statement = insert.on_conflict_do_update(
        index_elements=["metering_point_id", "direction", "start_utc"],
        set_={"quantity": insert.excluded.quantity, "quality": insert.excluded.quality},
    )

    def load(file: Path) -> None:
        with Session(engine) as session:
            for rows in _validated(file):
                session.execute(statement, rows)
            session.commit()

    return load, lambda: None


def checked(_: Path) -> tuple[Load, Publish]:
    """Return a way that only reads and checks, as our loader does: the memory that is not the engine's."""

    def load(file: Path) -> None:
        opened, faults = files.open_file(file), Faults()
        context = Context(received_at=_now(), is_norwegian=opened.is_norwegian)
        checks = intervals.Checks(opened.header, context=context, faults=faults)
        for batch in opened.batches():
            if checks.check(batch) is None:
                raise ValueError(faults.all()[0].reason)

    return load, lambda: None


WAYS: Mapping[str, Callable[[Path], tuple[Load, Publish]]] = {
    "ours": ours,
    "copied": copied,
    "usual": usual,
    "checked": checked,
}


def taken(way: str, database: Path, *delivered: Path) -> list[Took]:
    """Return what each file takes, one after the other in one process."""
    command = [sys.executable, "-m", "bench.apparatus.loaders", way, str(database), *map(str, delivered)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [Took(**json.loads(line)) for line in done.stdout.splitlines()]


def _validated(file: Path) -> Iterator[list[dict[str, Any]]]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = map(_row, csv.DictReader(lines))
        while some := list(islice(rows, CHUNK)):
            yield some


def _row(fields: dict[str, str]) -> dict[str, Any]:
    delivered = Delivered.model_validate(fields)
    return {
        "metering_point_id": delivered.metering_point_id,
        "direction": delivered.direction,
        "start_utc": delivered.start.astimezone(UTC).replace(tzinfo=None),
        "resolution": delivered.resolution,
        "quantity": None if delivered.quantity is None else str(delivered.quantity),
        "quality": delivered.quality,
    }


def _now() -> datetime:
    return datetime.now(UTC)


def main(way: str, database: str, *delivered: str) -> None:
    """Load and publish the files, and report each."""
    load, make_visible = WAYS[way](Path(database))
    for file in delivered:
        started, processor = time.perf_counter(), time.process_time()
        load(Path(file))
        loaded = time.perf_counter()
        make_visible()
        took = Took(
            loaded - started,
            time.perf_counter() - loaded,
            time.process_time() - processor,
            processes.most_resident(),
        )
        print(json.dumps(asdict(took)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
