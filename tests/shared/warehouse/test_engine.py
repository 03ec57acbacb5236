"""Values that every engine takes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa

from shared.warehouse.engine import ROWS_OF_A_STATEMENT, Rows, bindable

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


def test_many_rows_are_parted_so_that_no_parameter_grows_without_bound() -> None:
    count = 2 * ROWS_OF_A_STATEMENT + 1
    rows = Rows(pa.record_batch({"line": pa.array(range(count))}))

    parts = [part.batch["line"] for part in rows.parts()]

    assert [len(part) for part in parts] == [ROWS_OF_A_STATEMENT, ROWS_OF_A_STATEMENT, 1]
    assert parts[-1].to_pylist() == [count - 1]


def test_a_time_is_bound_as_text_in_utc_with_its_microseconds() -> None:
    oslo = timezone(timedelta(hours=2))

    assert bindable(datetime(2026, 3, 29, 3, 2, 1, 5, tzinfo=oslo)) == "2026-03-29T01:02:01.000005"
    assert bindable(datetime(2026, 3, 29, tzinfo=UTC)) == "2026-03-29T00:00:00.000000"
