"""The guides to feeds, for customers and for the company, on the stack as `dev.py run` starts it.

Its feeds have a run when it is ready, with files for links and on the stand-in for an SFTP server. The
commands of each guide are run as one program, and so are the operator's.
"""

import fnmatch
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import demo, environment, places
from local.functionhost import admin
from local.ports import address
from local.stack import clients, greeting, sample
from local.stack import feeds as demo_feeds
from shared import metering, periods
from shared.periods import ONE_DAY
from tests.builders import local_stack
from tests.builders import warehouse as delivering
from tests.builders.local_stack import LocalStack
from tests.docs.test_exports_guide import ANSWERS, program_of, run
from tests.docs.test_guides import Block, blocks_of, documented, is_like
from tests.operations.test_commands import ON_THE_ENVIRONMENT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, ("bash", "curl", "sha256sum"))), reason="the commands are for bash and curl"
    ),
]

FIRST_RUN = "000002-000002"
BAKERY, GROCERY = (demo.METERING_POINTS[place].metering_point_id for place in (0, 5))
STRANGER = "707057500000010031"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack, when the first run of both feeds is there."""
    with local_stack.running(tmp_path_factory.mktemp("stack"), "--sample-days", "14") as found:
        wait_for_run(found, demo_feeds.LINKS, FIRST_RUN, status="ready")
        wait_for_run(found, demo_feeds.SFTP, FIRST_RUN, status="sent")
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a customer's commands leave their files."""
    return tmp_path


def get(stack: LocalStack, path: str, **query: str) -> Any:
    """Return what the demo vendor is answered."""
    answer = httpx.get(
        f"{address(stack.ports.gateway)}{greeting.API}{path}",
        params=query,
        headers=clients.vendor_headers(greeting.token_url(stack.ports)),
        trust_env=False,
        timeout=30,
    )
    return json.loads(answer.raise_for_status().text, parse_float=Decimal)


def newest(stack: LocalStack, feed_id: str) -> Any:
    found = get(stack, f"/feeds/{feed_id}/runs", limit="1")["runs"]
    return found[0] if found else None


