"""A warehouse that counts what it is asked and given."""

from shared.warehouse.engine import Query, Row, Warehouse


class Counting:
    """Counts the questions, and the length of what is bound to them as text."""

    def __init__(self, inner: Warehouse) -> None:
        self._inner = inner
        self.statements = self.parameter_bytes = 0

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query."""
        self.statements += 1
        self.parameter_bytes += sum(len(str(each)) for each in query.parameters)
        return self._inner.fetch(query)
