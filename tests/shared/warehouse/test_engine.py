"""Values that every engine takes."""

import json

from shared.warehouse.engine import Rows, bindable

ROWS = Rows({"line": ["2", "3"], "quantity": ["1.250", ""]})


def test_rows_are_bound_as_json_with_null_for_an_empty_text() -> None:
    assert json.loads(bindable(ROWS)) == [
        {"line": "2", "quantity": "1.250"},
        {"line": "3", "quantity": None},
    ]


def test_rows_as_lines_have_their_fields_in_the_order_of_the_columns() -> None:
    assert ROWS.as_lines() == "2,1.250\n3,"
