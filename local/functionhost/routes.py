"""Matches requests to functions by their routes, as the Functions host does."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    """Return a route behind the prefix of host.json.

    Literals match in any case and a slash at the end is ignored, as in ASP.NET Core's routing. A catch-all
    also matches an empty rest, but not a rest that begins with a slash.

    Raises:
        UnknownRouteSyntax: for constraints, defaults and optional parameters.
    """
    whole = "/".join(part.strip("/") for part in (prefix, template) if part.strip("/"))
    pattern = "".join(_segment(segment, template=template) for segment in whole.split("/") if whole)
    allowed = None if methods is None else frozenset(method.upper() for method in methods)
    return Route(function, whole, allowed, re.compile(f"{pattern}/?", re.IGNORECASE | re.DOTALL))


def in_order(routes: Sequence[Route]) -> list[Route]:
    """Return routes in the order in which the host tries them: by name of the function in upper case.

    How specific they are does not count: https://github.com/Azure/azure-functions-host/issues/9876. The order
    is OrdinalIgnoreCase (FunctionMetadataManager.cs), which compares upper case: `_` comes after the letters.
    """
    return sorted(routes, key=lambda route: route.function.upper())


def match(routes: Sequence[Route], *, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """Return the first route that takes the method and the path (`Request.route_path`), and its parameters.

    A known path with another method is no match: the real host answers it with 404, not 405.
    Source: https://github.com/Azure/azure-functions-host/issues/10098
    """
    for route in routes:
        found = route.pattern.fullmatch(path)
        if found and (route.methods is None or method in route.methods):
            return route, {name: text for name, text in found.groupdict().items() if text}
    return None


def _segment(segment: str, *, template: str) -> str:
    found = _SEGMENT.fullmatch(segment)
    if found is None:
        raise UnknownRouteSyntax(f"The route '{template}' has a part that this host does not know: {segment}")
    if found["literal"]:
        return f"/{re.escape(found['literal'])}"
    if found["catch_all"]:
        return f"(?:/(?P<{found['name']}>[^/].*))?"
    return f"/(?P<{found['name']}>[^/]+)"
