"""What exports and runs of feeds have in common while they are made."""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Protocol

from shared.access.grants import NoGrants
from shared.readable import Readable

UNFIT = "form-does-not-fit"
SILENT = timedelta(minutes=20)
"""After this long without progress, a message may be lost and is sent again."""

FEW_FILES = 200
"""Up to this many files are deleted while a caller waits; more are deleted by a message."""


class NoFile(Exception):
    """An export, or a run of a feed, has no file of this name."""


class NoLonger(Exception):
    """The files are deleted, or hold what their owner may no longer read."""


class Grants(Protocol):
    """The part of `shared.access.grants.Grants` that is used here."""

    def read_uncached(self, principal: str) -> Readable:
        """Return everything that a principal may read now, according to the table."""
        ...


class Queue(Protocol):
    """The part of `shared.queues.Queues` that is used here."""

    def send(self, queue: str, text: str, *, delay: timedelta = ...) -> None:
        """Send a message."""
        ...


def new_plan() -> str:
    """Return a name that no other plan of an export or of a run has."""
    return secrets.token_hex(8)


def readable_of(grants: Grants, principal: str) -> Readable:
    """Return what a principal may read, from the table of grants and not from memory."""
    try:
        return grants.read_uncached(principal)
    except NoGrants:
        return Readable(principal, (), "")


def copy(pieces: Iterator[bytes], content: IO[bytes]) -> tuple[int, str]:
    """Write the pieces of a file; return its length and SHA-256."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        content.write(piece)
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
