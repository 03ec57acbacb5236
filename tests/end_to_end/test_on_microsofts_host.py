"""The stack with the app on Microsoft's host: answers, log lines, a killed worker, the first question."""

import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local import demo
from local.functionhost import admin
from local.ports import address
from shared import periods
from tests.hosts import demo_stack, microsofts_host
from tests.hosts.demo_stack import DemoStack

pytestmark = pytest.mark.slow

POINT = demo.METERING_POINTS[0].metering_point_id
_YESTERDAY = periods.day_of(datetime.now(UTC)) - periods.ONE_DAY
SERIES = f"/metering-points/{POINT}/consumption?date={_YESTERDAY}"
SUMS = f"/consumption?from={_YESTERDAY - 9 * periods.ONE_DAY}&resolution=P1D"
FIRST_TO_LATER = 3
"""How many times as long as a later question the first one may take."""

LATER = 15
CALLERS = 4


@pytest.fixture(scope="module", params=microsofts_host.PYTHONS)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoStack]:
    """The stack on the host, with the worker of one Python and then of another."""
    python = microsofts_host.python(request.param)
    with demo_stack.running(tmp_path_factory.mktemp("stack"), python=python) as found:
        yield found


def milliseconds(stack: DemoStack, path: str) -> float:
    started = time.perf_counter()
    assert stack.get(path).status_code == 200
    return (time.perf_counter() - started) * 1000


def test_the_first_question_takes_at_most_three_times_as_long_as_a_later_one(stack: DemoStack) -> None:
    """Must come first: the stack itself has asked for the list, and nobody for values."""
    first = milliseconds(stack, SERIES)
    later = [milliseconds(stack, SERIES) for _ in range(LATER)]

    print(f"first question {first:.0f} ms, later ones {statistics.median(later):.0f} ms")
    assert first <= FIRST_TO_LATER * max(statistics.median(later), 20)


def test_what_the_stack_answers_on_the_stand_in_it_answers_here(stack: DemoStack) -> None:
    points = stack.get("/metering-points").json()["meteringPoints"]
    month = stack.get(SUMS).json()["series"]
    unknown = stack.get("/metering-points/%E9/consumption")

    assert (len(points), len(month)) == (9, 9)
    assert unknown.status_code in (400, 404)
    assert unknown.headers["content-type"] == "application/problem+json"
    assert stack.get("/nowhere").status_code == 404


def test_a_request_that_succeeds_writes_one_line(stack: DemoStack) -> None:
    mine = "Function.metering_points.User"
    time.sleep(6)  # Until what the caches of five seconds hold is read again.

    first = stack.logged_by(lambda: stack.get("/metering-points"), ends_with=lambda seen: mine in seen)
    later = stack.logged_by(lambda: stack.get("/metering-points"), ends_with=lambda seen: mine in seen)

    assert [name for name in first if "metering_points" in name] == [mine]
    assert [name for name in later if "metering_points" in name] == [mine]


def test_a_sync_writes_its_report_and_nothing_of_its_calls(stack: DemoStack) -> None:
    mine = "Function.sync_access.User"

    seen = stack.logged_by(
        lambda: admin.start_timer("sync_access", host=address(stack.ports.function_host)),
        ends_with=lambda seen: mine in seen,
    )

    assert {name for name in seen if "sync_access" in name} == {mine}
    assert len(seen) <= 5
    assert "Request URL" not in stack.log.read_text(encoding="utf-8", errors="replace")


def test_a_killed_worker_costs_the_requests_in_it_and_nothing_else(stack: DemoStack) -> None:
    worker = worker_of(stack)
    with ThreadPoolExecutor(CALLERS) as callers:
        asked = [callers.submit(ask_for, stack, seconds=20) for _ in range(CALLERS)]
        time.sleep(3)
        os.kill(worker, signal.SIGKILL)
        answers = [answer for each in asked for answer in each.result()]

    failed = [answer for answer in answers if answer[0] != 200]
    print(f"{len(answers)} asked, {len(failed)} failed when the worker was killed: {failed}")
    assert len(failed) <= CALLERS
    assert all(status == 503 and retry_after is not None for status, retry_after in failed)
    assert stack.get(SUMS).status_code == 200


def ask_for(stack: DemoStack, *, seconds: float) -> list[tuple[int, str | None]]:
    """The status and Retry-After of each answer to one caller who asks without a pause."""
    answers = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = stack.get(SUMS)
        answers.append((answer.status_code, answer.headers.get("retry-after")))
    return answers


def worker_of(stack: DemoStack) -> int:
    """The process of Microsoft's Python worker that serves this stack's app."""
    if sys.platform != "linux":
        pytest.skip("processes are looked up as on Linux")
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_worker = b"--workerId" in (process / "cmdline").read_bytes()
            if is_worker and str(stack.state).encode() in (process / "environ").read_bytes():
                return int(process.name)
    raise AssertionError("no worker serves this stack")
