"""Places for sessions: an ordinary burst waits, and nothing waits for a warehouse that hangs."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.limits import SessionLimit
from shared.warehouse.deadlines import Deadline
from shared.warehouse.engine import WarehouseUnavailable
from shared.warehouse.fabric.places import Places

LIMIT = SessionLimit(wait=2.4, waiting=3, rest=2.0)
SOON = 1.8
"""Seconds in which what does not wait has ended, on a busy machine, too."""


@pytest.fixture
def places() -> Places:
    return Places(2, limit=LIMIT)


def take(places: Places, *, seconds: float = 30) -> None:
    places.take(by=Deadline.after(timedelta(seconds=seconds)))


def refused_after(places: Places, *, seconds: float = 30) -> float:
    """How long it takes until a place is refused."""
    started = time.monotonic()
    with pytest.raises(WarehouseUnavailable):
        take(places, seconds=seconds)
    return time.monotonic() - started


def until_waiting(places: Places, count: int) -> None:
    """Wait until so many queries wait for a place: starting a thread takes a while on a busy machine."""
    for _ in range(6_000):
        if len(places._waiters) == count:
            return
        time.sleep(0.001)
    raise AssertionError(f"{len(places._waiters)} wait, and not {count}")


def test_a_burst_is_served_as_places_come_free(places: Places) -> None:
    def ask(_: int) -> None:
        take(places)
        time.sleep(0.2)
        places.answered()
        places.give_back()

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(ask, range(5)))

    take(places)
    take(places)


def test_a_place_goes_to_the_one_who_has_waited_longest(places: Places) -> None:
    take(places)
    take(places)
    order: list[int] = []

    def wait(number: int) -> None:
        take(places)
        order.append(number)
        places.give_back()

    with ThreadPoolExecutor(3) as threads:
        for number in range(3):
            threads.submit(wait, number)
            until_waiting(places, number + 1)
        places.give_back()

    assert order == [0, 1, 2]


def test_nobody_waits_longer_than_the_limit_though_places_come_free_for_others() -> None:
    patient = replace(LIMIT, wait=2 * LIMIT.wait)
    places = Places(2, limit=patient)
    take(places)
    take(places)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(take, places)
        until_waiting(places, 1)
        second = threads.submit(refused_after, places)
        until_waiting(places, 2)
        time.sleep(0.6 * patient.wait)
        places.give_back()

        first.result()
        assert second.result() < patient.wait + SOON


def test_one_more_than_may_wait_is_refused_at_once(places: Places) -> None:
    take(places)
    take(places)
    with ThreadPoolExecutor(LIMIT.waiting) as threads:
        waiting = [threads.submit(refused_after, places) for _ in range(LIMIT.waiting)]
        until_waiting(places, LIMIT.waiting)

        assert refused_after(places) < SOON
        assert max(each.result() for each in waiting) < LIMIT.wait + SOON


def test_when_no_place_came_free_for_a_while_nobody_waits(places: Places) -> None:
    take(places)
    take(places)
    time.sleep(LIMIT.wait)

    assert refused_after(places) < SOON


def test_who_waits_gives_up_by_the_own_deadline(places: Places) -> None:
    take(places)
    take(places)

    assert refused_after(places, seconds=0.1) < SOON


def test_after_a_question_that_hung_nobody_asks_for_a_while_and_then_again(places: Places) -> None:
    began = time.monotonic()
    take(places)
    time.sleep(LIMIT.wait)
    places.failed(since=began)
    places.give_back()

    assert refused_after(places) < SOON
    time.sleep(LIMIT.rest)
    take(places)


def test_those_who_wait_are_refused_when_a_question_hung() -> None:
    patient = replace(LIMIT, wait=3)
    places = Places(2, limit=patient)
    began = time.monotonic()
    take(places)
    take(places)
    time.sleep(patient.wait / 2)
    places.give_back()
    take(places)  # A place has just become free, so the next query waits.

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(take, places)
        until_waiting(places, 1)
        time.sleep(max(0.0, began + patient.wait - time.monotonic()))
        places.failed(since=began)

        with pytest.raises(WarehouseUnavailable, match="did not answer another query a moment ago"):
            waiting.result()


def test_a_slow_question_beside_others_that_are_answered_stops_nobody(places: Places) -> None:
    began = time.monotonic()
    take(places)
    time.sleep(LIMIT.wait)
    places.answered()
    places.failed(since=began)

    take(places)


def test_a_quick_refusal_of_the_warehouse_stops_nobody(places: Places) -> None:
    take(places)
    places.failed(since=time.monotonic())

    take(places)
