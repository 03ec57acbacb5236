"""The plan of the house: no import goes upward or in a circle, and no folder is crowded."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from local import places

DEPLOYED = ("function_app", "shared")
FLOORS: tuple[tuple[str, ...], ...] = (
    ("shared.foreign", "shared.limits"),
    ("shared.metering", "shared.periods"),
    ("shared.readable", "shared.settings"),
    ("shared.outside",),
    ("shared.queues", "shared.tables", "shared.telemetry"),
    ("shared.leases",),
    ("shared.access", "shared.warehouse"),
    ("shared.deliveries", "shared.publishing", "shared.series"),
    ("shared.files", "shared.notices"),
    ("shared.api",),
    ("shared.services",),
    ("function_app",),
)
"""From the ground up: a module imports from floors below its own, and from its own room."""
CROWD = 20
CLIENT = places.ROOT / "clients" / "python" / "src" / "metering_api"
CLIENT_NEEDS = {"httpx", "metering_api", "pandas", "pyarrow"}
"""What the client for customers may import beside the standard library."""


def modules() -> dict[str, Path]:
    """Every module of the code that this repository runs, by its dotted name."""
    folders = ("shared", "operations", "contract", "local", "bench")
    files = [
        places.ROOT / "function_app.py",
        *(path for folder in folders for path in (places.ROOT / folder).rglob("*.py")),
    ]
    return {
        path.relative_to(places.ROOT).with_suffix("").as_posix().replace("/", "."): path
        for path in files
        if "node_modules" not in path.parts
    }


MODULES = modules()


def imports(path: Path, known: Mapping[str, Path] = MODULES) -> Iterator[str]:
    """The modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imported(path: Path) -> set[str]:
    """Those of `imports` that lie in this repository."""
    ours = {name.partition(".")[0] for name in MODULES} | {"tests"}
    return {name for name in imports(path) if name.partition(".")[0] in ours}


def room(module: str) -> tuple[int, str]:
    """The floor of a deployed module, and its room there.

    Raises:
        LookupError: the plan above has no place for it.
    """
    for floor, rooms in enumerate(FLOORS):
        for name in rooms:
            if module == name or module.startswith(f"{name}."):
                return floor, name
    raise LookupError(f"FLOORS has no place for {module}.")


def upward(graph: Mapping[str, set[str]]) -> list[str]:
    """The imports of deployed modules that go up, or across to another room of the same floor."""
    found = []
    for module, names in graph.items():
        floor, own = room(module)
        for name in sorted(names):
            other, its_room = room(name) if name.startswith(DEPLOYED) else (len(FLOORS), name)
            if other > floor or (other == floor and its_room != own):
                found.append(f"{module} imports {name}")
    return found


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """The modules of one circle of imports, in its order; none when there is no circle."""
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done or module not in graph:
            return []
        path.append(module)
        for name in sorted(graph[module]):
            if found := visit(name):
                return found
        path.pop()
        done.add(module)
        return []

    for module in graph:
        if found := visit(module):
            return found
    return []


def test_no_deployed_module_imports_upward_or_what_is_not_deployed() -> None:
    graph = {
        name: imported(path)
        for name, path in MODULES.items()
        if name.startswith(DEPLOYED) and path.stat().st_size and path.stem != "__init__"
    }

    assert graph
    assert upward(graph) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle({name: imported(path) for name, path in MODULES.items()}) == []


def test_no_modules_of_the_client_import_each_other_in_a_circle() -> None:
    modules = {f"metering_api.{path.stem}": path for path in CLIENT.glob("*.py")}

    assert circle({name: set(imports(path, modules)) for name, path in modules.items()}) == []


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"shared.periods": {"shared.settings"}}, ["shared.periods imports shared.settings"]),
        (
            {"shared.access.grant": {"shared.warehouse.queries"}},
            ["shared.access.grant imports shared.warehouse.queries"],
        ),
        ({"shared.api.formats": {"local.demo"}}, ["shared.api.formats imports local.demo"]),
        ({"shared.api.pages": {"shared.access.grant"}, "shared.access.grants": {"shared.access.grant"}}, []),
    ],
)  # fmt: skip
def test_an_import_upward_across_or_outward_is_found(
    graph: Mapping[str, set[str]], expected: list[str]
) -> None:
    assert upward(graph) == expected


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_the_client_for_customers_imports_nothing_of_ours() -> None:
    found = {name.partition(".")[0] for path in CLIENT.rglob("*.py") for name in imports(path)}

    assert found - sys.stdlib_module_names == CLIENT_NEEDS


def test_the_plan_shows_the_same_floors() -> None:
    plan = (places.ROOT / "docs" / "development" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", plan, flags=re.MULTILINE)

    shown = {int(floor): set(re.findall(r"`(?:shared/)?(\w+)(?:\.py)?`", rooms)) for floor, rooms in rows}

    assert shown == {
        floor: {name.removeprefix("shared.") for name in rooms} for floor, rooms in enumerate(FLOORS)
    }


def test_no_folder_is_crowded() -> None:
    tests = {
        path.parent for path in (places.ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts
    }
    folders = {path.parent for path in MODULES.values()} | tests | {CLIENT}
    crowded = {
        folder.relative_to(places.ROOT).as_posix(): count
        for folder in folders
        if (count := sum(1 for each in folder.iterdir() if not each.name.startswith((".", "_")))) > CROWD
    }

    assert crowded == {}
