"""The adapter over ODBC, as far as it needs no server: what it binds, how it signs in, what may lack."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.warehouse.engine import Json, Query, Rows, Value, WarehouseMisconfigured, WarehouseUnavailable

pyodbc = pytest.importorskip("pyodbc", reason="unixODBC is not installed", exc_type=ImportError)

from shared.warehouse import opening  # noqa: E402 - it needs pyodbc
from shared.warehouse.fabric import binding, signin  # noqa: E402
from tests.builders import warehouse as building  # noqa: E402


def test_a_driver_that_is_not_installed_is_named(free_port: int) -> None:
    settings = building.settings(f"mssql://sa:secret@127.0.0.1:{free_port}/metering")
    opened = opening.open_warehouse(replace(settings, odbc_driver="No Such Driver"))

    with pytest.raises(WarehouseMisconfigured, match="The ODBC driver 'No Such Driver' is not installed"):
        opened.fetch(Query("SELECT 42", (), int, "answer"))


class Identity:
    """A managed identity that gives one token, or refuses."""

    def __init__(self, token: AccessToken | None) -> None:
        self._token = token
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes += scopes
        if self._token is None:
            raise ClientAuthenticationError("no identity")
        return self._token


def test_a_token_is_passed_as_its_length_and_its_utf_16_text() -> None:
    identity = Identity(AccessToken("ab", int(time.time()) + 3600))

    packed, seconds = signin.access_token(identity)

    assert packed == b"\x04\x00\x00\x00a\x00b\x00"
    assert 3000 < seconds <= 3600
    assert identity.scopes == ["https://database.windows.net/.default"]


def test_an_identity_that_does_not_answer_makes_the_warehouse_unavailable() -> None:
    with pytest.raises(WarehouseUnavailable, match="identity did not answer"):
        signin.access_token(Identity(None))


VARCHAR = pyodbc.SQL_VARCHAR


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        ("", (VARCHAR, 32, 0)),
        ("707057500000010017", (VARCHAR, 32, 0)),
        ("x" * 33, (VARCHAR, 400, 0)),
        ("x" * 8_000, (VARCHAR, 8_000, 0)),
        ("x" * 8_001, (VARCHAR, 0, 0)),
        (Json("[]"), (VARCHAR, 0, 0)),
        (Rows(pa.record_batch({"line": pa.array([1])})), (VARCHAR, 0, 0)),
        (None, (VARCHAR, 1, 0)),
        (datetime(2026, 3, 29, tzinfo=UTC), (VARCHAR, 32, 0)),
        (Decimal("1.250"), (pyodbc.SQL_DECIMAL, 18, 3)),
    ],
)
def test_texts_and_times_are_bound_as_varchar_of_few_sizes(value: Value, bound: tuple[int, int, int]) -> None:
    assert binding.binding(value) == bound


def test_many_rows_are_split_so_that_no_parameter_grows_without_bound() -> None:
    count = 2 * binding.ROWS_AT_A_TIME + 1
    rows = Rows(pa.record_batch({"line": pa.array(range(count))}))

    split = list(binding.split_rows(("load", rows)))

    assert {load for load, _ in split} == {"load"}
    lines = [some.batch["line"].to_pylist() for _, some in split if isinstance(some, Rows)]
    assert [len(each) for each in lines] == [10_000, 10_000, 1]
    assert [line for each in lines for line in each] == list(range(count))


def test_parameters_without_rows_are_bound_once() -> None:
    assert list(binding.split_rows(("load", None))) == [("load", None)]
    assert list(binding.split_rows(())) == [()]


def test_the_driver_manager_does_not_pool() -> None:
    assert pyodbc.pooling is False
