"""What `python3 dev.py run` takes, and what it refuses before anything starts."""

import subprocess
import sys

import pytest

from local import places


@pytest.mark.parametrize("base", ["0", "65524", "99999", "-1", "many"])
def test_a_port_base_without_room_for_all_ports_is_refused(base: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.stack", f"--port-base={base}"],
        cwd=places.ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert f"argument --port-base: '{base}' is not a port from 1 to 65523" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_option_is_not_taken_for_a_longer_one_that_begins_like_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.stack", "--port", "9000"],
        cwd=places.ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert "unrecognized arguments: --port 9000" in done.stderr
