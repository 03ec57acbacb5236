"""The stack with the app on Microsoft's host: answers, log lines, a killed worker, the first question."""

import hashlib
import json
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from local import demo
from local.functionhost import admin
from local.ports import address
from local.stack import feeds
from shared import periods
from tests.hosts import demo_stack, microsofts_host
from tests.hosts.demo_stack import DemoStack, LogLine

pytestmark = pytest.mark.slow

POINT = demo.METERING_POINTS[0].metering_point_id
_YESTERDAY = periods.day_of(datetime.now(UTC)) - periods.ONE_DAY
SERIES = f"/metering-points/{POINT}/consumption?date={_YESTERDAY}"
SUMS = f"/consumption?from={_YESTERDAY - 9 * periods.ONE_DAY}&resolution=P1D"
FIRST_TO_LATER = 3
"""How many times as long as the slowest later request the first one may take."""

LATER = 15
FRESH_WORKERS = 3
CALLERS = 4
MOST_BEFORE_NOTICED = 3
"""Requests of one caller that may fail, one after the other, before the host has noticed a dead worker."""


@pytest.fixture(scope="module", params=microsofts_host.PYTHONS)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoStack]:
    """The stack on Microsoft's host, with each Python in turn."""
    python = microsofts_host.python(request.param)
    with demo_stack.running(tmp_path_factory.mktemp("stack"), python=python) as found:
        yield found


def milliseconds(stack: DemoStack, path: str) -> float:
    started = time.perf_counter()
    assert stack.get(path).status_code == 200
    return (time.perf_counter() - started) * 1000


def test_the_first_question_takes_at_most_three_times_as_long_as_a_later_one(stack: DemoStack) -> None:
    """One of some fresh workers must show it: on a busy machine a request may wait for other processes."""
    compared: list[str] = []
    while len(compared) < FRESH_WORKERS:
        stack.get("/metering-points")  # As the first worker has answered it already, when the stack started.
        first = milliseconds(stack, SERIES)
        later = [milliseconds(stack, SERIES) for _ in range(LATER)]
        compared.append(f"first question {first:.0f} ms, later ones {statistics.median(later):.0f} ms")
        print(compared[-1])
        if first <= FIRST_TO_LATER * max(*later, 20):
            return
        replace_worker(stack)
    pytest.fail("; ".join(compared))


def replace_worker(stack: DemoStack) -> None:
    """Kill the worker, and return when the one that follows it answers."""
    os.kill(worker_of(stack), signal.SIGKILL)
    assert any(stack.get("/metering-points").status_code == 200 for _ in range(100))


def test_what_the_stack_answers_on_the_stand_in_it_answers_here(stack: DemoStack) -> None:
    points = stack.get("/metering-points").json()["meteringPoints"]
    month = stack.get(SUMS).json()["series"]
    unknown = stack.get("/metering-points/%E9/consumption")

    assert (len(points), len(month)) == (9, 9)
    assert unknown.status_code in (400, 404)
    assert unknown.headers["content-type"] == "application/problem+json"
    assert stack.get("/nowhere").status_code == 404


def test_the_queue_functions_build_the_files_of_feeds_and_send_them(stack: DemoStack) -> None:
    built, sent = (finished_run(stack, feed_id) for feed_id in (feeds.LINKS, feeds.SFTP))

    received = {path.name: path.read_bytes() for path in (stack.state / "sftp").iterdir()}
    (file,) = sent["files"]
    assert (built["status"], sent["status"], sent["attempts"]) == ("ready", "sent", 1)
    assert sorted(received) == sorted([file["name"], sent["manifest"]["name"]])
    assert hashlib.sha256(received[file["name"]]).hexdigest() == file["sha256"]


def finished_run(stack: DemoStack, feed_id: str) -> Any:
    """Return the first run of a feed, which the start of the stack has begun, when nothing is left to do."""
    last = "sent" if feed_id == feeds.SFTP else "ready"
    deadline = time.monotonic() + 360  # Where the start of the timer was lost, it comes within five minutes.
    while not (found := stack.get(f"/feeds/{feed_id}/runs").json()["runs"]) or found[0]["status"] != last:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found[0]


def test_a_request_that_succeeds_writes_one_line(stack: DemoStack) -> None:
    time.sleep(6)  # Until what the caches of five seconds hold is read again.

    first, later = (lines_of_a_request(stack, "/metering-points") for _ in range(2))

    assert [line.category for line in first] == ["Function.metering_points.User"]
    assert [line.category for line in later] == ["Function.metering_points.User"]
    assert json.loads(first[0].text)["route"] == "/v1/metering-points"


def lines_of_a_request(stack: DemoStack, path: str) -> list[LogLine]:
    """Return the lines that a request causes; those of timers, which may be due meanwhile, are left out."""
    lines = stack.logged_by(lambda: stack.get(path), last=lambda line: '"requestId"' in line.text)
    timers = ("Function.sync_access", "Function.publish_readings")
    return [line for line in lines if not line.is_of_the_host and not line.category.startswith(timers)]


def test_a_sync_writes_its_three_lines_and_none_of_a_library(stack: DemoStack) -> None:
    lines = stack.logged_by(
        lambda: admin.start_timer("sync_access", host=address(stack.ports.function_host)),
        last=lambda line: line.text.startswith("Access sync "),
    )

    read, figures, report = (line.text for line in lines if "sync_access" in line.category)
    assert read.startswith("Severa was read: 4 customers, 4 contact persons, ")
    assert json.loads(figures)["outcome"] == "complete"
    assert " complete; granted 0, changed 0, revoked 0; now 22 grants " in report


def test_a_killed_worker_costs_the_requests_in_it_and_nothing_else(stack: DemoStack) -> None:
    """Callers without a pause may meet the dead worker again until the host has noticed, but not later."""
    worker = worker_of(stack)
    stop = threading.Event()
    with ThreadPoolExecutor(CALLERS) as callers:
        under_way = [callers.submit(send_until, stop, stack) for _ in range(CALLERS)]
        try:
            time.sleep(1)
            os.kill(worker, signal.SIGKILL)
            recovered = any(stack.get(SUMS).status_code == 200 for _ in range(100))
        finally:
            stop.set()
        by_caller = [each.result() for each in under_way]

    answers = [answer for each in by_caller for answer in each]
    failed = [answer for answer in answers if answer[0] != 200]
    print(f"{len(answers)} requests, {len(failed)} failed when the worker was killed: {failed}")
    assert recovered
    for each in by_caller:
        blocks = [
            list(block) for has_failed, block in groupby(each, lambda answer: answer[0] != 200) if has_failed
        ]
        assert len(blocks) <= 1
        assert all(len(block) <= MOST_BEFORE_NOTICED for block in blocks)
    assert all(status == 503 and retry_after is not None for status, retry_after in failed)
    assert stack.get(SUMS).status_code == 200


def send_until(stop: threading.Event, stack: DemoStack) -> list[tuple[int, str | None]]:
    """Return the status and Retry-After of each answer to a caller who sends requests without a pause."""
    answers = []
    while not stop.is_set():
        answer = stack.get(SUMS)
        answers.append((answer.status_code, answer.headers.get("retry-after")))
    return answers


def worker_of(stack: DemoStack) -> int:
    """Return the process id of Microsoft's Python worker that serves this stack's app."""
    if sys.platform != "linux":
        pytest.skip("processes are looked up as on Linux")
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_worker = b"--workerId" in (process / "cmdline").read_bytes()
            if is_worker and str(stack.state).encode() in (process / "environ").read_bytes():
                return int(process.name)
    raise AssertionError("no worker serves this stack")
