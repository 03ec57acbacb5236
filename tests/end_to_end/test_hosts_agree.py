"""The app answers alike on the stand-in and on Microsoft's host, and what is deployed runs there."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract import world
from local import check, demo, environment, places, venvs
from local.functionhost import package
from local.stack import free
from tests.builders import elsewhere
from tests.builders import warehouse as delivering
from tests.doubles.tds.server import Server
from tests.hosts import microsofts_host, raw_http
from tests.hosts.raw_http import RawAnswer, RawRequest

pytestmark = pytest.mark.slow

POINT = demo.METERING_POINTS[0].metering_point_id
KIND, _, CALLER = world.VENDOR.partition(":")
AS_GATEWAY = ("X-MS-CLIENT-PRINCIPAL-ID", demo.GATEWAY_PRINCIPAL_ID)
AS_VENDOR = (AS_GATEWAY, ("X-Caller-Type", KIND), ("X-Caller-Id", CALLER), ("X-Request-Id", "example-1"))

QUESTIONS = (
    *("/v1/customers", "/v1/metering-points", f"/v1/metering-points/{POINT}", "/v1/status", "/v1/nothing"),
    *(f"/v1/metering-points/{POINT}/consumption?date=2026-03-29", "/v1/consumption?from=2026-03-18"),
    *("/v1/consumption?from=2026-03-18&resolution=P1D&format=csv", "/v1/production?date=2026-03-29"),
    *("/v1/changes?since=2026-03-01T00:00:00Z", f"/v1/metering-points/{POINT}/consumption?date=x"),
    *(f"/v1/metering-points/{POINT}/consumption?from=2026-03-18&From=2026-03-20", "/v1/consumption?limit=x"),
)


@dataclass(frozen=True)
class World:
    """The demo world that stands still, for hosts that each have a copy of it."""

    warehouse: Path
    settings: Mapping[str, str]

    def copied_to(self, file: Path) -> dict[str, str]:
        """Copy the warehouse for one app, and return the app's settings."""
        shutil.copyfile(self.warehouse, file)
        return {**self.settings, "WAREHOUSE": f"duckdb:{file}"}


