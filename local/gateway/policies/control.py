"""choose, include-fragment, set-variable."""

from collections.abc import Callable
from dataclasses import replace

from local.gateway.documents import Element
from local.gateway.exchange import Exchange, Response
from local.gateway.expressions import Kind
from local.gateway.faults import GatewayError
from local.gateway.grammar import (
    Refusals,
    Run,
    Site,
    attributes,
    literal,
    no_children,
    no_text,
    ordered_children,
    run_steps,
    value,
)


def choose(element: Element, site: Site) -> Run:
    """Return the first `when` that holds, else `otherwise`."""
    attributes(element)
    ordered_children(element, ("when", "otherwise"), repeated=("when",))
    if not element.children or element.children[0].tag != "when":
        raise element.refuse("<choose> needs at least one <when>")
    refusals = Refusals()
    cases = []
    for number, child in enumerate(element.children, start=1):
        name = f"{child.tag}[{number}]"
        condition = refusals.attempt(_condition, child)
        steps = refusals.attempt(site.build_steps, child.children, site.below(name))
        cases.append((name, condition or _always, steps or []))
    refusals.settle()

    async def run(exchange: Exchange) -> Response | None:
        for name, condition, steps in cases:
            if condition(exchange):
                exchange.decided(name)
                return await run_steps(steps, exchange)
        exchange.decided("nothing")
        return None

    return run


def _always(_: Exchange) -> bool:
    return True


def _condition(child: Element) -> Callable[[Exchange], bool]:
    no_text(child)
    if child.tag == "otherwise":
        attributes(child)
        return _always
    attributes(child, required=("condition",))
    text = child.attributes["condition"]
    if text in ("true", "false"):
        return lambda _: text == "true"
    if not text.startswith("@"):
        raise child.refuse(f"the condition is neither an expression nor true or false: {text!r}")
    return value(child, text, (Kind.BOOL,)).evaluate


def include_fragment(element: Element, site: Site) -> Run:
    """Return the policies of a fragment, in this place. Fragments do not nest."""
    attributes(element, required=("fragment-id",))
    no_children(element)
    no_text(element)
    name = literal(element, "fragment-id")
    if site.in_fragment:
        raise element.refuse("a fragment cannot include a fragment")
    if name not in site.fragments:
        raise element.refuse(f"there is no fragment '{name}'")
    fragment = site.fragments[name]
    if fragment.tag != "fragment":
        raise fragment.refuse(f"a policy fragment begins with <fragment>, not <{fragment.tag}>")
    attributes(fragment)
    no_text(fragment)
    steps = site.build_steps(fragment.children, replace(site, in_fragment=True))

    async def run(exchange: Exchange) -> Response | None:
        exchange.decided(name)
        return await run_steps(steps, exchange)

    return run


async def _load_body(exchange: Exchange) -> None:
    try:
        await exchange.request.load_body()
    except ConnectionAbortedError as gone:
        raise GatewayError(
            "set-variable", "ClientConnectionFailure", "The client closed the connection.", 500
        ) from gone


def set_variable(element: Element, site: Site) -> Run:
    """Keep a string, number or bool under a name for the rest of the request."""
    attributes(element, required=("name", "value"))
    no_children(element)
    no_text(element)
    name = literal(element, "name")
    compiled = value(element, element.attributes["value"], (Kind.STRING, Kind.INT, Kind.BOOL))
    content = compiled.evaluate

    async def run(exchange: Exchange) -> None:
        if compiled.reads_body:
            await _load_body(exchange)
        exchange.variables[name] = content(exchange)
        exchange.decided(f"{name} set")

    return run
