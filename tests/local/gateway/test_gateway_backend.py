"""What becomes of the backend's answer, and of its absence."""

import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import demo
from tests.builders import gateway
from tests.builders.gateway import World
from tests.builders.serving import address_of, listening


def test_an_answer_comes_through_as_it_is(calm_world: World) -> None:
    body = gzip.compress(b"hello " * 100)
    calm_world.backend.answers(
        200,
        body,
        Content_Type="text/csv",
        Content_Encoding="gzip",
        ETag='"7"',
        Cache_Control="private, no-cache",
    )

    answer = calm_world.get()

    assert answer.body == body
    assert answer.header("Content-Encoding") == "gzip"
    assert answer.header("ETag") == '"7"'
    assert answer.header("Cache-Control") == "private, no-cache"


def test_repeated_headers_stay_repeated(calm_world: World) -> None:
    calm_world.backend.headers = [("Link", "<a>"), ("Link", "<b>")]

    answer = calm_world.get()

    assert [value for name, value in answer.headers if name.lower() == "link"] == ["<a>", "<b>"]


def test_what_the_hosting_says_of_itself_stays_inside(calm_world: World) -> None:
    calm_world.backend.answers(
        200, b"{}", X_Powered_By="ASP.NET", Request_Context="appId=1", X_Request_Id="inner"
    )

    answer = calm_world.get(X_Request_Id="outer-request")

    assert answer.header("X-Powered-By") is None
    assert answer.header("Request-Context") is None
    assert answer.header("X-Request-Id") == "outer-request"


def test_not_modified_has_no_body(calm_world: World) -> None:
    calm_world.backend.status, calm_world.backend.headers = 304, [("ETag", '"7"')]
    calm_world.backend.chunks = lambda: iter(())

    answer = calm_world.get()

    assert (answer.status, answer.body, answer.header("ETag")) == (304, b"", '"7"')


def test_a_problem_of_the_app_is_passed_on(calm_world: World) -> None:
    body = b'{"type":"/problems/warehouse-busy","status":503,"code":"warehouse-busy"}'
    calm_world.backend.answers(503, body, Content_Type="application/problem+json", Retry_After="7")

    answer = calm_world.get()

    assert (answer.status, answer.body, answer.header("Retry-After")) == (503, body, "7")


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"WWW_Authenticate": "Bearer realm=function"}),
        (403, {"Content_Type": "text/html"}),
        (404, {}),
        (500, {"Content_Type": "text/plain"}),
        (502, {"Content_Type": "application/json"}),
        (503, {"Content_Type": "text/html"}),
    ],
)
def test_an_error_that_is_not_the_apps_own_becomes_a_problem(
    calm_world: World, status: int, headers: dict[str, str]
) -> None:
    calm_world.backend.answers(status, b"<h1>secrets of the host</h1>", **headers)

    answer = calm_world.get()

    assert (answer.status, answer.code) == (503, "backend-unavailable")
    assert answer.header("Retry-After") == "10"
    assert answer.header("WWW-Authenticate") is None
    assert b"secrets" not in answer.body


def test_a_backend_that_is_away_is_a_problem(tmp_path: Path) -> None:
    nobody = listening()
    address = address_of(nobody)
    nobody.close()

    with gateway.world(gateway.copied_files(tmp_path), backend_address=address) as world:
        answer = world.get()

    assert (answer.status, answer.code) == (503, "backend-unavailable")
    assert answer.header("Retry-After") == "10"


def test_a_backend_that_is_late_is_a_problem(tmp_path: Path) -> None:
    files = gateway.copied_files(tmp_path)
    policy = files.policies / "global.xml"
    policy.write_text(policy.read_text().replace('timeout="150"', 'timeout="1"'))
    deaf = listening()  # Accepts connections and never reads.

    with gateway.world(files, backend_address=address_of(deaf)) as world:
        answer = world.get()
    deaf.close()

    assert (answer.status, answer.code) == (503, "backend-timeout")
    assert answer.header("Retry-After") == "30"


