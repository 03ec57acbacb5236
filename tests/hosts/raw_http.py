"""Generates raw HTTP requests, sends them to a server on 127.0.0.1 and reads the answers as bytes."""

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

SECONDS = 10
_HEAD_END = b"\r\n\r\n"
_LINE_END = b"\r\n"

ESCAPES = (
    *("a", "A-Z_.~9", "%61", "%2F", "%2f", "a%2Fb", "%5C", "%20", "%2B", "+", "%25", "%252F", "%253F", "%3F"),
    *("%23", "%26", "%3D", "%3B", ";x", "%2C", ",", "@", ":", "!", "$", "'", "(", ")", "*", "=", "&", "~"),
    *("%C3%A6", "%c3%a6", "%E9", "%FF", "%C3", "%C3%28", "%ED%A0%80", "%F0%9F%98%80", "%E2%82%AC", "%C0%AF"),
    *(
        "%",
        "%4",
        "%zz",
        "%u0041",
        "%7F",
        "%01",
        "%09",
        "%0A",
        "%0D",
        "%00",
        "{",
        "}",
        '"',
        "<",
        ">",
        "^",
        "`",
        "|",
    ),
    *(".", "..", "...", "%2e", "%2E%2e", ".a", "a.", "a..b", "\\", "#x", "æ", "a b"),
)
"""Texts for a place in a path or a query: valid and invalid escapes, reserved and forbidden characters."""

METHODS = (
    *(
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "PROPFIND",
        "FOO",
        "PURGE",
    ),
    *("get", "Get", "head", "post", "QUERY", "M-SEARCH", "G@T", "GÆT", ""),
)


@dataclass(frozen=True)
class RawRequest:
    """Bytes to send on a new connection, and a name that says what is unusual about them."""

    name: str
    sent: bytes


