"""The guide's blocks, the tools that they are for, and a world in which more is published while they load."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from contract import world
from contract.stack import Running
from local import demo, places, venvs
from local.sampledata import readings
from local.sampledata.readings import BAKERY, OUTLET, Reading
from local.tools import Missing
from shared import periods
from shared.metering import Direction, Quality, Resolution
from shared.services import Services
from tests.builders import microsoft

GUIDE = places.ROOT / "docs" / "connectors.md"
REQUIREMENTS = Path(__file__).parent / "requirements"
YEAR = (date(2025, 4, 1), date(2026, 4, 1))
QUARTERLY = 9
"""Metering points of the demo world, from its first on; a year of their quarters is 315 000 values."""
NEXT_MORNING = datetime(2026, 4, 2, 5, tzinfo=UTC)
CHANGED_DAY = date(2026, 3, 24)

Days = dict[tuple[str, str, str], list[int]]
"""The quantities of market days in thousandths, by metering point, direction and date."""


@dataclass(frozen=True)
class Living:
    """A world in which more is published, behind the gateway."""

    running: Running
    services: Services
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "API": self.running.api,
            "TOKEN_URL": self.running.token_url,
            "CLIENT_ID": demo.VENDOR.client_id,
            "CLIENT_SECRET": demo.VENDOR.secret,
            "SCOPE": f"{demo.AUDIENCE}/.default",
            "KEY": demo.SUBSCRIPTIONS[0].key,
            "TOKEN": self.running.headers()["Authorization"].removeprefix("Bearer "),
        }

    def publish_next_morning(self) -> None:
        """Publish a corrected hour, three hours that were missing, and a new day of one metering point."""
        corrected = [reading(BAKERY, datetime(2026, 3, 30, 4, tzinfo=UTC), "99.999")]
        late = [reading(OUTLET, datetime(2026, 3, 31, hour, tzinfo=UTC), "1.234") for hour in (18, 19, 20)]
        start = datetime(2026, 3, 31, 22, tzinfo=UTC)
        new_day = [reading(BAKERY, start + timedelta(hours=hour), "2.500") for hour in range(24)]
        file = self.folder / "next-morning.csv"
        world.deliver(self.services, file, [*corrected, *late, *new_day], at=NEXT_MORNING)

    def publish_a_day_of(self, resolution: Resolution, quantity: str, *, at: datetime) -> None:
        """Publish `CHANGED_DAY` of one metering point, which has hours, with values of this resolution."""
        values = [
            Reading(BAKERY, Direction.CONSUMPTION, start, resolution, quantity, Quality.MEASURED)
            for start in periods.starts(CHANGED_DAY, resolution.step)
        ]
        world.deliver(self.services, self.folder / f"{resolution}.csv", values, at=at)

    def publish_the_days_before(self) -> None:
        """Publish the market days before those of the world, so that there is a year."""
        days = (YEAR[0] + timedelta(days=n) for n in range((world.FIRST_DAY - YEAR[0]).days))
        values = [each for day in days for each in readings.of_day(day, timeline=world.TIMELINE)]
        world.deliver(self.services, self.folder / "year.csv", values, at=NEXT_MORNING)

    def publish_quarters(self) -> None:
        """Publish so many quarters that a year has more values than the largest page holds."""
        points = [each.metering_point_id for each in demo.METERING_POINTS[:QUARTERLY]]
        days = (YEAR[0] + timedelta(days=n) for n in range((YEAR[1] - YEAR[0]).days))
        values = [
            Reading(point, Direction.CONSUMPTION, start, Resolution.PT15M, "1", Quality.MEASURED)
            for day in days
            for start in periods.starts(day, Resolution.PT15M.step)
            for point in points
        ]
        world.deliver(self.services, self.folder / "quarters.csv", values, at=NEXT_MORNING)


def reading(metering_point_id: str, start: datetime, quantity: str) -> Reading:
    return Reading(
        metering_point_id, Direction.CONSUMPTION, start, Resolution.PT1H, quantity, Quality.MEASURED
    )


def read_changes(living: Living) -> Days:
    """Read from /changes what there is now, in a plain loop with decimals."""
    found: Days = {}
    query = {"since": "2020-01-01", "limit": "20"}
    while True:
        page = get(living, "/changes", **query)
        found |= by_key(page["days"])
        if page["nextCursor"] is None:
            return found
        query = {"cursor": page["nextCursor"], "limit": "20"}


def get(living: Living, path: str, **query: str) -> Any:
    answer = httpx.get(
        f"{living.running.api}{path}", params=query, headers=living.running.headers(), trust_env=False
    )
    return json.loads(answer.raise_for_status().text, parse_float=Decimal)


def by_key(days: Sequence[Any]) -> Days:
    return {
        (day["meteringPointId"], day["direction"], day["date"]): [
            round((each or 0) * 1000) for each in day["quantities"]
        ]
        for day in days
    }


def configuration(heading: str) -> str:
    """Return the block below a heading of the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    [found] = re.findall(
        rf"^###? {re.escape(heading)}\n.*?^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    return str(found)


def tool(name: str) -> Path:
    """Return the Python of an environment with a tool; skips the test where none can be made."""

    def made() -> Path:
        folder = places.STATE / "connectors" / name
        try:
            return venvs.ready(folder, python=sys.executable, requirements=REQUIREMENTS / f"{name}.txt")
        except venvs.NotMade as error:
            raise Missing(str(error)) from error

    return microsoft.needed(made)


def run(command: Sequence[str | Path], living: Living, folder: Path, *, fails: bool = False) -> str:
    """Run a program, and return what it prints; one that shall fail, with its errors."""
    variables = {"NO_PROXY": "*", "RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder)}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, **variables, **living.environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.returncode != 0) == fails, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + (done.stderr if fails else "")
