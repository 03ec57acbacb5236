"""Nothing outside may hold the app: each service misbehaves in each way, and what becomes of it is looked at.

An ordinary run takes some of the cells, with the limits of HTTP scaled down. OUTSIDE_MATRIX=full takes all of
them with the app's own limits, in a quarter of an hour, and prints the table.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from local import places
from shared import limits
from shared.limits import Limit, Patience
from tests.builders import elsewhere, outside
from tests.builders.outside import Measured, Service
from tests.doubles import faulty
from tests.doubles.faulty import Fault, Faulty

IS_FULL = os.environ.get("OUTSIDE_MATRIX") == "full"

Cell = tuple[Service, Fault, str]

EVERYTHING: dict[Service, tuple[str, ...]] = {
    "tables": ("one", "many", "points", "customers", "changes", "status", "health", "sync", "publish"),
    "token": ("one", "changes", "health", "publish"),
    "warehouse": ("one", "many", "point", "points", "changes", "health", "publish"),
    "blobs": ("one", "publish"),
    "severa": ("one", "sync"),
    "graph": ("one", "sync"),
    "ingestion": ("one", "publish"),
}
SOME: dict[Service, tuple[str, ...]] = {
    "tables": ("one", "sync"),
    "token": ("one",),
    "warehouse": ("one", "publish"),
    "blobs": ("publish",),
    "severa": ("sync",),
    "graph": ("sync",),
    "ingestion": ("publish",),
}
CELLS: list[Cell] = (
    [
        (service, fault, trigger)
        for service in EVERYTHING
        for fault in faulty.FAULTS
        for trigger in EVERYTHING[service]
    ]
    if IS_FULL
    else [
        *(
            (service, fault, trigger)
            for service in SOME
            for fault in ("silent", "trickles", "nonsense")
            for trigger in SOME[service]
        ),
        ("tables", "unavailable", "one"),
        ("severa", "unavailable", "sync"),
        ("warehouse", "silent", "health"),
        ("token", "silent", "health"),
    ]
)


def scaled(usual: Limit) -> Limit:
    """Patience that keep an ordinary run short."""
    return replace(usual, connect=1, silence=1, answer=1.5, tries=2, in_all=6)


WITHIN = (
    limits.USUAL
    if IS_FULL
    else Patience(
        tables=scaled(limits.TABLES),
        blobs=scaled(limits.BLOBS),
        token=scaled(limits.TOKEN),
        severa=scaled(limits.SEVERA),
        graph=scaled(limits.GRAPH),
    )
)
TIMEOUT_SECONDS = 30 if IS_FULL else 3
FLUSH = limits.FLUSH.total_seconds()
UNDISTURBED = 4.0
"""Seconds that an answer takes at most which needs nothing of the service, on a busy machine."""


def limit(service: Service, trigger: str) -> float:
    """Seconds within which what a trigger starts has to end."""
    if trigger == "health":
        return limits.PROBED.total_seconds()
    if service == "warehouse":
        # The driver waits two seconds more for a server that ignores a cancellation.
        return TIMEOUT_SECONDS + 2
    if service == "ingestion":
        return UNDISTURBED if trigger == "one" else FLUSH + 4 * UNDISTURBED
    if trigger == "one" and service in ("blobs", "severa", "graph"):
        return UNDISTURBED
    one: float = getattr(WITHIN, service).in_all
    # A run asks for several things before it gives up; what it releases at its end is asked for once more.
    return one if trigger not in outside.TIMERS else 2 * one


def is_disturbed(service: Service, trigger: str) -> bool:
    """Whether what a trigger starts needs the service."""
    return service != "ingestion" and not (trigger == "one" and service in ("blobs", "severa", "graph"))


def table(found: Iterable[Measured]) -> str:
    """The measurements as a table, for the operator's guide and reports."""
    head = "service | fault | trigger | limit s | measured s | outcome | Retry-After | small s | state | then"
    lines = [f"| {head} |", "| --- " * 10 + "|"]
    for each in found:
        state = "as before" if each.before == each.after else "as after"
        lines.append(
            f"| {each.service} | {each.fault} | {each.trigger} | {limit(each.service, each.trigger):g} "
            f"| {each.seconds:.1f} | {each.outcome} | {each.retry_after or ''} | {each.small_seconds:.2f} "
            f"| {state} | {each.recovered} |"
        )
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def measured(
    _azurite_accounts: Iterator[str], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[Cell, Measured]:
    """All measurements, many at once; those of the identity one after the other, as a process has one."""
    elsewhere.skip_without_driver()
    folder = tmp_path_factory.mktemp("outside")

    def measure(cell: Cell, account: str, of: outside.Shared) -> Measured:
        service, fault, trigger = cell
        own = folder / "-".join(cell)
        own.mkdir()
        return outside.measure(own, service, fault, trigger, table_storage=account, of=of)

    with (
        Faulty(fault="nonsense") as ingestion,
        outside.shared(
            folder,
            table_storage=next(_azurite_accounts),
            ingestion_port=ingestion.port,
            timeout_seconds=TIMEOUT_SECONDS,
            within=WITHIN,
        ) as of,
        ThreadPoolExecutor(12) as pool,
    ):
        accounts = {cell: next(_azurite_accounts) for cell in CELLS}
        in_turn = pool.submit(
            lambda: {cell: measure(cell, accounts[cell], of) for cell in CELLS if cell[0] == "token"}
        )
        # Those that wait longest begin first.
        others = sorted(
            (cell for cell in CELLS if cell[0] != "token"), key=lambda cell: -limit(cell[0], cell[2])
        )
        at_once = {cell: pool.submit(measure, cell, accounts[cell], of) for cell in others}
        found = {cell: running.result() for cell, running in at_once.items()} | in_turn.result()
    if IS_FULL:
        (places.STATE / "outside-matrix.md").write_text(table(found.values()), encoding="utf-8")
    return found


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_a_service_that_misbehaves_holds_nothing(measured: Mapping[Cell, Measured], cell: Cell) -> None:
    found = measured[cell]
    service, fault, trigger = cell

    assert found.seconds < 1.1 * limit(service, trigger) + 1
    assert found.small_seconds < UNDISTURBED
    if not is_disturbed(service, trigger):
        assert found.outcome in ("200", "done")
    else:
        assert found.before == found.after
        if trigger in outside.TIMERS:
            assert found.outcome in outside.FAILURES
        else:
            assert found.outcome == "503"
            assert trigger == "health" or int(found.retry_after or 0) > 0
    # After a 503 the library of the identity waits as long as the endpoint's Retry-After said.
    expected = "done" if trigger in outside.TIMERS else "200"
    assert found.recovered == expected or (service, fault) == ("token", "unavailable")
