"""set-backend-service and forward-request."""

from local.gateway.backends import BackendAway, BackendLate, Backends
from local.gateway.documents import Element
from local.gateway.exchange import Exchange, Response
from local.gateway.faults import GatewayError
from local.gateway.grammar import (
    Run,
    Site,
    attributes,
    boolean,
    literal,
    no_children,
    no_text,
    whole_number,
)
from local.gateway.headers import Fields


def set_backend_service(element: Element, site: Site) -> Run:
    """Choose the service that the request goes to."""
    attributes(element, required=("base-url",))
    no_children(element)
    no_text(element)
    base_url = literal(element, "base-url").rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        raise element.refuse(f"the attribute 'base-url' is not a URL: {base_url!r}")

    async def run(exchange: Exchange) -> None:
        exchange.backend = base_url
        exchange.decided(base_url)

    return run


def forward_request(element: Element, site: Site) -> Run:
    """Forward the request and wait for the headers of the answer; its body is streamed later."""
    attributes(
        element,
        required=("timeout",),
        optional=("follow-redirects", "buffer-request-body", "buffer-response", "fail-on-error-status-code"),
    )
    no_children(element)
    no_text(element)
    timeout = whole_number(element, "timeout", minimum=1, maximum=240)
    for name, only in (
        ("follow-redirects", False),
        ("buffer-request-body", False),
        ("buffer-response", False),
        ("fail-on-error-status-code", False),
    ):
        if boolean(element, name, default=name == "buffer-response") is not only:
            raise element.refuse(f"<forward-request> is supported with {name}='{str(only).lower()}' only")
    backends = site.services.backends

    async def run(exchange: Exchange) -> None:
        exchange.response = await _forward(exchange, backends, timeout)
        for name, value in exchange.response_headers:
            exchange.response.headers.replace(name, [value])
        exchange.decided(f"backend answered {exchange.response.status}")

    return run


async def _forward(exchange: Exchange, backends: Backends, timeout: int) -> Response:
    request = exchange.request
    try:
        answer = await backends.send(
            request.method,
            _url(exchange),
            headers=_request_headers(request.headers),
            body=request.body,
            seconds=timeout,
        )
    except BackendLate as late:
        raise GatewayError("forward-request", "Timeout", "The operation has timed out.", 500) from late
    except BackendAway as away:
        if request.is_abandoned:
            raise GatewayError(
                "forward-request", "ClientConnectionFailure", "The client closed the connection.", 500
            ) from away
        raise GatewayError(
            "forward-request",
            "BackendConnectionFailure",
            "Error occurred while calling backend service.",
            500,
        ) from away
    headers = Fields.decoded(answer.headers)
    headers.drop_hop_by_hop()
    return Response(answer.status, headers, stream=answer)


def _url(exchange: Exchange) -> str:
    query = "&".join(raw for _, raw in exchange.request.query)
    path = f"{exchange.backend}{exchange.api_path}"
    return f"{path}?{query}" if query else path


def _request_headers(headers: Fields) -> list[tuple[bytes, bytes]]:
    """Return the headers as policies left them, less those that belong to the caller's connection."""
    sent = Fields(headers)
    for name in ("host", "expect", "transfer-encoding"):
        sent.delete(name)
    return sent.encoded()
