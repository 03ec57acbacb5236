"""Days as a pandas frame; only this function needs pandas."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from metering_api import errors
from metering_api.models import Day

if TYPE_CHECKING:
    import pandas

COLUMNS = ("meteringPointId", "direction", "start", "quantity", "quality")


def to_pandas(days: Iterable[Day]) -> "pandas.DataFrame":
    """Return a row for each value: meteringPointId, direction, start (UTC), quantity (float, kWh), quality.

    Quantities become floats, which pandas can add; for exact sums, use `Day.quantities`.

    Raises:
        NotConfigured: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise errors.NotConfigured("to_pandas() needs pandas: pip install pandas") from error
    rows = [
        (day.metering_point_id, day.direction, value.start, value.quantity, value.quality)
        for day in days
        for value in day.values
    ]
    frame = pandas.DataFrame(rows, columns=list(COLUMNS))
    frame["start"] = pandas.to_datetime(frame["start"], utc=True)
    frame["quantity"] = frame["quantity"].astype(float)
    return frame
