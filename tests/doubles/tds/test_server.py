"""The server as a process, and as clients meet it that are no drivers."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.doubles.tds.engine import Engine
from tests.doubles.tds.execution import Execution
from tests.doubles.tds.faults import Fault, Faults, Misbehaviour
from tests.doubles.tds.packets import Channel, Kind, Message
from tests.doubles.tds.server import Server
from tests.doubles.tds.tokens import COLLATION
from tests.doubles.tds.wire import short_text

NO_HEADERS = b"\x04\x00\x00\x00"
PATIENCE_SECONDS = 30


def nothing() -> None:
    """Wait for nobody."""


def answered(message: Message) -> bytes:
    """Return what a session answers that has an empty warehouse."""
    ours, theirs = socket.socketpair()
    with ours, theirs, duckdb.connect() as cursor:
        answer = Channel(ours).answer()
        execution = Execution(
            Engine(cursor), misbehaviour=lambda _, it: Misbehaviour(None, it, nothing, nothing)
        )
        execution.perform(message, answer)
        answer.end()
        return theirs.recv(10_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "served.duckdb") as made:
        yield made


def test_it_serves_under_the_address_that_it_prints_and_ends_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.doubles.tds", str(tmp_path / "served.duckdb")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        port = int(address.removeprefix("mssql://sa:password@127.0.0.1:").removesuffix("/metering"))
        socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS).close()
        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_SECONDS) == 0


def test_it_says_before_the_login_that_it_does_not_encrypt(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as client:
        client.sendall(b"\x12\x01\x00\x09\x00\x00\x01\x00\xff")
        answer = Channel(client).receive()

    assert answer.data[:11] == b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff"
    assert answer.data[17:] == b"\x02"


def test_a_client_that_goes_before_its_login_is_forgotten(server: Server) -> None:
    socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS).close()

    assert server.settles_at(0)


def test_a_call_with_more_parameters_than_fabric_takes_is_refused() -> None:
    text = b"\xe7\x40\x1f" + COLLATION + b"\x02\x00x\x00"
    call = NO_HEADERS + b"\xff\xff\x0a\x00\x00\x00" + 2 * (b"\x00\x00" + text)
    message = Message(Kind.CALL, call + 2_101 * b"\x00\x00\x26\x04\x00")

    assert (8003).to_bytes(4, "little") in answered(message)


def test_a_procedure_that_it_does_not_know_is_an_error() -> None:
    name = short_text("sp_who")
    message = Message(Kind.CALL, NO_HEADERS + name[:1] + b"\x00" + name[1:] + b"\x00\x00")

    assert (2812).to_bytes(4, "little") in answered(message)


def test_a_fault_spares_the_first_statements_that_match_hits_the_next_and_is_over() -> None:
    faults = Faults()
    fault = Fault("cut", matching="day", nth=2, times=2)
    faults.order(fault)

    hit = [faults.of(text) for text in ("day 1", "other", "day 2", "day 3", "day 4")]

    assert hit == [None, None, fault, fault, None]
