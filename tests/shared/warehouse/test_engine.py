"""Values that every engine takes."""

import json
from datetime import UTC, datetime, timedelta, timezone

from shared.warehouse.engine import ROWS_OF_A_STATEMENT, Rows, bindable

ROWS = Rows({"line": ["2", "3"], "quantity": ["1.250", ""]})


def test_rows_are_bound_as_json_with_null_for_an_empty_text() -> None:
    assert json.loads(bindable(ROWS)) == [
        {"line": "2", "quantity": "1.250"},
        {"line": "3", "quantity": None},
    ]


def test_rows_as_lines_have_their_fields_in_the_order_of_the_columns() -> None:
    assert ROWS.as_lines() == "2,1.250\n3,"


def test_many_rows_are_parted_so_that_no_parameter_grows_without_bound() -> None:
    count = 2 * ROWS_OF_A_STATEMENT + 1
    rows = Rows({"line": [str(number) for number in range(count)]})

    parts = list(rows.parts())

    assert [len(part.columns["line"]) for part in parts] == [ROWS_OF_A_STATEMENT, ROWS_OF_A_STATEMENT, 1]
    assert parts[-1].columns["line"] == [str(count - 1)]


def test_a_time_is_bound_as_text_in_utc_with_its_microseconds() -> None:
    oslo = timezone(timedelta(hours=2))

    assert bindable(datetime(2026, 3, 29, 3, 2, 1, 5, tzinfo=oslo)) == "2026-03-29T01:02:01.000005"
    assert bindable(datetime(2026, 3, 29, tzinfo=UTC)) == "2026-03-29T00:00:00.000000"
