"""Shares one file, which only one process can have open, between several processes.

A process that finds the file locked touches `<file>.wanted` until it can open the file. The process that has
the file open looks for that mark every 100 ms, closes the file as soon as nothing uses it, and opens it again
when the mark is gone. A mark that was not touched for a while belongs to a process that has died.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from shared.warehouse.engine import WarehouseUnavailable

LOOK_EVERY = 0.1
"""Seconds between two looks for the mark."""
STALE_AFTER = 1.0
"""Seconds after which an untouched mark is ignored."""


class Closable(Protocol):
    """An opened file."""

    def close(self) -> None:
        """Close the file."""
        ...


Opened = TypeVar("Opened", bound=Closable)


class FileLocked(Exception):
    """Another process has the file open."""


class LockedFile(Generic[Opened]):
    """The file, opened when it is first used and closed when another process wants it.

    Args:
        path: the file.
        open_file: opens it, or raises FileLocked.
        patience: how long a user waits for the file before WarehouseUnavailable.
    """

    def __init__(self, path: Path, *, open_file: Callable[[], Opened], patience: timedelta) -> None:
        self._mark = path.with_name(path.name + ".wanted")
        self._open = open_file
        self._patience = patience.total_seconds()
        self._state = threading.Condition()
        self._held: Opened | None = None
        self._users = 0
        self._giving_way = False
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"{path.name}-lock", daemon=True)
        self._watcher.start()

    @contextmanager
    def use(self) -> Iterator[Opened]:
        """Return the opened file, and keep it open until the end of the block."""
        held = self._enter()
        try:
            yield held
        finally:
            with self._state:
                self._users -= 1
                self._state.notify_all()

    def close(self) -> None:
        """Close the file as soon as nothing uses it, and stop looking for the mark."""
        self._ended.set()
        self._watcher.join()
        with self._state:
            self._state.wait_for(lambda: self._users == 0)
            self._close_held()

    def _enter(self) -> Opened:
        give_up = time.monotonic() + self._patience
        with self._state:
            while True:
                held = self._held_or_opened()
                if held is not None:
                    self._users += 1
                    return held
                if time.monotonic() >= give_up:
                    raise WarehouseUnavailable(
                        "The embedded warehouse is in use by another process.",
                        retry_after=timedelta(seconds=5),
                    )
                self._state.wait(LOOK_EVERY / 2)

    def _held_or_opened(self) -> Opened | None:
        """Return the file, or None while another process has it. Called with the state locked."""
        if self._giving_way and self._is_wanted():
            return None
        if self._held is None:
            self._giving_way = False
            try:
                self._held = self._open()
            except FileLocked:
                self._mark.touch()
                return None
            self._mark.unlink(missing_ok=True)
        return self._held

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            with self._state:
                if self._held is None or not self._is_wanted():
                    continue
                self._giving_way = True
                if self._state.wait_for(lambda: self._users == 0, timeout=LOOK_EVERY):
                    self._close_held()

    def _close_held(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _is_wanted(self) -> bool:
        """Return whether another process waits. Our own mark is gone once we have the file."""
        with suppress(FileNotFoundError):
            return time.time() - os.stat(self._mark).st_mtime < STALE_AFTER
        return False
