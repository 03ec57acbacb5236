"""Faults of Severa and Entra on every page of every list: the stored grants stay, and the next run goes on.

Each request meets one kind of fault, and every kind where TEST_ACCESS_FULL is set.
"""

import itertools
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from local.standins import data
from shared.access.entra import directory
from shared.access.entra.directory import DirectoryFailed
from shared.access.entra.users import ContactEmail, Directory
from shared.access.severa import client
from shared.access.severa.client import SeveraFailed
from shared.access.sync import stages
from shared.access.sync.reports import Outcome, SyncReport
from shared.access.sync.stages import Sources
from shared.tables import Tables
from tests.builders.access import app, guid, point, rules, stored_grants, user
from tests.builders.standins import Service

IS_FULL = "TEST_ACCESS_FULL" in os.environ
CUSTOMERS = 130
PERSONS = 110
WITH_ACCESS = 4
PERSISTING = 1000
FAULTS: dict[str, Mapping[str, Any]] = {
    "answer": {"status": 500},
    "throttle": {},
    "cut": {},
    "addon-missing": {},
    "scope-missing": {},
    "same-token": {},
    "truncate": {"rows": 50},
    "not JSON": {"kind": "answer", "status": 200, "body": "<html>"},
    "other JSON": {"kind": "answer", "status": 200, "body": {"rows": []}},
}


@pytest.fixture
def service(running: Service) -> Service:
    running.reset()
    put(running, period="2024-01-01..")
    return running


def put(service: Service, *, period: str) -> None:
    """A Severa with lists of several pages, whose grants all have this period."""
    values = [
        data.custom_value(guid=f"{name}-{number}", customer_guid=guid(number), name=name, value=value)
        for number in range(WITH_ACCESS)
        for name, value in (
            (data.CLIENT_IDS, guid(900)),
            (data.METERING_POINTS, f"{point(number)} {period}"),
        )
    ]
    service.put_severa(
        customers=[
            data.customer(guid=guid(number), number=10_000 + number, is_active=number < WITH_ACCESS)
            for number in range(CUSTOMERS)
        ],
        contactPersons=[
            data.contact_person(
                guid=guid(1000 + number),
                customer_guid=guid(0 if number == PERSONS - 1 else 50),
                emails=["kari@fjord.example"],
                first_name=f"Kari {number:03}",
            )
            for number in range(PERSONS)
        ],
        customProperties=[
            data.custom_property(name=name) for name in (data.CLIENT_IDS, data.METERING_POINTS)
        ],
        customValues=values,
    )
    service.put_graph(users=[data.user(object_id=guid(70), mail="kari@fjord.example")])


def run(service: Service, storage: Tables) -> SyncReport:
    """One sync over real connections, an hour after the last, in a time in which nobody waits."""
    service.time.sleep(timedelta(hours=1).total_seconds())

    def find(wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        return directory.resolve(
            wanted,
            known=bound,
            settings=service.directory_settings(),
            token=lambda: "token",
            clock=service.time.clock,
            sleep=service.time.sleep,
        )

    sources = Sources(
        lambda: client.fetch(
            service.severa_settings(),
            clock=service.time.clock,
            sleep=service.time.sleep,
            monotonic=service.time.monotonic,
        ),
        find,
    )
    return stages.run(sources, storage=storage, rules=rules(storage), clock=service.time.clock)


def granted(storage: Tables) -> set[tuple[str, str, str]]:
    return {(each.principal, each.metering_point_id, str(each.spans[0])) for each in stored_grants(storage)}


def wanted(period: str) -> set[tuple[str, str, str]]:
    of_app = {(app(900), point(number), period) for number in range(WITH_ACCESS)}
    return of_app | {(user(70), point(0), period)}


def places(service: Service) -> list[tuple[str, int]]:
    """Each request of a reading: its path, and which of those to this path it is."""
    paths = [request["target"].split("?")[0] for request in service.requests()["requests"]]
    return sorted({(path, paths[: at + 1].count(path)) for at, path in enumerate(paths)})


def test_a_fault_on_any_page_of_any_list_leaves_every_grant_as_it_was(
    service: Service, storage: Tables
) -> None:
    run(service, storage)
    assert granted(storage) == wanted("2024-01-01..")
    every = places(service)
    assert len(every) >= 12
    periods = itertools.cycle(["2024-06-01..", "2024-01-01.."])
    kinds = itertools.cycle(FAULTS)
    met = 0

    for path, nth in every:
        for kind in FAULTS if IS_FULL else (next(kinds),):
            before, period = granted(storage), next(periods)
            service.reset()
            put(service, period=period)
            service.order(**{"kind": kind, "path": path, "nth": nth, "times": PERSISTING, **FAULTS[kind]})
            try:
                outcome = run(service, storage).outcome
            except (SeveraFailed, DirectoryFailed):
                assert granted(storage) == before, f"{kind} at {path}, {nth}"
                met += 1
            else:
                # A fault that this request cannot have, such as a page token that does not move on.
                expected = wanted(period) if outcome is Outcome.COMPLETE else before
                assert granted(storage) == expected, f"{kind} at {path}, {nth}: {outcome}"

            service.reset()
            put(service, period=period)
            assert run(service, storage).outcome is Outcome.COMPLETE
            assert granted(storage) == wanted(period)

    assert met > len(every) / 2
