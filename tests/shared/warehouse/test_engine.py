"""Values that every engine takes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa

from shared.warehouse.engine import Rows, bindable

ROWS = Rows(
    pa.record_batch(
        {
            "line": pa.array([2, 3]),
            "start": pa.array([datetime(2026, 3, 29, 1), None], pa.timestamp("s")),  # noqa: DTZ001 - as stored
            "quantity": pa.array([Decimal("1.250"), None], pa.decimal128(18, 3)),
            "name": pa.array(['Ås "vest"\\', ""]),
            "quality": pa.array(["measured", "missing"]).dictionary_encode(),
        }
    )
)


def test_rows_are_bound_as_json_in_ascii_with_nulls() -> None:
    bound = bindable(ROWS)

    assert bound.isascii()
    assert json.loads(bound) == [
        {
            "line": "2",
            "start": "2026-03-29T01:00:00",
            "quantity": "1.250",
            "name": 'Ås "vest"\\',
            "quality": "measured",
        },
        {"line": "3", "start": None, "quantity": None, "name": "", "quality": "missing"},
    ]


def test_a_time_is_bound_as_text_in_utc_with_its_microseconds() -> None:
    oslo = timezone(timedelta(hours=2))

    assert bindable(datetime(2026, 3, 29, 3, 2, 1, 5, tzinfo=oslo)) == "2026-03-29T01:02:01.000005"
    assert bindable(datetime(2026, 3, 29, tzinfo=UTC)) == "2026-03-29T00:00:00.000000"
