"""What the app and its OpenAPI document say they serve, read without running either."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from local.infracheck.agreement import Operation

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
TRIGGERS = ("route", "timer_trigger", "schedule")


class UnreadableRoute(Exception):
    """A route is declared in a way that cannot be read without running the app."""


def routes(source: str, *, prefix: str) -> set[Operation]:
    """The HTTP routes that the source of a function app declares, their paths without `prefix`.

    Raises:
        UnreadableRoute: when a route does not give its path and methods as literals.
    """
    return {
        (method, "/" + path.removeprefix(prefix).lstrip("/"))
        for _, trigger in _triggers(source)
        if _name(trigger) == "route"
        for path, methods in [_route(trigger)]
        for method in methods
    }


def functions(source: str) -> set[str]:
    """The names of the functions that the source of a function app declares with a trigger."""
    return {name for name, _ in _triggers(source)}


def operations(document: Mapping[str, Any]) -> set[Operation]:
    """The operations of an OpenAPI document."""
    return {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }


def _triggers(source: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _name(decorator) in TRIGGERS:
                    yield node.name, decorator


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _route(call: ast.Call) -> tuple[str, list[str]]:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    path = named.get("route") or (call.args[0] if call.args else None)
    try:
        return ast.literal_eval(path or ""), ast.literal_eval(named["methods"])
    except (KeyError, ValueError, SyntaxError) as error:
        raise UnreadableRoute(f"Line {call.lineno}: a route names its path and its methods.") from error
