"""set-body, set-header, set-query-parameter: of the request before the backend, of the answer after it."""

from collections.abc import Callable
from urllib.parse import quote

from local.gateway.documents import Element
from local.gateway.exchange import Exchange
from local.gateway.expressions import EvaluationError, Kind
from local.gateway.grammar import (
    Run,
    Site,
    attributes,
    literal,
    no_children,
    one_of,
    ordered_children,
    value,
)
from local.gateway.headers import Fields

_ACTIONS = ("override", "skip", "append", "delete")
_UNTOUCHABLE = ("connection", "content-length", "keep-alive", "transfer-encoding")

Change = Callable[[Exchange, Fields], None]


def set_header(element: Element, site: Site) -> Run:
    """Set or delete a header."""
    change = header_change(element)
    of_request = site.section in ("inbound", "backend")

    async def run(exchange: Exchange) -> None:
        if of_request:
            change(exchange, exchange.request.headers)
        elif exchange.response is not None:
            change(exchange, exchange.response.headers)

    return run


def header_change(element: Element) -> Change:
    """Return what a set-header element does to a list of headers."""
    name, action, values = _read(element)
    if name.lower() in _UNTOUCHABLE or (name.lower() == "server" and action == "delete"):
        raise element.refuse(f"API Management does not let a policy change the header '{name}' so")

    def change(exchange: Exchange, headers: Fields) -> None:
        if action == "delete":
            headers.delete(name)
            return
        given = [_text(each(exchange)) for each in values]
        if action == "override":
            headers.set_header(name, given)
        elif action == "append":
            headers.set_header(name, headers.values(name) + given)
        elif name not in headers:
            headers.set_header(name, given)

    return change


def set_body(element: Element, site: Site) -> Run:
    """Set the body of the request; it goes to the backend with its length."""
    attributes(element)
    no_children(element)
    text = value(element, element.text, (Kind.STRING,)).evaluate

    async def run(exchange: Exchange) -> None:
        exchange.request.set_body(_text(text(exchange)))

    return run


def set_query_parameter(element: Element, site: Site) -> Run:
    """Set or delete a query parameter; names are compared without regard to case, as .NET does."""
    name, action, values = _read(element)

    async def run(exchange: Exchange) -> None:
        query = exchange.request.query
        present = [pair for pair in query if pair[0].lower() == name.lower()]
        if action == "skip" and present:
            return
        if action != "append":
            query[:] = [pair for pair in query if pair[0].lower() != name.lower()]
        query.extend(
            (name, f"{quote(name, safe='')}={quote(_text(each(exchange)), safe='')}") for each in values
        )

    return run


def _text(value: object) -> str:
    # What API Management does with null is not documented.
    if not isinstance(value, str):
        raise EvaluationError("the value is null")
    return value


def _read(element: Element) -> tuple[str, str, list[Callable[[Exchange], object]]]:
    attributes(element, required=("name",), optional=("exists-action",))
    ordered_children(element, ("value",), repeated=("value",))
    name = literal(element, "name")
    action = one_of(element, "exists-action", _ACTIONS, default="override")
    if (action == "delete") == bool(element.children):
        wants = "takes no" if action == "delete" else "needs a"
        raise element.refuse(f"<{element.tag}> with exists-action '{action}' {wants} <value>")
    values = []
    for child in element.children:
        attributes(child)
        no_children(child)
        values.append(value(child, child.text, (Kind.STRING,)).evaluate)
    return name, action, values
