"""Whether times keep their microseconds: these decide which of two deliveries is the newer one. Pure."""

from datetime import UTC, datetime

from shared.warehouse.engine import Query, aware

SENT = datetime(2026, 3, 29, 1, 2, 3, 456789, tzinfo=UTC)
LOST = (
    "The warehouse gives a time back without its microseconds, so the newer of two deliveries could not be "
    "known. Use Microsoft's ODBC Driver 18 and columns of the type datetime2(6)."
)


def read_back() -> Query[bool]:
    """Send a time and read it back: one row, True if it is the same."""
    return Query("SELECT CAST(? AS datetime2(6))", (SENT,), lambda at: aware(at) == SENT, "read_back")