def _writing(world: World, content_type: str = "application/json") -> list[tuple[str, str]]:
    token = world.identity.application_token(demo.VENDOR)
    return [
        ("Ocp-Apim-Subscription-Key", "key-partner"),
        ("Authorization", f"Bearer {token}"),
        ("Content-Type", content_type),
    ]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json \t; charset=utf-8",
        "application/json;charset=iso-8859-1",
    ],
)
def test_a_body_goes_to_the_backend(calm_world: World, content_type: str) -> None:
    body = '{"name": "målere"}'.encode()

    answer = calm_world.send(
        "/metering/v1/exports", method="POST", headers=_writing(calm_world, content_type), body=body
    )

    assert answer.status == 200
    assert calm_world.backend.seen[0].body == body
    assert calm_world.backend.seen[0].header("Content-Length") == [str(len(body))]
    assert calm_world.backend.seen[0].header("Content-Type") == ["application/json"]


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=iso-8859-1"])
@pytest.mark.parametrize("body", ['{"name": "målere"}'.encode("latin-1"), b'"\xe2\x82"', b'"\xed\xa0\x80"'])
def test_a_body_that_is_not_utf8_is_refused(calm_world: World, body: bytes, content_type: str) -> None:
    answer = calm_world.send(
        "/metering/v1/feeds/one", method="PUT", headers=_writing(calm_world, content_type), body=body
    )

    assert (answer.status, answer.code) == (400, "not-json")
    assert calm_world.backend.seen == []


@pytest.mark.parametrize("text", ["\ufeff{}", '"\ufffd"', '"\U0001f600\0"', "ø" * 32_768])
def test_a_body_in_utf8_arrives_byte_for_byte(calm_world: World, text: str) -> None:
    calm_world.send("/metering/v1/feeds/one", method="PUT", headers=_writing(calm_world), body=text.encode())

    assert [seen.body for seen in calm_world.backend.seen] == [text.encode()]


@pytest.mark.parametrize("length", [65_537, 200_000])
def test_a_body_that_is_too_long_is_refused_unread(calm_world: World, length: int) -> None:
    answer = calm_world.send(
        "/metering/v1/exports", method="POST", headers=_writing(calm_world), body=b"x" * length
    )

    assert (answer.status, answer.code) == (413, "body-too-large")
    assert calm_world.backend.seen == []


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/jsonp", "application/json x;", "application/x-www-form-urlencoded"],
)
def test_a_body_that_is_not_sent_as_json_is_refused(calm_world: World, content_type: str) -> None:
    answer = calm_world.send(
        "/metering/v1/feeds/one", method="PUT", headers=_writing(calm_world, content_type), body=b"{}"
    )

    assert (answer.status, answer.code) == (415, "unsupported-media-type")
    assert calm_world.backend.seen == []


