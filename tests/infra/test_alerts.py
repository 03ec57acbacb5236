"""Alerts watch what exists, and the guide says what to do about each."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.functionhost.host import Host
from tests.builders.bicep import Snapshot

FUNCTION = re.compile(r'\bName == "(\w+)"')
LOG_LINE = re.compile(r'\bMessage startswith "([^"]+)"(?: and Message has "([^"]+)")?')
SURVIVED = re.compile(r'\blog\.exception\(\s*"([^"]+)"')
HEADING = re.compile(r"^#+ `?([\w-]+)`?\s*$", re.MULTILINE)
EMPTY = re.compile(r"union isfuzzy=true \(datatable \([^)]+\) \[\]\), ([\w, ]+)\n")
"""How a query reads tables that a new workspace may not have yet."""


@pytest.fixture
def queries(root: Path) -> Mapping[str, str]:
    """The queries of all alerts, by the alert's name."""
    return {path.stem: path.read_text("utf-8") for path in (root / "infra" / "alerts").glob("*.kql")}


def test_alerts_watch_functions_that_the_app_has(queries: Mapping[str, str], contract_host: Host) -> None:
    watched = {name for query in queries.values() for name in FUNCTION.findall(query)}

    assert watched != set()
    assert watched <= {function.name for function in contract_host.functions}


@pytest.mark.parametrize("folder", ["alerts", "dashboard"])
def test_queries_look_for_log_lines_that_the_app_writes(folder: str, root: Path) -> None:
    sources = [(root / "function_app.py").read_text("utf-8")]
    sources += [path.read_text("utf-8") for path in (root / "shared").rglob("*.py")]

    for path in (root / "infra" / folder).glob("*.kql"):
        for start, words in LOG_LINE.findall(path.read_text("utf-8")):
            logging = re.compile(
                rf'\blog\.(?:info|warning|error|exception)\(\s*"{re.escape(start)}[^"]*{re.escape(words)}'
            )
            assert any(logging.search(source) for source in sources), (path.name, start, words)


def test_failures_that_a_run_survives_are_watched(queries: Mapping[str, str], root: Path) -> None:
    watched = [start for query in queries.values() for start, _ in LOG_LINE.findall(query)]
    sources = [root / "shared" / "services.py", *(root / "shared" / "files").glob("*.py")]
    survived = {found for path in sources for found in SURVIVED.findall(path.read_text("utf-8"))}

    assert {each for each in survived if not any(each.startswith(start) for start in watched)} == {
        "No notice of %s was begun for %s."  # What the notice is about is found without it.
    }


def test_files_are_stuck_after_three_runs_in_half_an_hour_within_the_window(
    snapshot: Snapshot, queries: Mapping[str, str]
) -> None:
    [rule] = [
        each["properties"]
        for each in snapshot.of("Microsoft.Insights/scheduledQueryRules")
        if each["name"].endswith("-files-stuck")
    ]

    assert (rule["severity"], rule["evaluationFrequency"], rule["windowSize"]) == (2, "PT15M", "PT1H")
    assert queries["files-stuck"].endswith("| where times >= 3 and seen - since >= 30m\n")


def test_every_alert_has_advice(queries: Mapping[str, str], root: Path) -> None:
    guide = (root / "docs" / "operations.md").read_text("utf-8")

    assert set(queries) - set(HEADING.findall(guide)) == set()


def test_every_alert_is_deployed_under_the_name_of_its_file(
    snapshot: Snapshot, queries: Mapping[str, str]
) -> None:
    deployed = {
        rule["name"]: rule["properties"]["criteria"]["allOf"][0]["query"]
        for rule in snapshot.of("Microsoft.Insights/scheduledQueryRules")
    }
    prefix = snapshot.outputs["RESOURCE_GROUP"].replace("rg-", "alert-")

    assert deployed == {f"{prefix}-{name}": query for name, query in queries.items()}


def test_windows_and_frequencies_are_ones_that_azure_monitor_takes(snapshot: Snapshot) -> None:
    frequencies = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H", "PT3H", "PT6H", "P1D"}
    windows = {*frequencies, "PT4H", "PT5H", "P2D"}

    for rule in snapshot.of("Microsoft.Insights/scheduledQueryRules"):
        assert rule["properties"]["evaluationFrequency"] in frequencies
        assert rule["properties"]["windowSize"] in windows


def test_a_silent_app_is_noticed_after_several_runs_of_its_timer(snapshot: Snapshot) -> None:
    [rule] = [
        each["properties"]
        for each in snapshot.of("Microsoft.Insights/scheduledQueryRules")
        if each["name"].endswith("-app-silent")
    ]
    schedule = snapshot.one("Microsoft.Web/sites/config", "appsettings")["properties"]["PUBLISH_SCHEDULE"]

    assert (rule["severity"], rule["evaluationFrequency"], rule["windowSize"]) == (1, "PT15M", "PT30M")
    assert schedule == "0 */5 * * * *"


def test_azure_validates_every_query_before_it_takes_the_rule(snapshot: Snapshot) -> None:
    for rule in snapshot.of("Microsoft.Insights/scheduledQueryRules"):
        assert rule["properties"]["skipQueryValidation"] is False


def test_no_query_needs_a_table_that_a_new_workspace_lacks(queries: Mapping[str, str]) -> None:
    tables = {name: re.findall(r"\b(?:App[A-Z]|ApiManagement)\w+", query) for name, query in queries.items()}
    read = {
        name: [table for found in EMPTY.findall(query) for table in found.split(", ")]
        for name, query in queries.items()
    }

    assert {name: found for name, found in tables.items() if found} == {
        name: found for name, found in read.items() if found
    }
    assert {name for name, found in read.items() if not found} == {"logs-capped"}


def test_no_query_widens_its_own_window(queries: Mapping[str, str]) -> None:
    # Azure Monitor changes the window of a rule whose query has `ago` to two days.
    assert [name for name, query in queries.items() if re.search(r"\bago\s*\(", query)] == []


def test_queries_name_the_api_as_the_gateway_does(snapshot: Snapshot, queries: Mapping[str, str]) -> None:
    name = snapshot.one("Microsoft.ApiManagement/service/apis")["name"].partition("/")[2]
    named = {found for query in queries.values() for found in re.findall(r'ApiId == "(\w+)"', query)}

    assert named == {name}


def test_rules_and_workbook_are_scoped_to_the_workspace(snapshot: Snapshot) -> None:
    workspace = snapshot.one("Microsoft.OperationalInsights/workspaces")["id"]

    for rule in snapshot.of("Microsoft.Insights/scheduledQueryRules"):
        assert rule["properties"]["scopes"] == [workspace]
    assert snapshot.one("Microsoft.Insights/workbooks")["properties"]["sourceId"] == workspace
