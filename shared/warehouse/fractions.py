"""Checks that times keep their microseconds, which decide which of two deliveries is newer. Pure."""

from datetime import UTC, datetime

from shared.warehouse.engine import Query, aware

SENT = datetime(2026, 3, 29, 1, 2, 3, 456789, tzinfo=UTC)
LOST = (
    "The warehouse gives a time back without its microseconds, so the newer of two deliveries could not be "
    "known. Use Microsoft's ODBC Driver 18 and columns of the type datetime2(6)."
)


def read_back() -> Query[bool]:
    """Return a query that sends a time and reads it back: one row, True if the time is unchanged."""
    return Query("SELECT CAST(? AS datetime2(6))", (SENT,), lambda at: aware(at) == SENT, "read_back")
