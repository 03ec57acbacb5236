"""The stand-in answers as Microsoft's host does: the same generated raw requests are sent to both."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import environment, places
from local.functionhost import differences
from local.functionhost.host import KEY_HEADER, MASTER_KEY
from local.stack import free
from tests.hosts import microsofts_host, raw_http
from tests.hosts.raw_http import RawAnswer, RawRequest

ECHO = Path(__file__).with_name("echo")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stand_in() -> Iterator[int]:
    """The port at which the stand-in serves the app that echoes requests."""
    port = free.numbers(1)[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "local.functionhost", "--app", ECHO, "--port", str(port)],
        cwd=places.ROOT,
        env={**environment.without_settings(), "AzureWebJobsDisableHomepage": "true"},
    )
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{port}/admin/host/ping", trust_env=False)
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module", params=microsofts_host.PYTHONS)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port at which Microsoft's host serves it."""
    settings = {"AzureWebJobsDisableHomepage": "true"}
    python = microsofts_host.python(request.param)
    state = tmp_path_factory.mktemp("host")
    with microsofts_host.running(ECHO, state=state, python=python, settings=settings) as host:
        yield host.port


def requests() -> list[RawRequest]:
    return [
        *raw_http.by_rule(parameter="/v1/points/{}", literal="/v1/status", rest="/v1/{}", body="/v1/any"),
        *_answers(),
        *_keys(),
        *_administration(),
    ]


def _answers() -> Iterator[RawRequest]:
    kinds = (
        *("empty", "304", "304%20with%20a%20body", "204", "text", "none", "number", "raises", "cookies"),
        *("length", "shorter", "nonascii", "newline", "bytes", "big", "type", "mimetype", "418", "599"),
    )
    for kind in kinds:
        yield RawRequest(f"answer {kind}", raw_http.request(f"/v1/answers/{kind}"))
    for kind in ("empty", "text", "cookies", "length", "bytes", "big"):
        yield RawRequest(f"answer HEAD {kind}", raw_http.request(f"/v1/answers/{kind}", method="HEAD"))
        yield RawRequest(f"answer 1.0 {kind}", raw_http.request(f"/v1/answers/{kind}", version="HTTP/1.0"))


def _keys() -> Iterator[RawRequest]:
    for name, target, headers in (
        ("no key", "/v1/keyed", ()),
        ("key in a header", "/v1/keyed", ((KEY_HEADER, MASTER_KEY),)),
        ("another key", "/v1/keyed", ((KEY_HEADER, "another"),)),
        ("key in the query", f"/v1/keyed?code={MASTER_KEY}", ()),
        ("key in the query, upper case", f"/v1/keyed?CODE={MASTER_KEY}", ()),
    ):
        yield RawRequest(name, raw_http.request(target, headers=headers))


def _administration() -> Iterator[RawRequest]:
    key, as_json = (KEY_HEADER, MASTER_KEY), ("Content-Type", "application/json")
    for name, headers, body in (
        ("good", (key, as_json), b"{}"),
        ("with input", (key, as_json), b'{"input": "x"}'),
        ("without key", (as_json,), b"{}"),
        ("with another key", ((KEY_HEADER, "another"), as_json), b"{}"),
        ("without type", (key,), b"{}"),
        ("as text", (key, ("Content-Type", "text/plain")), b"{}"),
        ("of nothing", (key, as_json), b""),
        ("of half an object", (key, as_json), b"{"),
        ("of a list", (key, as_json), b"[]"),
    ):
        for function in ("status", "STATUS", "nobody"):
            length = ("Content-Length", str(len(body)))
            sent = raw_http.request(
                f"/admin/functions/{function}", method="POST", headers=(*headers, length), body=body
            )
            yield RawRequest(f"admin {name}: {function}", sent)
    for path in ("/admin/host/ping", "/admin/host/status", "/admin/functions/x/y", "/ADMIN/host/PING"):
        yield RawRequest(f"admin {path}", raw_http.request(path))


def seen(answer: RawAnswer | None) -> object:
    """Return what a caller sees of an answer; of JSON the content, since headers have no order there."""
    if answer is None:
        return None
    headers = sorted((name.lower(), text) for name, text in answer.headers if name.lower() != "date")
    content: Any = answer.body
    with suppress(ValueError):
        content = json.loads(answer.body)
    return answer.status, headers, answer.framing, answer.interim, content


def test_both_answer_alike(stand_in: int, real: int) -> None:
    sent = requests()

    different = {
        each.name: (ours, theirs)
        for each in sent
        if (ours := seen(raw_http.send(stand_in, each.sent)))
        != (theirs := seen(raw_http.send(real, each.sent)))
    }

    assert len({each.name for each in sent}) == len(sent) >= 500
    assert unexplained(different) == {}


def unexplained(different: Mapping[str, object]) -> dict[str, object]:
    """Return the differences for which no reason is given."""
    return {name: both for name, both in different.items() if name not in differences.OF_ECHO}


def test_a_caller_that_waits_for_leave_to_send_a_body_gets_it_where_the_body_is_read(
    stand_in: int, real: int
) -> None:
    headers = (("Content-Length", "5"), ("Expect", "100-continue"))
    read = raw_http.request("/v1/any", method="POST", headers=headers)
    unread = raw_http.request("/nowhere", method="POST", headers=headers)

    for port in (stand_in, real):
        first, second = (raw_http.send_in_two(port, head, b"hello") for head in (read, unread))

        assert first is not None
        assert second is not None
        assert (first.interim, json.loads(first.body)["body"]) == ((100,), "hello")
        assert (second.interim, second.status) == ((), 404)


def test_a_connection_serves_one_request_after_the_other_on_both(stand_in: int, real: int) -> None:
    first, second = raw_http.request("/v1/answers/length"), raw_http.request("/v1/answers/418")
    unread = raw_http.request("/nowhere", method="POST", headers=(("Content-Length", "5"),), body=b"hello")
    bad = raw_http.request(
        "/nowhere", method="POST", headers=(("Transfer-Encoding", "chunked"),), body=b"z\r\n"
    )

    for sent, statuses in (
        (first + second, [200, 418]),
        (unread + second, [404, 418]),
        (bad + second, [404]),
    ):
        ours, theirs = (raw_http.statuses(port, sent, count=2) for port in (stand_in, real))

        assert ours == theirs == statuses
