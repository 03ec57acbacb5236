"""Clients that other people's generators make of the document read what a plain reader reads.

The programs that use the clients are in `clients`, with the pinned generators; each pages through a year and
follows changes. They ask the stack, and a mock that answers with the document's examples.
"""

import difflib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract import document, stack
from contract.stack import Running
from local import tools
from local.stack import free
from local.tools import Generators
from tests.builders import microsoft

CLIENTS = Path(__file__).parent / "clients"
YEAR = {"from": "2025-04-01", "to": "2026-04-01", "limit": "10"}
GROWN_WORDS = {"quality": "validated", "resolution": "PT5M"}
LARGE = 3_000_000_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="npm's programs are scripts for a POSIX shell"),
]


@dataclass(frozen=True)
class Caller:
    """An address of the API with what is sent there."""

    api: str
    headers: Mapping[str, str]

    def get(self, path: str, **query: str) -> Any:
        answer = httpx.get(self.api + path, params=query, headers=dict(self.headers), trust_env=False)
        return json.loads(answer.raise_for_status().text, parse_float=Decimal)

    @property
    def environment(self) -> dict[str, str]:
        token = self.headers["Authorization"].removeprefix("Bearer ")
        return {"API": self.api, "TOKEN": token, "KEY": self.headers["Ocp-Apim-Subscription-Key"]}


