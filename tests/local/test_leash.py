"""Commands on a leash give their exit code, and end when nobody holds it."""

import subprocess
import sys

from local import leash, places


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=places.ROOT, capture_output=True, text=True, timeout=30, check=False
    )


def test_the_exit_code_is_the_commands() -> None:
    line = leash.leashed([sys.executable, "-c", "import sys; sys.exit(5)"])

    assert subprocess.run(line, cwd=places.ROOT, check=False).returncode == 5


def test_a_command_whose_starter_has_gone_already_does_not_start() -> None:
    line = leash.leashed([sys.executable, "-c", "print('started')"])
    line[3] = "1"

    done = subprocess.run(line, cwd=places.ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")


def test_watching_gives_the_exit_code_where_the_kernel_makes_no_promise() -> None:
    done = run(
        "import os, sys\n"
        "from local import leash\n"
        "command = [sys.executable, '-c', 'import sys; sys.exit(5)']\n"
        "sys.exit(leash.watch(command, parent=os.getppid()))\n"
    )

    assert done.returncode == 5


def test_watching_ends_the_command_when_its_starter_has_gone() -> None:
    done = run(
        "import sys\n"
        "from local import leash\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "print(leash.watch(command, parent=-1))\n"
    )

    assert done.stdout == "-15\n"
