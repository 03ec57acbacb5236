"""Whether policies and Bicep know the same named values, fragments and placeholders."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from local.infracheck import agreement, lexis, templates
from local.infracheck.templates import Template

API = "infra/modules/api.bicep"


def test_a_named_value_without_definition_is_found() -> None:
    policies = {"api.xml": '<openid-config url="{{openid-config-url}}" />'}

    assert agreement.differing_named_values(policies, defined=[]) == [
        "api.xml uses the named value openid-config-url, which is not defined."
    ]


def test_a_named_value_that_only_a_comment_uses_is_found() -> None:
    policies = {"api.xml": "<!-- {{token-issuer}} --><policies />"}

    assert agreement.differing_named_values(policies, defined=["token-issuer"]) == [
        "The named value token-issuer is defined and not used."
    ]


def test_a_fragment_without_definition_is_found() -> None:
    policies = {"api.xml": '<include-fragment fragment-id="caller" />'}

    assert agreement.differing_fragments(policies, defined=["problem"]) == [
        "api.xml uses the fragment caller, which is not defined.",
        "The fragment problem is defined and not used.",
    ]


def test_the_policies_of_the_project_use_exactly_the_named_values_that_bicep_defines(
    project: Mapping[str, Template], policies: Mapping[str, str]
) -> None:
    defined = templates.keys(project[API].variables["namedValues"])

    assert agreement.differing_named_values(policies, defined=defined) == []


def test_the_policies_of_the_project_include_exactly_the_fragments_that_bicep_defines(
    project: Mapping[str, Template], policies: Mapping[str, str]
) -> None:
    fragments = project[API].variables["fragments"]
    files = {
        name.strip("'"): Path(value["function"]["parameters"]["file_path"]).stem
        for name, value in fragments.items()
    }

    assert agreement.differing_fragments(policies, defined=files) == []
    assert all(name == file for name, file in files.items())


def test_bicep_replaces_every_placeholder_of_the_product_policy_by_a_number_of_the_product(
    project: Mapping[str, Template], policies: Mapping[str, str], root: Path
) -> None:
    placeholders = set(re.findall(r"__[\w-]+?__", policies["infra/apim/policies/product.xml"]))
    replaced = set(re.findall(r"'(__[\w-]+__)'", project[API].text))
    used = set(re.findall(r"\bproduct\.(\w+)", lexis.without_strings(project[API].text)))
    products = json.loads((root / "infra/apim/products.json").read_text("utf-8"))["products"]

    assert placeholders == replaced == {"__calls-per-minute__", "__calls-per-day__"}
    assert products != []
    assert all(used <= set(product) for product in products)
