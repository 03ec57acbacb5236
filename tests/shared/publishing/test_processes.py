"""Several real processes on one warehouse: turns, and deaths at every point of loading and publishing."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.publishing import publish
from shared.warehouse import opening
from shared.warehouse.engine import WarehouseUnavailable
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, MORNING, Clock, values

ROOT = Path(__file__).parents[3]
DAY = date(2026, 3, 29)
KILLED = -9


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of `tests.builders.processes.warehouse`, gone at the end."""
    command = [sys.executable, "-m", "tests.builders.processes.warehouse", *arguments]
    started = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def next_line(started: subprocess.Popen[str]) -> str:
    """The next line that a process says."""
    assert started.stdout is not None
    return started.stdout.readline().strip()


def go_on(started: subprocess.Popen[str]) -> None:
    """Let a process go on."""
    assert started.stdin is not None
    started.stdin.write("\n")
    started.stdin.flush()


def test_an_idle_holder_gives_way_and_sees_afterwards_what_was_written(
    warehouse_url: str, tmp_path: Path
) -> None:
    with process("hold", warehouse_url) as holder:
        assert next_line(holder) == "open"
        warehouse = opening.open_warehouse(building.settings(warehouse_url))
        building.Deliverer(warehouse, tmp_path, Clock()).deliver(values(HOUSE, DAY, ["1"]))
        warehouse.close()

        go_on(holder)
        assert next_line(holder) == "1"
        assert holder.wait(60) == 0


def test_a_busy_holder_gives_way_too_and_goes_on_afterwards(warehouse_url: str, tmp_path: Path) -> None:
    with process("hold_busily", warehouse_url) as holder:
        assert next_line(holder) == "open"
        warehouse = opening.open_warehouse(building.settings(warehouse_url))
        published = building.Deliverer(warehouse, tmp_path, Clock()).deliver(values(HOUSE, DAY, ["1"]))
        warehouse.close()

        assert [each.sequence for each in published] == [1]
        go_on(holder)
        assert next_line(holder) == "1"
        assert holder.wait(60) == 0


def test_who_waits_longer_than_a_statement_may_take_should_come_back(warehouse_url: str) -> None:
    with process("hold_in_a_transaction", warehouse_url) as holder:
        assert next_line(holder) == "open"
        warehouse = opening.open_warehouse(building.settings(warehouse_url, timeout=timedelta(seconds=0.3)))

        with pytest.raises(WarehouseUnavailable) as caught:
            building.count(warehouse, "write_lock")

        assert caught.value.retry_after == timedelta(seconds=5)
        warehouse.close()


def test_the_mark_of_a_process_that_died_waiting_blocks_nobody(warehouse_url: str) -> None:
    path = Path(warehouse_url.removeprefix("duckdb:"))
    with process("hold_in_a_transaction", warehouse_url) as holder:
        assert next_line(holder) == "open"
        with process("want_and_die", warehouse_url) as wanting:
            assert wanting.wait(60) == KILLED
    assert path.with_name(path.name + ".wanted").exists()

    warehouse = opening.open_warehouse(building.settings(warehouse_url))
    assert building.count(warehouse, "write_lock") == 1
    warehouse.close()


def test_a_holder_that_gave_way_to_a_process_that_died_opens_the_file_again(warehouse_url: str) -> None:
    warehouse = opening.open_warehouse(building.settings(warehouse_url, timeout=timedelta(seconds=10)))
    with warehouse.transaction(), process("want_and_die", warehouse_url) as wanting:
        assert wanting.wait(60) == KILLED

    assert building.count(warehouse, "write_lock") == 1
    warehouse.close()


DEATHS = [
    "stage",
    "commit after stage",
    "after commit of stage",
    "lock_writes",
    "append_values",
    "record_delivery",
    "commit after record_delivery",
    "after commit of record_delivery",
    "delete_staged",
    "after commit of delete_staged",
    "affected_days",
    "new_versions",
    "supersede",
    "record_publication",
    "delete_affected_days",
    "commit after delete_affected_days",
    "after commit of delete_affected_days",
]


@pytest.fixture(scope="module")
def correction(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that corrects some hours of a published day and has a day of another metering point."""
    path = tmp_path_factory.mktemp("corrections") / "correction.csv"
    return building.write_csv(path, values(HOUSE, DAY, ["5"] * 3, first=4) + values(CABIN, DAY, ["2"] * 23))


@pytest.fixture(scope="module")
def published(warehouse_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed embedded warehouse with one published day."""
    folder = tmp_path_factory.mktemp("published")
    warehouse = opening.open_warehouse(
        building.settings(building.copy_of(warehouse_template, folder / "published.duckdb"))
    )
    clock = Clock(MORNING - timedelta(days=1))
    building.Deliverer(warehouse, folder, clock).deliver(values(HOUSE, DAY, ["1"] * 23))
    warehouse.close()
    return folder / "published.duckdb"


def finished(url: str, file: Path) -> str:
    """What is in the warehouse after the file was loaded and published, however far it had come."""
    warehouse = opening.open_warehouse(building.settings(url))
    clock = Clock()
    building.load(warehouse, file, clock=clock)
    list(publish.publish_waiting(warehouse, clock=clock))
    contents = building.contents(warehouse)
    warehouse.close()
    return contents


@pytest.fixture(scope="module")
def undisturbed(published: Path, correction: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is in the warehouse after the correction was loaded and published in one go."""
    copy = building.copy_of(published, tmp_path_factory.mktemp("undisturbed") / "undisturbed.duckdb")
    return finished(copy, correction)


@pytest.mark.parametrize("before", DEATHS)
def test_a_load_or_publish_that_is_killed_and_run_again_ends_as_one_that_was_not(
    published: Path, correction: Path, undisturbed: str, tmp_path: Path, before: str
) -> None:
    url = building.copy_of(published, tmp_path / "disturbed.duckdb")

    with process("load_and_publish", url, str(correction), before) as dying:
        assert dying.wait(60) == KILLED

    assert finished(url, correction) == undisturbed
