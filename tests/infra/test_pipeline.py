"""The pipeline is valid, needs no secret, gives the environments all their values, and its commands parse."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from local import command_line, places
from tests.builders.bicep import NEEDED, OPTIONAL

WORKFLOWS = sorted((places.ROOT / ".github" / "workflows").glob("*.yml"))


def document(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = YAML(typ="safe").load(path)
    return found


def run_steps() -> list[tuple[str, str]]:
    """The commands of each workflow, with expressions of GitHub's as one word."""
    return [
        (path.name, re.sub(r"\$\{\{.*?\}\}", "EXPRESSION", step["run"]))
        for path in WORKFLOWS
        for job in document(path)["jobs"].values()
        for step in job.get("steps", ())
        if "run" in step
    ]


def schema_says(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_workflow_follows_githubs_schema() -> None:
    assert len(WORKFLOWS) == 3
    for path in WORKFLOWS:
        checked = schema_says(path)
        assert checked.returncode == 0, checked.stdout


def test_a_workflow_with_a_fault_is_refused(tmp_path: Path) -> None:
    text = WORKFLOWS[0].read_text(encoding="utf-8")
    faulty = tmp_path / "check.yml"
    faulty.write_text(text.replace("runs-on:", "runs-in:"), encoding="utf-8")

    assert schema_says(faulty).returncode == 1


def test_azure_is_signed_in_to_without_a_secret() -> None:
    assert all("secrets." not in path.read_text(encoding="utf-8") for path in WORKFLOWS)
    deploy = document(places.ROOT / ".github" / "workflows" / "deploy-environment.yml")
    assert deploy["permissions"]["id-token"] == "write"


def test_prod_follows_dev_and_dev_the_check() -> None:
    jobs = document(places.ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]

    assert (jobs["prod"]["needs"], jobs["dev"]["needs"]) == ("dev", "check")


def test_deployments_wait_for_others_to_the_same_environment_only() -> None:
    workflows = places.ROOT / ".github" / "workflows"
    job = document(workflows / "deploy-environment.yml")["jobs"]["deploy"]

    assert "concurrency" not in document(workflows / "deploy.yml")
    assert job["concurrency"] == {
        "group": "deploy-${{ inputs.environment }}",
        "cancel-in-progress": False,
    }


def test_a_deployment_gets_every_value_that_the_parameter_files_read() -> None:
    job = document(places.ROOT / ".github" / "workflows" / "deploy-environment.yml")["jobs"]["deploy"]

    assert {*NEEDED, *OPTIONAL} - set(job["env"]) == set()


COPY = 'cp "infra/main.$AZURE_ENV_NAME.bicepparam" infra/main.bicepparam'


def previews_without_parameters(commands: str) -> list[str]:
    """Return the previews of a script that azd would make without the environment's values.

    azd runs no hooks with `--preview`, and the hooks are what copies the parameter file.
    """
    before, *others = re.split(r"^ *(?=azd provision --preview)", commands, flags=re.MULTILINE)
    return [other.splitlines()[0] for other in others if COPY not in before]


def test_every_preview_has_the_parameters_of_its_environment() -> None:
    guides = [path.read_text("utf-8") for path in (places.ROOT / "docs").rglob("*.md")]
    blocks = [block for guide in guides for block in re.findall(r"^```bash\n(.*?)^```$", guide, re.S | re.M)]
    steps = [command for _, command in run_steps()]
    scripts = [script for script in (*blocks, *steps) if "--preview" in script]

    assert len(scripts) == 2
    assert [previews_without_parameters(script) for script in scripts] == [[], []]


def test_a_preview_without_parameters_is_found() -> None:
    assert previews_without_parameters(f"azd provision --preview\n{COPY}\n") == ["azd provision --preview"]
    assert previews_without_parameters(f"{COPY}\nazd provision --preview\n") == []


@pytest.mark.skipif(not shutil.which("bash"), reason="the commands are for bash")
def test_the_shell_parses_every_command() -> None:
    for name, command in run_steps():
        parsed = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False)
        assert (parsed.returncode, parsed.stderr) == (0, ""), name


def test_the_commands_of_dev_py_and_the_files_exist() -> None:
    copied = COPY.rpartition(" ")[0].replace("$AZURE_ENV_NAME", "prod")
    commands = [command.replace(COPY, copied) for _, command in run_steps()]

    used = {match for command in commands for match in re.findall(r"dev\.py (\w+)", command)}
    paths = {match for command in commands for match in re.findall(r"(?:tests|infra)/[\w./]+", command)}

    assert used == {"check", "test"} <= set(command_line.COMMANDS)
    assert all((places.ROOT / path).exists() for path in paths)


def step_of(workflow: str, job: str, name: str) -> str:
    steps = document(places.ROOT / ".github" / "workflows" / workflow)["jobs"][job]["steps"]
    (command,) = [str(step["run"]) for step in steps if step.get("name") == name]
    return re.sub(r"\$\{\{.*?\}\}", "EXPRESSION", command)


@contextmanager
def app_answering(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """An app's address; it answers with each status in turn, with the last again and again."""
    seen: list[str] = []

    class App(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(statuses[min(len(seen), len(statuses)) - 1])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run_step(command: str, commands: Path, **stand_ins: str) -> int:
    """Run a step as the runner does, with scripts in place of commands that a machine may lack."""
    commands.mkdir()
    for name, script in stand_ins.items():
        (commands / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (commands / name).chmod(0o755)
    environment = {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(["bash", "-e", "-c", command], env=environment, timeout=60, check=False).returncode


@pytest.mark.skipif(
    not shutil.which("bash") or not shutil.which("curl"), reason="the step needs bash and curl"
)
@pytest.mark.parametrize(
    ("statuses", "code", "calls"), [((200,), 0, 1), ((503, 503, 200), 0, 3), ((503,), 1, 30)]
)
def test_a_deployment_waits_until_the_app_is_ready(
    statuses: tuple[int, ...], code: int, calls: int, tmp_path: Path
) -> None:
    command = step_of("deploy-environment.yml", "deploy", "Ready")

    with app_answering(*statuses) as (address, seen):
        ended = run_step(command, tmp_path / "bin", azd=f"echo {address}", sleep="exit 0")

    assert (ended, seen) == (code, ["/v1/health"] * calls)


@pytest.mark.skipif(not shutil.which("bash"), reason="the step is for bash")
def test_the_warehouses_tests_wait_for_their_server(tmp_path: Path) -> None:
    command = step_of("check.yml", "sql-server", "Wait for the server and make the database")
    tries = tmp_path / "tries"

    ended = run_step(
        command, tmp_path / "bin", docker=f'echo x >> {tries}; [ "$(wc -l < {tries})" = 3 ]', sleep="exit 0"
    )

    assert (ended, len(tries.read_text().splitlines())) == (0, 3)
