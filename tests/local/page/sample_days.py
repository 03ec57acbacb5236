"""Market days of the stack's sample data that have something to show."""

from datetime import UTC, date, datetime, timedelta

from shared import periods


def recent_day() -> date:
    """Return a market day of the sample, also when midnight has passed since the stack started."""
    return periods.day_of(datetime.now(UTC)) - 2 * periods.ONE_DAY


def last_day_of(hours: int, *, yesterday: date) -> str:
    """Return the newest market day of the sample that has so many hours."""
    days = (yesterday - timedelta(days=back) for back in range(400))
    return str(next(day for day in days if len(list(periods.starts(day, timedelta(hours=1)))) == hours))


def day_with_gaps(yesterday: date) -> str:
    """Return the newest market day with missing hours at a metering point that demo callers see."""
    days = (yesterday - timedelta(days=back) for back in range(1, 100))
    return str(next(day for day in days if day.toordinal() % 45 == 22))
