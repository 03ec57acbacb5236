"""return-response: ends the pipeline with an answer of its own."""

from collections.abc import Callable

from local.gateway.documents import Element
from local.gateway.exchange import Exchange, Response
from local.gateway.expressions import Kind
from local.gateway.grammar import Run, Site, attributes, no_children, no_text, ordered_children, value
from local.gateway.policies.messages import header_change


def return_response(element: Element, site: Site) -> Run:
    """Return an empty 200, changed by set-status, set-header and set-body in that order."""
    attributes(element)
    ordered_children(element, ("set-status", "set-header", "set-body"), repeated=("set-header",))
    status: Callable[[Exchange], object] = lambda _: 200  # noqa: E731 - the documented default.
    body: Callable[[Exchange], object] = lambda _: ""  # noqa: E731 - the documented default.
    changes = []
    for child in element.children:
        if child.tag == "set-status":
            status = _status(child)
        elif child.tag == "set-body":
            body = _body(child)
        else:
            changes.append(header_change(child))

    async def run(exchange: Exchange) -> Response:
        response = Response(int(str(status(exchange))))
        for change in changes:
            change(exchange, response.headers)
        response.body = str(body(exchange)).encode()
        exchange.decided(f"answered {response.status}")
        return response

    return run


def _status(element: Element) -> Callable[[Exchange], object]:
    attributes(element, required=("code", "reason"))
    no_children(element)
    no_text(element)
    value(element, element.attributes["reason"], (Kind.STRING,))
    code = element.attributes["code"]
    if not code.startswith("@") and not (code.isdecimal() and 100 <= int(code) <= 599):
        raise element.refuse(f"the attribute 'code' of <set-status> is not a status: {code!r}")
    return value(element, code, (Kind.INT,)).evaluate


def _body(element: Element) -> Callable[[Exchange], object]:
    attributes(element)
    no_children(element)
    return value(element, element.text, (Kind.STRING,)).evaluate
