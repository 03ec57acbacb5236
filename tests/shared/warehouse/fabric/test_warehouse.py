"""The adapter over ODBC, as far as it needs no server: what it binds, how it signs in, what may lack."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.warehouse.engine import Query, WarehouseUnavailable
from shared.warehouse.fabric.odbc import WarehouseMisconfigured

pyodbc = pytest.importorskip("pyodbc", reason="unixODBC is not installed", exc_type=ImportError)

from shared.warehouse import opening  # noqa: E402 - it needs pyodbc
from shared.warehouse.fabric import signin, warehouse  # noqa: E402
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
    identity = Identity(AccessToken("ab", 1_790_000_000))

    packed, expires_at = signin.access_token(identity)

    assert packed == b"\x04\x00\x00\x00a\x00b\x00"
    assert expires_at == 1_790_000_000
    assert identity.scopes == ["https://database.windows.net/.default"]


def test_an_identity_that_does_not_answer_makes_the_warehouse_unavailable() -> None:
    with pytest.raises(WarehouseUnavailable, match="identity did not answer"):
        signin.access_token(Identity(None))


def test_text_is_bound_as_varchar_and_decimals_keep_three_places() -> None:
    assert warehouse.binding("707057500000010017") == (pyodbc.SQL_VARCHAR, 18, 0)
    assert warehouse.binding("x" * 8001) == (pyodbc.SQL_VARCHAR, 0, 0)
    assert warehouse.binding(Decimal("1.250")) == (pyodbc.SQL_DECIMAL, 18, 3)
    assert warehouse.binding(datetime(2026, 3, 29, tzinfo=UTC)) == (pyodbc.SQL_TYPE_TIMESTAMP, 26, 6)


def test_the_driver_manager_does_not_pool() -> None:
    assert pyodbc.pooling is False
