"""Runs timer functions by their schedules, one run of a function at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from azure.functions.timer import TimerRequest
from croniter import croniter  # type: ignore[import-untyped]

from local.functionhost.functions import AppNotServed, TimerFunction

log = logging.getLogger("functionhost.timers")

FIELDS = 6
"""Second, minute, hour, day, month, day of week: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer"""

Run = Callable[[TimerFunction, TimerRequest], Awaitable[object]]
Sleep = Callable[[float], Awaitable[None]]


def check(function: TimerFunction) -> None:
    """Refuse a schedule that is no NCRONTAB expression of six fields (AppNotServed)."""
    if len(function.schedule.split()) != FIELDS or not croniter.is_valid(
        function.schedule, second_at_beginning=True
    ):
        raise AppNotServed(
            f"The schedule of '{function.name}' is no NCRONTAB expression of six fields: {function.schedule}"
        )


def next_run(schedule: str, *, after: datetime) -> datetime:
    """The first occurrence after a moment. Day of month and day of week must both fit, as in NCRONTAB."""
    following: datetime = croniter(
        schedule, after, ret_type=datetime, day_or=False, second_at_beginning=True
    ).get_next()
    return following


class Timer:
    """A timer function on its schedule: runs never overlap, and an occurrence missed meanwhile is skipped."""

    def __init__(self, function: TimerFunction, *, run: Run) -> None:
        check(function)
        self.function = function
        self._run = run
        self._running = asyncio.Lock()
        self._last: datetime | None = None

    async def follow(self, *, clock: Callable[[], datetime], sleep: Sleep = asyncio.sleep) -> None:
        """Run at each occurrence, until cancelled."""
        if self.function.run_on_startup:
            await self.run_now(clock())
        while True:
            due = next_run(self.function.schedule, after=clock())
            while (wait := (due - clock()).total_seconds()) > 0:
                await sleep(wait)
            await self.run_now(due)

    async def run_now(self, due: datetime) -> bool:
        """Run the function once, after a run under way; whether it went well.

        A failure is logged, and that is all: the host does not try again before the next occurrence.
        """
        async with self._running:
            following = next_run(self.function.schedule, after=due)
            status = {"Last": _text(self._last), "LastUpdated": _text(self._last), "Next": _text(following)}
            self._last = due
            try:
                await self._run(self.function, TimerRequest(past_due=False, schedule_status=status))
            except Exception:
                log.exception("The timer '%s' failed.", self.function.name)
                return False
            return True


def _text(moment: datetime | None) -> str:
    """How the host writes a moment in `schedule_status`; the first one when there is none."""
    return moment.isoformat() if moment else "0001-01-01T00:00:00+00:00"
