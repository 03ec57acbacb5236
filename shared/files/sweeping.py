"""How a sweep or a comparison goes on after a piece of work that fails."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from shared import tables
from shared.access.grants import AccessTooOld
from shared.outside.transports import StorageUnavailable

log = logging.getLogger("metering.files")


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Log an error instead of raising it, so that what comes after `what` is done too.

    An error of a service that is away is raised: it would be the same for the next, after the same wait.
    """
    try:
        yield
    except Exception as error:
        is_away = isinstance(error, (AccessTooOld, StorageUnavailable, tables.TablesUnavailable))
        if is_away and not isinstance(error, tables.UnreadableValue):
            raise
        log.exception("Skipped after an error: %s.", what)


@contextmanager
def noting(faults: list[tables.UnreadableValue]) -> Iterator[None]:
    """Note that a row is unreadable instead of raising it, until the rest is done."""
    try:
        yield
    except tables.UnreadableValue as error:
        faults.append(error)
