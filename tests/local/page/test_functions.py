"""The page's own functions, run by Node; its market days against those of the API."""

import json
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest

from local import places
from local.azurite import installation
from shared import periods

_HERE = Path(__file__).parent / "scripts"
_CALENDAR = places.ROOT / "local/page/files/js/calendar.js"


@pytest.fixture(scope="module")
def node() -> str:
    return str(installation.find_node().program)


@pytest.mark.parametrize("file", sorted(path.name for path in _HERE.glob("*.test.mjs")))
def test_the_functions_do_what_their_tests_say(node: str, file: str) -> None:
    done = subprocess.run([node, "--test", str(_HERE / file)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 0" not in done.stdout


def test_market_days_start_when_those_of_the_api_do(node: str) -> None:
    days = [date(2019, 1, 1) + timedelta(days=count) for count in range(15 * 366)]
    script = (
        f"import {{ startOf }} from {json.dumps(_CALENDAR.as_uri())};"
        f"console.log(JSON.stringify({json.dumps([str(day) for day in days])}.map(startOf)))"
    )

    done = subprocess.run(
        [node, "--input-type=module", "--eval", script], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == [periods.start_of(day).timestamp() * 1000 for day in days]
