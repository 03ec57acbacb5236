"""Reads whole lists page by page, in the two ways in which Severa pages its lists.

Severa's OpenAPI description says which list is paged in which way. The wrong way reads one page and takes
it for the whole list, which would end the access of all customers on later pages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.access.severa import records
from shared.access.severa.records import Row

ROWS = 100
"""Rows in each page: the most that Severa documents for nearly all lists."""

SHORTEST_LIMIT = 20
"""The default size of a page in Severa's description: a list that is shorter comes on one page."""

READINGS = 4
"""How often a list that changes while it is read is read again."""


class ListUnreadable(Exception):
    """The list could not be read from end to end."""


@dataclass(frozen=True)
class Page:
    """One answer: its rows, and the token of the next page where the list has tokens."""

    rows: list[Row]
    next_token: str | None


ReadPage = Callable[[Mapping[str, str]], Page]
"""Reads the page that the query parameters name."""


def by_token(read: ReadPage) -> list[Row]:
    """Return all rows of a list with `pageToken`, each guid once.

    Only a missing token ends the list: Severa may return pages that are shorter than requested.

    Raises:
        ListUnreadable: a token came twice, which would never end.
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
    """Return all rows of a list with `firstRow`, each guid once, even if the list changes meanwhile.

    Rows shift when others before them are added or removed, so each page begins with the last row
    of the page before. If it does not, or if a row comes twice, the list has moved and is read again
    from the beginning.

    Severa may return pages that are shorter than requested, so only a page without a new row ends the list.
    A page of one row may have been cut to the row that is already known. So for a list whose first page has
    one row, and for a list that is longer than a page may be, the rows after the last one are requested too.
    A list that is not empty takes at least two requests.

    Raises:
        ListUnreadable: the list moved in each of `READINGS` readings.
    """
    for _ in range(READINGS):
        rows = _read_once(read)
        if rows is not None:
            return rows
    raise ListUnreadable(f"The list changed during each of {READINGS} readings.")


def _read_once(read: ReadPage) -> list[Row] | None:
    """Return all rows, or None if the list moved."""
    first = _page(read, first_row=0)
    rows = _by_guid(first)
    if len(rows) < len(first):
        return None
    pages_of_one = len(first) == 1
    while rows:
        new = _rows_behind(read, rows) if pages_of_one else _rows_after_the_last(read, rows)
        if new == [] and not pages_of_one and len(rows) >= SHORTEST_LIMIT:
            new = _rows_behind(read, rows)
        if new is None or len({**rows, **_by_guid(new)}) < len(rows) + len(new):
            return None
        if not new:
            break
        rows |= _by_guid(new)
        pages_of_one = pages_of_one and len(new) == 1
    return list(rows.values())


def _rows_after_the_last(read: ReadPage, rows: Mapping[str, Row]) -> list[Row] | None:
    """Return the new rows of a page that begins with the last row; None if it begins with another."""
    page = _page(read, first_row=len(rows) - 1)
    return page[1:] if _begins_with_the_last(page, rows) else None


def _rows_behind(read: ReadPage, rows: Mapping[str, Row]) -> list[Row] | None:
    """Return the rows after the last one; None if the last one has moved meanwhile."""
    behind = _page(read, first_row=len(rows))
    if behind and not _begins_with_the_last(_page(read, first_row=len(rows) - 1), rows):
        return None
    return behind


def _begins_with_the_last(page: list[Row], rows: Mapping[str, Row]) -> bool:
    return [records.guid(row) for row in page[:1]] == [*rows][-1:]


def _page(read: ReadPage, *, first_row: int) -> list[Row]:
    return read({"firstRow": str(first_row), "rowCount": str(ROWS)}).rows


def _by_guid(page: list[Row]) -> dict[str, Row]:
    return {records.guid(row): row for row in page}
