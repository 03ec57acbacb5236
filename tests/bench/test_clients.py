"""What the crowd does with answers: it counts the right, waits when an answer asks for it, hides nothing."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from bench import clients
from bench.apparatus import connections, questions
from bench.apparatus.connections import BrokenAnswer
from bench.apparatus.questions import Question
from bench.clients import Seen

ASKED = Question("a day", connections.request_for("/one", {}), digest=questions.digest(b"right"))


async def seen_by_crowd(answers: Sequence[bytes]) -> Seen:
    """Ask once on a connection whose other end gives these answers, and then ends it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(each)
        writer.close()

    seen = Seen()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        async with connections.connected(f"http://{host}:{port}") as connection:
            await clients.answered(connection, ASKED, seen, until=time.perf_counter() + 60)
    return seen


def answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_right_answer_counts_and_is_timed() -> None:
    seen = asyncio.run(seen_by_crowd([answer("200 OK", b"right")]))

    assert (seen.statuses, len(seen.seconds["a day"]), seen.unexpected) == ({"200": 1}, 1, [])


def test_an_answer_in_chunks_is_read_to_its_end() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrig\r\n2\r\nht\r\n0\r\n\r\n"
    seen = asyncio.run(seen_by_crowd([chunked]))

    assert (seen.statuses, seen.unexpected) == ({"200": 1}, [])


def test_a_caller_that_should_wait_asks_again() -> None:
    seen = asyncio.run(
        seen_by_crowd([answer("429 Too Many Requests", b"", "Retry-After: 0"), answer("200 OK", b"right")])
    )

    assert (seen.statuses, seen.unexpected) == ({"429 as planned": 1, "200": 1}, [])


@pytest.mark.parametrize("wrong", [answer("200 OK", b"wrong"), answer("503 Away", b"right")])
def test_a_wrong_answer_is_unexpected_and_counts_for_nothing(wrong: bytes) -> None:
    seen = asyncio.run(seen_by_crowd([wrong]))

    assert (seen.all, len(seen.unexpected)) == ([], 1)


@pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 200 OK\r\n", answer("200 OK", b"right")[:-1]])
def test_an_answer_that_is_cut_off_is_broken(cut: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        asyncio.run(seen_by_crowd([cut]))


def test_figures_are_milliseconds_in_order() -> None:
    found = clients.figures([0.003, 0.001, 0.002])

    assert found == {"answers": 3, "p50 ms": 2.0, "p99 ms": 3.0, "max ms": 3.0}
