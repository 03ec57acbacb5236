"""dev.py as somebody calls it who has nothing yet."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from local import places, venvs

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

    told = [name for cell in table for name in re.findall(r"`([a-z][a-z-]*)", cell) if name != "python"]

    assert set(told) == set(listed) == set(runpy.run_path(str(DEV))["COMMANDS"])


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

    assert done.stdout.splitlines() == [
        "bad.csv: rejected; nothing of it was loaded.",
        f"  {tmp_path / 'bad.csv'}:1: The columns must be separated by commas, not by semicolons.",
    ]
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
