"""Signing in to `fabric://` as in Azure: with a token of a managed identity, over TLS that is verified."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.outside import identity as managed_identity
from shared.warehouse import opening, schema
from shared.warehouse.deadlines import Deadline
from shared.warehouse.engine import Query, Warehouse, WarehouseMisconfigured, WarehouseUnavailable
from shared.warehouse.fabric import odbc
from shared.warehouse.fabric.odbc import WarehouseLost
from tests.builders import elsewhere
from tests.builders import warehouse as building
from tests.doubles import certificates
from tests.doubles.identity import LONG, Identity, serving
from tests.doubles.tds.server import Server

pyodbc = pytest.importorskip("pyodbc", reason="unixODBC is not installed", exc_type=ImportError)

from shared.warehouse.fabric import signin  # noqa: E402 - it needs pyodbc

CLIENT_ID = "5a5e0000-0000-4000-8000-0000000000e1"
ONE = Query("SELECT 1", (), int, "one")


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[Identity]:
    """The identity of this machine, as the environment names it."""
    made = Identity()
    with serving(made) as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", "unused")
        yield made


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate that this machine trusts."""
    made = certificates.write(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    return made


@pytest.fixture
def server(tmp_path: Path, certificate: Path, identity: Identity) -> Iterator[Server]:
    elsewhere.skip_without_driver()
    with Server(tmp_path / "served.duckdb", certificate=certificate, token=identity.token) as made:
        yield made


def fabric_at(server: Server) -> Warehouse:
    url = f"fabric://127.0.0.1:{server.port}/metering"
    return opening.open_warehouse(building.settings(url), credential=managed_identity.credential(CLIENT_ID))


def test_a_managed_identity_signs_in_with_its_token(server: Server, identity: Identity) -> None:
    warehouse = fabric_at(server)

    schema.apply(warehouse)
    counted = building.count(warehouse, "market_day")
    warehouse.close()

    assert counted == 14_975
    assert identity.requests[0]["resource"] == ["https://database.windows.net"]
    assert identity.requests[0]["client_id"] == [CLIENT_ID]
    assert server.settles_at(0)


@pytest.mark.parametrize(("seconds", "sign_ins"), [(60, 1), (0, 2)])
def test_a_connection_is_not_used_when_its_token_is_about_to_expire(
    server: Server, identity: Identity, seconds: int, sign_ins: int
) -> None:
    identity.lives_seconds = signin.TOKEN_MARGIN + seconds
    warehouse = fabric_at(server)
    warehouse.fetch(ONE)

    server.token = identity.token = "b" * LONG
    warehouse.fetch(ONE)

    assert server.signed_in == sign_ins
    assert server.settles_at(1)
    warehouse.close()


def test_a_connection_ends_by_a_clock_that_cannot_be_set_back(server: Server, identity: Identity) -> None:
    wanted = odbc.connection_string(
        f"fabric://127.0.0.1:{server.port}/metering", driver=building.odbc_driver()
    )
    before = time.monotonic()

    opened = signin.connect(
        wanted,
        driver=building.odbc_driver(),
        credential=managed_identity.credential(CLIENT_ID),
        by=Deadline.after(timedelta(seconds=30)),
    )
    opened.connection.close()

    assert before + signin.MAX_AGE <= opened.expires_at <= time.monotonic() + signin.MAX_AGE


def test_a_token_that_is_refused_says_what_to_grant_and_not_the_token(
    server: Server, identity: Identity
) -> None:
    server.token = "another"
    warehouse = fabric_at(server)

    with pytest.raises(WarehouseMisconfigured, match="Give the identity Read on the warehouse") as caught:
        warehouse.fetch(ONE)

    assert identity.token not in f"{caught.value} {caught.value.__cause__}"


def test_a_certificate_that_no_authority_has_signed_is_not_trusted(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))

    with pytest.raises(WarehouseLost):
        fabric_at(server).fetch(ONE)


def test_a_server_that_does_not_encrypt_gets_no_token(tmp_path: Path, identity: Identity) -> None:
    elsewhere.skip_without_driver()
    with Server(tmp_path / "served.duckdb", token=identity.token) as server:
        with pytest.raises(WarehouseUnavailable):
            fabric_at(server).fetch(ONE)

        assert server.settles_at(0)
