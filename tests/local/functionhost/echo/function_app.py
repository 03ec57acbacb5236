"""An app that echoes requests, to compare one host with another."""

import json
from collections.abc import Callable

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def echo(function: str, req: func.HttpRequest) -> func.HttpResponse:
    """Answer with everything that the function was given."""
    body = req.get_body()
    seen = {
        "function": function,
        "method": req.method,
        "url": req.url,
        "params": dict(req.params),
        "route": dict(req.route_params),
        "headers": dict(req.headers.items()),
        "bytes": len(body),
        "body": body[:100].decode("latin-1"),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route("v1/status", methods=["GET", "HEAD"])
def status(req: func.HttpRequest) -> func.HttpResponse:
    """Answer a path that is named whole."""
    return echo("status", req)


@app.route("v1/points/{id}", methods=["GET", "HEAD"])
def point(req: func.HttpRequest) -> func.HttpResponse:
    """Return a path with a parameter."""
    return echo("point", req)


@app.route("v1/any")
def any_method(req: func.HttpRequest) -> func.HttpResponse:
    """Return a path for all methods, and for bodies."""
    return echo("any_method", req)


@app.route("v1/keyed", auth_level=func.AuthLevel.FUNCTION)
def keyed(req: func.HttpRequest) -> func.HttpResponse:
    """Return a path that asks for a key."""
    return echo("keyed", req)


def cookies() -> func.HttpResponse:
    """Several headers of one name."""
    answer = func.HttpResponse("text", status_code=202)
    for name, text in (
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2; Path=/x; Secure; HttpOnly; SameSite=Lax; Max-Age=5"),
        ("X-A", "1"),
        ("X-A", "2"),
    ):
        answer.headers.add(name, text)
    return answer


def raising() -> func.HttpResponse:
    """Raise a fault of the app."""
    raise RuntimeError("not for callers")


ANSWERS: dict[str, Callable[[], func.HttpResponse | str | int | None]] = {
    "empty": func.HttpResponse,
    "304": lambda: func.HttpResponse(status_code=304, headers={"ETag": '"1"'}),
    "304 with a body": lambda: func.HttpResponse("x", status_code=304),
    "204": lambda: func.HttpResponse(status_code=204),
    "text": lambda: "plain text",
    "none": lambda: None,
    "number": lambda: 1,
    "raises": raising,
    "cookies": cookies,
    "length": lambda: func.HttpResponse("12345", headers={"Content-Length": "5"}),
    "shorter": lambda: func.HttpResponse("12345", headers={"Content-Length": "3"}),
    "nonascii": lambda: func.HttpResponse("x", headers={"X-A": "æ"}),
    "newline": lambda: func.HttpResponse("x", headers={"X-A": "a\nb"}),
    "bytes": lambda: func.HttpResponse(b"\xff\x00", mimetype="application/octet-stream"),
    "big": lambda: func.HttpResponse("x" * 200_000),
    "type": lambda: func.HttpResponse("x", headers={"Content-Type": "text/csv; charset=utf-8"}),
    "mimetype": lambda: func.HttpResponse("x", mimetype="text/csv"),
    "418": lambda: func.HttpResponse("x", status_code=418),
    "599": lambda: func.HttpResponse("x", status_code=599),
}


@app.route("v1/answers/{kind}")
def answers(req: func.HttpRequest) -> func.HttpResponse:
    """Return what an app may answer."""
    return ANSWERS[req.route_params["kind"]]()  # type: ignore[return-value]  # Wrong ones are the point.


@app.route("v1/{*rest}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def without(req: func.HttpRequest) -> func.HttpResponse:
    """Return everything else below v1."""
    return echo("without", req)
