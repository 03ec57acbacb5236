"""Bicep files read into what the checks ask about."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from posixpath import dirname, join, normpath
from typing import Any

import lark
from pycep import BicepParser


class InvalidBicep(Exception):
    """A text is not Bicep, or not the part of it that the parser knows."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template; `required` when it has no default."""

    required: bool
    secure: bool
    least: int | None
    most: int | None


@dataclass(frozen=True)
class Use:
    """A module used: the path of its file from the root of the project, and the parameters it is given."""

    path: str
    given: frozenset[str]


@dataclass(frozen=True)
class Template:
    """One Bicep file; `loads` are the paths of the files it loads, from the root of the project."""

    text: str
    parameters: Mapping[str, Parameter]
    variables: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]
    modules: Mapping[str, Use]
    outputs: Mapping[str, Any]
    loads: frozenset[str]

    def resource(self, symbol: str) -> Any:
        """The body of a resource: of one, of one under a condition, or of each in a loop."""
        return _body(self.resources[symbol]["config"])


def read(text: str, *, path: str) -> Template:
    """Parse one Bicep file, whose place in the project is `path`.

    Raises:
        InvalidBicep: with the path and what the parser found.
    """
    try:
        tree: Any = BicepParser().parse(text=text)
    except (lark.exceptions.LarkError, AttributeError, KeyError, ValueError) as error:
        raise InvalidBicep(f"{path} does not parse: {str(error).splitlines()[0]}") from error
    here = dirname(path)
    return Template(
        text=text,
        parameters={name: _parameter(value) for name, value in tree.get("parameters", {}).items()},
        variables={name: value["value"] for name, value in tree.get("variables", {}).items()},
        resources=tree.get("resources", {}),
        modules={name: _use(value, here=here) for name, value in tree.get("modules", {}).items()},
        outputs={name: value["value"] for name, value in tree.get("outputs", {}).items()},
        loads=frozenset(normpath(join(here, loaded)) for loaded in _loaded(tree)),
    )


def _parameter(value: Mapping[str, Any]) -> Parameter:
    decorators = {decorator["type"]: decorator.get("argument") for decorator in value["decorators"]}
    return Parameter(
        required=value["default"] is None,
        secure="secure" in decorators,
        least=decorators.get("min_value"),
        most=decorators.get("max_value"),
    )


def _use(value: Mapping[str, Any], *, here: str) -> Use:
    given = _body(value["config"]).get("params", {})
    return Use(path=normpath(join(here, value["detail"]["path"])), given=frozenset(given))


def _body(config: Any) -> Any:
    while isinstance(config, Mapping) and "config" in config and "condition" in config:
        config = config["config"]
    return config


def _loaded(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        function = node.get("function")
        if isinstance(function, Mapping) and str(function.get("type")).startswith("load_"):
            yield function["parameters"]["file_path"]
        for child in node.values():
            yield from _loaded(child)
    elif isinstance(node, list):
        for child in node:
            yield from _loaded(child)


def keys(node: Mapping[str, Any]) -> set[str]:
    """The keys of an object as they are at run time; the parser keeps the quotes of those that need them."""
    return {key.strip("'") for key in node}


_USING = re.compile(r"^using '([^']+)'", re.MULTILINE)
_VALUE = re.compile(r"^param ([A-Za-z_]\w*) = ", re.MULTILINE)


@dataclass(frozen=True)
class ParameterFile:
    """A .bicepparam file: the template it is for, and the parameters it gives."""

    template: str
    given: frozenset[str]


def read_parameters(text: str, *, path: str) -> ParameterFile:
    """Read one .bicepparam file.

    Raises:
        InvalidBicep: when it does not say which template it is for.
    """
    using = _USING.search(text)
    if using is None:
        raise InvalidBicep(f"{path} has no `using`.")
    return ParameterFile(
        template=normpath(join(dirname(path), using.group(1))), given=frozenset(_VALUE.findall(text))
    )
