"""Whether the operators' guides speak of what exists: variables in their commands, values to be set."""

import re
from collections.abc import Set
from pathlib import Path

from tests.builders.bicep import NEEDED, OPTIONAL, Snapshot

BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
USED = re.compile(r"\$\{?([A-Z][A-Z_]+)\b")
ASSIGNED = re.compile(r"\b([A-Z][A-Z_]+)=|\bread -rs ([A-Z_]+)|\bfor ([A-Z_]+) in|\bazd env set ([A-Z_]+)")

GIVEN = {"AZURE_ENV_NAME", "AZURE_SUBSCRIPTION_ID", "CLIENT_SECRET", "KEY"}
"""What azd keeps by itself, and what the customer brings to the last step."""


def unset(guide: str, *, known: Set[str]) -> set[str]:
    """Return shell variables in a guide's commands that no command sets and no deployment gives."""
    commands = "\n".join([*BLOCK.findall(guide), *INLINE.findall(BLOCK.sub("", guide))])
    assigned = {name for match in ASSIGNED.findall(commands) for name in match if name}
    return set(USED.findall(commands)) - assigned - known


def test_a_variable_that_nothing_sets_is_found_in_blocks_and_in_lines() -> None:
    text = "Do\n```bash\nKEY=1\necho $KEY $GATEWAY_URL $GATEWY_NAME\n```\nor `curl ${GATEWAY_ULR}`."

    assert unset(text, known={"GATEWAY_URL"}) == {"GATEWAY_ULR", "GATEWY_NAME"}


def test_every_variable_in_the_guides_is_set_somewhere(snapshot: Snapshot, root: Path) -> None:
    outputs = set(snapshot.outputs)

    assert unset((root / "docs/deploy.md").read_text("utf-8"), known=outputs | GIVEN) == set()
    assert unset((root / "docs/operations.md").read_text("utf-8"), known=outputs) == set()


def test_every_value_that_the_environments_read_is_set_in_the_guide(root: Path) -> None:
    guide = (root / "docs/deploy.md").read_text("utf-8")

    assert [name for name in (*NEEDED, *OPTIONAL) if not re.search(rf"azd env set {name}\b", guide)] == []


def test_the_values_above_are_all_that_the_environments_read(root: Path) -> None:
    for path in (root / "infra").glob("main.*.bicepparam"):
        read = re.findall(r"readEnvironmentVariable\('(\w+)'", path.read_text("utf-8"))
        assert set(read) == {*NEEDED, *OPTIONAL}, path.name