@pytest.fixture(scope="module")
def made(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    services = world.open_services(folder, table_storage=azurite)
    world.confirm_access(services, at=datetime.now(UTC))
    services.warehouse.close()
    return World(folder / "contract.duckdb", world.host_settings(folder, table_storage=azurite))


@contextmanager
def stand_in(settings: Mapping[str, str], *, state: Path) -> Iterator[int]:
    port = free.numbers(1)[0]
    command = [sys.executable, "-m", "local.functionhost", "--port", str(port), "--state", str(state), *OPEN]
    with (state / "stand-in.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=places.ROOT, env={**environment.without_settings(), **settings}, stderr=log
        )
    try:
        for _ in range(300):
            with suppress(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{port}/admin/host/ping", trust_env=False)
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(10)


OPEN = ("--without-schedules", "--without-authentication")
"""Without authentication in front of the app: the test sends the headers of the platform itself."""


def requests() -> list[RawRequest]:
    made_by_rule = raw_http.by_rule(
        parameter="/v1/metering-points/{}", literal="/v1/status", rest="/v1/{}", body="/v1/customers"
    )
    questions = [RawRequest(f"question {path}", raw_http.request(path)) for path in QUESTIONS]
    return [
        *(raw_http.with_headers(each, AS_VENDOR) for each in (*made_by_rule, *questions)),
        *(_as(caller, path) for caller in _callers() for path in QUESTIONS[:6]),
    ]


def _callers() -> list[tuple[tuple[str, str], ...]]:
    fixed = ("X-Request-Id", "example-1")
    return [
        (fixed,),
        (fixed, AS_GATEWAY),
        (fixed, ("X-MS-CLIENT-PRINCIPAL-ID", "another"), *AS_VENDOR[1:3]),
        (fixed, AS_GATEWAY, ("X-Caller-Type", "robot"), ("X-Caller-Id", CALLER)),
        (fixed, AS_GATEWAY, ("X-Caller-Type", KIND), ("X-Caller-Id", "nobody")),
        (fixed, AS_GATEWAY, ("X-Caller-Type", "user"), ("X-Caller-Id", CALLER)),
        (*AS_VENDOR, ("Accept", "text/csv")),
        (*AS_VENDOR, ("Accept-Encoding", "gzip")),
        (*AS_VENDOR, ("If-None-Match", "*")),
    ]


def _as(caller: tuple[tuple[str, str], ...], path: str) -> RawRequest:
    shown = "; ".join(f"{name}={text}" for name, text in caller)
    return RawRequest(f"as {shown}: {path}", raw_http.request(path, headers=caller))


def seen(answer: RawAnswer | None) -> Any:
    """Return what a caller sees of an answer, without dates and generated ids."""
    if answer is None:
        return None
    headers = sorted((name.lower(), text) for name, text in answer.headers if name.lower() != "date")
    # Packed by the zlib of each Python: the content is compared.
    packed = answer.header("content-encoding") == "gzip"
    content: Any = gzip.decompress(answer.body) if packed and answer.body else answer.body
    with suppress(ValueError):
        content = json.loads(content)
    text = repr((answer.status, headers, answer.framing, answer.interim, content))
    # Where lines end so oddly that no id could be sent, each host makes one.
    text = re.sub(r"(request-id', '|requestId': ')[0-9a-f]{32}", r"\1*", text)
    return re.sub(r"'ageSeconds': [0-9.]+", "*", text)


@pytest.mark.parametrize("version", microsofts_host.PYTHONS)
def test_the_app_answers_alike_on_both_hosts(version: str, made: World, tmp_path: Path) -> None:
    python = microsofts_host.python(version)
    app = tmp_path / "app"
    package.copy_to(app)
    sent = requests()
    with ExitStack() as running:
        ours = running.enter_context(stand_in(made.copied_to(tmp_path / "ours.duckdb"), state=tmp_path))
        settings = made.copied_to(tmp_path / "theirs.duckdb")
        host = microsofts_host.running(app, state=tmp_path / "host", python=python, settings=settings)
        theirs = running.enter_context(host).port

        different = {
            each.name: (here, there)
            for each in sent
            if (here := seen(raw_http.send(ours, each.sent)))
            != (there := seen(raw_http.send(theirs, each.sent)))
        }

    print(f"{len(sent)} requests, {len(different)} answered differently")
    assert len({each.name for each in sent}) == len(sent) >= 300
    assert different == {}


def test_what_is_deployed_runs_with_its_packages_alone(made: World, tmp_path: Path) -> None:
    """The deployed files and packages, on Flex Consumption, with Microsoft's driver and a TDS server."""
    elsewhere.skip_without_driver()
    python = venvs.made(check.DEPLOYED_VENV, requirements=places.ROOT / "requirements.txt")
    if python is None:
        pytest.skip(f"no environment with Python {check.WORKER_PYTHON}: `python3 dev.py check` makes it")
    app = tmp_path / "app"
    package.copy_to(app)
    shutil.copyfile(made.warehouse, tmp_path / "served.duckdb")
    with Server(tmp_path / "served.duckdb") as server:
        settings = {
            **made.settings,
            "WAREHOUSE": server.url,
            "ODBC_DRIVER": delivering.odbc_driver(),
            "FUNCTIONS_HOST_SKU": "FlexConsumption",
        }
        with microsofts_host.running(
            app, state=tmp_path / "host", python=str(python), settings=settings
        ) as host:
            sent = [raw_http.request(path, headers=AS_VENDOR) for path in (*QUESTIONS[:9], "/v1/health")]
            answers = [raw_http.send(host.port, each) for each in sent]

    assert sorted(path.name for path in app.iterdir()) == [
        "function_app.py",
        "host.json",
        "requirements.txt",
        "shared",
    ]
    assert [answer and answer.status for answer in answers] == [200] * 4 + [404] + [200] * 5
    assert answers[5] is not None
    assert len(json.loads(answers[5].body)["values"]) == 23
