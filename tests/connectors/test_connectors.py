"""The guide's own configurations for stock tools load everything, and a second run what is new.

The tools are pinned in `requirements`, each in an environment of its own. A plain loop with decimals says
what there is to load: history first, then a corrected hour, values that came late, and a new day.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.sampledata.readings import BAKERY
from shared.metering import Resolution
from tests.connectors.guide import (
    CHANGED_DAY,
    NEXT_MORNING,
    Days,
    Living,
    by_key,
    configuration,
    get,
    read_changes,
    run,
    tool,
)

pytestmark = pytest.mark.slow

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
READ_CHANGED_DAY = f"""
import duckdb, json
print(json.dumps(duckdb.connect("metering_values.duckdb").execute(
    "SELECT count(*), CAST(sum(quantity) * 1000 AS BIGINT) FROM metering.consumption"
    " WHERE metering_point_id = '{BAKERY}' AND date = '{CHANGED_DAY}'").fetchone()))
"""


def test_dlt_follows_changes_and_asks_for_nothing_twice(living: Living, folder: Path) -> None:
    python = tool("dlt")
    program = folder / "pipeline.py"
    program.write_text(configuration("dlt: changes, with the cursor stored with the data"), encoding="utf-8")

    def loaded() -> Days:
        days = json.loads(run([python, "-c", READ_DAYS], living, folder))
        assert len(days) == len(by_key([{**day, "quantities": []} for day in days]))
        return by_key([{**day, "quantities": json.loads(day["quantities"])} for day in days])

    run([python, program], living, folder)
    first, expected_first = loaded(), read_changes(living)
    living.publish_next_morning()
    second_run = run([python, program], living, folder)
    second, expected_second = loaded(), read_changes(living)
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

    for is_next_morning in (False, True):
        if is_next_morning:
            living.publish_next_morning()
        run([python, program], living, folder)
        count, keys, thousandths = json.loads(run([python, "-c", READ_VALUES], living, folder))

        days = {key: each for key, each in read_changes(living).items() if key[1] == "consumption"}
        expected = [each for key, each in days.items() if key[2] < "2026-04-01"]
        assert count == keys == sum(map(len, expected))
        assert thousandths == sum(map(sum, expected))


def test_dlt_keeps_no_quarter_of_a_day_that_now_has_hours(living: Living, folder: Path) -> None:
    python = tool("dlt")
    program = folder / "pipeline.py"
    program.write_text(configuration("dlt: values of a period"), encoding="utf-8")

    living.publish_a_day_of(Resolution.PT15M, "0.250", at=NEXT_MORNING)
    run([python, program], living, folder)
    quarters = json.loads(run([python, "-c", READ_CHANGED_DAY], living, folder))
    living.publish_a_day_of(Resolution.PT1H, "1.000", at=NEXT_MORNING + timedelta(hours=1))
    run([python, program], living, folder)
    hours = json.loads(run([python, "-c", READ_CHANGED_DAY], living, folder))

    assert quarters == [96, 24_000]
    assert hours == [24, 24_000]


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
    expected_first = read_changes(living)
    living.publish_next_morning()
    second = messages("--state", "state.json")

    read = by_key([each["record"]["data"] for each in first if each["type"] == "RECORD"])
    again = by_key([each["record"]["data"] for each in second if each["type"] == "RECORD"])
    assert read == expected_first
    assert {**read, **again} == read_changes(living)
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
    expected_first = read_changes(living)
    living.publish_next_morning()
    second = messages("--state", "state.json")

    read = by_key([each["record"] for each in first if each["type"] == "RECORD"])
    again = by_key([each["record"] for each in second if each["type"] == "RECORD"])
    assert read == expected_first
    assert {**read, **again} == read_changes(living)
    assert 3 <= len(again) < 10


CLIENT = """
import json, os
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials

E = os.environ
auth = OAuth2ClientCredentials(
    access_token_url=E["TOKEN_URL"], client_id=E["CLIENT_ID"], client_secret=E["CLIENT_SECRET"],
    access_token_request_data={"scope": E["SCOPE"]})
