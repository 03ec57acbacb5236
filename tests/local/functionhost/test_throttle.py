"""How many requests are worked on, how many wait, and which are refused."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import azure.functions as func
import httpx
import pytest

from local import places
from local.functionhost import functions, throttle
from local.functionhost.host import Host
from local.functionhost.throttle import Throttle, TooBusy


async def at_once(limits: Throttle, *, requests: int) -> tuple[int, int]:
    """Return how many of many requests at once were worked on together, and how many were refused."""
    working = most = refused = 0

    async def one() -> None:
        nonlocal working, most, refused
        try:
            async with limits.place():
                working += 1
                most = max(most, working)
                await asyncio.sleep(0)
                working -= 1
        except TooBusy:
            refused += 1

    await asyncio.gather(*(one() for _ in range(requests)))
    return most, refused


@pytest.mark.parametrize(
    ("concurrent", "outstanding", "expected"),
    [(2, 5, (2, 5)), (2, 10, (2, 0)), (throttle.UNBOUNDED, 4, (4, 6)), (3, throttle.UNBOUNDED, (3, 0))],
)
def test_those_without_a_place_are_turned_away_and_the_others_wait(
    concurrent: int, outstanding: int, expected: tuple[int, int]
) -> None:
    limits = Throttle(concurrent=concurrent, outstanding=outstanding)

    assert asyncio.run(at_once(limits, requests=10)) == expected


def test_a_place_is_free_again_after_a_failure() -> None:
    limits = Throttle(concurrent=1, outstanding=1)

    async def fail() -> None:
        async with limits.place():
            raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(fail())

    assert asyncio.run(at_once(limits, requests=1)) == (1, 0)


def test_the_limits_are_those_of_host_json(tmp_path: Path) -> None:
    named = {"maxConcurrentRequests": 2, "maxOutstandingRequests": 3}
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"http": named}}))

    assert asyncio.run(at_once(throttle.read(tmp_path / "host.json"), requests=10)) == (2, 7)


def test_a_host_json_without_limits_turns_nobody_away(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text("{}")

    assert asyncio.run(at_once(throttle.read(tmp_path / "host.json"), requests=10)) == (10, 0)


def test_the_projects_host_lets_more_wait_than_it_works_on() -> None:
    most, refused = asyncio.run(at_once(throttle.read(places.ROOT / "host.json"), requests=1000))

    assert 0 < most < 1000 - refused < 1000


def test_a_request_without_a_place_is_answered_429_without_a_body() -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route("v1/one")
    def one(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("done")

    with ThreadPoolExecutor(1) as pool:
        host = Host(
            functions=functions.index(app, prefix="", settings={}),
            pool=pool,
            directory="/app",
            clock=lambda: datetime(2026, 11, 22, tzinfo=UTC),
            throttle=Throttle(concurrent=1, outstanding=2),
        )

        async def ask() -> list[httpx.Response]:
            transport = httpx.ASGITransport(host.asgi(follow_schedules=False))
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                return await asyncio.gather(*(client.get("/v1/one") for _ in range(5)))

        answers = asyncio.run(ask())

    assert sorted(each.status_code for each in answers) == [200, 200, 429, 429, 429]
    assert {each.content for each in answers if each.status_code == 429} == {b""}
