"""One stack at a time on one state folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from local import places
from local.ports import Ports
from local.stack import lock

HOLDER = (
    "import pathlib, sys, time\n"
    "from local.ports import Ports\n"
    "from local.stack import lock\n"
    "ports = Ports.from_base(9000) if sys.argv[2] == 'stack' else None\n"
    "with lock.hold(pathlib.Path(sys.argv[1]), ports):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


def hold(state: Path, what: str = "stack") -> subprocess.Popen[str]:
    """Start another process that holds the folder, as a stack or as a command."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state), what], cwd=places.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_stack_is_refused_and_finds_the_ports_of_the_first(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        with pytest.raises(lock.AlreadyRunning, match="end it with Ctrl-C"), lock.hold(tmp_path, Ports()):
            raise AssertionError("both hold the folder")
        assert lock.running_ports(tmp_path) == Ports.from_base(9000)
        holder.kill()


def test_beside_a_command_nothing_else_runs_and_nothing_uses_its_services(tmp_path: Path) -> None:
    with lock.hold(tmp_path, Ports()):
        pass
    with hold(tmp_path, "command") as holder:
        with pytest.raises(lock.AlreadyRunning, match=r"A command .* wait"), lock.hold(tmp_path):
            raise AssertionError("both hold the folder")
        with pytest.raises(lock.AlreadyRunning, match=r"A command .* wait"):
            lock.running_ports(tmp_path)
        holder.kill()


def test_a_killed_stack_holds_nothing(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        holder.kill()
        holder.wait()

        assert lock.running_ports(tmp_path) is None
        with lock.hold(tmp_path, Ports()):
            pass


def test_a_folder_in_which_nothing_ever_ran_has_no_ports(tmp_path: Path) -> None:
    assert lock.running_ports(tmp_path) is None
