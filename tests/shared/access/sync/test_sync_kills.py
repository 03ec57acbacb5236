"""A sync that is killed while it writes: nobody sees too much, and the next run completes it.

Four kills are tried, and fifty where TEST_ACCESS_FULL is set.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local import places
from shared.tables import Tables
from tests.builders.access import days, disagreements, stored_grants, unlisted
from tests.builders.processes import sync

KILLS = 50 if "TEST_ACCESS_FULL" in os.environ else 4
MOST_KILLS = 100
"""On a busy machine many miss the writing: it is killed until one has met it."""


class Syncs:
    """Syncs in processes of their own, an hour after one another by their clocks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._hours = 0

    def run(self, mapping: str, *, killed_after: float = 60) -> float:
        """Run one until it ends or has written for so many seconds; gives how long that was."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._hours += 1
        self._process.stdin.write(f"{mapping} {self._hours} {killed_after}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@pytest.fixture
def syncs(table_storage: str) -> Iterator[Syncs]:
    command = [sys.executable, "-m", sync.__name__, table_storage]
    with subprocess.Popen(
        command, cwd=places.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Syncs(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_a_sync_killed_at_any_moment_is_completed_by_the_next(storage: Tables, syncs: Syncs) -> None:
    moments = random.Random(20261122)
    allowed = {}
    for name in ("first", "second"):
        seconds = syncs.run(name)
        allowed[name] = days(stored_grants(storage))
    assert not allowed["first"] <= allowed["second"]
    between = 0

    for kill in range(MOST_KILLS):
        if kill >= KILLS and between:
            break
        before, after = ("second", "first") if kill % 2 == 0 else ("first", "second")
        syncs.run(after, killed_after=moments.uniform(0, seconds))
        shown = days(stored_grants(storage))
        assert shown <= allowed[before] or shown <= allowed[after], f"kill {kill}"
        assert unlisted(storage) == [], f"kill {kill}"
        between += shown not in (allowed[before], allowed[after])

        syncs.run(after)

        assert days(stored_grants(storage)) == allowed[after], f"kill {kill}"
        assert disagreements(storage) == [], f"kill {kill}"
    assert between > 0, "no kill met the writing"
