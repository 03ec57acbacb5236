"""Requests reach Microsoft's host as the caller sent them."""

import asyncio
import json

import httpx
import pytest

from local import ports
from local.functionhost import microsoft, server
from local.functionhost.server import Message, Receive, Send
from tests.hosts import raw_http


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Answer with the request."""
    message = await receive()
    headers = [[name.decode(), text.decode()] for name, text in scope["headers"]]
    target = (scope["raw_path"] + b"?" + scope["query_string"]).decode()
    shown = json.dumps([scope["method"], target, headers, message["body"].decode()])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": shown.encode()})


async def answer_to(sent: bytes) -> raw_http.RawAnswer | None:
    """Send a request through the forwarding app and return the answer."""
    async with (
        server.serving(echo, host=ports.HOST, port=0) as behind,
        httpx.AsyncClient(trust_env=False) as client,
        server.serving(microsoft.forwarding(client, port=behind), host=ports.HOST, port=0) as port,
    ):
        return await asyncio.to_thread(raw_http.send, port, sent)


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("GET", (), b""),
        ("GET", (("accept-encoding", "gzip"), ("user-agent", "a")), b""),
        ("POST", (("content-length", "5"),), b"hello"),
    ],
)
def test_a_request_arrives_with_the_headers_that_were_sent(
    method: str, headers: tuple[tuple[str, str], ...], body: bytes
) -> None:
    sent = raw_http.request("/v1/a%2Fb?from=%2B&a", method=method, headers=headers, body=body)

    answer = asyncio.run(answer_to(sent))

    assert answer is not None
    received = [method, "/v1/a%2Fb?from=%2B&a", [["host", "api.example"], *map(list, headers)], body.decode()]
    assert json.loads(answer.body) == received
