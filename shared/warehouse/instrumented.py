"""Measures the statements of a warehouse, on any engine."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlsplit

from shared.telemetry.recording import Operation, Telemetry
from shared.warehouse.engine import Query, Row, Session, Statement, Warehouse


class _Statements:
    """Measures statements by name, without their parameters, which may identify customers."""

    def __init__(self, telemetry: Telemetry, url: str) -> None:
        address = urlsplit(url)
        self._telemetry = telemetry
        self._system = "duckdb" if address.scheme == "duckdb" else "microsoft.sql_server"
        self._place = (
            {"server.address": address.hostname, "db.namespace": address.path.strip("/")}
            if address.hostname
            else {}
        )

    def measure(self, name: str) -> AbstractContextManager[Operation]:
        attributes = {"db.system.name": self._system, "db.query.summary": name}
        return self._telemetry.operation(name, attributes=attributes, span_attributes=self._place)


class _InstrumentedSession:
    def __init__(self, session: Session, statements: _Statements) -> None:
        self._session = session
        self._statements = statements

    def fetch(self, query: Query[Row]) -> list[Row]:
        with self._statements.measure(query.name) as operation:
            rows = self._session.fetch(query)
            operation.rows = len(rows)
            return rows

    def run(self, statement: Statement) -> None:
        with self._statements.measure(statement.name):
            self._session.run(statement)


class InstrumentedWarehouse:
    """Passes statements on to another warehouse, and records their durations and numbers of rows."""

    def __init__(self, warehouse: Warehouse, *, telemetry: Telemetry, url: str) -> None:
        self._warehouse = warehouse
        self._statements = _Statements(telemetry, url)

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query."""
        with self._statements.measure(query.name) as operation:
            rows = self._warehouse.fetch(query)
            operation.rows = len(rows)
            return rows

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Return a transaction that measures each of its statements."""
        with self._warehouse.transaction() as session:
            yield _InstrumentedSession(session, self._statements)

    def define(self, batch: str) -> None:
        """Run one batch of the scripts in infra/warehouse."""
        with self._statements.measure("define"):
            self._warehouse.define(batch)

    def close(self) -> None:
        """Close all connections."""
        self._warehouse.close()
