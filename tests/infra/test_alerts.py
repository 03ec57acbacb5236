"""Whether alerts watch what exists, and whether operators are told what to do."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.infracheck import agreement, surface
from local.infracheck.templates import Template


@pytest.fixture
def queries(root: Path) -> Mapping[str, str]:
    """The queries of all alerts, by the alert's name."""
    return {path.stem: path.read_text("utf-8") for path in (root / "infra" / "alerts").glob("*.kql")}


def test_an_alert_on_a_function_that_does_not_exist_is_found() -> None:
    found = agreement.unknown_functions(
        {"late": 'AppRequests | where Name == "sync_acess"'}, known=["sync_access"]
    )

    assert found == ["late watches sync_acess, which is not a function of the app."]


def test_an_alert_on_a_log_line_that_nobody_writes_is_found() -> None:
    queries = {"late": 'AppTraces | where Message startswith "Available until "'}

    assert agreement.unlogged_lines(queries, sources=['log.info("Available until %s.", end)']) == []
    assert agreement.unlogged_lines(queries, sources=['log.info("Available to %s.", end)']) == [
        'late looks for log lines "Available until ", which the app does not write.'
    ]


def test_an_alert_on_words_that_no_log_line_has_is_found() -> None:
    queries = {"out": 'AppTraces | where Message startswith "Publication " and Message has "leaves out"'}
    source = 'log.error(\n    "Publication %d {} %d days.",\n    sequence,\n    days,\n)'

    assert agreement.unlogged_lines(queries, sources=[source.format("leaves out")]) == []
    assert agreement.unlogged_lines(queries, sources=[source.format("skips")]) == [
        'out looks for log lines "Publication … leaves out", which the app does not write.'
    ]


def test_an_alert_without_advice_is_found() -> None:
    guide = "# Operations\n\n### sync-failed\n\nLook at the run's faults.\n"

    assert agreement.alerts_without_advice(["sync-failed", "data-late"], guide=guide) == [
        "docs/operations.md has no section data-late."
    ]


def test_alerts_of_the_project_watch_functions_that_the_app_has(
    queries: Mapping[str, str], function_app: str
) -> None:
    assert agreement.unknown_functions(queries, known=surface.functions(function_app)) == []


@pytest.mark.parametrize("folder", ["alerts", "dashboard"])
def test_queries_of_the_project_look_for_log_lines_that_the_app_writes(
    folder: str, function_app: str, root: Path
) -> None:
    queries = {path.name: path.read_text("utf-8") for path in (root / "infra" / folder).glob("*.kql")}

    shared = [path.read_text("utf-8") for path in (root / "shared").rglob("*.py")]

    assert queries != {}
    assert agreement.unlogged_lines(queries, sources=[function_app, *shared]) == []


def test_every_alert_of_the_project_has_advice(queries: Mapping[str, str], root: Path) -> None:
    guide = (root / "docs" / "operations.md").read_text("utf-8")

    assert agreement.alerts_without_advice(queries, guide=guide) == []


def test_every_alert_is_deployed_under_the_name_of_its_file(project: Mapping[str, Template]) -> None:
    rules = project["infra/modules/alerts.bicep"].variables["rules"]
    files = [Path(rule["query"]["function"]["parameters"]["file_path"]).stem for rule in rules]

    assert [rule["name"] for rule in rules] == files


def test_windows_and_frequencies_are_ones_that_azure_monitor_takes(project: Mapping[str, Template]) -> None:
    frequencies = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H", "PT3H", "PT6H", "P1D"}
    windows = {*frequencies, "PT4H", "PT5H", "P2D"}

    for rule in project["infra/modules/alerts.bicep"].variables["rules"]:
        assert rule["every"] in frequencies
        assert rule["window"] in windows


def test_queries_name_the_api_as_the_gateway_does(
    project: Mapping[str, Template], queries: Mapping[str, str]
) -> None:
    name = project["infra/modules/api.bicep"].resource("api")["name"]
    named = {found for query in queries.values() for found in re.findall(r'ApiId == "(\w+)"', query)}

    assert named == {name}
