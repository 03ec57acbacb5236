"""Sweeps of files: how a sweep continues after a failure, and which grants files were compared with."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from shared import tables
from shared.access.grants import AccessTooOld
from shared.outside.transports import StorageUnavailable
from shared.tables import Tables

Item = TypeVar("Item")

_BETWEEN = "~"
_PARTITION = "compared"

log = logging.getLogger("metering.files")


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Log an error instead of raising it, so that the work after `what` is still done.

    An error of an unavailable service is raised: the next item would fail too, after the same wait.
    """
    try:
        yield
    except Exception as error:
        is_away = isinstance(error, (AccessTooOld, StorageUnavailable, tables.TablesUnavailable))
        if is_away and not isinstance(error, tables.UnreadableValue):
            raise
        log.exception("Skipped after an error: %s.", what)


def for_each(items: Iterable[Item], work: Callable[[Item], object]) -> None:
    """Call `work` for each item; one with an unreadable row does not hold up the others.

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


class ComparedGrants:
    """The versions of grants that the files of each principal were last compared with, for one kind of file.

    Every method may raise `tables.TablesUnavailable`.
    """

    def __init__(self, storage: Tables, *, kind: str) -> None:
        self._tables = storage
        self._kind = kind

    def for_each_changed(
        self,
        principals: Iterable[str],
        compare: Callable[[str], object],
        *,
        version: Callable[[str], str | None],
    ) -> None:
        """Call `compare` for each principal whose grants have changed since the last comparison.

        If the process dies in between, work is only delayed. A failure is logged and tried again, and
        does not hold up other principals.

        Args:
            version: returns the version of a principal's grants; None where it has none.
        """
        for principal in sorted(set(principals)):
            with alone(f"the {self._kind} of {principal}"):
                self._compare_changed(principal, compare, now=version(principal) or "")

    def _compare_changed(self, principal: str, compare: Callable[[str], object], *, now: str) -> None:
        row = f"{self._kind}{_BETWEEN}{principal}"
        stored = self._tables.get(tables.FILE_WORK, partition=_PARTITION, row=row)
        if stored is None or tables.stored_text(stored, "version") != now:
            compare(principal)
            self._tables.upsert(tables.FILE_WORK, {"PartitionKey": _PARTITION, "RowKey": row, "version": now})
