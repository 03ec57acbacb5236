"""Where the tests' warehouses are: embedded, or where TEST_WAREHOUSE says.

`TEST_WAREHOUSE=tds` puts the double of a server in front of each test's own file, and Microsoft's driver and
the protocol in between; an address such as `mssql://user:password@host:port/database` names a server on which
the tests create, fill and empty the tables.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import odbcdriver
from shared.warehouse import opening, schema
from shared.warehouse.engine import Statement
from tests.builders import warehouse as building
from tests.doubles.tds.server import Server

WANTED = os.environ.get("TEST_WAREHOUSE")
_FILLED_BY_TESTS = (
    "metering_point",
    "supply_period",
    "interval_value",
    "delivery",
    "register_delivery",
    "series_day",
    "publication",
    "delivery_line",
    "publishing_day",
    "landed_line",
)
_FILLED_BY_SCRIPTS = ("market_day", "position", "write_lock")


def is_shared() -> bool:
    """Return whether all tests use the tables of one server, so that no two of them may run at once."""
    return WANTED not in (None, "tds")


@contextmanager
def address(template: Path, path: Path) -> Iterator[str]:
    """Yield the address of a warehouse with empty tables; a file is a copy of the template."""
    if WANTED is None:
        yield building.copy_of(template, path)
    elif WANTED == "tds":
        with served(template, path) as server:
            yield server.url
    else:
        _make_empty(WANTED)
        yield WANTED


@contextmanager
def served(template: Path, path: Path) -> Iterator[Server]:
    """Run a server in front of a copy of the template."""
    skip_without_driver()
    building.copy_of(template, path)
    with Server(path) as server:
        yield server


def skip_without_driver() -> None:
    """Skip the test where Microsoft's driver cannot be loaded."""
    pytest.importorskip(
        "pyodbc", reason=f"pyodbc cannot be loaded: {odbcdriver.INSTALL}", exc_type=ImportError
    )
    try:
        odbcdriver.library()
    except odbcdriver.NotUsable as error:
        pytest.skip(str(error))


def skip_unless_embedded() -> None:
    """Skip the test on any other engine: it needs the file of the embedded one."""
    if WANTED is not None:
        pytest.skip(
            f"It is about the embedded engine's file, and TEST_WAREHOUSE is {WANTED.partition(':')[0]}."
        )


def _make_empty(url: str) -> None:
    warehouse = opening.open_warehouse(building.settings(url))
    schema.apply(warehouse)
    with warehouse.transaction() as session:
        for table in (*_FILLED_BY_TESTS, *_FILLED_BY_SCRIPTS):
            session.run(Statement(f"DELETE FROM metering.{table}", (), "empty"))
    schema.apply(warehouse)
    warehouse.close()
