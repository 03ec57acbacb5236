"""Loads delivery files from the container: each once, in the order in which they arrived.

The app downloads and reads a file; the warehouse itself reads a large one, by its address in storage. A
loaded file is moved to `processed/`. A file with faults, or one that has killed two runs, is moved to
`rejected/` with the reasons beside it. After any other failure, the file and all later files stay until the
next run: the newest delivery counts, so the order must be kept. If a run is killed at any point, the next run
completes it.
"""

import hashlib
import logging
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Protocol

from shared.deliveries import loading
from shared.deliveries.container import INCOMING, ArrivedFile, ChangedMeanwhile, LeasedByAnother
from shared.deliveries.faults import Fault, Rejected
from shared.deliveries.loads import Loaded
from shared.warehouse.engine import Warehouse

MAX_BYTES = 500 * 1024 * 1024
"""A file that the app reads must fit on the small temporary disk of a function app."""
START_BYTES = 1024 * 1024
"""Bytes of a large file that the app reads, to know its header."""
STOP_AFTER = timedelta(minutes=15)
"""No file is begun after this long, so that loaded values are published before the function must end."""
MAX_KILLED_RUNS = 2
"""A file that has killed this many runs in a row, for instance by using too much memory, is rejected."""
FOLDER_PREFIX = "metering-delivery-"
ABANDONED_AFTER = timedelta(days=1)
"""A temporary folder of this age was left by a killed run; it is deleted, since the disk is small."""

_UNUSUAL = re.compile(r"[^\w.,+=@ -]", re.ASCII)
_PLAIN_NAME = re.compile(r"[\w.,+=@/-]+", re.ASCII)
"""A name that needs no escaping in an address, and that COPY INTO does not read as a pattern."""


log = logging.getLogger("metering.deliveries")


class Lease(Protocol):
    """The part of `container.Lease` that is used here."""

    def renew(self) -> None:
        """Renew the lease, or raise LeaseLost."""
        ...


class Container(Protocol):
    """The part of `container.Container` that is used here."""

    def lease(self) -> AbstractContextManager[Lease]:
        """Lease the container for the length of the block, or raise LeasedByAnother."""
        ...

    def list_files(self) -> list[ArrivedFile]:
        """Return the files that wait, in the order of their arrival."""
        ...

    def download(self, file: ArrivedFile, path: Path) -> None:
        """Write a listed file to `path`, or raise ChangedMeanwhile."""
        ...

    def download_start(self, file: ArrivedFile, path: Path, *, most_bytes: int) -> None:
        """Write the first bytes of a listed file to `path`, or raise ChangedMeanwhile."""
        ...

    def check_unchanged(self, file: ArrivedFile) -> None:
        """Raise ChangedMeanwhile unless the listed file is unchanged."""
        ...

    def copy(self, file: ArrivedFile, name: str) -> None:
        """Store a listed file under another name, or raise ChangedMeanwhile."""
        ...

    def upload(self, name: str, path: Path) -> None:
        """Store the file at `path` under a name."""
        ...

    def upload_text(self, name: str, text: str) -> None:
        """Store a text under a name."""
        ...

    def remove(self, file: ArrivedFile) -> None:
        """Delete a listed file, or raise ChangedMeanwhile."""
        ...

    def count_unfinished(self, file: ArrivedFile) -> int:
        """Return how many runs in a row began a file and were killed before they had finished it."""
        ...

    def mark_begun(self, file: ArrivedFile, *, runs: int) -> None:
        """Record that a file is begun, for the `runs`-th time in a row."""
        ...

    def clear_begun(self) -> None:
        """Record that no file is begun."""
        ...


@dataclass(frozen=True)
class Copying:
    """When and where the warehouse reads files itself.

    Attributes:
        above: files of more bytes are read by the warehouse.
        address: of the container, as the warehouse knows it; None if the warehouse cannot read from storage,
            like the embedded engine, for which the file is downloaded first.
    """

    above: int
    address: str | None


class DeliveryStays(Exception):
    """A delivery could not be loaded for a reason outside the file; it waits for the next run."""


@dataclass(frozen=True)
class FileResult:
    """The result of one file.

    Attributes:
        stored_as: its name in the container after the run.
        rows: how many rows were loaded; 0 when the file was rejected.
        faults: why the file was rejected.
        is_new: False when the file was skipped: its content was loaded before, and nothing newer came since.
        unknown: how many of its metering points occur nowhere else in the warehouse.
    """

    stored_as: str
    rows: int
    faults: tuple[Fault, ...] = ()
    is_new: bool = True
    unknown: int = 0


