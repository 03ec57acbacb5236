"""Cursors: where the next page starts, opaque to the caller and bound to its query.

A cursor carries the moment whose data all pages show, so that a publication between
two pages neither repeats nor hides a value. It gives no access: each page is cut to
what the caller may read now.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import orjson


class InvalidCursor(ValueError):
    """A text is not a cursor of this query; the message says which of the two."""


@dataclass(frozen=True)
class Cursor:
    """The first market day of the next page, and what all pages have in common.

    Attributes:
        metering_point_id, day: the key at which the next page starts.
        until: the end of the asked period, which a left-out `to` fixed on the first page.
        as_of: the moment whose data is shown.
    """

    metering_point_id: str
    day: date
    until: datetime
    as_of: datetime

    def encode(self, *, query: str) -> str:
        """The cursor as text; `query` is the fingerprint of the query that it continues."""
        content = [query, self.metering_point_id, self.day, self.until, self.as_of]
        return base64.urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")


def decode(text: str, *, query: str) -> Cursor:
    """A cursor from its text.

    Raises:
        InvalidCursor: it is not one of ours, or continues another query.
    """
    try:
        bound_to, metering_point_id, day, until, as_of = orjson.loads(
            base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        )
        cursor = Cursor(
            metering_point_id=str(metering_point_id),
            day=date.fromisoformat(day),
            until=datetime.fromisoformat(until),
            as_of=datetime.fromisoformat(as_of),
        )
        aware = cursor.until.utcoffset() is not None and cursor.as_of.utcoffset() is not None
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidCursor("This is not a cursor that the API gave.") from error
    if bound_to != query or not aware:
        raise InvalidCursor("This cursor continues another query.")
    return cursor


def fingerprint(parts: Iterable[object]) -> str:
    """A short digest of the values that make a query what it is."""
    return hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()[:16]
