"""A lock on a file, held by the operating system: it ends with the process, even after a kill."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metering_api import errors

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _unlock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def exclusive(path: Path, *, store: Path) -> Iterator[None]:
    """Hold the lock of a store. The file at `path` is created if missing and kept; by itself it is no lock.

    Raises:
        StoreInUse: another run holds the lock.
        StoreFailed: the file cannot be opened, or its file system has no locks.
    """
    try:
        file = path.open("ab")
    except OSError as error:
        raise errors.StoreFailed(f"{path} cannot be opened: {error}.") from error
    with file:
        try:
            _lock(file.fileno())
        except (BlockingIOError, PermissionError) as error:
            raise errors.StoreInUse(
                f"{store} is being updated by another run, so this run did nothing. "
                "Run again when the other has ended."
            ) from error
        except OSError as error:
            raise errors.StoreFailed(f"{path} cannot be locked: {error}.") from error
        try:
            yield
        finally:
            # Windows releases the lock of a closed file some time later.
            _unlock(file.fileno())
