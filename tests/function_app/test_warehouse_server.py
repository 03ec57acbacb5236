"""Routes whose warehouse fails behind the real driver: 503, and 200 once it recovers, without a restart."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from local import demo
from shared import limits, services, settings
from shared.access.grant import Grant, Span
from shared.api import models
from shared.metering import MeteringPointId
from shared.warehouse import schema
from tests.builders import api as building
from tests.builders import elsewhere
from tests.builders import warehouse as delivering
from tests.builders.api import Answer, Api
from tests.builders.warehouse import HOUSE, Clock, Deliverer
from tests.doubles.tds.faults import Fault, What
from tests.doubles.tds.server import Server

DAY = date(2026, 3, 29)
CALLER = "app:5a5e0000-0000-4000-8000-0000000000d1"
ROUTES = (
    f"/v1/metering-points/{HOUSE}/consumption?date=2026-03-29",
    f"/v1/consumption?date=2026-03-29&meteringPointId={HOUSE}&format=csv",
    "/v1/changes?since=2026-01-01T00:00:00Z",
)
LIMIT_SECONDS = 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    elsewhere.skip_without_driver()
    with Server(tmp_path / "served.duckdb") as made:
        yield made


@pytest.fixture
def served(api: Api, server: Server, table_storage: str, tmp_path: Path) -> Iterator[Api]:
    """Return the app with the server as its warehouse, and a day published in it."""
    environment = {
        "WAREHOUSE": server.url,
        "WAREHOUSE_TIMEOUT_SECONDS": str(LIMIT_SECONDS),
        "ODBC_DRIVER": delivering.odbc_driver(),
        "TABLE_STORAGE": table_storage,
        "GATEWAY_PRINCIPAL_ID": building.GATEWAY,
        "WEBSITE_AUTH_ENABLED": "True",
        "SEALING_KEY": demo.SEALING_KEY,
        "SEVERA_CLIENT_ID": "unused",
        "SEVERA_CLIENT_SECRET": "unused",
        **demo.ACCESS_SETTINGS,
    }
    made = services.start(settings.from_environment(environment), clock=lambda: datetime.now(UTC))
    made.tables.create_missing()
    schema.apply(made.warehouse)
    Deliverer(made.warehouse, tmp_path, Clock(datetime.now(UTC))).load(
        delivering.values(HOUSE, DAY, [f"{hour}.5" for hour in range(23)])
    )
    made.publish_readings()
    with api.using(made):
        api.grant(Grant(CALLER, MeteringPointId(HOUSE), 1, "Customer 1", (Span(None, None),), "test"))
        yield api
    made.warehouse.close()


def ask_all(api: Api) -> list[Answer]:
    return [api.get_url(route, principal=CALLER) for route in ROUTES]


def assert_away(answer: Answer) -> None:
    problem = models.Problem.model_validate(answer.json)
    assert (answer.status, problem.code) == (503, "warehouse-unavailable")
    assert answer.media_type == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert b"22.5" not in answer.body


def test_while_the_server_is_away_every_route_says_so_and_recovers_with_it(
    server: Server, served: Api
) -> None:
    before = ask_all(served)

    server.vanish()
    during = ask_all(served)
    server.appear()

    assert [each.status for each in before] == [200, 200, 200]
    for answer in during:
        assert_away(answer)
    time.sleep(limits.SESSIONS.rest)
    after = ask_all(served)
    assert [(each.status, each.body) for each in after] == [(each.status, each.body) for each in before]


@pytest.mark.parametrize(
    ("what", "number"),
    [("hang", 0), ("freeze", 0), ("error", 24801), ("cut", 0), ("end", 0), ("error", 6005)],
)
def test_an_answer_that_breaks_off_in_its_rows_is_a_problem_and_no_part_of_one(
    server: Server, served: Api, what: What, number: int
) -> None:
    fault = Fault(what, matching="s.quantities", after_rows=1, number=number, times=99)
    server.faults.order(fault)

    broken = served.get_url(ROUTES[0], principal=CALLER)
    fault.times = 0
    time.sleep(limits.SESSIONS.rest if what in ("hang", "freeze") else 0)
    mended = served.get_url(ROUTES[0], principal=CALLER)

    assert_away(broken)
    assert broken.headers["Retry-After"] == {24801: "60"}.get(
        number, "10" if what in ("hang", "freeze") else "5"
    )
    assert len(mended.json["values"]) == 23
    assert server.settles_at(1)


def test_an_answer_that_broke_off_once_is_whole_since_the_question_is_asked_again(
    server: Server, served: Api
) -> None:
    server.faults.order(Fault("cut", matching="s.quantities", after_rows=1))

    answer = served.get_url(ROUTES[0], principal=CALLER)

    assert (answer.status, len(answer.json["values"])) == (200, 23)
