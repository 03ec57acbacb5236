"""dev.py as somebody calls it who has nothing yet."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local import command_line, places, venvs

DEV = places.ROOT / "dev.py"


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, DEV, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_without_a_command_it_lists_them(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)

    assert done.returncode == 0
    for command in ("run", "test", "check", "load", "publish", "sync", "access", "check-warehouse", "bench"):
        assert f"\n  {command} " in done.stdout or f"\n  {command}\n" in done.stdout


def test_an_unknown_command_is_a_failure_and_lists_the_known_ones() -> None:
    done = call("deploy")

    assert done.returncode == 2
    assert done.stderr.startswith("unknown command 'deploy'\n\nusage: python3 dev.py COMMAND")
    assert done.stdout == ""


def test_its_list_and_the_readme_name_the_same_commands() -> None:
    readme = (places.ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2]
    table = [line.split(" | ")[0] for line in readme.partition("\n\n`load`")[0].splitlines()]
    listed = re.findall(r"^  ([a-z][a-z-]*)", call("--help").stdout, re.MULTILINE)

    named = [name for cell in table for name in re.findall(r"`([a-z][a-z-]*)", cell) if name != "python"]

    assert set(named) == set(listed) == set(command_line.COMMANDS)


def test_a_file_is_named_from_where_the_caller_is(tmp_path: Path, table_storage: str) -> None:
    python = venvs.made(places.ROOT / ".venv", requirements=places.ROOT / "requirements-dev.txt")
    if python is None:
        pytest.skip("dev.py would first make .venv")
    (tmp_path / "bad.csv").write_text("a;b\n")
    services = {"WAREHOUSE": f"duckdb:{tmp_path / 'metering.duckdb'}", "TABLE_STORAGE": table_storage}

    done = subprocess.run(
        [python, DEV, "load", "bad.csv"],
        cwd=tmp_path,
        env={**os.environ, **services},
        capture_output=True,
        text=True,
    )

    first, second = done.stdout.splitlines()
    assert first == "bad.csv: rejected; nothing of it was loaded."
    assert second.startswith(f"  {tmp_path / 'bad.csv'}:1: The first line is not a known header: 'a', 'b'.")
    assert done.returncode == 1


def test_it_says_so_when_no_python_fits() -> None:
    code = (
        "import runpy, sys\n"
        "dev = runpy.run_path(sys.argv[1])\n"
        "main = dev['main']\n"
        "main.__globals__['OLDEST'], main.__globals__['FITTING'] = (9, 9), ('9.9',)\n"
        "sys.exit(main(['run']))\n"
    )

    done = subprocess.run([sys.executable, "-c", code, DEV], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("This needs Python 3.11, 3.12 or 3.13, and found only 3.1")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.9"])
def test_an_old_python_says_that_it_is_too_old(version: str, tmp_path: Path) -> None:
    old = venvs.find(version)
    if old is None:
        pytest.skip(f"no Python {version} on this machine")

    done = subprocess.run(
        [old, DEV, "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr == (
        f"This needs Python 3.11, 3.12 or 3.13, and found only {version}: install one from "
        "https://www.python.org/downloads/ and try again.\n"
    )


def test_what_pythons_before_three_cannot_read_is_not_in_dev_py() -> None:
    """Check it on every machine: not every machine has the old Pythons of the test above."""
    parsed = ast.parse(DEV.read_text(encoding="utf-8"))

    new = [
        node
        for node in ast.walk(parsed)
        if isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr | ast.AsyncFunctionDef | ast.Match)
        or (isinstance(node, ast.FunctionDef) and (node.returns or node.args.kwonlyargs))
        or (isinstance(node, ast.arg) and node.annotation)
        or (
            isinstance(node, ast.List | ast.Tuple)
            and any(isinstance(each, ast.Starred) for each in node.elts)
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    ]

    assert new == []


def test_only_commands_that_test_install_the_tests_packages() -> None:
    def named(command: str) -> str:
        requirements: Path = command_line.requirements_of(command)["requirements"]
        return requirements.name

    assert {name: named(name) for name in ("run", "load", "sync", "test", "check")} == {
        "run": "requirements.txt",
        "load": "requirements.txt",
        "sync": "requirements.txt",
        "test": "requirements-dev.txt",
        "check": "requirements-dev.txt",
    }


def test_the_smaller_requirements_pin_what_the_larger_ones_do() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (places.ROOT / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))

    deployed, run, everything = (
        pins(name) for name in ("requirements.txt", "local/stack/requirements.txt", "requirements-dev.txt")
    )

    assert deployed
    assert deployed.items() <= run.items() <= everything.items()


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "requirements-dev.txt",
        "local/stack/requirements.txt",
        "local/functionhost/requirements.txt",
    ],
)
def test_every_pin_has_the_hashes_of_its_files(name: str) -> None:
    text = (places.ROOT / name).read_text(encoding="utf-8")

    pins = re.split(r"\n(?! )", text.strip())

    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []
