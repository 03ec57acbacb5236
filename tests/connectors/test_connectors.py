"""The guide's own configurations for stock tools load everything, and a second run what is new.

The tools are pinned in `requirements`, each in an environment of its own. A plain loop with decimals says
what there is to load: history first, then a corrected hour, values that came late, and a new day.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract import hosting, stack, world
from contract.stack import Running
from local import demo, places, venvs
from local.ports import address
from local.sampledata.readings import BAKERY, OUTLET, Reading
from local.stack import free, greeting, parts
from local.stack.supervision import Supervisor
from local.tools import Missing
from shared.metering import Direction, Quality, Resolution
from shared.services import Services
from tests.builders import microsoft
from tests.builders.serving import listening, served

GUIDE = places.ROOT / "docs" / "connectors.md"
REQUIREMENTS = Path(__file__).parent / "requirements"
NEXT_MORNING = datetime(2026, 4, 2, 5, tzinfo=UTC)

pytestmark = pytest.mark.slow

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

    def go_on(self) -> None:
        """A corrected hour, three hours that were missing, and a new day of one metering point."""
        corrected = [reading(BAKERY, datetime(2026, 3, 30, 4, tzinfo=UTC), "99.999")]
        late = [reading(OUTLET, datetime(2026, 3, 31, hour, tzinfo=UTC), "1.234") for hour in (18, 19, 20)]
        start = datetime(2026, 3, 31, 22, tzinfo=UTC)
        new_day = [reading(BAKERY, start + timedelta(hours=hour), "2.500") for hour in range(24)]
        file = self.folder / "next-morning.csv"
        world.deliver(self.services, file, [*corrected, *late, *new_day], at=NEXT_MORNING)


def reading(metering_point_id: str, start: datetime, quantity: str) -> Reading:
    return Reading(
        metering_point_id, Direction.CONSUMPTION, start, Resolution.PT1H, quantity, Quality.MEASURED
    )


@pytest.fixture
def living(table_storage: str, tmp_path: Path) -> Iterator[Living]:
    services = world.open_services(tmp_path, table_storage=table_storage)
    host = hosting.host(services, tmp_path)
    app = listening()
    ports = replace(free.ports(), function_host=app.getsockname()[1])
    with (
        served((host.asgi(follow_schedules=False), app)),
        Supervisor(state=tmp_path) as supervisor,
    ):
        for part in (wanted := [parts.identity(ports), stack.gateway(ports, state=tmp_path)]):
            supervisor.start(part)
        supervisor.wait_ready(*(part.name for part in wanted))
        running = Running(
            api=address(ports.gateway) + greeting.API,
            app=f"{address(ports.function_host)}/v1",
            token_url=greeting.token_url(ports),
            log=tmp_path / "log",
        )
        yield Living(running, services, tmp_path)
    host.pool.shutdown()
    services.warehouse.close()


def plainly_read(living: Living) -> Days:
    """What a loop reads from /changes, as it is now."""
    found: Days = {}
    query = {"since": "2020-01-01", "limit": "20"}
    while True:
        page = asked(living, "/changes", **query)
        found |= by_key(page["days"])
        if page["nextCursor"] is None:
            return found
        query = {"cursor": page["nextCursor"], "limit": "20"}


def asked(living: Living, path: str, **query: str) -> Any:
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
    """The block below a heading of the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    [found] = re.findall(rf"^## {re.escape(heading)}\n.*?^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


def tool(name: str) -> Path:
    """The Python of an environment with a tool."""

    def made() -> Path:
        folder = places.STATE / "connectors" / name
        try:
            return venvs.ready(folder, python=sys.executable, requirements=REQUIREMENTS / f"{name}.txt")
        except venvs.NotMade as error:
            raise Missing(str(error)) from error

    return microsoft.needed(made)


def run(command: Sequence[str | Path], living: Living, folder: Path) -> str:
    """What a program prints; it must succeed."""
    variables = {"NO_PROXY": "*", "RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder)}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, **variables, **living.environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tool"
    made.mkdir()
    return made


READ_DAYS = """
import duckdb, json, sys
rows = duckdb.connect("metering_changes.duckdb").execute(
    "SELECT metering_point_id, direction, date::text, quantities FROM metering.days").fetchall()
print(json.dumps([dict(zip(("meteringPointId", "direction", "date", "quantities"), row)) for row in rows]))
"""
READ_VALUES = """
import duckdb, json
print(json.dumps(duckdb.connect("metering_values.duckdb").execute(
    "SELECT count(*), count(DISTINCT (metering_point_id, direction, start)),"
    " CAST(sum(CAST(quantity AS DECIMAL(18, 3))) * 1000 AS BIGINT) FROM metering.consumption").fetchone()))
"""


def test_dlt_follows_changes_and_asks_for_nothing_twice(living: Living, folder: Path) -> None:
    python = tool("dlt")
    program = folder / "pipeline.py"
    program.write_text(configuration("dlt: changes, with the cursor kept beside the data"), encoding="utf-8")

    def loaded() -> Days:
        days = json.loads(run([python, "-c", READ_DAYS], living, folder))
        assert len(days) == len(by_key([{**day, "quantities": []} for day in days]))
        return by_key([{**day, "quantities": json.loads(day["quantities"])} for day in days])

    run([python, program], living, folder)
    first, expected_first = loaded(), plainly_read(living)
    living.go_on()
    second_run = run([python, program], living, folder)
    second, expected_second = loaded(), plainly_read(living)
    third_run = run([python, program], living, folder)

    assert first == expected_first
    assert second == expected_second
    assert len(second) == len(first) + 1
    assert "1 load package(s) were loaded" in second_run
    assert "0 load package(s) were loaded" in third_run


def test_dlt_loads_the_values_of_a_period_and_replaces_them(living: Living, folder: Path) -> None:
    python = tool("dlt")
    program = folder / "pipeline.py"
    program.write_text(configuration("dlt: values of a period"), encoding="utf-8")

    for go_on in (False, True):
        if go_on:
            living.go_on()
        run([python, program], living, folder)
        count, keys, thousandths = json.loads(run([python, "-c", READ_VALUES], living, folder))

        days = {key: each for key, each in plainly_read(living).items() if key[1] == "consumption"}
        expected = [each for key, each in days.items() if key[2] < "2026-04-01"]
        assert count == keys == sum(map(len, expected))
        assert thousandths == sum(map(sum, expected))


def test_airbyte_follows_changes(living: Living, folder: Path) -> None:
    program = tool("airbyte-cdk").with_name("source-declarative-manifest")
    (folder / "manifest.yaml").write_text(configuration("Airbyte: changes"), encoding="utf-8")
    config = {name.lower(): value for name, value in living.environment.items()}
    (folder / "config.json").write_text(json.dumps(config))
    stream = {
        "name": "changes",
        "json_schema": {},
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
    }
    catalog = {"streams": [{"stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append"}]}
    (folder / "catalog.json").write_text(json.dumps(catalog))
    command: list[str | Path] = [
        program,
        "read",
        "--manifest-path",
        "manifest.yaml",
        "--config",
        "config.json",
    ]
    command += ["--catalog", "catalog.json"]

    def messages(*arguments: str) -> list[Any]:
        printed = run([*command, *arguments], living, folder).splitlines()
        return [json.loads(line) for line in printed if line.startswith("{")]

    first = messages()
    states = [each["state"] for each in first if each["type"] == "STATE"]
    (folder / "state.json").write_text(json.dumps(states[-1:]))
    expected_first = plainly_read(living)
    living.go_on()
    second = messages("--state", "state.json")

    read = by_key([each["record"]["data"] for each in first if each["type"] == "RECORD"])
    again = by_key([each["record"]["data"] for each in second if each["type"] == "RECORD"])
    assert read == expected_first
    assert {**read, **again} == plainly_read(living)
    assert 3 <= len(again) < 10


def test_singer_follows_changes(living: Living, folder: Path) -> None:
    python = tool("singer-sdk")
    (folder / "tap.py").write_text(configuration("Singer: changes"), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"start_date": "2020-01-01"}))
    command: list[str | Path] = [python, "tap.py", "--config", "config.json"]

    def messages(*arguments: str) -> list[Any]:
        return [json.loads(line) for line in run([*command, *arguments], living, folder).splitlines()]

    first = messages()
    (folder / "state.json").write_text(
        json.dumps([each for each in first if each["type"] == "STATE"][-1]["value"])
    )
    expected_first = plainly_read(living)
    living.go_on()
    second = messages("--state", "state.json")

    read = by_key([each["record"] for each in first if each["type"] == "RECORD"])
    again = by_key([each["record"] for each in second if each["type"] == "RECORD"])
    assert read == expected_first
    assert {**read, **again} == plainly_read(living)
    assert 3 <= len(again) < 10


