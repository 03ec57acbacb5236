"""Repeated requests for exports: the same request returns the same export.

Each request writes a mark, a row in its caller's partition that names the export. A repeated request finds it
by the caller's idempotency key for a day or, without a key, by the request itself for a minute.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import tables
from shared.tables import Tables

KEY_LIVES, SAME_BODY = timedelta(hours=24), timedelta(minutes=1)
_MAKING = timedelta(minutes=5)
"""No request to make an export takes longer."""

_PREFIX = "~"


class IdempotencyConflict(Exception):
    """The idempotency key was used for another request."""


@dataclass(frozen=True)
class Mark:
    """The mark of a request.

    Attributes:
        row: its key in the caller's partition.
        digest: of the request.
        lives: how long the mark is valid.
    """

    principal: str
    row: str
    digest: str
    lives: timedelta


def mark_of(principal: str, request: bytes, *, key: str | None) -> Mark:
    """Return the mark of a request.

    Args:
        request: in canonical form.
        key: the caller's idempotency key.
    """
    digest = hashlib.sha256(request).hexdigest()
    identity = repr((key, digest if key is None else "")).encode()
    row = f"{_PREFIX}{hashlib.sha256(identity).hexdigest()[:32]}"
    return Mark(principal, row, digest, SAME_BODY if key is None else KEY_LIVES)


class Marks:
    """The marks of all requests. Every method may raise `tables.TablesUnavailable`."""

    def __init__(self, storage: Tables) -> None:
        self._tables = storage

    def find(self, mark: Mark, *, now: datetime) -> str | None:
        """Return the id of the export that an earlier request made or began to make; None if there is none.

        Raises:
            IdempotencyConflict: the key was used for another request.
        """
        stored = self._stored(mark.principal, mark.row)
        if stored is None or not _is_valid(stored, mark, now=now):
            return None
        return tables.stored_text(stored, "exportId")

    @tables.retry_when_changed
    def claim(self, mark: Mark, *, name: Callable[[datetime], str], now: datetime) -> str:
        """Return the id for the export of a request: the same for the same request, even when sent at once.

        If a process died before it made the export, its mark is used again only for a few minutes, because
        the id contains the time at which the export was made.

        Raises:
            IdempotencyConflict: the key was used for another request.
        """
        stored = self._stored(mark.principal, mark.row)
        if (
            stored is not None
            and _is_valid(stored, mark, now=now)
            and now - tables.stored_moment(stored, "markedAt") < _MAKING
        ):
            return tables.stored_text(stored, "exportId")
        export_id = name(now)
        made = {
            "PartitionKey": mark.principal,
            "RowKey": mark.row,
            "markedAt": now.isoformat(),
            "digest": mark.digest,
            "exportId": export_id,
        }
        if stored is None:
            self._tables.insert(tables.FILE_WORK, made)
        else:
            self._tables.replace(tables.FILE_WORK, made, etag=stored["etag"])
        return export_id

    def release(self, principal: str, row: str, *, export_id: str) -> None:
        """Delete the mark of an export, so that a repeated request makes a new one."""
        stored = self._stored(principal, row)
        # Otherwise a later request with the same body has replaced the mark, or is doing so now.
        if stored is not None and stored["exportId"] == export_id:
            with suppress(tables.ChangedMeanwhile):
                self._tables.delete(tables.FILE_WORK, partition=principal, row=row, etag=stored["etag"])

    def _stored(self, principal: str, row: str) -> tables.Entity | None:
        return self._tables.get(tables.FILE_WORK, partition=principal, row=row)


def _is_valid(stored: tables.Entity, mark: Mark, *, now: datetime) -> bool:
    """Return whether a stored mark is still valid for the request.

    Raises:
        IdempotencyConflict: it is of another request.
    """
    if now - tables.stored_moment(stored, "markedAt") >= mark.lives:
        return False
    if tables.stored_text(stored, "digest") != mark.digest:
        raise IdempotencyConflict
    return True
