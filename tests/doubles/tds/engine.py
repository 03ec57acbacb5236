"""The embedded engine as one session uses it: a cursor, and the transaction that it is in."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

import duckdb

from tests.doubles.tds import columns, failures
from tests.doubles.tds.columns import Column
from tests.doubles.tds.failures import Cancelled, Failed
from tests.doubles.tds.statements import Plan

_AT_A_TIME = 1000
_transactions = count(1)


class Engine:
    """Runs statements. Every method may raise Failed or Cancelled."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self.transaction: int | None = None
        """The number of the transaction under way."""

    def begin(self) -> int:
        """Begin a transaction; its number."""
        self._cursor.begin()
        self.transaction = next(_transactions)
        return self.transaction

    def commit(self) -> None:
        """Commit the transaction."""
        self.transaction = None
        try:
            self._cursor.commit()
        except duckdb.Error as error:
            self.roll_back()
            raise failures.of_engine(error) from error

    def roll_back(self) -> None:
        """Undo the transaction."""
        self.transaction = None
        with suppress(duckdb.TransactionException):  # A conflict has already undone it.
            self._cursor.rollback()

    def change(self, plan: Plan, values: Sequence[Any]) -> int | None:
        """Run a statement that gives no rows; how many it changed, where it says so."""
        self._run(plan, values)
        (changed,) = self._fetch(1)[0] if plan.is_change else (None,)
        return None if changed is None else int(changed)

    def rows(self, plan: Plan, values: Sequence[Any]) -> tuple[list[Column], Iterator[tuple[Any, ...]]]:
        """Run a question; its columns and its rows."""
        self._run(plan, values)
        first = self._fetch(_AT_A_TIME)
        described = [
            columns.column(name, kind=str(kind), texts=[row[place] for row in first])
            for place, (name, kind, *_) in enumerate(self._cursor.description or ())
        ]
        return described, self._from(first)

    def _run(self, plan: Plan, values: Sequence[Any]) -> None:
        try:
            self._cursor.execute(plan.sql or "", [values[place] for place in plan.order])
        except duckdb.Error as error:
            raise self._meaning(error) from error

    def _fetch(self, rows: int) -> list[tuple[Any, ...]]:
        try:
            return self._cursor.fetchmany(rows)
        except duckdb.Error as error:
            raise self._meaning(error) from error

    def _from(self, rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        while rows:
            yield from rows
            rows = self._fetch(_AT_A_TIME)

    def _meaning(self, error: duckdb.Error) -> Failed | Cancelled:
        if isinstance(error, duckdb.InterruptException):
            return Cancelled()
        if isinstance(error, duckdb.TransactionException) and self.transaction is not None:
            self.roll_back()
        return failures.of_engine(error)
