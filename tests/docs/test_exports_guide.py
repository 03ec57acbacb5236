"""The guide to exports, from its first command to its last, on the stack as `dev.py run` starts it.

It needs files that are built in the background and links that live for 15 minutes, so the clock goes on,
and the guide's commands are run as one program.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from local import demo, environment, places
from local.ports import address
from local.stack import clients, greeting
from shared import periods
from shared.metering import Direction
from tests.builders import local_stack
from tests.builders import warehouse as delivering
from tests.builders.local_stack import LocalStack
from tests.docs.test_guides import Block, begins_like, blocks_of, documented, is_like

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, ("bash", "curl", "sha256sum"))), reason="the commands are for bash and curl"
    ),
]

SAMPLE_DAYS = 400
PRELUDE = 'get() { curl -s -H "Authorization: Bearer $TOKEN" -H "Ocp-Apim-Subscription-Key: $KEY" "$API$1"; }'
BETWEEN = "=== the next block ==="
ANSWERS = ("json", "csv", "text")


@dataclass(frozen=True)
class Ran:
    """What the guide's commands printed, block by block, in a folder that has their files."""

    stack: LocalStack
    folder: Path
    printed: list[tuple[Block, str]]
    headers: dict[str, str]

    @property
    def api(self) -> str:
        return address(self.stack.ports.gateway) + greeting.API

    def get(self, path: str, **query: str) -> Any:
        answer = httpx.get(self.api + path, params=query, headers=self.headers, trust_env=False, timeout=60)
        return json.loads(answer.raise_for_status().text, parse_float=Decimal)


def wait_for_correction(stack: LocalStack, headers: dict[str, str]) -> None:
    """Wait until the app knows of the sample's second publication, a quarter of a minute later at most."""
    ran, deadline = Ran(stack, stack.state, [], headers), time.monotonic() + 60
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    while all(day["sequence"] == 1 for day in ran.get("/changes", since=since, limit="10000")["days"]):
        assert time.monotonic() < deadline, "the correction is not there"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Run the guide."""
    folder = tmp_path_factory.mktemp("exports")
    state = tmp_path_factory.mktemp("stack")
    with local_stack.running(state, "--sample-days", str(SAMPLE_DAYS)) as stack:
        headers = clients.vendor_headers(greeting.token_url(stack.ports))
        wait_for_correction(stack, headers)
        blocks = [each for each in blocks_of("exports") if each.language in ("sh", "python")]
        printed = run(program_of(blocks), folder, stack, headers)
        yield Ran(stack, folder, list(zip(blocks, printed, strict=True)), headers)


def program_of(blocks: list[Block]) -> str:
    """Return the commands as one program, which writes a line between the blocks."""
    parts = [
        block.text if block.language == "sh" else f"python3 - <<'PYTHON'\n{block.text}PYTHON\n"
        for block in blocks
    ]
    return f"\necho '{BETWEEN}'\n".join([PRELUDE + "\n" + parts[0], *parts[1:]])


def run(program: str, folder: Path, stack: LocalStack, headers: dict[str, str]) -> list[str]:
    """Run a program of bash; return what each block printed."""
    variables = {
        "API": address(stack.ports.gateway) + greeting.API,
        "KEY": demo.SUBSCRIPTIONS[0].key,
        "TOKEN": headers["Authorization"].removeprefix("Bearer "),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_PROXY": "*",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.split(f"{BETWEEN}\n")


def test_each_command_prints_what_is_below_it(ran: Ran) -> None:
    below = {
        block.text: following
        for block, following in pairwise([*blocks_of("exports"), Block("", "")])
        if following.language in ANSWERS
    }
    compared = [(below[block.text], printed) for block, printed in ran.printed if block.text in below]

    assert len(compared) == len(below) > 5
    for answer, printed in compared:
        if answer.language == "json":
            assert is_like(json.loads(printed, parse_float=Decimal), documented(answer)), printed
        else:
            assert begins_like(printed.splitlines(), answer.text.splitlines()), printed


def test_the_files_hold_the_whole_history_and_have_the_sums_of_the_api(ran: Ran) -> None:
    files = str(ran.folder / "ex_*.parquet")
    ((days, points, total),) = (
        duckdb.connect()
        .execute(
            "SELECT count(DISTINCT timezone('Europe/Oslo', start)::DATE), count(DISTINCT meteringPointId), "
            "sum(quantityKWh) FROM read_parquet(?)",
            [files],
        )
        .fetchall()
    )
    of_api, cursor = Decimal(0), None
    while cursor is not None or not of_api:
        given = {"from": "2025-01-01", "resolution": "P1D", "limit": "10000"}
        page = ran.get("/consumption/total", **given, **({"cursor": cursor} if cursor else {}))
        of_api += sum((each["quantity"] for each in page["values"]), Decimal(0))
        cursor = page["nextCursor"]

    assert (days, points) == (SAMPLE_DAYS, 9)
    assert total == of_api > 0


def test_after_a_correction_the_changes_from_the_cursor_are_exactly_its_day(ran: Ran) -> None:
    cursor = json.loads((ran.folder / "export.json").read_text("utf-8"))["changesCursor"]
    before = ran.get("/changes", cursor=cursor)
    day = periods.day_of(datetime.now(UTC)) - timedelta(days=30)
    point = demo.METERING_POINTS[0].metering_point_id
    hours = len(periods.starts(day, timedelta(hours=1)))
    file = delivering.write_csv(ran.folder / "correction.csv", delivering.values(point, day, ["7"] * hours))

    loaded = subprocess.run(
        [sys.executable, "dev.py", "load", str(file)],
        cwd=places.ROOT,
        env={**environment.without_settings(), **environment.stack(ran.stack.ports, state=ran.stack.state)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert before["days"] == []
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    changed = changes_after(ran, cursor)
    assert [(each["meteringPointId"], each["direction"], each["date"]) for each in changed] == [
        (point, Direction.CONSUMPTION, day.isoformat())
    ]
    assert changed[0]["quantities"] == [7] * hours


def changes_after(ran: Ran, cursor: str) -> list[Any]:
    """Return what has changed, as soon as the app has read of the publication."""
    deadline = time.monotonic() + 60
    while not (found := ran.get("/changes", cursor=cursor)["days"]):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return list(found)