client = RESTClient(base_url=E["API"], headers={"Ocp-Apim-Subscription-Key": E["KEY"]}, auth=auth)
"""
PAGERS = """
from dlt.sources.helpers.rest_client.paginators import (
    HeaderCursorPaginator, HeaderLinkPaginator, JSONResponseCursorPaginator)
PAGERS = {
    "empty page": lambda: JSONResponseCursorPaginator("nextCursor", "cursor", stop_after_empty_page=True),
    "link": HeaderLinkPaginator,
    "header cursor": lambda: HeaderCursorPaginator("X-Next-Cursor", "cursor"),
}
REQUESTS = {
    "rows": ("consumption", {"from": "2026-03-18", "resolution": "PT15M", "layout": "rows", "limit": 3}),
    "days": ("changes", {"since": "2020-01-01", "limit": 20}),
    "meteringPoints": ("metering-points", {"priceArea": "NO5", "limit": 1}),
}


def count(name, path, params, pager):
    return sum(map(len, client.paginate(path, params=params, paginator=pager, data_selector=name)))


print(json.dumps({
    f"{name}: {pager}": count(name, path, params, make())
    for name, (path, params) in REQUESTS.items() for pager, make in PAGERS.items()
}))
"""


def test_settings_that_are_said_to_be_normal_lose_nothing(living: Living, folder: Path) -> None:
    found = json.loads(run([tool("dlt"), "-c", CLIENT + PAGERS], living, folder))

    days = read_changes(living)
    points = get(living, "/metering-points")["meteringPoints"]
    quarters = sum(len(each) for key, each in days.items() if key[1] == "consumption" and len(each) > 25)
    expected = {
        "rows": quarters,
        "days": len(days),
        "meteringPoints": sum(point["priceArea"] == "NO5" for point in points),
    }
    assert min(expected.values()) > 1
    assert found == {name: expected[name.split(":")[0]] for name in found}


NUMBERED = """
from dlt.sources.helpers.rest_client.paginators import OffsetPaginator, PageNumberPaginator

PAGERS = {
    "offset": OffsetPaginator(limit=20, total_path=None, has_more_path="upToDate"),
    "page": PageNumberPaginator(total_path=None, has_more_path="upToDate"),
}
found = {}
for name, pager in PAGERS.items():
    try:
        found[name] = len(list(client.paginate("changes", params={"since": "2020-01-01"}, paginator=pager)))
    except Exception as error:
        found[name] = str(error)
print(json.dumps(found))
"""


def test_pagers_by_number_are_refused(living: Living, folder: Path) -> None:
    found = json.loads(run([tool("dlt"), "-c", CLIENT + NUMBERED], living, folder))

    for name in ("offset", "page"):
        assert found[name].startswith("400 Client Error: Bad Request"), name


KEYED = """
import duckdb, dlt
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

PAGER = JSONResponseCursorPaginator(cursor_path="nextCursor", cursor_param="cursor")
KEYS = {"value": ("meteringPointId", "direction", "start"), "series": ("meteringPointId", "direction")}
PARAMS = {"from": "2026-03-01", "to": "2026-04-01", "layout": "rows", "limit": 10}
pages = list(client.paginate("consumption", params=PARAMS, paginator=PAGER, data_selector="rows"))
for name, key in KEYS.items():
    rows = dlt.resource(pages, name=name, primary_key=key, write_disposition="merge")
    dlt.pipeline("keys", destination="duckdb", dataset_name="metering").run(rows)
db = duckdb.connect("keys.duckdb")
print("KEPT", *(db.execute(f"SELECT count(*) FROM metering.{name}").fetchone()[0] for name in KEYS))
"""


def test_only_the_key_of_a_value_keeps_all_values(living: Living, folder: Path) -> None:
    """What the guide warns of: no answer of the API can help it."""
    printed = run([tool("dlt"), "-c", CLIENT + KEYED], living, folder)

    days = read_changes(living)
    taken = {key: values for key, values in days.items() if key[1] == "consumption"}
    kept = printed.partition("KEPT")[2].split()
    assert kept == [str(sum(map(len, taken.values()))), str(len({key[0] for key in taken}))]
