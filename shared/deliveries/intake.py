"""Takes delivery files in from the container: each once, in the order in which they arrived.

A file that was loaded moves to `processed/`. One with faults, or one that has killed two runs, moves to
`rejected/` with the reasons beside it. Whatever else goes wrong is no fault of the file: it stays, and so do
those after it, since the newest delivery counts; the next run tries again. A run that dies anywhere is
completed by the next one.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Protocol

from shared.deliveries import loading
from shared.deliveries.container import Arrived, ChangedMeanwhile, TakenByAnother
from shared.deliveries.faults import Fault, Rejected
from shared.warehouse.engine import Warehouse

MAX_BYTES = 500 * 1024 * 1024
"""A file has to fit on the small temporary disk of a function app; larger ones go by `COPY INTO`."""
STOP_AFTER = timedelta(minutes=15)
"""No file is begun after so long, so that what was loaded is published within the time of a function."""
MOST_KILLED = 2
"""A file that has ended so many runs in a row, as one does that takes too much memory, is rejected."""
FOLDER_PREFIX = "metering-delivery-"
ABANDONED_AFTER = timedelta(days=1)
"""After so long, a temporary folder is that of a run that was killed; the disk is small."""

_UNUSUAL = re.compile(r"[^\w.,+=@ -]", re.ASCII)


class Turn(Protocol):
    """What is needed of `container.Turn`."""

    def renew(self) -> None:
        """Have the turn for a whole minute from now, or raise TurnLost."""
        ...


class Container(Protocol):
    """What is needed of `container.Container`."""

    def turn(self) -> AbstractContextManager[Turn]:
        """The only turn there is, or TakenByAnother."""
        ...

    def arrived(self) -> list[Arrived]:
        """The files that wait, in the order of their arrival."""
        ...

    def download(self, file: Arrived, path: Path) -> None:
        """Write a file that waits to `path`, or raise ChangedMeanwhile."""
        ...

    def keep(self, name: str, path: Path) -> None:
        """Store the file at `path` under a name."""
        ...

    def note(self, name: str, text: str) -> None:
        """Store a text under a name."""
        ...

    def remove(self, file: Arrived) -> None:
        """Remove a file that waits, or raise ChangedMeanwhile."""
        ...

    def unfinished(self, file: Arrived) -> int:
        """Return how many runs in a row began a file and were killed before they were through with it."""
        ...

    def begin(self, file: Arrived, *, runs: int) -> None:
        """Note that a file is begun, for the `runs`-th time in a row."""
        ...

    def end(self) -> None:
        """Note that no file is begun."""
        ...


class DeliveryStays(Exception):
    """A delivery could not be taken in for no fault of its own; it waits for the next run."""


@dataclass(frozen=True)
class Taken:
    """What became of a file.

    Attributes:
        kept_as: where in the container it is now.
        rows: how many were loaded; 0 when it was rejected.
        is_new: False when it was skipped: its content had been loaded before, and nothing newer came since.
        unknown: how many metering points it names that nothing else knows.
        faults: why it was rejected.
    """

    kept_as: str
    rows: int
    faults: tuple[Fault, ...] = ()
    is_new: bool = True
    unknown: int = 0


@dataclass(frozen=True)
class Intake:
    """What became of the files of one run, and what ended it early."""

    taken: tuple[Taken, ...] = ()
    failure: Exception | None = None

    @property
    def loaded(self) -> list[Taken]:
        """The files without faults."""
        return [each for each in self.taken if not each.faults]

    @property
    def rejected(self) -> list[Taken]:
        """The files with faults."""
        return [each for each in self.taken if each.faults]

    def insist(self) -> None:
        """Raise what ended the run early."""
        if self.failure is not None:
            raise self.failure


def take_in(container: Container, warehouse: Warehouse, *, clock: Callable[[], datetime]) -> Intake:
    """Take in the files that wait; none when another runner is at it.

    Whatever goes wrong is in the answer, so that what was loaded before it can still be published.
    """
    taken: list[Taken] = []
    try:
        with container.turn() as turn:
            _remove_abandoned(now=clock())
            for file in _begun_in_time(container.arrived(), clock=clock):
                outcome = _take_in_one(container, warehouse, file, turn=turn, now=clock())
                if outcome is not None:
                    taken.append(outcome)
    except TakenByAnother:
        return Intake()
    except Exception as failure:
        return Intake(tuple(taken), failure)
    return Intake(tuple(taken))


def _remove_abandoned(*, now: datetime) -> None:
    """Remove what runs that were killed left behind; whoever ends in any other way removes its own folder."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):  # Somebody else may remove it at the same time, or own it.
            if folder.stat().st_mtime < (now - ABANDONED_AFTER).timestamp():
                shutil.rmtree(folder)


