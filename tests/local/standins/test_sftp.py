"""The stand-in for a customer's SFTP server, as a process of the local stack."""

import base64
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local import demo
from local.azurite import emulator
from local.standins import sftp as stand_in
from shared.files.feeds import sftp
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.sftp import HostKeyDiffers, Refused, Sender

OURS = Sender(sftp.private_key(base64.b64decode(demo.SFTP_KEY)))
OTHERS = Sender(sftp.private_key(b"a key of thirty-two other bytes."))


@pytest.fixture
def receiver(free_port: int, tmp_path: Path) -> Iterator[Receiver]:
    """Yield the server as an operator enters it; it keeps files in `received`."""
    command = [sys.executable, "-m", "local.standins.sftp", "--port", str(free_port)]
    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [*command, "--folder", str(tmp_path / "received")], stdout=printed, stderr=subprocess.STDOUT
        )
    deadline = time.monotonic() + 30
    while not emulator.answers(free_port):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield Receiver("127.0.0.1", free_port, demo.SFTP_USER, stand_in.host_key())
    process.terminate()
    process.wait(30)


def send(sender: Sender, file: Path, receiver: Receiver, *, name: str) -> None:
    with sender.connected(receiver) as session:
        session.send(file, name=name)


def test_it_keeps_what_the_app_sends_and_prints_its_name(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"1;2\r\n")

    send(OURS, file, receiver, name="daily.csv")

    assert [path.name for path in (tmp_path / "received").iterdir()] == ["daily.csv"]
    assert (tmp_path / "received" / "daily.csv").read_bytes() == b"1;2\r\n"
    assert "Received daily.csv\n" in (tmp_path / "printed").read_text("utf-8")


def test_it_lets_nobody_else_in_and_nothing_out_of_its_folder(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"1")
    other_key = sftp.public_key(b"a key of thirty-two other bytes.")

    with pytest.raises(Refused):
        send(OTHERS, file, receiver, name="daily.csv")
    with pytest.raises(Refused):
        send(OURS, file, replace(receiver, user="root"), name="daily.csv")
    with pytest.raises(HostKeyDiffers):
        send(OURS, file, replace(receiver, host_key=other_key), name="daily.csv")
    send(OURS, file, replace(receiver, folder=".."), name="above.csv")

    assert [path.name for path in (tmp_path / "received").iterdir()] == ["above.csv"]
