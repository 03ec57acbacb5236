"""Runs timer functions by their schedules, one run of a function at a time.

Source: TimerListener.cs and ScheduleMonitor.cs in https://github.com/Azure/azure-webjobs-sdk-extensions;
compared with the real host.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from azure.functions.timer import TimerRequest
from croniter import croniter  # type: ignore[import-untyped]

from local.functionhost.functions import AppNotServed, TimerFunction

log = logging.getLogger("functionhost.timers")

FIELDS = 6
"""Second, minute, hour, day, month, day of week: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer"""

SHORTEST_MONITORED = timedelta(minutes=1)
"""The host keeps no status of timers that run more often."""

_LOOKED_AT = 5
_NEVER = "0001-01-01T00:00:00+00:00"

Run = Callable[[TimerFunction, TimerRequest], Awaitable[object]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class ScheduleStatus:
    """The status of a timer: the start of its last run, and when the next one is due."""

    last: datetime | None
    next: datetime


class States(Protocol):
    """Where the status of timers is kept between starts of the host."""

    def read(self, function: str) -> ScheduleStatus | None:
        """Return the status of a timer; None before the first start of its host."""
        ...

    def write(self, function: str, status: ScheduleStatus) -> None:
        """Keep the status of a timer."""
        ...


class StatesInMemory:
    """Keeps status until the host ends."""

    def __init__(self) -> None:
        self._kept: dict[str, ScheduleStatus] = {}

    def read(self, function: str) -> ScheduleStatus | None:
        """Return the status of a timer."""
        return self._kept.get(function)

    def write(self, function: str, status: ScheduleStatus) -> None:
        """Keep the status of a timer."""
        self._kept[function] = status


@dataclass(frozen=True)
class StatesInFolder:
    """A file for each timer, where the real host has a blob in the container `azure-webjobs-hosts`."""

    folder: Path

    def read(self, function: str) -> ScheduleStatus | None:
        """Return the status of a timer."""
        file = self.folder / f"{function}.json"
        if not file.exists():
            return None
        kept = json.loads(file.read_text(encoding="utf-8"))
        last = datetime.fromisoformat(kept["Last"]) if kept["Last"] != _NEVER else None
        return ScheduleStatus(last, datetime.fromisoformat(kept["Next"]))

    def write(self, function: str, status: ScheduleStatus) -> None:
        """Keep the status of a timer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{function}.json"
        file.write_text(json.dumps(_shown(status)), encoding="utf-8")


def check(function: TimerFunction) -> None:
    """Check a schedule.

    Raises:
        AppNotServed: if it is not an NCRONTAB expression of six fields.
    """
    if len(function.schedule.split()) != FIELDS or not croniter.is_valid(
        function.schedule, second_at_beginning=True
    ):
        raise AppNotServed(
            f"The schedule of '{function.name}' is not an NCRONTAB expression of six fields: "
            f"{function.schedule}"
        )


def next_run(schedule: str, *, after: datetime) -> datetime:
    """Return the first occurrence after a moment; day of month and day of week must both fit."""
    following: datetime = croniter(
        schedule, after, ret_type=datetime, day_or=False, second_at_beginning=True
    ).get_next()
    return following


class Timer:
    """A timer function on its schedule: runs never overlap, and an occurrence missed meanwhile is skipped."""

    def __init__(self, function: TimerFunction, *, run: Run, states: States | None = None) -> None:
        check(function)
        self.function = function
        self._run = run
        self._states = states or StatesInMemory()
        self._running = asyncio.Lock()

    async def follow(self, *, clock: Callable[[], datetime], sleep: Sleep = asyncio.sleep) -> None:
        """Run at each occurrence, until cancelled; at once if one was missed while the host was away."""
        monitored = self._is_monitored(clock())
        status = self._states.read(self.function.name) if monitored else None
        if monitored and status is None:
            self._states.write(self.function.name, ScheduleStatus(None, self._next(clock())))
        past_due = status is not None and clock() > status.next
        if past_due or self.function.run_on_startup:
            await self._run_scheduled(clock(), past_due=past_due, monitored=monitored)
        while True:
            due = self._next(clock())
            while (wait := (due - clock()).total_seconds()) > 0:
                await sleep(wait)
            await self._run_scheduled(max(due, clock()), past_due=False, monitored=monitored)

    async def run_now(self, now: datetime) -> bool:
        """Run the function once, after a run that is under way; return whether it succeeded.

        The timer's status stays as it was.
        """
        return await self._run_once(now, past_due=False, monitored=self._is_monitored(now))

    async def _run_scheduled(self, now: datetime, *, past_due: bool, monitored: bool) -> None:
        await self._run_once(now, past_due=past_due, monitored=monitored)
        if monitored:
            self._states.write(self.function.name, ScheduleStatus(now, self._next(now)))

    async def _run_once(self, now: datetime, *, past_due: bool, monitored: bool) -> bool:
        """Run the function. A failure is logged: the host does not try again before the next occurrence."""
        async with self._running:
            status = (self._states.read(self.function.name) if monitored else None) or ScheduleStatus(
                None, self._next(now)
            )
            request = TimerRequest(past_due=past_due, schedule_status=_shown(status) if monitored else {})
            try:
                await self._run(self.function, request)
            except Exception:
                log.exception("The timer '%s' failed.", self.function.name)
                return False
            return True

    def _next(self, after: datetime) -> datetime:
        return next_run(self.function.schedule, after=after)

    def _is_monitored(self, now: datetime) -> bool:
        """Return whether the host keeps a status: not without `useMonitor` or for very frequent runs."""
        if not self.function.use_monitor:
            return False
        previous = self._next(now)
        for _ in range(_LOOKED_AT):
            following = self._next(previous)
            if following - previous < SHORTEST_MONITORED:
                return False
            previous = following
        return True


def _shown(status: ScheduleStatus) -> dict[str, str]:
    """Return a status as the host writes it; year 1 for a run that has not happened."""
    last = status.last.isoformat() if status.last else _NEVER
    return {"Last": last, "Next": status.next.isoformat(), "LastUpdated": last}