@dataclass(frozen=True)
class RawAnswer:
    """An answer; `framing` is `length`, `chunked`, `close` or `none`."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    framing: str
    interim: tuple[int, ...] = ()
    closed: bool = False

    def header(self, name: str) -> str | None:
        """Return the first header of a name; None if there is none."""
        return next((text for each, text in self.headers if each.lower() == name.lower()), None)


def request(
    target: str,
    *,
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    version: str = "HTTP/1.1",
    host: str | None = "api.example",
    line_end: str = "\r\n",
) -> bytes:
    """Return a request as bytes; nothing is escaped, texts are in UTF-8."""
    lines = [f"{method} {target} {version}"]
    lines += [] if host is None else [f"Host: {host}"]
    lines += [f"{name}: {text}" for name, text in headers]
    return (line_end.join(lines) + 2 * line_end).encode() + body


def by_rule(*, parameter: str, literal: str, rest: str, body: str) -> list[RawRequest]:
    """Return generated requests for paths of an app.

    Args:
        parameter: a path with `{}` where a route has a parameter.
        literal: a path that a route names whole.
        rest: a path with `{}` behind the prefix that a catch-all takes.
        body: a path of a function that takes a body by POST.
    """
    return [
        *_paths(parameter=parameter, literal=literal, rest=rest),
        *_queries(literal),
        *_methods(literal, rest.format("x")),
        *_headers(literal),
        *_bodies(body),
        *_sizes(literal),
        *_lines(literal),
    ]


def with_headers(raw: RawRequest, headers: tuple[tuple[str, str], ...]) -> RawRequest:
    """Return a request with more headers after its first line, if its lines end as HTTP requires."""
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers).encode()
    first, end, rest = raw.sent.partition(b"\r\n")
    return RawRequest(raw.name, first + end + lines + rest) if b" HTTP/" in first else raw


def _paths(*, parameter: str, literal: str, rest: str) -> Iterator[RawRequest]:
    for escape in ESCAPES:
        yield RawRequest(f"parameter {escape}", request(parameter.format(escape)))
        yield RawRequest(f"rest {escape}", request(rest.format(f"x/{escape}/y")))
    for number, sign in enumerate(literal):
        if sign.isalpha() and number % 2:
            escaped = f"{literal[:number]}%{ord(sign):02x}{literal[number + 1 :]}"
            yield RawRequest(f"literal {escaped}", request(escaped))
    first, _, last = literal.rpartition("/")
    for path in (
        *(
            literal.upper(),
            f"{literal}/",
            f"{literal}//",
            f"/{literal}",
            f"{first}//{last}",
            f"/x/..{literal}",
        ),
        *(
            f"{first}/./{last}",
            f"/%2e%2e{literal}",
            f"{first}/x/%2e%2E/{last}",
            f"{literal}/..",
            f"{literal}/.",
        ),
        *(f"{first}/.", f"{first}/..", f"{first}/../..", f"{literal};v=1", f"{literal}.", f"{literal}%20"),
        *(
            f"{literal}%2F",
            f"{first}%2F{last}",
            f"http://elsewhere.example{literal}",
            f"https://e.example{literal}",
        ),
        *(
            "*",
            "/",
            "//",
            "",
            "x",
            "/..",
            "/%00",
            first,
            f"{first}/",
            f"{first}?a=1",
            "/nowhere",
            "/api",
            "?a=1",
        ),
        *(f"{literal}#x", f"{literal}?a#x", "/admin", "/favicon.ico", "/robots.txt", "/.well-known/x"),
    ):
        yield RawRequest(f"path {path}", request(path))


def _queries(path: str) -> Iterator[RawRequest]:
    for escape in ESCAPES:
        yield RawRequest(f"value {escape}", request(f"{path}?a={escape}"))
    for escape in ESCAPES[::3]:
        yield RawRequest(f"name {escape}", request(f"{path}?{escape}=1"))
    for query in (
        *("a=1&a=2", "a=1&A=2", "A=1&a=2&b=3", "a=", "a", "=1", "&", "&&a=1", "a=1&", "?", "?a=1", "a=1?b=2"),
        *(
            "a=1;b=2",
            "a==1",
            "a=1=2",
            "a[]=1&a[]=2",
            "a=+",
            "a=%2B",
            "a=1,2&a=3",
            "a=&a=1",
            "a=1&a=",
            "a&a=1",
        ),
        *(
            "from=2026-03-29T00:00:00+01:00",
            "from=1&From=2",
            "code=x",
            "clientId=x",
            "a" * 2000,
            "a=1&" * 1100,
        ),
    ):
        yield RawRequest(f"query {query[:30]}", request(f"{path}?{query}"))


def _methods(*paths: str) -> Iterator[RawRequest]:
    for path in paths:
        for method in METHODS:
            yield RawRequest(f"method {method} {path}", request(path, method=method))
    yield RawRequest("CONNECT authority", request("api.example:443", method="CONNECT"))
    yield RawRequest("OPTIONS star", request("*", method="OPTIONS"))


def _headers(path: str) -> Iterator[RawRequest]:
    for pairs in (
        [("X-A", "1"), ("X-A", "2")],
        [("X-A", "1"), ("x-a", "2")],
        [("X-A", "")],
        [("X-A", "  padded\t")],
        [("X-A", "a,b"), ("X-A", "c")],
        [("X-A", "æ")],
        [("X-A", "a\x01b")],
        [("X-A", "a\x00b")],
        [("X-A", "a\x7fb")],
        [("X-A ", "space before the colon")],
        [("X A", "1")],
        [("X-Æ", "1")],
        [("", "no name")],
        [("X-(a)", "1")],
        [("X_a", "1")],
        [("Host", "second.example")],
        [("Cookie", "a=1"), ("Cookie", "b=2")],
        [("Accept", "text/csv"), ("Accept", "application/json")],
        [("If-None-Match", '"1"'), ("If-None-Match", '"2"')],
        [("Accept-Encoding", "gzip"), ("TE", "trailers")],
        [("Connection", "close")],
        [("Connection", "keep-alive, X-A"), ("X-A", "1")],
        [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "x")],
        [("Transfer-Encoding", "identity")],
        [("Expect", "100-continue")],
        [("Expect", "something")],
        [("Date", "yesterday"), ("Via", "1.1 x"), ("X-Forwarded-For", "1.2.3.4")],
        [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "other.example")],
        [("X-Original-URL", "/x"), ("X-HTTP-Method-Override", "DELETE")],
        [("X-MS-CLIENT-PRINCIPAL-ID", "somebody"), ("X-MS-CLIENT-PRINCIPAL", "e30=")],
        [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
        [("Content-Length", "0")],
        [("Content-Length", "-1")],
        [("Content-Length", "x")],
        [("Content-Length", "0"), ("Content-Length", "0")],
        [("Content-Type", "text/plain; charset=nonsense")],
        [("Range", "bytes=0-1")],
    ):
        shown = "; ".join(f"{name}={text}" for name, text in pairs)
        yield RawRequest(f"headers {shown}", request(path, headers=tuple(pairs)))
    for host in (
        None,
        "",
        "a b",
        "x:99999",
        "x:80",
        "[::1]",
        "æ.example",
        "a/b",
        "UPPER.example",
        "127.0.0.1:1",
    ):
        yield RawRequest(f"host {host}", request(path, host=host))
    yield RawRequest("folded header", request(path, headers=(("X-A", "1\r\n folded"),)))
    yield RawRequest("header without colon", request(path, headers=(("X-A\r\nnonsense\r\nX-B", "1"),)))
    yield RawRequest("obs: bare CR in a value", request(path, headers=(("X-A", "a\rb"),)))


def _bodies(path: str) -> Iterator[RawRequest]:
    chunked = ("Transfer-Encoding", "chunked")

    def length(count: object) -> tuple[str, str]:
        return ("Content-Length", str(count))

    for name, headers, body in (
        ("nothing", (), b""),
        ("text", (length(5),), b"hello"),
        ("bytes", (length(3), ("Content-Type", "application/octet-stream")), b"\x00\xff\xfe"),
        ("json", (length(7), ("Content-Type", "application/json")), b'{"a":1}'),
        ("text type", (length(3), ("Content-Type", "text/plain")), b"\xc3\xa6!"),
        ("bad text type", (length(2), ("Content-Type", "text/plain")), b"\xe9!"),
        ("form", (length(3), ("Content-Type", "application/x-www-form-urlencoded")), b"a=1"),
        ("chunked", (chunked,), b"5\r\nhello\r\n0\r\n\r\n"),
        ("chunked with trailers", (chunked,), b"5;x=1\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"),
        ("both", (length(5), chunked), b"5\r\nhello\r\n0\r\n\r\n"),
        ("bad chunk", (chunked,), b"z\r\nhello\r\n0\r\n\r\n"),
        ("gzip coding", (("Transfer-Encoding", "gzip, chunked"),), b"0\r\n\r\n"),
        ("length plus", (length("+5"),), b"hello"),
        ("length hex", (length("0x5"),), b"hello"),
        ("two lengths", (length(5), length(6)), b"hello!"),
        ("length list", (length("5, 5"),), b"hello"),
        ("huge length", (length(10**20),), b""),
        ("over the limit", (length(104_857_601),), b""),
        ("expect with body", (length(5), ("Expect", "100-continue")), b"hello"),
        ("empty json", (length(0), ("Content-Type", "application/json")), b""),
    ):
        for method in ("POST", "GET"):
            sent = request(path, method=method, headers=headers, body=body)
            yield RawRequest(f"body {method} {name}", sent)


def _sizes(path: str) -> Iterator[RawRequest]:
    for count in (98, 99, 100, 101):
        headers = tuple((f"X-{number}", "1") for number in range(count))
        yield RawRequest(f"{count} headers and a host", request(path, headers=headers))
    for size in (8_000, 30_000, 33_000):
        yield RawRequest(f"a header of {size}", request(path, headers=(("X-A", "a" * size),)))
    whole = len(f"GET {path}?a= HTTP/1.1\r\n")
    for size in (8_190, 8_191, 8_192, 8_193, 9_000):
        yield RawRequest(f"a line of {size}", request(f"{path}?a={'x' * (size - whole)}"))


def _lines(path: str) -> Iterator[RawRequest]:
    for version in ("HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1 ", "HTTP/11", "X"):
        yield RawRequest(f"version {version}", request(path, version=version))
    yield RawRequest("1.0 without host", request(path, version="HTTP/1.0", host=None))
    yield RawRequest(
        "1.0 keep-alive", request(path, version="HTTP/1.0", headers=(("Connection", "keep-alive"),))
    )
    yield RawRequest("LF alone", request(path, line_end="\n"))
    yield RawRequest("two spaces", request(path, method="GET "))
    yield RawRequest("a tab", f"GET\t{path}\tHTTP/1.1\r\nHost: a\r\n\r\n".encode())
    yield RawRequest("no version", f"GET {path}\r\nHost: a\r\n\r\n".encode())
    yield RawRequest("empty lines before", b"\r\n\r\n" + request(path))
    yield RawRequest("space before the method", b" " + request(path))
    yield RawRequest("latin-1 in the path", f"GET {path}/\xe9 HTTP/1.1\r\nHost: a\r\n\r\n".encode("latin-1"))
    yield RawRequest(
        "latin-1 in a header", f"GET {path} HTTP/1.1\r\nHost: a\r\nX-A: \xe9\r\n\r\n".encode("latin-1")
    )
    yield RawRequest("nonsense", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
    yield RawRequest("two at once", request(path) + request(f"{path}?second=1"))


def send(port: int, sent: bytes, *, seconds: float = SECONDS) -> RawAnswer | None:
    """Send a request and return the answer; None if the connection is closed without one.

    Raises:
        TimeoutError: if nothing is received, not even the end of the connection.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            connection.sendall(sent)
            return _read(connection, head_only=sent.startswith(b"HEAD "))
        except ConnectionError:
            return None


