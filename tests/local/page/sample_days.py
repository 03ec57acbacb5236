"""Market days of the stack's sample data that have something to show."""

from datetime import UTC, datetime, timedelta

from shared import periods

YESTERDAY = periods.day_of(datetime.now(UTC)) - timedelta(days=1)
"""The newest one: the sample ends with it."""


def last_day_of(hours: int) -> str:
    """Return the newest market day of the sample that has so many hours."""
    days = (YESTERDAY - timedelta(days=back) for back in range(400))
    return str(next(day for day in days if len(list(periods.starts(day, timedelta(hours=1)))) == hours))


def day_with_gaps() -> str:
    """Return the newest market day with missing hours at a metering point that demo callers see."""
    days = (YESTERDAY - timedelta(days=back) for back in range(1, 100))
    return str(next(day for day in days if day.toordinal() % 45 == 22))
