"""The demo vendor's feed to the stand-in of an SFTP server follows the ports of the stack."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from local import environment
from local.ports import Ports
from local.stack import feeds, free, parts
from local.stack.supervision import StackFailed, Supervisor
from shared import tables
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.store import Feeds
from tests.builders import serving
from tests.operations.test_feeds import SPEC

ELSEWHERE = Receiver("sftp.example.com", 22, "us", "ssh-ed25519 AAAA")


@pytest.fixture
def stored(table_storage: str) -> Feeds:
    opened = tables.open_tables(table_storage, credential=None)
    opened.create_missing()
    return Feeds(opened)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(state=tmp_path) as found:
        yield found


def settings(ports: Ports, table_storage: str, *, state: Path) -> Mapping[str, str]:
    return {**environment.stack(ports, state=state), "TABLE_STORAGE": table_storage}


def receiver(stored: Feeds) -> Receiver | None:
    feed = stored.get(feeds.OWNER, feeds.SFTP)
    return feed.receiver if feed else None


def make(stored: Feeds) -> None:
    stored.put(feeds.OWNER, feeds.SFTP, SPEC, sequence=0, now=datetime.now(UTC))


def test_it_gets_its_receiver_and_keeps_it_at_other_ports(
    stored: Feeds, supervisor: Supervisor, table_storage: str, tmp_path: Path
) -> None:
    found = []
    for ports in (free.ports(), free.ports()):
        supervisor.start_ready(parts.sftp(ports, state=tmp_path))
        feeds.connect(supervisor, ports, app_settings=settings(ports, table_storage, state=tmp_path))
        found.append((ports.sftp, receiver(stored)))
        make(stored)
        feeds.connect(supervisor, ports, app_settings=settings(ports, table_storage, state=tmp_path))
        found.append((ports.sftp, receiver(stored)))
        supervisor.stop()

    (_, without), (port, first), *_, (later_port, later) = found
    assert without is None
    assert first is not None
    assert (first.port, first.user) == (port, "metering")
    assert later == replace(first, port=later_port) != first


def test_a_feed_that_the_api_refuses_ends_the_start() -> None:
    bound = serving.listening()
    port = bound.getsockname()[1]
    routes = [
        Route("/{tenant}/oauth2/v2.0/token", lambda _: JSONResponse({"access_token": "x"}), methods=["POST"]),
        Route("/{path:path}", lambda _: JSONResponse({"code": "no-access"}, 403), methods=["PUT"]),
    ]

    with (
        serving.served((Starlette(routes=routes), bound)),
        pytest.raises(StackFailed, match=r"daily-gs2 was not made: .*no-access"),
    ):
        feeds.make(Ports(gateway=port, identity=port))


def test_a_server_of_ones_own_stays(
    stored: Feeds, supervisor: Supervisor, table_storage: str, tmp_path: Path
) -> None:
    make(stored)
    stored.change(feeds.OWNER, feeds.SFTP, lambda feed: replace(feed, receiver=ELSEWHERE))

    feeds.connect(supervisor, Ports(), app_settings=settings(Ports(), table_storage, state=tmp_path))

    assert receiver(stored) == ELSEWHERE


def test_an_operators_command_that_fails_ends_the_start(
    stored: Feeds, supervisor: Supervisor, table_storage: str, tmp_path: Path
) -> None:
    make(stored)
    without_python = {"TABLE_STORAGE": table_storage, "PYTHONHOME": str(tmp_path)}

    with pytest.raises(StackFailed, match="could not be sent"):
        feeds.connect(supervisor, Ports(), app_settings=without_python)
