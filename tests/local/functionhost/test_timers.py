"""Schedules and how timers follow them."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.functions.timer import TimerRequest

from local.functionhost import timers
from local.functionhost.functions import AppNotServed, TimerFunction


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def function(schedule: str, *, run_on_startup: bool = False) -> TimerFunction:
    return TimerFunction("sync", lambda: None, "timer", schedule, run_on_startup)


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        ("0 5 * * * *", "2026-11-22T12:05:00", "2026-11-22T13:05:00"),
        ("0 */5 * * * *", "2026-11-22T12:04:59", "2026-11-22T12:05:00"),
        ("*/15 * * * * *", "2026-11-22T12:04:59", "2026-11-22T12:05:00"),
        ("0 30 9 * * 1-5", "2026-11-21T00:00:00", "2026-11-23T09:30:00"),
        # Both the day of the month and the day of the week must fit: the next Friday the 13th.
        ("0 0 0 13 * 5", "2026-11-14T00:00:00", "2027-08-13T00:00:00"),
        # Times are UTC: the hour that Norway skips is there.
        ("0 30 1 * * *", "2026-03-29T00:00:00", "2026-03-29T01:30:00"),
    ],
)
def test_the_next_run_follows_the_schedule(schedule: str, after: str, due: str) -> None:
    assert timers.next_run(schedule, after=moment(after)) == moment(due)


@pytest.mark.parametrize("schedule", ["5 * * * *", "0 61 * * * *", "00:05:00", ""])
def test_a_schedule_without_six_good_fields_is_refused(schedule: str) -> None:
    with pytest.raises(AppNotServed, match="'sync' is not an NCRONTAB expression"):
        timers.check(function(schedule))


class Time:
    """A clock that goes forward only during a sleep."""

    def __init__(self, start: str) -> None:
        self.now = moment(start)

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


def follow(timer_function: TimerFunction, *, start: str, runs: int, lasting: float = 0) -> list[str]:
    """Return when the runs of a timer began, for so many runs that each last `lasting` seconds."""
    time, begun = Time(start), list[str]()

    async def run(_: TimerFunction, __: TimerRequest) -> None:
        begun.append(time.now.strftime("%H:%M:%S"))
        time.now += timedelta(seconds=lasting)
        if len(begun) == runs:
            raise asyncio.CancelledError

    async def scenario() -> None:
        timer = timers.Timer(timer_function, run=run)
        with pytest.raises(asyncio.CancelledError):
            await timer.follow(clock=time.clock, sleep=time.sleep)

    asyncio.run(scenario())
    return begun


def test_a_timer_runs_at_each_occurrence() -> None:
    assert follow(function("0 */5 * * * *"), start="2026-11-22T12:03:00", runs=3) == [
        "12:05:00",
        "12:10:00",
        "12:15:00",
    ]


def test_occurrences_during_a_long_run_are_skipped() -> None:
    begun = follow(function("0 */5 * * * *"), start="2026-11-22T12:03:00", runs=3, lasting=420)

    assert begun == ["12:05:00", "12:15:00", "12:25:00"]


def test_a_timer_may_run_when_the_host_starts() -> None:
    begun = follow(function("0 */5 * * * *", run_on_startup=True), start="2026-11-22T12:03:00", runs=2)

    assert begun == ["12:03:00", "12:05:00"]


def test_two_runs_of_a_timer_never_overlap() -> None:
    under_way, most = 0, 0

    async def run(_: TimerFunction, __: TimerRequest) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    async def scenario() -> tuple[bool, bool]:
        timer = timers.Timer(function("0 5 * * * *"), run=run)
        now = moment("2026-11-22T12:05:00")
        first, second = await asyncio.gather(timer.run_now(now), timer.run_now(now))
        return first, second

    assert asyncio.run(scenario()) == (True, True)
    assert most == 1


def statuses(states: timers.States, function: TimerFunction, *, start: str, runs: int) -> list[str]:
    """Return the arguments of each of so many scheduled runs: time, past due or not, `Last` and `Next`."""
    time, received = Time(start), list[str]()

    async def run(_: TimerFunction, request: TimerRequest) -> None:
        status = request.schedule_status
        shown = [status[name][:19] for name in ("Last", "Next")] if status else []
        received.append(" ".join([time.now.strftime("%H:%M:%S"), str(request.past_due), *shown]))
        if len(received) == runs:
            raise asyncio.CancelledError

    async def scenario() -> None:
        timer = timers.Timer(function, run=run, states=states)
        with pytest.raises(asyncio.CancelledError):
            await timer.follow(clock=time.clock, sleep=time.sleep)

    asyncio.run(scenario())
    return received


def test_a_run_gets_the_start_of_the_last_one_and_the_occurrence_that_is_due(tmp_path: Path) -> None:
    """As on the real host: a first run has no last one, and `Next` is the present occurrence."""
    states = timers.StatesInFolder(tmp_path)

    assert statuses(states, function("0 5 * * * *"), start="2026-11-22T11:30:00", runs=2) == [
        "12:05:00 False 0001-01-01T00:00:00 2026-11-22T12:05:00",
        "13:05:00 False 2026-11-22T12:05:00 2026-11-22T13:05:00",
    ]


def test_a_timer_that_missed_an_occurrence_runs_at_once_and_learns_that_it_is_past_due(
    tmp_path: Path,
) -> None:
    statuses(timers.StatesInFolder(tmp_path), function("0 5 * * * *"), start="2026-11-22T11:30:00", runs=2)

    after_a_restart = statuses(
        timers.StatesInFolder(tmp_path), function("0 5 * * * *"), start="2026-11-22T15:10:00", runs=2
    )

    assert after_a_restart == [
        "15:10:00 True 2026-11-22T12:05:00 2026-11-22T13:05:00",
        "16:05:00 False 2026-11-22T15:10:00 2026-11-22T16:05:00",
    ]


def test_a_timer_that_missed_nothing_waits_for_its_occurrence_after_a_restart(tmp_path: Path) -> None:
    statuses(timers.StatesInFolder(tmp_path), function("0 5 * * * *"), start="2026-11-22T11:30:00", runs=1)

    (received,) = statuses(
        timers.StatesInFolder(tmp_path), function("0 5 * * * *"), start="2026-11-22T11:40:00", runs=1
    )

    assert received.startswith("12:05:00 False ")


@pytest.mark.parametrize(
    "unmonitored",
    [function("*/20 * * * * *"), dataclasses.replace(function("0 5 * * * *"), use_monitor=False)],
)
def test_of_schedules_below_a_minute_and_unmonitored_ones_no_status_is_kept(
    tmp_path: Path, unmonitored: TimerFunction
) -> None:
    (received,) = statuses(timers.StatesInFolder(tmp_path), unmonitored, start="2026-11-22T12:00:01", runs=1)

    assert received.endswith(" False")
    assert list(tmp_path.iterdir()) == []


def test_a_run_by_hand_leaves_the_status_as_it_was() -> None:
    received: list[dict[str, str]] = []
    states = timers.StatesInMemory()

    async def run(_: TimerFunction, request: TimerRequest) -> None:
        received.append(request.schedule_status)

    async def scenario() -> None:
        timer = timers.Timer(function("0 5 * * * *"), run=run, states=states)
        await timer.run_now(moment("2026-11-22T12:05:00"))

    asyncio.run(scenario())
    assert received[0]["Last"] == "0001-01-01T00:00:00+00:00"
    assert states.read("sync") is None
