"""Templates serve many days, and every value of every day gets its own times."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from shared import periods
from shared.api.series import rendering
from shared.files.forms import templates
from shared.metering import Resolution
from shared.series.assembly import Values

_TWO_YEARS = [date(2025, 1, 1) + timedelta(days=number) for number in range(2 * 365)]


@pytest.mark.parametrize("resolution", [Resolution.PT1H, Resolution.PT15M])
def test_the_values_of_every_day_have_the_times_of_the_calendar(resolution: Resolution) -> None:
    for day in _TWO_YEARS:
        starts = periods.starts(day, resolution.step)
        quantities = ",".join(f"{number}.000" for number in range(len(starts)))
        run = Values(day, resolution, 0, quantities, "M" * len(starts), datetime(2026, 1, 1, tzinfo=UTC))

        values = json.loads(f"[{templates.values(run, rendering.TEMPLATE)}]")

        ends = [*starts[1:], periods.market_day(day).end.astimezone(periods.OSLO)]
        assert [value["start"] for value in values] == [each.isoformat() for each in starts]
        assert [value["end"] for value in values] == [each.isoformat() for each in ends]
