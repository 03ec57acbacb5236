"""The app in Microsoft's own worker runtime, on the Python of Azure."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local import check, environment, places
from local.functionhost import microsoft
from local.stack import free
from shared import queues, tables
from shared.warehouse import opening, schema
from tests.builders import warehouse as delivering
from tests.hosts import microsofts_host

CHILD = Path(__file__).with_name("worker_child.py")
CATCH_ALL = "v1/{*anyPath}"
OPENAPI = places.ROOT / "infra" / "apim" / "openapi.json"


@pytest.fixture(scope="module")
def worker_python() -> str:
    """A Python 3.13 with the app's packages."""
    return microsofts_host.python(check.WORKER_PYTHON)


@pytest.fixture(scope="module")
def indexed(worker_python: str, azurite: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the worker says of the app, and its answer to GET /v1/health."""
    tables.open_tables(azurite, credential=None).create_missing()
    state = tmp_path_factory.mktemp("worker")
    settings = {
        **environment.stack(free.ports(), state=state),
        "TABLE_STORAGE": azurite,
        "TELEMETRY": "console",
        "PYTHONPATH": str(microsoft.worker_packages(worker_python)),
    }
    warehouse = opening.open_warehouse(delivering.settings(settings["WAREHOUSE"]))
    schema.apply(warehouse)
    warehouse.close()
    done = subprocess.run(
        [worker_python, CHILD, places.ROOT, "v1/health"],
        env={**environment.without_settings(), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert "failure" not in report, report["failure"]
    return {**report, "printed": done.stderr.splitlines()}


def test_every_operation_of_the_gateway_is_a_route_with_exactly_these_bindings(
    indexed: dict[str, Any],
) -> None:
    published = json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"]

    http = [
        bindings
        for bindings in indexed["functions"].values()
        if bindings[0]["type"] == "httpTrigger" and bindings[0]["route"] != CATCH_ALL
    ]

    operations = {(f"v1{path}", method.upper()) for path, methods in published.items() for method in methods}
    served = [(trigger["route"], method) for trigger, _ in http for method in trigger["methods"]]
    assert sorted(served) == sorted(operations | {("v1/health", "GET"), ("v1/health", "HEAD")})
    for trigger, answer in http:
        assert trigger == {
            "direction": "IN",
            "type": "httpTrigger",
            "name": "req",
            "methods": trigger["methods"],
            "authLevel": "ANONYMOUS",
            "route": trigger["route"],
        }
        assert answer == {"direction": "OUT", "type": "http", "name": "$return"}


def test_queue_functions_read_the_queues_that_the_infrastructure_makes(indexed: dict[str, Any]) -> None:
    triggers = [
        bindings[0] for bindings in indexed["functions"].values() if bindings[0]["type"] == "queueTrigger"
    ]

    assert {"files", "notices"} <= {each["queueName"] for each in triggers}
    for each in triggers:
        assert each["queueName"].removesuffix("-poison") in queues.ALL
        assert (each["connection"], each["name"]) == ("OUTBOX", "message")


def test_what_is_no_resource_is_asked_last(indexed: dict[str, Any]) -> None:
    by_name = sorted(indexed["functions"], key=str.upper)

    assert indexed["functions"][by_name[-1]][0]["route"] == CATCH_ALL


def test_the_timers_run_by_the_schedules_of_the_settings(indexed: dict[str, Any]) -> None:
    timers = {
        name: bindings
        for name, bindings in indexed["functions"].items()
        if bindings[0]["type"] == "timerTrigger"
    }

    assert timers == {
        "sync_access": [
            {"direction": "IN", "type": "timerTrigger", "name": "timer", "schedule": "%SYNC_SCHEDULE%"}
        ],
        "publish_readings": [
            {"direction": "IN", "type": "timerTrigger", "name": "timer", "schedule": "%PUBLISH_SCHEDULE%"}
        ],
    }


def test_the_warm_up_has_the_name_by_which_the_host_finds_it(indexed: dict[str, Any]) -> None:
    assert indexed["functions"]["warmup"] == [
        {"direction": "IN", "type": "warmupTrigger", "name": "instance"}
    ]


def test_a_function_answers_through_the_worker(indexed: dict[str, Any]) -> None:
    answer = indexed["answer"]

    assert (answer["status"], answer["contentType"]) == ("200", "application/json")
    health = json.loads(answer["body"])
    assert (health["status"], health["checks"]) == ("ready", {"warehouse": "ok", "tables": "ok"})


def test_a_request_stands_under_the_span_of_the_host(indexed: dict[str, Any]) -> None:
    (served,) = [line for line in indexed["printed"] if line.startswith("span SERVER ")]

    assert served.startswith("span SERVER GET /v1/health ")
    assert " trace=4bf92f3577b34da6a3ce929d0e0e4736 " in served
    assert " parent=00f067aa0ba902b7 " in served
