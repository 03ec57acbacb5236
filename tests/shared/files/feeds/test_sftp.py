"""Files sent to an SFTP server, a real one on this machine."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from shared import limits
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.sftp import HostKeyDiffers, NotSent, Patience, Refused, Sender
from tests.doubles.sftp import server
from tests.doubles.sftp.server import Fault, Server

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "received"
    folder.mkdir()
    with server.running(folder) as found:
        yield found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "built"
    path.write_bytes(CONTENT)
    return path


def at(double: Server, *, host_key: str | None = None, folder: str = ".") -> Receiver:
    pinned = host_key or double.public_host_key()
    return Receiver("127.0.0.1", double.port, "metering", pinned, folder)


def sender(double: Server, *, whole: float = 60) -> Sender:
    return Sender(double.private_key(), Patience(connect=30, whole=whole))


def send(
    file: Path, double: Server, *, whole: float = 60, host_key: str | None = None, folder: str = "."
) -> None:
    """Send one file as `day.csv`."""
    receiver = at(double, host_key=host_key, folder=folder)
    with sender(double, whole=whole).connected(receiver) as session:
        session.send(file, name="day.csv")


def received(double: Server) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in double.folder.iterdir()}


def test_a_file_arrives_whole_under_its_name(double: Server, file: Path) -> None:
    send(file, double)

    assert received(double) == {"day.csv": CONTENT}


@pytest.mark.parametrize("fault", ["none", "no-posix-rename"])
def test_a_file_that_is_sent_again_replaces_itself(double: Server, file: Path, fault: Fault) -> None:
    double.fault = fault
    send(file, double)

    send(file, double)

    assert received(double) == {"day.csv": CONTENT}
    assert len(double.renamed) == 2


@pytest.mark.parametrize("fault", ["fails", "truncates"])
def test_a_file_that_did_not_arrive_whole_never_gets_its_name(
    double: Server, file: Path, fault: Fault
) -> None:
    double.fault = fault

    with pytest.raises(NotSent):
        send(file, double)

    assert "day.csv" not in received(double)
    double.fault = "none"
    send(file, double)
    assert received(double) == {"day.csv": CONTENT}


def test_a_server_that_hangs_is_left_after_the_time_of_a_try(double: Server, file: Path) -> None:
    double.fault = "hangs"

    with pytest.raises(NotSent, match="ConnectionLost"):
        send(file, double, whole=3)


def test_a_server_with_another_host_key_gets_nothing(double: Server, file: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()

    with pytest.raises(HostKeyDiffers):
        send(file, double, host_key=other)

    assert received(double) == {}


def test_a_key_that_the_server_refuses_is_named_as_such(double: Server, file: Path) -> None:
    double.fault = "refuses"

    with pytest.raises(Refused, match="refused our key or user"):
        send(file, double)


def test_a_folder_that_is_missing_is_refused(double: Server, file: Path) -> None:
    with pytest.raises(Refused, match="the folder or file"):
        send(file, double, folder="nowhere")


def test_a_server_that_is_away_is_not_sent_to(free_port: int) -> None:
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    away = Receiver("127.0.0.1", free_port, "metering", host_key.export_public_key().decode())

    with (
        pytest.raises(NotSent, match="ConnectionRefusedError"),
        Sender(host_key.export_private_key().decode()).connected(away),
    ):
        pass


def test_keys_that_cannot_be_read_are_named_without_their_text(double: Server) -> None:
    with (
        pytest.raises(NotSent, match=r"^our key or the pinned host key cannot be read$"),
        Sender("hush").connected(at(double)),
    ):
        pass

    assert "hush" not in repr(Sender("hush"))


def test_one_sign_in_serves_many_files(double: Server, file: Path) -> None:
    with sender(double).connected(at(double)) as session:
        for name in ("one.csv", "two.csv"):
            session.send(file, name=name)

    assert sorted(received(double)) == ["one.csv", "two.csv"]
    assert double.connections == 1


def test_the_waits_grow_over_a_day_and_end() -> None:
    waits = [limits.sftp_wait(tries) for tries in range(1, len(limits.SFTP_WAITS) + 2)]
    known = [wait for wait in waits if wait is not None]

    assert known == sorted(known)
    assert timedelta(hours=20) < sum(known, timedelta()) < timedelta(hours=24)
    assert waits[-1] is None