@pytest.fixture(scope="module")
def running(_azurite_accounts: Iterator[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demo world that stands still, behind the gateway."""
    with stack.running(tmp_path_factory.mktemp("clients"), table_storage=next(_azurite_accounts)) as found:
        yield found


@pytest.fixture(scope="module")
def generators() -> Generators:
    return microsoft.needed(tools.HERE.generators)


@pytest.fixture(scope="module")
def workshop(generators: Generators, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients, generated from the committed document and compiled strictly."""
    return build(generators, tmp_path_factory.mktemp("workshop"), text=document.for_clients())


def build(generators: Generators, folder: Path, *, text: str) -> Path:
    prepare(generators, folder, text=text)
    node = [str(generators.node), "--no-warnings"]
    for command in (
        [*node, script("openapi-typescript"), "openapi-client.json", "-o", "openapi_fetch/schema.ts"],
        [*node, script("openapi-ts"), "--no-log-file"],
        [*node, script("tsc"), "--project", "."],
    ):
        done(command, folder)
    generate_python(generators, folder)
    for program in ("openapi_python.py", "openapi_generator.py"):
        # The generators' code is their own; the programs that use it are strict.
        strict = ["--strict", "--follow-imports=silent", program]
        done([str(generators.python), "-m", "mypy", *strict], folder)
    return folder


def prepare(generators: Generators, folder: Path, *, text: str) -> None:
    for file in CLIENTS.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    (folder / "openapi-client.json").write_text(text, encoding="utf-8")
    (folder / "node_modules").symlink_to(generators.packages / "node_modules")


def script(name: str) -> str:
    return f"node_modules/.bin/{name}"


def generate_python(generators: Generators, folder: Path) -> None:
    """Make the clients of openapi-python-client, and of openapi-generator, which brings its Java along."""
    options = "--path openapi-client.json --output-path metering_client --meta none --fail-on-warning"
    program = generators.python.with_name("openapi-python-client")
    done([str(program), "generate", *options.split()], folder)
    kinds = "models,apis,supportingFiles,modelTests=false,apiTests=false,modelDocs=false,apiDocs=false"
    options = "-g python -i openapi-client.json -o generated --package-name generated_client"
    program = generators.python.with_name("openapi-generator-cli")
    done([str(program), "generate", *options.split(), "--global-property", kinds], folder)
    (folder / "generated" / "generated_client").rename(folder / "generated_client")


def done(command: list[str], folder: Path, **variables: str) -> str:
    """Run a program to its end; what it printed."""
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "NO_PROXY": "*", "NO_COLOR": "1", **variables}
    found = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


PROGRAMS: dict[str, Callable[[Generators], list[str]]] = {
    "openapi-fetch": lambda generators: [str(generators.node), "built/openapi_fetch.js"],
    "hey-api": lambda generators: [str(generators.node), "built/hey_api.js"],
    "openapi-python-client": lambda generators: [str(generators.python), "openapi_python.py"],
    "openapi-generator": lambda generators: [str(generators.python), "openapi_generator.py"],
}
each_client = pytest.mark.parametrize("client", PROGRAMS)


def plainly_read(caller: Caller) -> dict[str, Any]:
    """What a loop without any generator reads, with decimals."""
    values, days = [], []
    query = dict(YEAR)
    while True:
        page = caller.get("/consumption", **query)
        values += [value for part in page["series"] for value in part["values"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    query = {"since": "2026-01-01", "limit": "7"}
    while True:
        page = caller.get("/changes", **query)
        days += page["days"]
        if page["upToDate"]:
            break
        query = {"cursor": page["cursor"], "limit": "7"}
    points = caller.get("/metering-points")["meteringPoints"]
    return {
        "values": len(values),
        "thousandths": sum(thousandths(value["quantity"]) for value in values),
        "qualities": sorted({value["quality"] for value in values}),
        "resolutions": sorted({day["resolution"] for day in days}),
        "days": len(days),
        "changed": sum(thousandths(quantity) for day in days for quantity in day["quantities"]),
        "sequence": max(day["sequence"] for day in days),
        "customers": [point["customerNumber"] for point in points],
    }


def thousandths(quantity: Decimal | None) -> int:
    return int((quantity or 0) * 1000)


@contextmanager
def mocked(generators: Generators, workshop: Path, of: Any) -> Iterator[Caller]:
    """A mock that answers with the examples of a document, and checks requests against it."""
    port, file = free.numbers(1)[0], workshop / "mocked.json"
    file.write_text(json.dumps(of), encoding="utf-8")
    command = [str(generators.node), script("prism"), "mock", "--host", "127.0.0.1", "--port", str(port)]
    caller = Caller(
        f"http://127.0.0.1:{port}", {"Authorization": "Bearer token", "Ocp-Apim-Subscription-Key": "key"}
    )
    with (workshop / "mock.log").open("w") as log:
        prism = subprocess.Popen([*command, str(file)], cwd=workshop, stdout=log, stderr=log)
        try:
            wait_for(caller, prism)
            yield caller
        finally:
            prism.terminate()
            prism.wait(10)


def wait_for(caller: Caller, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None
        try:
            httpx.get(f"{caller.api}/status", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the mock did not start within half a minute")


@pytest.fixture(scope="module")
def examples(generators: Generators, workshop: Path) -> Iterator[Caller]:
    with mocked(generators, workshop, json.loads(document.for_clients())) as caller:
        yield caller


@pytest.fixture(scope="module")
def grown_examples(generators: Generators, workshop: Path) -> Iterator[Caller]:
    of = json.loads(document.for_clients())
    for read in (methods["get"] for methods in of["paths"].values() if "get" in methods):
        for media in read["responses"].get("200", {}).get("content", {}).values():
            for example in media.get("examples", {}).values():
                example["value"] = grown(example["value"])
    with mocked(generators, workshop, of) as caller:
        yield caller


def grown(value: Any, name: str = "") -> Any:
    """An answer as it may become within the version: new words, a property in each object, large numbers."""
    if isinstance(value, dict):
        return {"isNew": {"since": 1}} | {key: grown(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [grown(each, name) for each in value]
    if name in GROWN_WORDS and value is not None:
        return GROWN_WORDS[name]
    return LARGE if name in ("customerNumber", "sequence", "meteringPointCount") else value


@each_client
def test_a_generated_client_reads_a_year_and_follows_changes(
    generators: Generators, workshop: Path, running: Running, client: str
) -> None:
    caller = Caller(running.api, running.headers())
    expected = plainly_read(caller)

    found = json.loads(done(PROGRAMS[client](generators), workshop, **caller.environment))

    assert expected["values"] > 3000
    assert expected["days"] > 100
    assert found == expected


@each_client
def test_a_generated_client_reads_the_examples(
    generators: Generators, workshop: Path, examples: Caller, client: str
) -> None:
    found = json.loads(done(PROGRAMS[client](generators), workshop, **examples.environment))

    assert found["values"] > 0
    assert found == plainly_read(examples)


@each_client
def test_a_new_word_a_new_property_and_a_large_number_break_nothing(
    generators: Generators, workshop: Path, grown_examples: Caller, client: str
) -> None:
    found = json.loads(done(PROGRAMS[client](generators), workshop, **grown_examples.environment))

    assert found["qualities"] == ["validated"]
    assert found["resolutions"] == ["PT5M"]
    assert found["sequence"] == LARGE
    assert set(found["customers"]) == {LARGE}
    assert found == plainly_read(grown_examples)


def test_a_new_property_and_a_new_word_are_two_lines_of_a_client(
    generators: Generators, workshop: Path, tmp_path: Path
) -> None:
    of = json.loads(document.for_clients())
    value = of["components"]["schemas"]["Value"]["properties"]
    value["quality"]["x-extensible-enum"].append("validated")
    value["temperature"] = {"type": "number", "description": "Degrees outside."}

    again = build(generators, tmp_path, text=json.dumps(of))

    before, after = (
        (folder / "openapi_fetch" / "schema.ts").read_text(encoding="utf-8").splitlines()
        for folder in (workshop, again)
    )
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert [" ".join(line.split()) for line in changed] == [
        "+ /** @description Degrees outside. */",
        "+ temperature?: number;",
    ]


@pytest.mark.parametrize("client", ["openapi-python-client", "openapi-generator"])
def test_a_closed_list_of_words_would_stop_a_client(
    generators: Generators, grown_examples: Caller, tmp_path: Path, client: str
) -> None:
    of = json.loads(document.for_clients())
    quality = of["components"]["schemas"]["Value"]["properties"]["quality"]
    quality["enum"] = quality.pop("x-extensible-enum")
    prepare(generators, tmp_path, text=json.dumps(of))
    generate_python(generators, tmp_path)

    with pytest.raises(AssertionError, match="validated"):
        done(PROGRAMS[client](generators), tmp_path, **grown_examples.environment)
