"""dev.py as somebody calls it who has nothing yet."""

import subprocess
import sys

import pytest

from local import places

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
    assert "usage: python3 dev.py COMMAND" in done.stdout


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
