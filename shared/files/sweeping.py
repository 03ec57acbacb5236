"""How a sweep or a comparison goes on after a piece of work that fails."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from shared import tables
from shared.access.grants import AccessTooOld
from shared.outside.transports import StorageUnavailable

Item = TypeVar("Item")

log = logging.getLogger("metering.files")


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Log an error instead of raising it, so that the work after `what` is done, too.

    An error of a service that is away is raised: it would be the same for the next, after the same wait.
    """
    try:
        yield
    except Exception as error:
        is_away = isinstance(error, (AccessTooOld, StorageUnavailable, tables.TablesUnavailable))
        if is_away and not isinstance(error, tables.UnreadableValue):
            raise
        log.exception("Skipped after an error: %s.", what)


def for_each(items: Iterable[Item], work: Callable[[Item], object]) -> None:
    """Do a piece of work for each item; one with an unreadable row does not hold up the others.

    Raises:
        tables.UnreadableValue: one of them has such a row; raised when the others are done.
    """
    fault: tables.UnreadableValue | None = None
    for item in items:
        try:
            work(item)
        except tables.UnreadableValue as error:
            fault = error
    if fault is not None:
        raise fault
