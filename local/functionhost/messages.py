"""HTTP requests and responses as the host and the Python worker pass them on.

Source for requests: src/WebJobs.Script.Grpc/MessageExtensions/GrpcMessageConversionExtensions.cs in
https://github.com/Azure/azure-functions-host; for responses: `azure.functions.http.HttpResponseConverter` and
.NET's `SetCookieHeaderValue`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie
from typing import Any

import azure.functions as func

from local.functionhost import paths


@dataclass(frozen=True)
class Request:
    """A request before its body is read; names of headers are in lower case, the path is as sent."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]

    @property
    def route_path(self) -> str:
        """The path that routes are matched with: decoded, without dot segments."""
        return paths.without_dots(paths.decode(self.path)) if self.path.startswith("/") else ""

    def header(self, name: str) -> str:
        """Return the values of a header, joined; empty if it was not sent."""
        return paths.join([text for each, text in self.headers if each == name])


@dataclass(frozen=True)
class Answer:
    """The host's answer to a request."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def read(scope: Mapping[str, Any]) -> Request:
    """Return the request of an ASGI scope.

    Raises:
        UnicodeDecodeError: if a header is not UTF-8.
    """
    return Request(
        method=str(scope["method"]).upper(),
        path=scope["raw_path"].decode("ascii"),
        query=scope["query_string"].decode("ascii"),
        headers=tuple((name.decode("ascii").lower(), text.decode()) for name, text in scope["headers"]),
    )


def parameter(request: Request, name: str) -> str:
    """Return a parameter of the query, its name in lower case; empty if it was not sent."""
    return {each.lower(): text for each, text in paths.parameters(request.query).items()}.get(name, "")


def to_function(request: Request, *, body: bytes, route_params: Mapping[str, str]) -> func.HttpRequest:
    """Return the request that the function sees.

    A query parameter or header that was sent several times arrives once, its values joined with commas, and
    an empty query parameter does not arrive at all; `url` keeps the query as sent, and the path normalised.
    """
    query = f"?{request.query}".replace("#", "%23") if request.query else ""
    return func.HttpRequest(
        method=request.method,
        url=f"http://{request.header('host')}{paths.encode(request.route_path)}{query}",
        headers={name: request.header(name) for name, _ in request.headers},
        params=paths.parameters(request.query),
        route_params=route_params,
        body=body,
    )


def from_function(answer: Any) -> Answer:
    """Return the response that the caller gets for what the function returned: an HttpResponse or a text.

    Of several headers with one name the last one counts, except for Set-Cookie.

    Raises:
        TypeError: if the function returned something else.
        ValueError: for a header that HTTP cannot carry.
    """
    if isinstance(answer, str):
        return Answer(200, (("Content-Type", "text/plain; charset=utf-8"),), answer.encode())
    if not isinstance(answer, func.HttpResponse):
        raise TypeError(f"an HTTP function must return an HttpResponse, not {type(answer).__name__}")
    headers: dict[str, tuple[str, str]] = {"content-type": ("Content-Type", _content_type(answer))}
    cookies: list[str] = []
    for name, text in answer.headers.items():
        _check(name, text)
        if name.lower() == "set-cookie":
            cookies += _cookies(text)
        else:
            headers[name.lower()] = (name, text)
    body = b"" if answer.status_code in (204, 304) else answer.get_body()
    return Answer(answer.status_code, (*headers.values(), *(("Set-Cookie", each) for each in cookies)), body)


def _check(name: str, text: str) -> None:
    if not (name + text).isascii() or any(ord(sign) < 0x20 and sign != "\t" for sign in text):
        raise ValueError(f"the header {name!r} cannot be sent")


def _cookies(text: str) -> Iterator[str]:
    for name, morsel in SimpleCookie(text).items():
        yield "; ".join(_cookie(name, morsel))


def _cookie(name: str, morsel: "Morsel[str]") -> Iterable[str]:
    yield f"{name}={morsel.value}"
    if morsel["max-age"]:
        yield f"max-age={morsel['max-age']}"
    yield f"domain={morsel['domain']}"
    yield f"path={morsel['path']}"
    if morsel["secure"]:
        yield "secure"
    if morsel["samesite"]:
        yield f"samesite={morsel['samesite'].lower()}"
    if morsel["httponly"]:
        yield "httponly"


def _content_type(answer: func.HttpResponse) -> str:
    mimetype = str(answer.mimetype)
    return f"{mimetype}; charset={answer.charset}" if mimetype.startswith("text/") else mimetype
