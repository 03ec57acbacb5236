"""Thirty days of a vendor's cron job: at the end of each, its store holds what the warehouse has for it.

There are corrections, days that come late, access that is new, ends and comes back, 503 and 429, tokens that
end between two runs, and runs that are killed at a request or a moment after it.
"""

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from contract.world import TIMELINE
from local import demo, places
from local.sampledata import readings
from local.sampledata.readings import Reading
from metering_api import Client, Follower, SqliteStore
from shared import periods
from shared.access.grant import Span
from shared.metering import Direction, Quality, Resolution
from tests.clients import vendor
from tests.clients.vendor import Permitted, Vendor, held

POINTS = [each.metering_point_id for each in demo.METERING_POINTS]
OPEN = (Span(),)
FIRST = TIMELINE.last + timedelta(days=1)
ACCESS: dict[int, Permitted] = {
    0: dict.fromkeys(POINTS[:4], OPEN),
    3: dict.fromkeys(POINTS[:6], OPEN),
    7: dict.fromkeys(POINTS[1:6], OPEN),
    11: {**dict.fromkeys(POINTS[1:6], OPEN), POINTS[2]: (Span(None, date(2026, 4, 5)),)},
    14: {
        POINTS[8]: (Span(date(2026, 3, 25), None),),
        POINTS[9]: (Span(date(2026, 3, 20), date(2026, 4, 2)),),
    },
    17: {},
    18: dict.fromkeys(POINTS, OPEN),
    24: {
        **dict.fromkeys(POINTS[:9], OPEN),
        POINTS[3]: (Span(None, date(2026, 3, 22)), Span(date(2026, 4, 10), None)),
    },
}
"""What the vendor may read from a day on."""
KILLS_A_DAY = 4
PROGRAM = """
import sys, time
from metering_api import Client, Follower, SqliteStore

with Client.from_environment(patience=1) as api:
    Follower(api, SqliteStore(sys.argv[1]), sleep=lambda seconds: time.sleep(0.01)).run_once()
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="a process is killed as on POSIX"),
]


@dataclass
class Month:
    """The world, the vendor's store, and what has happened to its runs."""

    world: Vendor
    path: Path
    chance: random.Random
    happened: Counter[str] = field(default_factory=Counter)

    def publish(self, number: int) -> None:
        """Publish a day but for what is late, what was late two days ago, and corrections."""
        day = FIRST + timedelta(days=number)
        late = set(POINTS[number % 5 :: 4])
        arrived = [
            each for each in readings.of_day(day, timeline=TIMELINE) if each.metering_point_id not in late
        ]
        before = set(POINTS[(number - 2) % 5 :: 4])
        caught_up = [
            each
            for each in readings.of_day(day - timedelta(days=2), timeline=TIMELINE)
            if number >= 2 and each.metering_point_id in before
        ]
        self.world.publish([*arrived, *caught_up, *self._corrections(day)])

    def _corrections(self, day: date) -> list[Reading]:
        corrected = day - timedelta(days=self.chance.randrange(3, 12))
        starts = list(periods.starts(corrected, timedelta(hours=1)))[:5]
        return [
            Reading(point, Direction.CONSUMPTION, start, Resolution.PT1H,
                    f"{self.chance.randrange(9999)}.125", Quality.FINAL_ESTIMATED)
            for point in self.chance.sample([each for each in POINTS if each != readings.PARKING], 3)
            for start in starts
        ]  # fmt: skip

    def run(self, api: Client) -> None:
        """Run in this process; sleeping moves the clock."""
        with closing(SqliteStore(self.path)) as store:
            Follower(api, store, sleep=self.world.sleep, today=lambda: self.world.now.date()).run_once()

    def run_with_kills(self) -> None:
        """Run in processes, of which the first few are killed."""
        for left in range(KILLS_A_DAY + 20, 0, -1):
            code = self._process(is_killed=left > 20)
            self.happened[{0: "finished", -9: "killed"}.get(code, "failed")] += 1
            if code == 0:
                return
            self.world.forward(60)
        raise AssertionError("no run came to its end")

    def _process(self, *, is_killed: bool) -> int:
        environment = {**os.environ, **self.world.environment}
        environment["PYTHONPATH"] = str(places.ROOT / "clients" / "python" / "src")
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.path], env=environment, stderr=subprocess.DEVNULL
        )
        at = len(self.world.faults.seen) + self.chance.choice((1, 1, 2, 3))
        timers = []

        def kill(number: int) -> None:
            if number == at:
                timers.append(threading.Timer(self.chance.random() * 0.01, process.kill))
                timers[-1].start()

        self.world.faults.kill = kill if is_killed else (lambda number: None)
        code = process.wait(120)
        for timer in timers:
            timer.join()
        return code

    def contents(self) -> vendor.Days:
        with closing(SqliteStore(self.path)) as store:
            return held(store)


def test_after_thirty_days_the_store_is_what_the_warehouse_has(table_storage: str, tmp_path: Path) -> None:
    folder = tmp_path / "world"
    folder.mkdir()
    with vendor.running(folder, table_storage=table_storage, calls_per_minute=4) as world:
        month = Month(world, tmp_path / "metering.db", random.Random(30))
        sizes = []
        # A clock that stands still takes every token for good: the API says that it ended.
        with world.client(clock=lambda: 0.0) as api:
            for number in range(30):
                world.forward(86_400 + 120)
                if number in ACCESS:
                    permitted = ACCESS[number]
                    world.permit(permitted)
                world.confirm_access()
                month.publish(number)
                # Half of the new access is not visible everywhere yet when the run begins.
                world.forward(60 * (number % 2))
                world.faults.unavailable = month.chance.choice((0, 0, 1, 3))
                if number % 3 == 1:
                    month.run_with_kills()
                else:
                    month.run(api)
                world.forward(60)
                month.run(api)

                expected = world.stored(permitted)
                assert month.contents() == expected, f"day {number}"
                sizes.append(len(expected))

    assert sizes[17] == 0
    assert max(sizes) > 400
    assert month.happened["killed"] >= 10
    assert month.happened["finished"] == 10
    after_503 = [each for each in world.slept if 7 <= each <= 7.25]
    while_access_settles = [each for each in world.slept if each == 10]
    after_429 = len(world.slept) - len(after_503) - len(while_access_settles)
    assert min(len(after_503), after_429) >= 5
