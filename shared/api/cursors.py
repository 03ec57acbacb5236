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
from typing import Any

import orjson

from shared import periods
from shared.metering import parse_metering_point_id

_NOT_OURS = "This is not a cursor that the API gave."


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
        return seal(query, self.metering_point_id, self.day, self.until, self.as_of)


def decode(text: str, *, query: str) -> Cursor:
    """A cursor from its text.

    Raises:
        InvalidCursor: it is not one of ours, or continues another query.
    """
    content = unseal(text, query=query)
    try:
        metering_point_id, day, until, as_of = content
        return Cursor(
            metering_point_id=parse_metering_point_id(metering_point_id),
            day=periods.parse_calendar_day(day),
            until=periods.parse_moment(until),
            as_of=periods.parse_moment(as_of),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidCursor(_NOT_OURS) from error


def seal(query: str, *content: object) -> str:
    """A position in the answer to a query, as opaque text that fits into an address."""
    return base64.urlsafe_b64encode(orjson.dumps([query, *content])).decode().rstrip("=")


def unseal(text: str, *, query: str) -> list[Any]:
    """The content that was sealed for this query.

    Raises:
        InvalidCursor: it is not one of ours, or continues another query.
    """
    try:
        sealed = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor(_NOT_OURS) from error
    if not isinstance(sealed, list) or not sealed:
        raise InvalidCursor(_NOT_OURS)
    if sealed[0] != query:
        raise InvalidCursor("This cursor continues another query.")
    return sealed[1:]


def fingerprint(parts: Iterable[object]) -> str:
    """A short digest of the values that make a query what it is."""
    return hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()[:16]
