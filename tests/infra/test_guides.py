"""Whether the operators' guides speak of what exists."""

from collections.abc import Mapping
from pathlib import Path

from local.infracheck import guide
from local.infracheck.templates import Template


def test_a_variable_that_nothing_sets_is_found_in_blocks_and_in_lines() -> None:
    text = "Do\n```bash\nKEY=1\necho $KEY $GATEWAY_URL $GATEWY_NAME\n```\nor `curl ${GATEWAY_ULR}`."

    assert guide.unknown_variables(text, outputs=["GATEWAY_URL"]) == [
        "$GATEWAY_ULR is set by nothing.",
        "$GATEWY_NAME is set by nothing.",
    ]


def test_a_value_that_the_guide_does_not_set_is_found() -> None:
    text = "param a = readEnvironmentVariable('ALPHA')\nparam b = readEnvironmentVariable('BETA', '')"
    files = {"main.dev.bicepparam": text}

    assert guide.unexplained_values(files, guide="```bash\nazd env set ALPHA 1\n```") == [
        "main.dev.bicepparam reads BETA, which the guide does not set."
    ]


def test_every_variable_in_the_guides_of_the_project_is_set_somewhere(
    project: Mapping[str, Template], root: Path
) -> None:
    outputs = project["infra/main.bicep"].outputs
    deploy = (root / "docs/deploy.md").read_text("utf-8")
    operations = (root / "docs/operations.md").read_text("utf-8")

    # The customer brings the secret and the key to the last step.
    assert guide.unknown_variables(deploy, outputs=outputs, given=["CLIENT_SECRET", "KEY"]) == []
    assert guide.unknown_variables(operations, outputs=outputs) == []


def test_every_value_that_the_environments_of_the_project_need_is_set_in_the_guide(root: Path) -> None:
    files = {path.name: path.read_text("utf-8") for path in (root / "infra").glob("main.*.bicepparam")}

    assert guide.unexplained_values(files, guide=(root / "docs/deploy.md").read_text("utf-8")) == []
