"""What a policy element may look like, and the step that it becomes."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from local.gateway.documents import Element
from local.gateway.exchange import Exchange, Response
from local.gateway.expressions import Compiled, EvaluationError, ExpressionRefused, Kind, compile_expression
from local.gateway.faults import Fault, GatewayError, PolicyPlace, PolicyRefused
from local.gateway.services import Services
from shared import foreign

Given = ParamSpec("Given")
Result = TypeVar("Result")

SECTIONS = ("inbound", "backend", "outbound", "on-error")
SCOPES = ("global", "product", "api")

Run = Callable[[Exchange], Awaitable[Response | None]]
"""Runs a policy; an answer ends the section."""


@dataclass(frozen=True)
class Step(PolicyPlace):
    """A policy in its place, ready to run."""

    run: Run


@dataclass(frozen=True)
class Site:
    """Where a policy stands, and what it may refer to."""

    scope: str
    section: str
    path: str
    fragments: Mapping[str, Element]
    services: Services
    build_steps: "Callable[[Iterable[Element], Site], list[Step]]"
    """Builds the policies that stand inside another one."""
    in_fragment: bool = False

    def below(self, part: str) -> "Site":
        """Return the same place, one element deeper."""
        return replace(self, path=f"{self.path}/{part}" if self.path else part)


@dataclass(frozen=True)
class Policy:
    """A policy that this gateway knows: where it is allowed, and how it is built."""

    build: Callable[[Element, Site], Run]
    sections: tuple[str, ...] = SECTIONS
    scopes: tuple[str, ...] = SCOPES
    once: bool = False
    first: bool = False


class Refusals:
    """Collects faults, so that one start names them all."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def attempt(
        self, build: Callable[Given, Result], *arguments: Given.args, **named: Given.kwargs
    ) -> Result | None:
        """Return what `build` returns, or None after keeping its faults."""
        try:
            return build(*arguments, **named)
        except PolicyRefused as refused:
            self.faults.extend(refused.faults)
            return None

    def settle(self) -> None:
        """Raise what was collected, each fault once: a file is read for several products."""
        if self.faults:
            raise PolicyRefused(*dict.fromkeys(self.faults))


async def run_steps(steps: Iterable[Step], exchange: Exchange) -> Response | None:
    """Run policies in order until one answers. Raises GatewayError with the step it happened at."""
    for step in steps:
        exchange.ran.append([step.section, step.place, step.policy, ""])
        try:
            answer = await step.run(exchange)
        except EvaluationError as broken:
            raise GatewayError(
                step.policy,
                "ExpressionValueEvaluationFailure",
                f"Expression evaluation failed. {broken}",
                500,
                step=step,
            ) from broken
        except GatewayError as failed:
            failed.step = failed.step or step
            raise
        if answer is not None:
            return answer
    return None


def attributes(element: Element, *, required: Iterable[str] = (), optional: Iterable[str] = ()) -> None:
    """Refuse attributes that are not known, and the lack of one that is needed. `id` is always allowed."""
    allowed = {*required, *optional, "id"}
    for name in element.attributes:
        if name not in allowed:
            raise element.refuse(f"attribute '{name}' of <{element.tag}> is not known")
    for name in required:
        if name not in element.attributes:
            raise element.refuse(f"<{element.tag}> needs the attribute '{name}'")


def no_text(element: Element) -> None:
    """Refuse text where only elements may stand."""
    if element.text:
        raise element.refuse(f"<{element.tag}> holds text: {element.text[:40]!r}")


def no_children(element: Element) -> None:
    """Refuse elements where none may stand."""
    if element.children:
        child = element.children[0]
        raise child.refuse(f"<{child.tag}> is not known inside <{element.tag}>")


def ordered_children(element: Element, order: tuple[str, ...], *, repeated: tuple[str, ...] = ()) -> None:
    """Refuse children that are not in `order`, are out of order, or come twice but are not `repeated`."""
    no_text(element)
    latest = -1
    for child in element.children:
        if child.tag not in order:
            raise child.refuse(f"<{child.tag}> is not known inside <{element.tag}>")
        position = order.index(child.tag)
        if position < latest:
            raise child.refuse(f"<{child.tag}> has to come before <{order[latest]}> inside <{element.tag}>")
        if position == latest and child.tag not in repeated:
            raise child.refuse(f"<{child.tag}> may stand only once inside <{element.tag}>")
        latest = position


def literal(element: Element, name: str, default: str | None = None) -> str:
    """Return an attribute in which expressions are not allowed."""
    value = element.attributes.get(name, default)
    if value is None:
        raise element.refuse(f"<{element.tag}> needs the attribute '{name}'")
    return not_expression(element, value, f"the attribute '{name}'")


def not_expression(element: Element, value: str, what: str) -> str:
    """Return text that is taken literally; refuse an expression."""
    if value.startswith("@"):
        raise element.refuse(f"{what} of <{element.tag}> takes no expression")
    return value


def whole_number(element: Element, name: str, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return an attribute that is a whole number within limits."""
    text = literal(element, name)
    if not text.isascii() or not text.isdecimal():
        raise element.refuse(f"the attribute '{name}' of <{element.tag}> is not a whole number: {text!r}")
    number = int(text)
    if number < minimum or (maximum is not None and number > maximum):
        limits = f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
        raise element.refuse(f"the attribute '{name}' of <{element.tag}> has to be {limits}, not {number}")
    return number


def boolean(element: Element, name: str, *, default: bool) -> bool:
    """Return an attribute that is `true` or `false`."""
    return one_of(element, name, ("true", "false"), default=str(default).lower()) == "true"


def one_of(element: Element, name: str, choices: tuple[str, ...], *, default: str | None = None) -> str:
    """Return an attribute with a fixed set of values."""
    value = literal(element, name, default)
    if value not in choices:
        raise element.refuse(
            f"the attribute '{name}' of <{element.tag}> has to be {', '.join(choices)}; not {value!r}"
        )
    return value


def value(element: Element, text: str, kinds: tuple[Kind, ...]) -> Compiled:
    """Compile text or an `@( )` expression that returns one of `kinds`. Refuses statement blocks."""
    if text.startswith("@{"):
        raise element.refuse(f"statement blocks @{{ }} are not supported: {foreign.excerpt(text)}")
    if not text.startswith("@("):
        return Compiled(Kind.STRING, lambda _: text)
    if not text.endswith(")"):
        raise element.refuse(f"the expression does not end with ')': {foreign.excerpt(text)}")
    try:
        compiled = compile_expression(text[2:-1])
    except ExpressionRefused as refused:
        raise element.refuse(f"expression not supported: {refused}, in {foreign.excerpt(text)}") from refused
    if compiled.reads_body and element.tag != "set-variable":
        raise element.refuse("the body is read by <set-variable> only, and by nothing around it")
    if compiled.kind not in kinds:
        wanted = " or ".join(kinds)
        raise element.refuse(f"the expression gives {compiled.kind}, not {wanted}: {foreign.excerpt(text)}")
    return compiled
