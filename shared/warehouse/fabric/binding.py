"""Binds values over ODBC.

Text is bound as varchar and not as nvarchar, which pyodbc would choose: the server would then convert the
clustered column to compare it, and read the whole table. Every bound text is ASCII, so that it does not
depend on the machine's character set. Times are bound as text, too: pyodbc truncates their fractions to the
precision that the server reported at the process's first sign-in, or to whole seconds if it reported none.
"""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import pyodbc  # type: ignore[import-not-found]  # Its types are no package, so mypy cannot see them.

from shared.warehouse import fractions
from shared.warehouse.engine import Json, Rows, Value, bindable

Binding = tuple[int, int, int]
"""Type, size and decimals of a parameter."""

ROWS_AT_A_TIME = 10_000
"""How many rows one parameter carries at most: some 2 MB of values, 3 MB of metering points."""

_NO_LIMIT = 0
"""The size that means varchar(max) to the driver."""
_SIZES = (32, 400, 8000)
"""Few sizes, so that the server sees one statement for texts of many lengths and reuses its plan."""


def binding(value: Value) -> Binding:
    """Return how a parameter is bound."""
    if isinstance(value, Json | Rows):
        return (pyodbc.SQL_VARCHAR, _NO_LIMIT, 0)
    if isinstance(value, str | datetime):
        length = len(str(bindable(value)))
        return (pyodbc.SQL_VARCHAR, next((size for size in _SIZES if length <= size), _NO_LIMIT), 0)
    if isinstance(value, date):
        return (pyodbc.SQL_TYPE_DATE, 10, 0)
    if isinstance(value, int):
        return (pyodbc.SQL_BIGINT, 0, 0)
    if isinstance(value, Decimal):
        return (pyodbc.SQL_DECIMAL, 18, 3)
    return (pyodbc.SQL_VARCHAR, 1, 0)


def split_rows(parameters: tuple[Value, ...]) -> Iterator[tuple[Value, ...]]:
    """Yield the parameters once for each ROWS_AT_A_TIME of their rows, and once without rows."""
    most = max((each.batch.num_rows for each in parameters if isinstance(each, Rows)), default=0)
    for start in range(0, max(most, 1), ROWS_AT_A_TIME):
        yield tuple(
            Rows(each.batch.slice(start, ROWS_AT_A_TIME)) if isinstance(each, Rows) else each
            for each in parameters
        )


def execute(cursor: pyodbc.Cursor, sql: str, parameters: tuple[Value, ...]) -> None:
    """Run a statement with its parameters bound."""
    if parameters:
        cursor.setinputsizes([binding(value) for value in parameters])
    cursor.execute(sql, [bindable(value) for value in parameters])


def keeps_fractions(connection: pyodbc.Connection) -> bool:
    """Return whether a time comes back from the server with its microseconds."""
    query = fractions.read_back()
    cursor = connection.cursor()
    execute(cursor, query.sql, query.parameters)
    (row,) = cursor.fetchall()
    cursor.close()
    return query.row(*row)
