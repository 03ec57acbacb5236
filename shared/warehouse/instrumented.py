"""A warehouse whose statements are measured, whichever engine does them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlsplit

from shared.telemetry.recording import Operation, Telemetry
from shared.warehouse.engine import Query, Row, Session, Statement, Warehouse


class _Statements:
    """Measures statements by their names: what is bound to them is nobody's business."""

    def __init__(self, telemetry: Telemetry, url: str) -> None:
        address = urlsplit(url)
        self._telemetry = telemetry
        self._system = "duckdb" if address.scheme == "duckdb" else "microsoft.sql_server"
        self._place = (
            {"server.address": address.hostname, "db.namespace": address.path.strip("/")}
            if address.hostname
            else {}
        )

    def measured(self, name: str) -> AbstractContextManager[Operation]:
        attributes = {"db.system.name": self._system, "db.query.summary": name}
        return self._telemetry.operation(name, attributes=attributes, told=self._place)


class _MeasuredSession:
    def __init__(self, session: Session, statements: _Statements) -> None:
        self._session = session
        self._statements = statements

    def fetch(self, query: Query[Row]) -> list[Row]:
        with self._statements.measured(query.name) as operation:
            rows = self._session.fetch(query)
            operation.rows = len(rows)
            return rows

    def run(self, statement: Statement) -> None:
        with self._statements.measured(statement.name):
            self._session.run(statement)


class Measured:
    """A warehouse around another: does the same, and tells how long it took and how many rows came."""

    def __init__(self, warehouse: Warehouse, *, telemetry: Telemetry, url: str) -> None:
        self._warehouse = warehouse
        self._statements = _Statements(telemetry, url)

    def fetch(self, query: Query[Row]) -> list[Row]:
        """The rows of a query."""
        with self._statements.measured(query.name) as operation:
            rows = self._warehouse.fetch(query)
            operation.rows = len(rows)
            return rows

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction, each statement of which is measured."""
        with self._warehouse.transaction() as session:
            yield _MeasuredSession(session, self._statements)

    def define(self, batch: str) -> None:
        """Run one batch of the scripts."""
        with self._statements.measured("define"):
            self._warehouse.define(batch)

    def close(self) -> None:
        """Give all connections back."""
        self._warehouse.close()
