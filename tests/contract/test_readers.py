"""What other people's readers of the documents say: redocly, API Management's reader, and C# by NSwag.

Each is also given a document with a fault, so that its silence means something.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contract import document
from local import tools
from tests.builders import microsoft

RULES = Path(__file__).parent / "clients" / "lint.yaml"
TEXTS: dict[str, Callable[[], str]] = {
    "read": document.to_read,
    "clients": document.for_clients,
    "import": document.to_import,
}
FILES = {"read": "openapi.json", "clients": "openapi-client.json", "import": "import.json"}


def linted(of: Any, folder: Path, *, name: str) -> list[str]:
    """What `redocly lint` says of a document, a line for each problem."""
    generators = microsoft.needed(tools.HERE.generators)
    (folder / FILES[name]).write_text(json.dumps(of), encoding="utf-8")
    (folder / "redocly.yaml").write_bytes(RULES.read_bytes())
    done = subprocess.run(
        [
            *(str(generators.node), str(generators.packages / "node_modules/.bin/redocly")),
            *("lint", name, "--format", "json"),
        ],
        cwd=folder,
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        capture_output=True,
        text=True,
    )
    problems = json.loads(done.stdout[done.stdout.index("{") :])["problems"]
    return [f"{each['severity']} {each['ruleId']}: {each['message']}" for each in problems]


@pytest.mark.parametrize("name", TEXTS)
def test_redocly_says_nothing_but_what_is_listed(tmp_path: Path, name: str) -> None:
    assert linted(json.loads(TEXTS[name]()), tmp_path, name=name) == []


def test_redocly_sees_a_path_parameter_that_nobody_declares(tmp_path: Path) -> None:
    of = json.loads(document.to_read())
    of["paths"]["/customers/{customerNumber}"] = of["paths"].pop("/customers")

    assert [line.split(":")[0] for line in linted(of, tmp_path, name="read")] == [
        "error path-parameters-defined"
    ]


def azure_check(of: Any, folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """The exit code and the lines of `azure-check` on a document."""
    program = microsoft.needed(tools.HERE.azure_check)
    file = folder / "document.json"
    file.write_text(json.dumps(of), encoding="utf-8")
    done = subprocess.run([str(program), *arguments, str(file)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def test_the_reader_of_api_management_keeps_the_import_as_it_is(tmp_path: Path) -> None:
    _, lines = azure_check(json.loads(document.to_import()), tmp_path, "openapi")

    # It writes the version that it knows; the document has the newest that an import may have.
    assert lines[0] == 'changed #/openapi: "3.0.3" to "3.0.4"'
    assert lines[1:-1] == []
    assert lines[-1].endswith("0 errors, 0 warnings, 1 values changed or lost")


def test_the_reader_of_api_management_would_change_an_example_at_midnight(tmp_path: Path) -> None:
    of = json.loads(document.to_import())
    content = of["paths"]["/status"]["get"]["responses"]["200"]["content"]["application/json"]
    content["example"] = {"dataAvailableUntil": "2026-04-01T00:00:00+02:00"}

    _, lines = azure_check(of, tmp_path, "openapi")

    assert any('"2026-04-01T00:00:00+02:00" to "2026-04-01"' in line for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["read", "clients"])
def test_a_client_in_c_sharp_reads_every_example(tmp_path: Path, name: str) -> None:
    code, lines = azure_check(json.loads(TEXTS[name]()), tmp_path, "nswag", "--closed", "Direction")

    assert code == 0, "\n".join(lines)
    assert "0 failed" in lines[-1]


@pytest.mark.slow
def test_a_client_in_c_sharp_stops_at_a_new_word_of_a_closed_list(tmp_path: Path) -> None:
    of = json.loads(document.for_clients())
    quality = of["components"]["schemas"]["Value"]["properties"]["quality"]
    quality["enum"] = quality.pop("x-extensible-enum")

    code, lines = azure_check(of, tmp_path, "nswag", "--closed", "Direction")

    assert code == 1
    assert any("quality" in line.lower() for line in lines[:-1])
