"""Which function answers a request: the Functions host's way of matching routes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

_SEGMENT = re.compile(r"\{(?P<catch_all>\*{0,2})(?P<name>[A-Za-z_]\w*)\}|(?P<literal>[^{}]+)")


class UnknownRouteSyntax(Exception):
    """A route uses a part of ASP.NET's route syntax that this host does not know."""


@dataclass(frozen=True)
class Route:
    """A route of a function; `methods` in upper case, None for all of them."""

    function: str
    template: str
    methods: frozenset[str] | None
    pattern: re.Pattern[str]


def parse(*, function: str, template: str, methods: Sequence[str] | None, prefix: str) -> Route:
    """A route behind the prefix of host.json.

    Literals match in any case and a slash at the end is ignored, as in ASP.NET Core's routing.

    Raises:
        UnknownRouteSyntax: constraints, defaults and optional parameters are not known.
    """
    whole = "/".join(part.strip("/") for part in (prefix, template) if part.strip("/"))
    pattern = "".join(f"/{_segment(segment, template=template)}" for segment in whole.split("/") if whole)
    allowed = None if methods is None else frozenset(method.upper() for method in methods)
    return Route(function, whole, allowed, re.compile(f"{pattern}/?", re.IGNORECASE))


def in_order(routes: Sequence[Route]) -> list[Route]:
    """The order in which the host tries routes: by name of the function, not by how specific they are.

    Source: https://github.com/Azure/azure-functions-host/issues/9876
    """
    return sorted(routes, key=lambda route: route.function.lower())


def match(routes: Sequence[Route], *, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The first route that takes the method and the path (still percent-encoded), with its parameters.

    A known path with another method is no match: the real host answers it with 404, not 405.
    Source: https://github.com/Azure/azure-functions-host/issues/10098
    """
    for route in routes:
        found = route.pattern.fullmatch(path)
        if found and (route.methods is None or method in route.methods):
            return route, {name: unquote(text) for name, text in found.groupdict().items() if text}
    return None


def _segment(segment: str, *, template: str) -> str:
    found = _SEGMENT.fullmatch(segment)
    if found is None:
        raise UnknownRouteSyntax(f"The route '{template}' has a part that this host does not know: {segment}")
    if found["literal"]:
        return re.escape(found["literal"])
    return f"(?P<{found['name']}>{'.*' if found['catch_all'] else '[^/]+'})"
