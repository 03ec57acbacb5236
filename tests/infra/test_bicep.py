"""Whether the Bicep templates hang together, and whether the checks find it when they do not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from local.infracheck import lexis, structure, templates
from local.infracheck.templates import Template

MAIN = """
targetScope = 'subscription'
param place string

module store 'modules/store.bicep' = {
  name: 'store'
  params: {
    place: place
  }
}

output address string = store.outputs.address
"""
STORE = """
param place string
output address string = 'https://${place}.example'
"""


def read(**texts: str) -> Mapping[str, Template]:
    """Templates from texts: `main` is infra/main.bicep, any other name a module."""
    paths = {name: "infra/main.bicep" if name == "main" else f"infra/modules/{name}.bicep" for name in texts}
    return {paths[name]: templates.read(text, path=paths[name]) for name, text in texts.items()}


def test_templates_that_hang_together_have_no_findings() -> None:
    sound = read(main=MAIN, store=STORE)

    assert structure.unreached(sound, root="infra/main.bicep") == []
    assert structure.wrong_parameters(sound) == []
    assert structure.wrong_outputs(sound) == []
    assert structure.unknown_names(sound) == []
    assert structure.unused_names(sound) == []
    assert structure.secrets_in_outputs(sound) == []


def test_a_text_that_is_not_bicep_is_refused_with_its_path() -> None:
    with pytest.raises(templates.InvalidBicep, match=r"infra/main\.bicep does not parse"):
        read(main="param place =\n}")


def test_a_module_that_nobody_uses_is_found() -> None:
    found = structure.unreached(read(main=MAIN, store=STORE, spare=STORE), root="infra/main.bicep")

    assert found == ["infra/modules/spare.bicep is not reached from infra/main.bicep."]


def test_a_module_used_only_by_an_unused_module_is_found() -> None:
    spare = "module store 'store.bicep' = {\n  name: 'store'\n  params: {\n    place: 'x'\n  }\n}\n"

    found = structure.unreached(
        read(main="param place string", spare=spare, store=STORE), root="infra/main.bicep"
    )

    assert [finding.split()[0] for finding in found] == [
        "infra/modules/spare.bicep",
        "infra/modules/store.bicep",
    ]


def test_a_parameter_that_is_missing_or_unknown_to_the_module_is_found() -> None:
    broken = read(main=MAIN.replace("    place: place", "    town: place"), store=STORE)

    assert structure.wrong_parameters(broken) == [
        "infra/main.bicep: module store lacks the parameter place.",
        "infra/main.bicep: module store has no parameter town.",
    ]


def test_a_parameter_with_a_default_need_not_be_given() -> None:
    store = STORE.replace("param place string", "param place string = 'oslo'")

    relaxed = read(main=MAIN.replace("    place: place\n", ""), store=store)

    assert structure.wrong_parameters(relaxed) == []


def test_a_module_file_that_does_not_exist_is_found() -> None:
    assert structure.wrong_parameters(read(main=MAIN)) == [
        "infra/main.bicep: module store is infra/modules/store.bicep, which does not exist."
    ]


def test_an_output_that_the_module_does_not_give_is_found() -> None:
    broken = read(main=MAIN.replace("store.outputs.address", "store!.outputs.adress"), store=STORE)

    assert structure.wrong_outputs(broken) == ["infra/main.bicep: module store has no output adress."]


def test_an_output_of_a_module_that_nothing_reads_is_found() -> None:
    store = STORE + "output town string = place\n"

    assert structure.unread_outputs(read(main=MAIN, store=store), root="infra/main.bicep") == [
        "infra/modules/store.bicep: output town is read by nothing."
    ]


def test_a_loaded_file_that_does_not_exist_is_found() -> None:
    loading = read(api="var policy = loadTextContent('../apim/policies/api.xml')\noutput p string = policy")

    assert structure.missing_files(loading, exists=lambda path: False) == [
        "infra/modules/api.bicep loads infra/apim/policies/api.xml, which does not exist."
    ]


def test_a_file_that_nothing_loads_is_found() -> None:
    loading = read(api="var policy = loadTextContent('../apim/policies/api.xml')\noutput p string = policy")
    files = ["infra/apim/policies/api.xml", "infra/apim/policies/spare.xml"]

    assert structure.unloaded_files(loading, files=files) == [
        "infra/apim/policies/spare.xml is loaded by no template."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "output address string = plase",
        "output address string = 'https://${plase}'",
        "output address string = 'a ${'b ${plase}'} c'",
        "output address array = [for one in plase: one]",
        "param place string\noutput address string = empty(place) ? plase : place",
    ],
)
def test_a_name_that_nothing_declares_is_found_wherever_it_stands(text: str) -> None:
    assert structure.unknown_names(read(main=text)) == ["infra/main.bicep: plase is not declared."]


def test_words_in_comments_strings_keys_and_members_are_not_names_in_use() -> None:
    text = """
    // comment of plase
    /* and plase again */
    param tags object
    output all object = {
      plase: 'plase and it\\'s plase'
      other: tags.plase
    }
    """

    assert "plase" not in lexis.names_used(text)


def test_a_declared_name_that_is_never_used_is_found() -> None:
    assert structure.unused_names(
        read(main="param place string\nvar town = 'Bergen'\noutput o string = place")
    ) == ["infra/main.bicep: town is declared and not used."]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "@secure()\nparam word string\noutput o string = 'x${word}'",
            "infra/main.bicep: output o holds the secure parameter word.",
        ),
        (
            "param id string\noutput o string = listKeys(id, '2025-06-01').keys[0].value",
            "infra/main.bicep calls listKeys, which fetches a secret.",
        ),
    ],
)
def test_a_secret_in_an_output_is_found(text: str, finding: str) -> None:
    assert structure.secrets_in_outputs(read(main=text)) == [finding]


def test_parameter_files_that_differ_in_more_than_values_are_found() -> None:
    main = read(main="param place string\nparam size string = 'S'\noutput o string = '${place}${size}'")
    dev = templates.read_parameters("using 'main.bicep'\nparam size = 'S'\n", path="infra/dev.bicepparam")
    prod = templates.read_parameters(
        "using 'main.bicep'\nparam place = 'oslo'\nparam colour = 'red'\n", path="infra/prod.bicepparam"
    )

    found = structure.wrong_parameter_files({"dev": dev, "prod": prod}, main)

    assert found == [
        "dev lacks the parameter place.",
        "dev does not give colour; another environment does.",
        "prod: there is no parameter colour.",
        "prod does not give size; another environment does.",
    ]


def test_every_module_of_the_project_is_reached_from_main(project: Mapping[str, Template]) -> None:
    assert structure.unreached(project, root="infra/main.bicep") == []


def test_every_module_of_the_project_gets_the_parameters_it_has(project: Mapping[str, Template]) -> None:
    assert structure.wrong_parameters(project) == []


def test_every_output_that_the_project_reads_exists_and_the_other_way_round(
    project: Mapping[str, Template],
) -> None:
    assert structure.wrong_outputs(project) == []
    assert structure.unread_outputs(project, root="infra/main.bicep") == []


def test_every_name_in_the_project_is_declared_and_used(project: Mapping[str, Template]) -> None:
    assert structure.unknown_names(project) == []
    assert structure.unused_names(project) == []


def test_every_file_that_the_project_loads_exists(project: Mapping[str, Template], root: Path) -> None:
    assert structure.missing_files(project, exists=lambda path: (root / path).is_file()) == []


@pytest.mark.parametrize(
    "pattern", ["infra/apim/**/*.xml", "infra/apim/*.json", "infra/alerts/*.kql", "infra/dashboard/*.kql"]
)
def test_every_policy_and_query_of_the_project_is_deployed(
    project: Mapping[str, Template], root: Path, pattern: str
) -> None:
    files = [path.relative_to(root).as_posix() for path in root.glob(pattern)]

    assert files != []
    assert structure.unloaded_files(project, files=files) == []


def test_no_output_of_the_project_is_a_secret(project: Mapping[str, Template]) -> None:
    assert structure.secrets_in_outputs(project) == []


def test_the_environments_of_the_project_differ_in_values_only(
    project: Mapping[str, Template], root: Path
) -> None:
    files = {
        path.name: templates.read_parameters(path.read_text("utf-8"), path=f"infra/{path.name}")
        for path in (root / "infra").glob("main.*.bicepparam")
    }

    assert set(files) == {"main.dev.bicepparam", "main.prod.bicepparam"}
    assert structure.wrong_parameter_files(files, project) == []