def test_a_write_without_a_body_needs_no_content_type(calm_world: World) -> None:
    headers = _writing(calm_world)[:2]

    answer = calm_world.send("/metering/v1/exports", method="POST", headers=headers)

    assert answer.status == 200
    assert calm_world.backend.seen[0].body == b""


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "exports", "GET, HEAD, POST, OPTIONS"),
        ("PUT", "exports/ex_0123456789abcdef", "GET, HEAD, DELETE, OPTIONS"),
        ("POST", "feeds/one", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("GET", "webhooks/one/test", "POST, OPTIONS"),
        ("POST", "customers", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_answered_with_which_there_are(
    calm_world: World, method: str, path: str, allow: str
) -> None:
    refused = calm_world.send(f"/metering/v1/{path}", method=method, headers=_writing(calm_world))
    answer = calm_world.send(f"/metering/v1/{path}", method="OPTIONS")

    assert (refused.status, refused.code, refused.header("Allow")) == (405, "method-not-allowed", allow)
    assert (answer.status, answer.header("Allow")) == (204, allow)


@pytest.mark.parametrize("path", ["exports/mine", "exports/ex_short", "feeds/a%2Fb", "feeds/-one"])
def test_an_id_that_is_neither_ours_nor_well_chosen_is_refused(calm_world: World, path: str) -> None:
    answer = calm_world.send(f"/metering/v1/{path}", method="PUT", headers=_writing(calm_world))

    assert answer.status in (400, 404, 405)
    assert calm_world.backend.seen == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "framing",
    [
        [("Content-Length", "200000")],
        [("Transfer-Encoding", "chunked")],
        [("Content-Length", "1"), ("Connection", "Content-Length")],
        [("Transfer-Encoding", "chunked"), ("Connection", "Transfer-Encoding")],
    ],
)
def test_a_body_of_a_request_that_reads_is_refused_unread(
    calm_world: World, method: str, framing: list[tuple[str, str]]
) -> None:
    token = calm_world.identity.application_token(demo.VENDOR)
    headers = [("Ocp-Apim-Subscription-Key", "key-partner"), ("Authorization", f"Bearer {token}")]

    answer = calm_world.send("/metering/v1/customers", method=method, headers=[*headers, *framing])

    assert answer.status == 400
    assert method == "HEAD" or answer.code == "body-not-expected"
    assert calm_world.backend.seen == []


def test_a_length_of_nothing_is_no_body(calm_world: World) -> None:
    answer = calm_world.get(Content_Length="0")

    assert answer.status == 200


def test_a_body_in_chunks_goes_to_the_backend(calm_world: World) -> None:
    token = calm_world.identity.application_token(demo.VENDOR)
    connection = http.client.HTTPConnection(calm_world.address.removeprefix("http://"), timeout=30)

    connection.request(
        "POST",
        "/metering/v1/exports",
        body=iter([b"first ", b"second"]),
        headers={
            "Ocp-Apim-Subscription-Key": "key-partner",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        },
        encode_chunked=True,
    )
    status = connection.getresponse().status
    connection.close()

    assert status == 200
    assert calm_world.backend.seen[0].body == b"first second"
    assert calm_world.backend.seen[0].header("Content-Length") == ["12"]
    assert calm_world.backend.seen[0].header("Transfer-Encoding") == []


def test_a_body_in_chunks_has_at_most_as_many_bytes(calm_world: World) -> None:
    connection = http.client.HTTPConnection(calm_world.address.removeprefix("http://"), timeout=30)

    connection.request(
        "POST",
        "/metering/v1/exports",
        body=iter(["ø".encode() * 32_768, b"."]),
        headers=dict(_writing(calm_world)),
        encode_chunked=True,
    )
    answer = connection.getresponse()
    problem = json.loads(answer.read())
    connection.close()

    assert (answer.status, problem["code"]) == (413, "body-too-large")
    assert calm_world.backend.seen == []


def test_a_caller_who_hangs_up_is_no_fault_of_ours(calm_world: World) -> None:
    token = calm_world.identity.application_token(demo.VENDOR)
    host, _, port = calm_world.address.removeprefix("http://").partition(":")
    head = (
        "POST /metering/v1/exports HTTP/1.1\r\nHost: api\r\nX-Request-Id: hung-up-early\r\n"
        f"Ocp-Apim-Subscription-Key: key-partner\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )

    with socket.create_connection((host, int(port)), timeout=30) as caller:
        caller.sendall(head.encode() + b"only a part")
    entry = _traced(calm_world, "hung-up-early")

    assert (entry["status"], entry["error"]["reason"]) == (499, "ClientConnectionFailure")


def _traced(world: World, request_id: str) -> dict[str, Any]:
    """Return the trace's entry for a request, as soon as there is one."""
    for _ in range(300):
        for entry in world.send("/trace").json:
            if entry["requestId"] == request_id:
                found: dict[str, Any] = entry
                return found
        time.sleep(0.1)
    raise AssertionError(f"{request_id} is not in the trace")


def test_an_answer_that_breaks_off_does_not_look_complete(calm_world: World) -> None:
    def broken() -> Iterator[bytes]:
        yield b"first part"
        raise ConnectionError("planted")

    calm_world.backend.chunks = broken

    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        calm_world.get()


def test_the_trace_shows_what_was_decided_and_no_secrets(calm_world: World) -> None:
    calm_world.get("/metering/v1/customers?secret=in-query", X_Request_Id="traced-request")

    entry = calm_world.send("/trace").json[0]

    assert (entry["requestId"], entry["status"], entry["product"]) == ("traced-request", 200, "partner")
    decided = {policy["policy"]: policy["decided"] for policy in entry["policies"]}
    assert decided["validate-jwt"] == "valid"
    assert decided["forward-request"] == "backend answered 200"
    text = calm_world.send("/trace").body
    assert b"Bearer" not in text
    assert b"key-partner" not in text
    assert b"in-query" not in text


def test_the_trace_shows_why_a_request_failed(calm_world: World) -> None:
    calm_world.send(
        "/metering/v1/customers",
        headers=[("Ocp-Apim-Subscription-Key", "key-partner"), ("Authorization", "Bearer nonsense")],
    )

    entry = calm_world.send("/trace").json[0]

    assert entry["error"] == {"source": "validate-jwt", "reason": "JwtInvalid", "path": "validate-jwt[1]"}


def test_it_says_when_it_is_ready_and_shows_a_page(calm_world: World) -> None:
    assert calm_world.send("/healthz").body == b"ok"
    assert calm_world.send("/").status == 200
