"""The guide to deploying can be resumed in a new shell: variables are there, and long calls are awaited."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Set
from dataclasses import dataclass
from itertools import groupby

import pytest

from local import places

GUIDE = places.ROOT / "docs" / "deploy.md"
READS_ALL = 'eval "$(azd env get-values)"'
OF_AZD = frozenset({"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID"})
"""What azd keeps without being asked to."""

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(?:bash|shell)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUOTED_PROGRAM = re.compile(r"<<'(\w+)'\n.*?^\1$", re.MULTILINE | re.DOTALL)
_JQ = re.compile(r"jq [^|]*?'[^']*'", re.DOTALL)
_USED = re.compile(r"\$\{?([A-Za-z_]\w*)\b(?!:-)")
_SET = re.compile(
    r"(?:^|[\s;&|(])(?:export )?([A-Za-z_]\w*)=|read -\w+(?: \"[^\"]*\")? ([A-Z_]+)|\bfor (\w+) in"
)
_KEPT = re.compile(r"azd env set (\w+)")
_MADE_BY_BICEP = re.compile(r"^output (\w+) ", re.MULTILINE)

AWAITED = {
    r"az provider register": r"--wait",
    r"--method POST --url \$FABRIC/v1/workspaces/\$WORKSPACE/warehouses": r"for attempt in .*sleep",
    r"az fabric capacity create": r"az fabric capacity wait",
    r"--no-wait": r"\bwait\b.*--(?:created|updated|deleted|exists)",
}
"""Calls that return before they are done, and what the same block must do after them."""


@dataclass(frozen=True)
class Block:
    """Commands of a section. Sections are steps, so each may begin in a new shell."""

    section: str
    text: str


def blocks(guide: str) -> Iterator[Block]:
    parts = _SECTION.split(guide)
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        for found in _BLOCK.findall(text):
            yield Block(title, found)


def commands_of(text: str) -> str:
    """The shell's own words: no programs of jq or Python, no comments."""
    without = _JQ.sub("jq", _QUOTED_PROGRAM.sub("", text))
    return re.sub(r"(^|\s)#.*$", "", without, flags=re.MULTILINE)


def faults(guide: str, *, outputs: Set[str]) -> list[str]:
    """What somebody who goes through the guide would run into, in order."""
    found: list[str] = []
    kept = set(OF_AZD)
    for section, members in groupby(blocks(guide), key=lambda block: block.section):
        shell: set[str] = set()
        for block in members:
            commands = commands_of(block.text)
            for line in commands.splitlines():
                shell |= kept | outputs if READS_ALL in line else set()
                known = shell | {name for match in _SET.findall(line) for name in match if name}
                found += [
                    f"{section}: ${name} is not set" for name in _USED.findall(line) if name not in known
                ]
                shell = known
                kept |= set(_KEPT.findall(line))
            if "…" in commands or re.search(r"(?<!\.)\.\.\.(?!\.)", commands):
                found.append(f"{section}: an ellipsis in a command")
            for call, wait in AWAITED.items():
                for match in re.finditer(call, commands):
                    if not re.search(wait, commands[match.start() :], re.DOTALL):
                        found.append(f"{section}: nothing waits for {match[0]}")
    return found


def outputs() -> set[str]:
    return set(_MADE_BY_BICEP.findall((places.ROOT / "infra" / "main.bicep").read_text(encoding="utf-8")))


def test_the_guide_can_be_walked_with_a_new_shell_for_each_step() -> None:
    assert faults(GUIDE.read_text(encoding="utf-8"), outputs=outputs()) == []


def test_it_has_blocks_in_every_step() -> None:
    steps = {block.section.partition(".")[0] for block in blocks(GUIDE.read_text(encoding="utf-8"))}

    assert {str(number) for number in range(11)} <= steps


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("echo $NOBODY", "1: $NOBODY is not set"),
        ("azd env set A 1\necho $A", "1: $A is not set"),
        (f"echo $GATEWAY\n{READS_ALL}", "1: $GATEWAY is not set"),
        ("az group show …", "1: an ellipsis in a command"),
        ("az group show ...", "1: an ellipsis in a command"),
        ("az provider register --namespace X", "1: nothing waits for az provider register"),
        ("az apim create --no-wait", "1: nothing waits for --no-wait"),
    ],
)
def test_a_fault_is_found(block: str, fault: str) -> None:
    assert faults(f"## 1\n```bash\n{block}\n```\n", outputs={"GATEWAY"}) == [fault]


def test_a_variable_of_another_step_is_lost_with_its_shell_unless_azd_keeps_it() -> None:
    lost = "## 1\n```bash\nA=1\necho $A\n```\n## 2\n```bash\n" + READS_ALL + "\necho $A\n```\n"

    assert faults(lost, outputs=set()) == ["2: $A is not set"]
    assert faults(lost.replace("echo $A\n```\n## 2", "azd env set A $A\n```\n## 2"), outputs=set()) == []


@pytest.mark.skipif(not shutil.which("bash"), reason="the commands are for bash")
def test_the_shell_parses_every_block() -> None:
    for block in blocks(GUIDE.read_text(encoding="utf-8")):
        # A word in angle brackets is for the reader to fill in.
        text = re.sub(r"<[a-z][\w ]*>", "VALUE", block.text)

        parsed = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)

        assert (parsed.returncode, parsed.stderr) == (0, ""), block


def test_secrets_are_read_again_before_the_app_is_restarted() -> None:
    restarts = [
        block.text.partition("az functionapp restart")[0]
        for block in blocks(GUIDE.read_text(encoding="utf-8"))
        if "az functionapp restart" in block.text
    ]

    assert len(restarts) == 2
    assert [text for text in restarts if "/config/configreferences/appsettings/refresh?" not in text] == []


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_the_budget_is_a_document_with_both_mails() -> None:
    block = next(block.text for block in blocks(GUIDE.read_text(encoding="utf-8")) if "budgets" in block.text)
    command = block[block.index("jq -n") : block.rindex(')"')]

    made = subprocess.run(
        ["bash", "-c", command],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "ALERT_EMAILS": "a@x.example,b@x.example"},
        capture_output=True,
        text=True,
        check=True,
    )

    properties = json.loads(made.stdout)["properties"]
    assert properties["notifications"]["spent"]["contactEmails"] == ["a@x.example", "b@x.example"]
    assert properties["timePeriod"]["startDate"].endswith("-01T00:00:00Z")
