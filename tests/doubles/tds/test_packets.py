"""Messages are sent in packets of the size that was agreed on, and put together again."""

import socket
from collections.abc import Iterator

import pytest

from tests.doubles.tds.packets import Channel, Gone, Kind


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def test_an_answer_is_split_into_packets_and_the_last_one_says_so(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, theirs = ends
    channel.packet_size = 12

    answer = channel.answer()
    answer.write(b"abcdefgh")
    answer.write(b"i")
    answer.end()

    assert theirs.recv(100) == (
        b"\x04\x00\x00\x0c\x00\x00\x01\x00abcd"
        b"\x04\x00\x00\x0c\x00\x00\x02\x00efgh"
        b"\x04\x01\x00\x09\x00\x00\x03\x00i"
    )


def test_a_message_of_several_packets_is_put_together(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    theirs.sendall(b"\x03\x00\x00\x0a\x00\x00\x01\x00ab\x03\x01\x00\x09\x00\x00\x02\x00c")

    message = channel.receive()

    assert (message.kind, message.data) == (Kind.CALL, b"abc")


@pytest.mark.parametrize(
    "sent", [b"", b"\x03\x01\x00", b"\x03\x01\x00\x0a\x00\x00\x01\x00a", b"GET / HTTP/1.1"]
)
def test_a_client_that_goes_in_the_middle_or_speaks_no_tds_is_gone(
    ends: tuple[Channel, socket.socket], sent: bytes
) -> None:
    channel, theirs = ends
    theirs.sendall(sent)
    theirs.shutdown(socket.SHUT_WR)

    with pytest.raises(Gone):
        channel.receive()