@dataclass(frozen=True)
class Intake:
    """The results of the files of one run, and the error that ended the run early."""

    results: tuple[FileResult, ...] = ()
    failure: Exception | None = None

    @property
    def loaded(self) -> list[FileResult]:
        """The results of the files that were loaded or skipped."""
        return [each for each in self.results if not each.faults]

    @property
    def rejected(self) -> list[FileResult]:
        """The results of the files that were rejected."""
        return [each for each in self.results if each.faults]

    def log_results(self) -> None:
        """Log a line for each file, and the error that ended the run early; alerts read some of them."""
        for each in self.loaded:
            what = "loaded" if each.is_new else "skipped, since it was loaded before"
            log.info("Delivery %s: %r, %d rows.", what, each.stored_as, each.rows)
            if each.unknown:
                log.warning(
                    "Delivery %r has values of %d metering points that are new to the warehouse.",
                    *(each.stored_as, each.unknown),
                )
        for each in self.rejected:
            log.warning("Delivery rejected: %r; see the .reasons.txt file beside it.", each.stored_as)
        if self.failure is not None:
            log.error("Loading ended early: %r.", self.failure, exc_info=self.failure)

    def raise_for_failure(self) -> None:
        """Raise the error that ended the run early, if one did."""
        if self.failure is not None:
            raise self.failure


def load_files(
    container: Container,
    warehouse: Warehouse,
    *,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float] = time.monotonic,
    copying: Copying | None = None,
) -> Intake:
    """Load the files that wait, or none while another run is loading.

    An error ends the run and is returned, so that the files loaded before it can still be published.

    Args:
        container: where the files wait.
        warehouse: where they are loaded.
        clock: the time of the load.
        monotonic: seconds; a wall clock that is set back would let the run take too long.
        copying: when and where the warehouse reads files itself; None for never.
    """
    results: list[FileResult] = []
    try:
        with container.lease() as lease:
            _remove_abandoned_folders(now=clock())
            for file in _stop_in_time(container.list_files(), monotonic=monotonic):
                run = _Run(container, warehouse, copying, lease, now=clock())
                result = _process(run, file)
                if result is not None:
                    results.append(result)
    except LeasedByAnother:
        return Intake()
    except Exception as failure:
        return Intake(tuple(results), failure)
    return Intake(tuple(results))