def wait_for_run(stack: LocalStack, feed_id: str, run_id: str, *, status: str, seconds: float = 60) -> Any:
    """Return a run as soon as it is the newest one and has a status."""
    deadline = time.monotonic() + seconds
    while True:
        found = newest(stack, feed_id)
        if found and (found["run"], found["status"]) == (run_id, status):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def operate(stack: LocalStack, program: str) -> tuple[int, list[str]]:
    """Run an operator's commands in the checkout; return the last exit code, and the lines printed."""
    settings = environment.stack(stack.ports, state=stack.state)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", program],
        cwd=places.ROOT,
        env={**environment.without_settings(), **settings, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert set(done.stderr.splitlines(keepends=True)) == {ON_THE_ENVIRONMENT}
    return done.returncode, done.stdout.splitlines()


def commands_of(guide: str) -> list[tuple[Block, Block]]:
    """Return each block of commands, or program, of a guide with the block below it."""
    blocks = pairwise([*blocks_of(guide), Block("", "")])
    return [each for each in blocks if each[0].language in ("sh", "python")]


def is_line(found: str, documented: str) -> bool:
    """Return whether a line has the documented words; "…" stands for any text in a word."""
    words, patterns = found.split(), documented.split()
    return len(words) == len(patterns) and all(
        fnmatch.fnmatchcase(word, pattern.replace("…", "*"))
        for word, pattern in zip(words, patterns, strict=True)
    )


def hours_of_correction(stack: LocalStack) -> int:
    """Return how many hours the sample's corrected day has: 24, as in the guide, but on two days a year."""
    loaded = sample.read(stack.state)
    assert loaded is not None
    return len(periods.starts(loaded.timeline.corrected, timedelta(hours=1)))


def test_each_command_for_customers_prints_what_is_below_it(stack: LocalStack, folder: Path) -> None:
    commands = commands_of("feeds")
    values = f'"values": {hours_of_correction(stack)}'

    printed = run(
        program_of([block for block, _ in commands]),
        folder,
        stack,
        clients.vendor_headers(greeting.token_url(stack.ports)),
    )

    assert len(printed) == len(commands) > 4
    for (_, below), found in zip(commands, printed, strict=True):
        assert below.language in ANSWERS
        if below.language == "json":
            expected = replace(below, text=below.text.replace('"values": 24', values))
            assert is_like(json.loads(found), documented(expected)), found
        else:
            assert found == below.text
    assert b"##Time-series" in (folder / f"daily-gs2_{FIRST_RUN}_1-of-1.gs2").read_bytes()


def test_each_command_for_operators_prints_what_is_below_it(stack: LocalStack, tmp_path: Path) -> None:
    """Three planted differences and a shifted hour are each named."""
    old = tmp_path / "old.gs2"
    old.write_text(old_file(stack), encoding="ascii")

    for block, below in commands_of("operations"):
        code, printed = operate(stack, block.text.replace("old.gs2", str(old)))

        assert code == (1 if "compare" in block.text else 0)
        assert len(printed) == len(below.text.splitlines()), printed
        assert all(map(is_line, printed, below.text.splitlines())), printed


def test_a_file_that_a_feed_has_sent_does_not_differ_from_it(stack: LocalStack) -> None:
    (sent,) = (stack.state / "sftp").glob(f"daily-csv_{FIRST_RUN}_*.csv")

    code, printed = operate(
        stack, f"python3 dev.py feeds compare {demo_feeds.OWNER} {demo_feeds.SFTP} '{sent}' --part"
    )

    assert code == 0, printed
    values = hours_of_correction(stack)
    assert is_line(printed[0], f"{values} values compared, 0 differences. Sum of the file: … kWh.")


def test_a_delivery_that_is_loaded_comes_by_link_and_by_sftp(stack: LocalStack, tmp_path: Path) -> None:
    day = periods.day_of(datetime.now(UTC)) - 3 * ONE_DAY
    hours = len(periods.starts(day, timedelta(hours=1)))
    file = delivering.write_csv(tmp_path / "new.csv", delivering.values(BAKERY, day, ["7.125"] * hours))

    code, printed = operate(stack, f"python3 dev.py load '{file}'")
    begin_runs(stack)
    run_id = "000003-000003"
    by_link = wait_for_run(stack, demo_feeds.LINKS, run_id, status="ready")
    sent = wait_for_run(stack, demo_feeds.SFTP, run_id, status="sent")

    assert code == 0, printed
    received = stack.state / "sftp" / sent["files"][0]["name"]
    assert received.read_text("utf-8").count(";7,125;") == hours
    assert (by_link["files"][0]["values"], sent["files"][0]["values"]) == (hours, hours)
    assert (stack.state / "sftp" / sent["manifest"]["name"]).exists()


def test_all_runs_that_wait_are_fetched_the_oldest_first(stack: LocalStack, folder: Path) -> None:
    [program] = [block for block in blocks_of("feeds") if block.language == "python"]
    headers = clients.vendor_headers(greeting.token_url(stack.ports))
    begin_run_with(stack, folder, quantity="6.125")
    begin_run_with(stack, folder, quantity="8.125")
    waiting = get(stack, f"/feeds/{demo_feeds.LINKS}/runs")["runs"]

    first, second = (run(program_of([program]), folder, stack, headers) for _ in range(2))

    assert len(waiting) > 1
    assert first[0].splitlines() == [file["name"] for each in reversed(waiting) for file in each["files"]]
    assert second == [""]
    assert {each["status"] for each in get(stack, f"/feeds/{demo_feeds.LINKS}/runs")["runs"]} == {
        "acknowledged"
    }


def begin_run_with(stack: LocalStack, folder: Path, *, quantity: str) -> None:
    """Publish a corrected day, and wait until the feed by links has a run with it."""
    number = int(newest(stack, demo_feeds.LINKS)["run"][:6]) + 1
    day = periods.day_of(datetime.now(UTC)) - 4 * ONE_DAY
    hours = len(periods.starts(day, timedelta(hours=1)))
    file = delivering.write_csv(folder / f"{number}.csv", delivering.values(BAKERY, day, [quantity] * hours))
    code, printed = operate(stack, f"python3 dev.py load '{file}'")
    assert code == 0, printed
    begin_runs(stack)
    wait_for_run(stack, demo_feeds.LINKS, f"{number:06}-{number:06}", status="ready")


def begin_runs(stack: LocalStack) -> None:
    """Run the timer that does so, which would be due within five minutes."""

    admin.start_timer("publish_readings", host=address(stack.ports.function_host))


def old_file(stack: LocalStack) -> str:
    """Return a file as another system would have written it, with what is wrong in it.

    One value of the bakery is another, one is missing, the grocery's stand an hour late, and there is a
    metering point that the vendor may not read.
    """
    day, bakery, grocery = whole_day(stack)
    bakery[5], bakery[9] = "7.777", ""
    start = periods.start_of(day)
    late = start + timedelta(hours=1)
    series = [(BAKERY, start, bakery), (GROCERY, late, grocery), (STRANGER, start, ["1.000"])]
    return "\r\n".join(
        [
            *("##Start-message", "#Id=old-1", "#Message-type=Settlement-data", "#Version=1.2"),
            *("#GMT-reference=+1", f"#Number-of-objects={len(series) + 2}", ""),
            *(line for point, begin, values in series for line in time_series(point, begin, values)),
            *("##End-message", "#Id=old-1", ""),
        ]
    )


def time_series(point: str, begin: datetime, values: Sequence[str]) -> list[str]:
    stamp = (begin.astimezone(UTC) + timedelta(hours=1)).strftime("%Y-%m-%d.%H:%M:%S")
    return [
        *("##Time-series", f"#Reference={point}", f"#Start={stamp}", "#Step=0000-00-00.01:00:00"),
        *("#Unit=kWh", "#Direction-of-flow=out", f"#Value=< {' '.join(f'{each}//0' for each in values)} >"),
        *(f"#No-of-values={len(values)}", ""),
    ]


def whole_day(stack: LocalStack) -> tuple[date, list[str], list[str]]:
    """Return a day of 24 hours of which both metering points have all values, and the values."""
    for number in range(3, 12):
        day = periods.day_of(datetime.now(UTC)) - number * ONE_DAY
        found = [quantities(stack, point, day) for point in (BAKERY, GROCERY)]
        if all(len(each) == 24 and "None" not in each for each in found):
            return day, found[0], found[1]
    raise AssertionError("no day is whole")


def quantities(stack: LocalStack, point: str, day: date) -> list[str]:
    values = get(stack, f"/metering-points/{point}/consumption", date=day.isoformat())["values"]
    return [str(each["quantity"]) for each in values]


def test_the_stranger_of_the_old_file_could_be_a_metering_point() -> None:
    assert metering.parse_metering_point_id(STRANGER) == STRANGER
