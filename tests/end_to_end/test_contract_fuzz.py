"""Generated requests, through the gateway and to the app: what comes back is what the reference says.

Some dozens here; `python -m contract.fuzz` asks thousands.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract import fuzz, stack
from contract.stack import Running
from tests.hosts import microsofts_host

_FEW = ("--phases", "examples,fuzzing,stateful", "--seed", "20260329", "--no-shrink")


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=microsofts_host.HOSTS)
def running(
    request: pytest.FixtureRequest, _azurite_accounts: Iterator[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The demo world that stands still, behind the gateway, on each host in turn."""
    on = microsofts_host.named(request.param)
    state = tmp_path_factory.mktemp("fuzz")
    with stack.running(state, table_storage=next(_azurite_accounts), on=on) as found:
        yield found


@pytest.mark.parametrize("through", ["gateway", "app"])
def test_no_generated_request_gets_an_answer_that_is_not_documented(
    running: Running, tmp_path: Path, through: str
) -> None:
    command = fuzz.command(running, through=through, max_examples=4, folder=tmp_path, more=_FEW)

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stdout
    found = re.search(r"(\d+) generated", done.stdout)
    assert found is not None, done.stdout
    assert int(found[1]) > 50
    assert "Traceback" not in running.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("through", ["gateway", "app"])
def test_a_person_gets_no_answer_that_is_not_documented(
    running: Running, tmp_path: Path, through: str
) -> None:
    more = (*_FEW, "--include-path-regex", "/readers$")
    command = fuzz.command(
        running, through=through, max_examples=20, folder=tmp_path, caller="person", more=more
    )

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stdout
    assert "Traceback" not in running.log.read_text(encoding="utf-8")