def _remove_abandoned_folders(*, now: datetime) -> None:
    """Delete the temporary folders of runs that were killed; every other run deletes its own."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):  # Another process may delete it at the same time, or own it.
            if folder.stat().st_mtime < (now - ABANDONED_AFTER).timestamp():
                shutil.rmtree(folder)


def _stop_in_time(files: Sequence[ArrivedFile], *, monotonic: Callable[[], float]) -> Iterator[ArrivedFile]:
    stop_at = monotonic() + STOP_AFTER.total_seconds()
    return takewhile(lambda _: monotonic() < stop_at, files)


@dataclass(frozen=True)
class _Run:
    """What a run works with; `now` is when the current file is received."""

    container: Container
    warehouse: Warehouse
    copying: Copying | None
    lease: Lease
    now: datetime


@dataclass(frozen=True)
class _Begun:
    """A file that is ready to be loaded.

    Attributes:
        load: loads it, or raises Rejected.
        store: stores it under its new name.
    """

    load: Callable[[], Loaded]
    store: Callable[[str], None]


def _process(run: _Run, file: ArrivedFile) -> FileResult | None:
    """Load or reject one file; None when it was replaced or removed before it was read."""
    try:
        with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as folder:
            begun = _begin(run, file, Path(folder) / _file_name(file.name))
            run.lease.renew()  # A run that was frozen during the download leaves the rest to the new holder.
            with _count_run(run.container, file) as runs:
                result = _reject_unloadable(file) if runs > MAX_KILLED_RUNS else _load(begun.load, file)
                _move(run.container, file, result, store=begun.store)
    except ChangedMeanwhile:
        return None
    except Exception as error:
        raise DeliveryStays(f"{file.name!a} stays in incoming: {type(error).__name__}.") from error
    return result


def _begin(run: _Run, file: ArrivedFile, path: Path) -> _Begun:
    """Download the file, or only its start if the warehouse reads the rest."""
    copying, reason = run.copying, "it reads no files"
    if copying is not None and file.size > copying.above:
        run.container.download_start(file, path, most_bytes=START_BYTES)
        if copying.address is not None and not _PLAIN_NAME.fullmatch(file.name):
            reason = "its name has other characters than letters from a to z, digits and . , + = @ / - _"
        else:
            reason = _why_not_copied(path) or ""
        if not reason:
            return _begin_copying(run, copying, file, path)
    if file.size <= MAX_BYTES:
        return _begin_whole(run, file, path)
    return _Begun(partial(_refuse, path, reason), partial(run.container.copy, file))


def _begin_whole(run: _Run, file: ArrivedFile, path: Path) -> _Begun:
    run.container.download(file, path)
    load = partial(
        loading.load,
        *(run.warehouse, path),
        now=run.now,
        arrived_at=file.at,
        source=file.name,
        progress=lambda rows, share: None,
    )
    return _Begun(load, lambda name: run.container.upload(name, path))


def _begin_copying(run: _Run, copying: Copying, file: ArrivedFile, path: Path) -> _Begun:
    address = copying.address
    if address is None:
        run.container.download(file, path)
    located = loading.Located(
        path, str(path) if address is None else f"{address}/{INCOMING}{file.name}", _identity(file)
    )
    load = partial(
        loading.load_copied,
        *(run.warehouse, located),
        now=run.now,
        arrived_at=file.at,
        source=file.name,
        check_unchanged=partial(run.container.check_unchanged, file),
    )
    return _Begun(load, partial(run.container.copy, file))


def _why_not_copied(path: Path) -> str | None:
    """Return why the warehouse cannot read a file; None if it can, or if the file is rejected anyway."""
    try:
        return loading.why_not_copied(path)
    except Rejected:
        return None


def _identity(file: ArrivedFile) -> str:
    """Return what identifies content that the app has not read: its name, version and size."""
    return hashlib.sha256(f"{file.name}\n{file.etag}\n{file.size}".encode()).hexdigest()


def _refuse(path: Path, reason: str) -> Loaded:
    sentence = (
        f"The file has more than the {MAX_BYTES:,} bytes that the app reads, and the warehouse does not "
        f"read it either: {reason}. Deliver it in smaller files."
    )
    raise Rejected(path, [Fault(None, sentence)])


@contextmanager
def _count_run(container: Container, file: ArrivedFile) -> Iterator[int]:
    """Mark the file as begun for the length of the block; the value is how many runs in a row began it.

    Only a run that is killed, or runs out of memory, leaves the mark behind.
    """
    runs = container.count_unfinished(file) + 1
    container.mark_begun(file, runs=runs)
    try:
        yield runs
    except MemoryError:
        raise
    except BaseException:
        container.clear_begun()
        raise
    container.clear_begun()


def _reject_unloadable(file: ArrivedFile) -> FileResult:
    reason = (
        f"{MAX_KILLED_RUNS} runs were killed while they loaded this file, most likely because it needs more "
        "memory or time than a run has. Deliver it in smaller files."
    )
    return FileResult(_target(file, folder="rejected"), 0, (Fault(None, reason),))


def _load(load: Callable[[], Loaded], file: ArrivedFile) -> FileResult:
    try:
        loaded = load()
    except Rejected as rejected:
        return FileResult(_target(file, folder="rejected"), 0, rejected.faults)
    return FileResult(
        _target(file, folder="processed"),
        loaded.rows,
        is_new=loaded.is_new,
        unknown=loaded.unknown.number if loaded.unknown else 0,
    )


def _move(
    container: Container, file: ArrivedFile, result: FileResult, *, store: Callable[[str], None]
) -> None:
    """Store the file under its new name, then delete the old one: a kill in between only repeats work."""
    if result.faults:
        container.upload_text(f"{result.stored_as}.reasons.txt", _reasons(file, result.faults))
    with suppress(ChangedMeanwhile):  # If another file replaced it, that is another delivery.
        store(result.stored_as)
        container.remove(file)


def _target(file: ArrivedFile, *, folder: str) -> str:
    """Return a name that is unique to the arrival: many deliveries have the same name every day."""
    return f"{folder}/{file.at:%Y-%m-%dT%H%M%SZ}/{file.name}"


def _file_name(name: str) -> str:
    """Return the last part of a name in characters that every file system accepts."""
    return _UNUSUAL.sub("_", PurePosixPath(name).name)[-100:].strip(". ") or "delivery"


def _reasons(file: ArrivedFile, faults: Sequence[Fault]) -> str:
    lines = [f"{file.name} was rejected; nothing of it was loaded."]
    lines += [f"{fault.place}{fault.sentence}" for fault in faults]
    return "\n".join(lines) + "\n"