PAGERS = """
import json, os
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import (
    HeaderCursorPaginator, HeaderLinkPaginator, JSONResponseCursorPaginator)

E = os.environ
client = RESTClient(
    base_url=E["API"], headers={"Ocp-Apim-Subscription-Key": E["KEY"]},
    auth=OAuth2ClientCredentials(access_token_url=E["TOKEN_URL"], client_id=E["CLIENT_ID"],
        client_secret=E["CLIENT_SECRET"], access_token_request_data={"scope": E["SCOPE"]}))
PAGERS = {
    "empty page": lambda: JSONResponseCursorPaginator("nextCursor", "cursor", stop_after_empty_page=True),
    "link": HeaderLinkPaginator,
    "header cursor": lambda: HeaderCursorPaginator("X-Next-Cursor", "cursor"),
}
ASKED = {
    "rows": ("consumption", {"from": "2026-03-18", "resolution": "PT15M", "layout": "rows", "limit": 3}),
    "days": ("changes", {"since": "2020-01-01", "limit": 20}),
    "meteringPoints": ("metering-points", {"priceArea": "NO5", "limit": 1}),
}


def count(name, path, params, pager):
    return sum(map(len, client.paginate(path, params=params, paginator=pager, data_selector=name)))


print(json.dumps({
    f"{name}: {pager}": count(name, path, params, make())
    for name, (path, params) in ASKED.items() for pager, make in PAGERS.items()
}))
"""


def test_settings_that_are_said_to_be_normal_lose_nothing(living: Living, folder: Path) -> None:
    found = json.loads(run([tool("dlt"), "-c", PAGERS], living, folder))

    days = plainly_read(living)
    points = asked(living, "/metering-points")["meteringPoints"]
    quarters = sum(len(each) for key, each in days.items() if key[1] == "consumption" and len(each) > 25)
    expected = {
        "rows": quarters,
        "days": len(days),
        "meteringPoints": sum(point["priceArea"] == "NO5" for point in points),
    }
    assert min(expected.values()) > 1
    assert found == {name: expected[name.split(":")[0]] for name in found}


def test_pandas_reads_a_period_by_its_address_alone(living: Living, folder: Path) -> None:
    printed = run([sys.executable, "-c", configuration("pandas and polars")], living, folder)

    values = [each for key, each in plainly_read(living).items() if key[1] == "consumption"]
    points = {key[0] for key in plainly_read(living) if key[1] == "consumption"}
    assert printed.split() == [str(sum(map(len, values))), str(len(points))]
