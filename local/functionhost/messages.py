"""HTTP requests and responses as they look after the way through the host and the Python worker.

Source for requests: src/WebJobs.Script.Grpc/MessageExtensions/GrpcMessageConversionExtensions.cs in
https://github.com/Azure/azure-functions-host; for responses: `azure.functions.http.HttpResponseConverter`.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func
from starlette.requests import Request
from starlette.responses import Response


def to_function(request: Request, *, body: bytes, route_params: Mapping[str, str]) -> func.HttpRequest:
    """The request that the function sees.

    A query parameter or header that was sent several times arrives once, its values joined with commas, and
    an empty query parameter does not arrive at all; `url` keeps what was sent.
    """
    path, query = request.scope["raw_path"].decode("ascii"), request.scope["query_string"].decode("ascii")
    return func.HttpRequest(
        method=request.method,
        url=f"{request.url.scheme}://{request.url.netloc}{path}{'?' if query else ''}{query}",
        headers=_joined(request.headers.items()),
        params={
            name: text for name, text in _joined(parse_qsl(query, keep_blank_values=True)).items() if text
        },
        route_params=route_params,
        body=body,
    )


def from_function(answer: Any) -> Response:
    """The response that the caller gets for what the function returned: an HttpResponse or a text.

    Of several headers with one name the last one counts, except for Set-Cookie.

    Raises:
        TypeError: the function returned something else.
    """
    if isinstance(answer, str):
        return Response(answer, media_type="text/plain")
    if not isinstance(answer, func.HttpResponse):
        raise TypeError(f"an HTTP function must return an HttpResponse, not {type(answer).__name__}")
    response = Response(answer.get_body(), status_code=answer.status_code)
    if "content-type" not in answer.headers:
        response.headers["content-type"] = _content_type(answer)
    for name, text in answer.headers.items():
        if name.lower() == "set-cookie":
            response.headers.append(name, text)
        else:
            response.headers[name] = text
    return response


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, text in pairs:
        joined[name] = f"{joined[name]},{text}" if name in joined else text
    return joined


def _content_type(answer: func.HttpResponse) -> str:
    mimetype = str(answer.mimetype)
    return f"{mimetype}; charset={answer.charset}" if mimetype.startswith("text/") else mimetype
