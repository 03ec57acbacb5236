"""How a request may end without an answer, and what the embedded engine's errors are called here."""

import duckdb

from tests.doubles.tds import tokens

CONFLICT = 24556
"""Fabric's number of a transaction that was undone since another changed the same rows first."""
OURS = 50000
"""Where the number of Fabric or SQL Server is not known: the first of those that users give."""

_NUMBERS: tuple[tuple[type[duckdb.Error], int], ...] = (
    (duckdb.TransactionException, CONFLICT),
    (duckdb.CatalogException, 208),
    (duckdb.BinderException, 207),
    (duckdb.ParserException, 102),
    (duckdb.ConversionException, 245),
    # Only COPY INTO reads files here: one of which a line is too long, or no text.
    (duckdb.InvalidInputException, 13812),
    (duckdb.OutOfRangeException, 8115),
    (duckdb.ConstraintException, 515),
)


class Cancelled(Exception):
    """The client wants no more of the answer, or has gone."""


class Broken(Exception):
    """The connection is to be broken off, as a fault that was ordered."""


class Failed(Exception):
    """A request failed. After an error of severity 20 or more the server ends the session."""

    def __init__(self, number: int, text: str, *, severity: int = 16) -> None:
        super().__init__(text)
        self.token = tokens.error(number, text, severity=severity)
        self.ends_session = severity >= 20


def of_engine(error: duckdb.Error) -> Failed:
    """Return the client's error for an error of the embedded engine."""
    number = next((number for kind, number in _NUMBERS if isinstance(error, kind)), OURS)
    return Failed(number, str(error))
