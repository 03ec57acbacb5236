"""What Microsoft's compiler says of the templates: nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local import places
from tests.builders import bicep
from tests.builders.bicep import Snapshot

LOADED_AS_JSON = 1_048_576
"""Characters of a file that `loadJsonContent` reads; `loadTextContent` reads 131 072."""
LARGEST_TEMPLATE = 4 * 1024 * 1024
"""Bytes of a template that Azure Resource Manager takes."""

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_the_templates_compile_without_a_word(compiled: Mapping[str, Any]) -> None:
    assert compiled["resources"]


def test_the_linter_has_nothing_to_say(infra: Path) -> None:
    assert bicep.run("lint", infra / "main.bicep") == bicep.Finished(0, "", "")


def test_the_templates_are_formatted(tmp_path: Path, root: Path) -> None:
    copy = bicep.copy_of_infra(tmp_path)

    ran = [bicep.run("format", "--pattern", f"{copy}/**/{files}") for files in ("*.bicep", "*.bicepparam")]

    assert [(each.code, each.diagnostics) for each in ran] == [(0, ""), (0, "")]
    for path in [*copy.rglob("*.bicep"), *copy.rglob("*.bicepparam")]:
        assert path.read_text("utf-8") == (root / "infra" / path.relative_to(copy)).read_text("utf-8")


def test_the_document_has_room_to_grow_in_what_bicep_loads() -> None:
    document = (places.ROOT / "infra/apim/openapi.json").read_text("utf-8")

    assert len(document) < 0.8 * LOADED_AS_JSON


def test_the_template_has_room_to_grow_in_what_azure_takes(compiled: Mapping[str, Any]) -> None:
    assert len(json.dumps(compiled).encode()) < 0.8 * LARGEST_TEMPLATE


def test_every_template_is_part_of_a_deployment(compiled: Mapping[str, Any], infra: Path) -> None:
    modules = {template["metadata"]["_generator"]["templateHash"] for template in _nested(compiled)}

    ran = bicep.run("build", "--pattern", f"{infra}/modules/*.bicep")

    assert (ran.code, ran.diagnostics) == (0, "")
    for path in sorted((infra / "modules").glob("*.bicep")):
        alone = json.loads(path.with_suffix(".json").read_text("utf-8"))
        assert alone["metadata"]["_generator"]["templateHash"] in modules, path.name


def test_every_output_of_a_module_is_read(compiled: Mapping[str, Any]) -> None:
    text = json.dumps(compiled)

    unread = [
        f"{name}: {output}"
        for name, template in _deployments(compiled)
        for output in template.get("outputs", {})
        if f".outputs.{output}.value" not in text
    ]

    assert unread == []


def test_the_environments_differ_in_values_only(infra: Path) -> None:
    ran = bicep.run("build-params", "--pattern", f"{infra}/main.*.bicepparam", values=bicep.NEEDED)

    assert (ran.code, ran.diagnostics) == (0, "")
    given = {
        name: set(json.loads((infra / f"main.{name}.json").read_text("utf-8"))["parameters"])
        for name in ("dev", "prod")
    }
    assert given["dev"] == given["prod"] != set()


def test_every_policy_and_query_is_deployed(snapshots: Mapping[str, Snapshot], root: Path) -> None:
    deployed = json.dumps([snapshot.resources for snapshot in snapshots.values()])
    files = [
        path
        for pattern in ("apim/policies/**/*.xml", "alerts/*.kql", "dashboard/*.kql")
        for path in (root / "infra").glob(pattern)
    ]

    assert len(files) > 20
    for path in files:
        first_lines = path.read_text("utf-8")[:200].partition("__")[0]
        once, twice = json.dumps(first_lines)[1:-1], json.dumps(json.dumps(first_lines)[1:-1])[1:-1]
        assert once in deployed or twice in deployed, path.name


def test_no_id_stands_in_a_resource_without_being_given_or_a_role(snapshot: Snapshot) -> None:
    given = {*bicep.NEEDED.values(), *bicep.OPTIONAL.values(), bicep.SUBSCRIPTION, bicep.TENANT}
    workbook = {snapshot.one("Microsoft.Insights/workbooks")["name"]}
    examples = set(GUID.findall((places.ROOT / "infra/apim/openapi.json").read_text("utf-8")))
    known = given | workbook | examples

    for resource in snapshot.resources:
        if resource["type"] != "Microsoft.Authorization/roleAssignments":
            assert set(GUID.findall(json.dumps(resource))) - known == set(), resource["name"]


def _nested(template: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for _, nested in _deployments(template):
        yield nested


def _deployments(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each module of a template, with the name that it is deployed under."""
    resources = template["resources"]
    for resource in resources.values() if isinstance(resources, Mapping) else resources:
        if resource["type"] == "Microsoft.Resources/deployments":
            yield resource["name"], resource["properties"]["template"]
            yield from _deployments(resource["properties"]["template"])