def send_in_two(port: int, head: bytes, body: bytes, *, pause: float = 0.5) -> RawAnswer | None:
    """Send a request, its body after a pause in seconds, and return the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(head)
        time.sleep(pause)
        connection.sendall(body)
        return _read(connection, head_only=False)


def statuses(port: int, sent: bytes, *, count: int) -> list[int]:
    """Return the statuses of up to `count` answers on one connection, until the server closes it."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(sent)
        received = b""
        while len(found := re.findall(rb"HTTP/1\.1 (\d{3}) ", received)) < count:
            more = connection.recv(65536)
            if not more:
                break
            received += more
        return [int(status) for status in found]


def _read(connection: socket.socket, *, head_only: bool) -> RawAnswer | None:
    received, interim = b"", list[int]()
    while True:
        while _HEAD_END not in received:
            more = connection.recv(65536)
            if not more:
                return None
            received += more
        head, _, received = received.partition(_HEAD_END)
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        if status >= 200:
            break
        interim.append(status)
    headers = tuple((name, text.strip()) for name, _, text in (line.partition(":") for line in lines))
    answer = RawAnswer(status, headers, b"", "none", tuple(interim))
    body, framing = _body(connection, received, answer, head_only=head_only)
    return RawAnswer(status, headers, body, framing, tuple(interim), _closes(connection, answer))


def _body(
    connection: socket.socket, received: bytes, answer: RawAnswer, *, head_only: bool
) -> tuple[bytes, str]:
    if (answer.header("transfer-encoding") or "").lower() == "chunked":
        return (b"", "chunked") if head_only else (_chunks(connection, received), "chunked")
    if (length := answer.header("content-length")) is not None:
        wanted = 0 if head_only else int(length)
        while len(received) < wanted and (more := connection.recv(65536)):
            received += more
        return received[:wanted], "length"
    if head_only or answer.status in (204, 304):
        return b"", "none"
    while more := connection.recv(65536):
        received += more
    return received, "close"


def _chunks(connection: socket.socket, received: bytes) -> bytes:
    body = b""
    while True:
        while _LINE_END not in received:
            more = connection.recv(65536)
            if not more:
                return body
            received += more
        size, _, received = received.partition(_LINE_END)
        count = int(size.split(b";")[0], 16)
        while len(received) < count + 2:
            more = connection.recv(65536)
            if not more:
                return body + received
            received += more
        if count == 0:
            return body
        body, received = body + received[:count], received[count + 2 :]


def _closes(connection: socket.socket, answer: RawAnswer) -> bool:
    return (answer.header("connection") or "").lower() == "close"