def _begun_in_time(files: Sequence[Arrived], *, clock: Callable[[], datetime]) -> Iterator[Arrived]:
    stop_at = clock() + STOP_AFTER
    return takewhile(lambda _: clock() < stop_at, files)


def _take_in_one(
    container: Container, warehouse: Warehouse, file: Arrived, *, turn: Turn, now: datetime
) -> Taken | None:
    """What became of a file; None when it was replaced or taken away before it could be read."""
    if file.size > MAX_BYTES:
        raise DeliveryStays(
            f"{file.name!a} has more than {MAX_BYTES:,} bytes and holds up those after it: "
            "bring it in with infra/warehouse/copy_into.sql and remove it."
        )
    try:
        with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as folder:
            path = Path(folder) / _file_name(file.name)
            container.download(file, path)
            turn.renew()  # A runner that was frozen meanwhile leaves the rest to the one that has it now.
            with _survived(container, file) as runs:
                taken = _killed(file) if runs > MOST_KILLED else _load(warehouse, path, file, now=now)
                _move(container, file, taken, path=path)
    except ChangedMeanwhile:
        return None
    except Exception as error:
        raise DeliveryStays(f"{file.name!a} stays in incoming: {type(error).__name__}.") from error
    return taken


@contextmanager
def _survived(container: Container, file: Arrived) -> Iterator[int]:
    """Note the file in the container for as long as the block takes; the value is how many runs began it.

    Only a run that is killed, or has no memory left, leaves the note behind.
    """
    runs = container.unfinished(file) + 1
    container.begin(file, runs=runs)
    try:
        yield runs
    except MemoryError:
        raise
    except BaseException:
        container.end()
        raise
    container.end()


def _killed(file: Arrived) -> Taken:
    reason = (
        f"{MOST_KILLED} runs ended while they took this file in, most likely because it takes more memory or "
        "time than a run has. Deliver it in smaller files, or with infra/warehouse/copy_into.sql."
    )
    return Taken(_kept_as(file, folder="rejected"), 0, (Fault(1, reason),))


def _load(warehouse: Warehouse, path: Path, file: Arrived, *, now: datetime) -> Taken:
    try:
        loaded = loading.load(warehouse, path, now=now, arrived_at=file.at, progress=lambda rows, share: None)
    except Rejected as rejected:
        return Taken(_kept_as(file, folder="rejected"), 0, rejected.faults)
    return Taken(
        _kept_as(file, folder="processed"),
        loaded.rows,
        is_new=loaded.is_new,
        unknown=loaded.unknown.number if loaded.unknown else 0,
    )


def _move(container: Container, file: Arrived, taken: Taken, *, path: Path) -> None:
    """Store what was read, and then remove it from where it came: a death in between only repeats work."""
    if taken.faults:
        container.note(f"{taken.kept_as}.reasons.txt", _reasons(file, taken.faults))
    container.keep(taken.kept_as, path)
    with suppress(ChangedMeanwhile):  # What came in its place is another delivery.
        container.remove(file)


def _kept_as(file: Arrived, *, folder: str) -> str:
    """A name of its own for each arrival: many a delivery is called the same every day."""
    return f"{folder}/{file.at:%Y-%m-%dT%H%M%SZ}/{file.name}"


def _file_name(name: str) -> str:
    """The last part of a name as one that any file system takes."""
    return _UNUSUAL.sub("_", PurePosixPath(name).name)[-100:].strip(". ") or "delivery"


def _reasons(file: Arrived, faults: Sequence[Fault]) -> str:
    lines = [f"{file.name} was rejected; nothing of it was loaded."]
    lines += [f"line {fault.line}: {fault.sentence}" for fault in faults]
    return "\n".join(lines) + "\n"
