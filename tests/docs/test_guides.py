"""Every command in the guides for customers gives the answer that is printed below it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.stack import Running
from local import demo, places
from local.stack import clients

GUIDES = ("getting-started", "changes", "times", "quality", "insights", "webhooks", "errors")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GET = 'get() { curl -s -H "Authorization: Bearer $TOKEN" -H "Ocp-Apim-Subscription-Key: $KEY" "$API$1"; }'

pytestmark = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="the commands are for bash and curl"
)


@dataclass(frozen=True)
class Block:
    """A block of a guide: `shell` is shown, `sh` and `python` are run, the others are answers."""

    language: str
    text: str


def blocks_of(guide: str) -> list[Block]:
    text = (places.ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")
    return [Block(*found) for found in _BLOCK.findall(text)]


def answers_of(guide: str) -> list[tuple[str, Block]]:
    """Each program of a guide with the answer below it; shell goes on from what was run before."""
    found, before = [], ""
    for block, following in pairwise([*blocks_of(guide), Block("", "")]):
        answer = following if following.language in ("json", "csv", "text") else Block("", "")
        if block.language == "sh":
            found.append((f"{before}\n{block.text}", answer))
            before += f"\n{block.text}" if answer.language == "" else ""
        elif block.language == "python":
            found.append((block.text, answer))
    return found


@pytest.fixture(scope="module")
def variables(running: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a reader has after "What you need", and the token."""
    return {
        "API": running.api,
        "TOKEN_URL": running.token_url,
        "SCOPE": f"{demo.AUDIENCE}/.default",
        "CLIENT_ID": demo.VENDOR.client_id,
        "CLIENT_SECRET": demo.VENDOR.secret,
        "KEY": demo.SUBSCRIPTIONS[0].key,
        "TOKEN": running.headers()["Authorization"].removeprefix("Bearer "),
        "PERSON_TOKEN": clients.token_of_person(running.token_url),
        "KEPT": str(tmp_path_factory.mktemp("kept") / "cursor.json"),
    }


@pytest.mark.parametrize(
    ("guide", "program", "answer"),
    [(guide, program, answer) for guide in GUIDES for program, answer in answers_of(guide)],
    ids=lambda value: value if isinstance(value, str) and "\n" not in value else "",
)
def test_a_program_gives_the_answer_below_it(
    variables: Mapping[str, str], guide: str, program: str, answer: Block
) -> None:
    printed = run(program, variables)

    match answer.language:
        case "json":
            assert is_like(json.loads(printed, parse_float=Decimal), documented(answer)), printed
        case "csv" | "text":
            assert begins_like(printed.splitlines(), answer.text.splitlines()), printed
        case _:
            assert printed == ""


def run(program: str, variables: Mapping[str, str]) -> str:
    is_python = program.startswith(("import ", "from "))
    command = [sys.executable, "-c", program] if is_python else ["bash", "-ec", f"{_GET}\n{program}"]
    # The guides call python3; the one that runs the tests is the one that is there.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:  # Some commands save a file.
        done = subprocess.run(
            command,
            cwd=folder,
            env={**variables, "PATH": path, "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def documented(answer: Block) -> Any:
    return json.loads(answer.text, parse_float=Decimal)


def is_like(found: Any, documented: Any) -> bool:
    """Whether an answer is the printed one; "…" stands for any text, and for the rest of a list."""
    if documented == "…":
        return True
    if isinstance(documented, dict) and isinstance(found, dict):
        return list(found) == list(documented) and all(
            is_like(found[name], documented[name]) for name in documented
        )
    if isinstance(documented, list) and isinstance(found, list):
        rest = documented[-1:] == ["…"] and len(found) >= len(documented)
        compared = documented[:-1] if rest else documented
        return (rest or len(found) == len(documented)) and all(map(is_like, found, compared))
    return bool(found == documented)


def begins_like(found: list[str], documented: list[str]) -> bool:
    rest = documented[-1] == "…"
    return found[: len(documented) - 1] == documented[:-1] if rest else found == documented


def test_a_guide_that_says_something_else_is_found() -> None:
    assert is_like({"a": [1, 2, 3]}, {"a": [1, "…"]})
    assert not is_like({"a": [1, 2, 3]}, {"a": [1, 2]})
    assert not is_like({"a": 1, "b": 2}, {"a": 1})
    assert not is_like([{"a": 1}], [{"a": 2}, "…"])
    assert not begins_like(["x", "y"], ["x"])


def test_the_power_query_asks_what_the_api_answers(running: Running) -> None:
    [query] = [block.text for block in blocks_of("getting-started") if block.language == "powerquery"]
    [path] = re.findall(r'RelativePath = "metering/v1([^"]+)"', query)
    [given] = re.findall(r"Query = \[(.*?)\]", query)
    parameters = dict(re.findall(r'(\w+) = "([^"]*)"', given))

    answer = httpx.get(running.api + path, params=parameters, headers=running.headers(), trust_env=False)

    assert answer.status_code == 200
    page = answer.json()
    [columns] = re.findall(r"\[rows\]\)\),\s+\{([^}]+)\}", query)
    assert set(re.findall(r'"(\w+)"', columns)) <= set(page["rows"][0])
    assert set(re.findall(r'\{"(\w+)", type', query)) <= set(page["rows"][0])
    assert re.findall(r"\[(next\w+)\]", query) == ["nextCursor", "nextCursor"]
    assert "nextCursor" in page


def test_without_an_account_the_local_stack_stands_in() -> None:
    text = (places.ROOT / "docs/getting-started.md").read_text(encoding="utf-8")

    assert "`python3 dev.py run`" in text
    assert {name for name, _ in re.findall(r"^export ([A-Z_]+)=(.*)$", text, re.MULTILINE)} == {
        *("API", "TOKEN_URL", "SCOPE", "CLIENT_ID", "CLIENT_SECRET", "KEY", "TOKEN")
    }
