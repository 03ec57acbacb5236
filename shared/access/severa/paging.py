"""Reading a whole list page by page, in the two ways that Severa pages its lists.

Which list pages in which way is in its OpenAPI description. Following the wrong way reads one page
and takes it for the whole list, which would end the access of everybody after it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.access.severa import records
from shared.access.severa.records import Row

ROWS = 100
"""Rows asked for in each page: the most that Severa documents for nearly all lists."""

WITH_SOMETHING_NEW = 2
"""Rows of a page that may have another after it: its first is the last of the page before."""

READINGS = 4
"""How often a list that changes under the reader is read before the reading is given up."""


class ListUnreadable(Exception):
    """The list could not be read from end to end."""


@dataclass(frozen=True)
class Page:
    """One answer: its rows, and the token of the next page where the list has tokens."""

    rows: list[Row]
    next_token: str | None


ReadPage = Callable[[Mapping[str, str]], Page]
"""Reads the page that the query parameters ask for."""


def by_token(read: ReadPage) -> list[Row]:
    """All rows of a list with `pageToken`, each guid once.

    Only a missing token ends the list: the size of a page says nothing, as Severa may cut it down.

    Raises:
        ListUnreadable: when a token comes again, which would never end.
    """
    rows: dict[str, Row] = {}
    followed: set[str] = set()
    parameters = {"rowCount": str(ROWS)}
    while True:
        page = read(parameters)
        rows |= {records.guid(row): row for row in page.rows}
        if not page.next_token:
            return list(rows.values())
        if page.next_token in followed:
            raise ListUnreadable("Severa gave the same page token twice.")
        followed.add(page.next_token)
        parameters = {"rowCount": str(ROWS), "pageToken": page.next_token}


def by_row(read: ReadPage) -> list[Row]:
    """All rows of a list with `firstRow`, each guid once, although the list may change meanwhile.

    Rows shift when others before them are added or removed, so each page begins with the last row
    of the page before. When it does not, or when a row comes again, the list has moved and is read
    from the beginning.

    Only a page without anything new ends the list, or a first one of a single row: how short a page is
    says nothing, as Severa may cut it down. Lists of two rows or more take one request more for it.

    Raises:
        ListUnreadable: when the list moved in each of `READINGS` readings.
    """
    for _ in range(READINGS):
        rows = _read_once(read)
        if rows is not None:
            return rows
    raise ListUnreadable(f"The list changed during each of {READINGS} readings.")


def _read_once(read: ReadPage) -> list[Row] | None:
    """All rows, or None when the list moved."""
    rows: dict[str, Row] = {}
    last: str | None = None
    while True:
        page = read({"firstRow": str(max(0, len(rows) - 1)), "rowCount": str(ROWS)}).rows
        guids = [records.guid(row) for row in page]
        new = guids if last is None else guids[1:]
        if (last is not None and guids[:1] != [last]) or len({*rows, *new}) < len(rows) + len(new):
            return None
        rows |= dict(zip(guids, page, strict=True))
        if len(page) < WITH_SOMETHING_NEW:
            return list(rows.values())
        last = guids[-1]
