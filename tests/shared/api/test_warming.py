"""Warming up happens once, in the background, and disturbs nothing."""

import gc
import threading
from datetime import UTC, datetime

from shared.api import warming
from shared.api.warming import WarmUp
from shared.warehouse.engine import Warehouse


def test_its_steps_are_taken_once_in_order_and_a_failure_stops_none() -> None:
    taken: list[str] = []
    done = threading.Event()

    def fail() -> None:
        taken.append("fails")
        raise RuntimeError("away")

    def last() -> None:
        taken.append("last")
        done.set()

    warm_up = WarmUp({"first": lambda: taken.append("first"), "fails": fail, "last": last})
    warm_up.start()
    warm_up.start()

    assert done.wait(10)
    warm_up.start()
    assert taken == ["first", "fails", "last"]


def test_starting_does_not_wait_for_a_step_that_hangs() -> None:
    release, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait(10)

    WarmUp({"hangs": hang}).start()

    assert begun.wait(10)
    release.set()


def test_the_questions_for_nobody_are_statements_that_the_warehouse_takes(warehouse: Warehouse) -> None:
    warming.run_queries(warehouse, now=datetime(2026, 11, 22, 12, tzinfo=UTC))


def test_what_is_loaded_is_not_looked_at_again() -> None:
    before = gc.get_freeze_count()
    try:
        warming.keep_what_is_loaded()
        assert gc.get_freeze_count() > before + 1_000
    finally:
        gc.unfreeze()
