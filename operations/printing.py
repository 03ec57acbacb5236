"""How commands print tables and times."""

from datetime import UTC, datetime

from rich.table import Table

_UNBROKEN = {"Principal", "Metering point", "Run", "Last run", "Webhook", "Notice"}
"""Columns whose texts stay on one line."""


def minute(moment: datetime | None) -> str:
    """Return a moment in UTC as the logs write it, to the minute; an empty text for None."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""


def table(*columns: str) -> Table:
    """Return a table that cuts nothing off, so that ids can be copied."""
    made = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in _UNBROKEN)
    return made
