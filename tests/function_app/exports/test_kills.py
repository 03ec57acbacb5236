"""Builders of exports and runs that are killed at any moment leave each file once, whole, and nothing else.

Four kills are tried of each, or as many as EXPORT_KILLS says.
"""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from contract import world
from local import places
from shared import periods, queues
from shared.files import outbox
from shared.files.exports import store
from shared.files.exports.keeping import Keeper
from shared.files.exports.store import Export, ExportStatus, Wanted
from shared.files.feeds import ledger
from shared.files.feeds.ledger import Run, RunStatus
from shared.files.feeds.store import Content, Split
from shared.files.forms.form import FileFormat, Form
from shared.metering import Direction
from shared.periods import ONE_DAY, Period
from shared.services import Services
from tests.builders.processes import files

KILLS = int(os.environ.get("EXPORT_KILLS", "4"))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")


class Builders:
    """Processes that build files, one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def build(self, *, seconds: float = 60) -> bool:
        """Build in a process that lives at most so long; return whether it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline().strip()
        assert line in ("killed", "ended")
        return line == "killed"


@pytest.fixture
def builders(table_storage: str, tmp_path: Path) -> Iterator[Builders]:
    command = [sys.executable, "-m", files.__name__, str(tmp_path), table_storage]
    with subprocess.Popen(
        command, cwd=places.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Builders(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def services(table_storage: str, tmp_path: Path) -> Services:
    """The demo world, which no process has open."""
    made = world.open_services(tmp_path, table_storage=table_storage)
    made.warehouse.close()
    return made


@pytest.fixture
def keeper(services: Services) -> Keeper:
    return services.files.keeper


def ask(keeper: Keeper, number: int) -> Export:
    """Ask for everything of the vendor's, in the form whose files are written in most pieces."""
    wanted = Wanted(
        directions=(Direction.CONSUMPTION, Direction.PRODUCTION),
        metering_point_ids=(),
        customer_number=None,
        period=Period(periods.start_of(world.FIRST_DAY), periods.start_of(world.TIMELINE.last + ONE_DAY)),
        resolution=None,
        as_of=world.CORRECTED_AT,
        sequence=2,
        form=Form(format=FileFormat.CSV).model_dump(mode="json", by_alias=True, exclude_none=True),
    )
    made, _ = keeper.exports.make(
        world.VENDOR, wanted, request=b"", key=str(number), not_found=(), now=world.NOW
    )
    keeper.request_work(made)
    return made


def is_finished(keeper: Keeper, export: Export) -> bool:
    found = keeper.exports.get(export.principal, export.id)
    assert found is not None
    assert found.status is not ExportStatus.FAILED, found.problem
    return found.status is ExportStatus.FINISHED


def hashes(keeper: Keeper, export: Export, storage: str) -> list[str]:
    """Return the hash of each file in order; rows and blobs have the same files, whole."""
    found = keeper.exports.get(export.principal, export.id)
    assert found is not None
    works = list(keeper.exports.parts(found))
    folder = store.folder(export.principal, export.id)
    assert blobs(folder, storage) == {work.name: work.sha256 for work in works}
    assert [work.number for work in works] == list(range(1, found.parts + 1))
    assert found.days == found.of_days == sum(work.days for work in works)
    return [work.sha256 for work in works]


def blobs(folder: str, storage: str) -> dict[str, str]:
    """Return the hash of each blob in a folder, by its name there."""
    container = ContainerClient.from_connection_string(storage, outbox.CONTAINER)
    return {
        name.removeprefix(folder): hashlib.sha256(container.download_blob(name).readall()).hexdigest()
        for name in container.list_blob_names(name_starts_with=folder)
    }


def test_builders_that_are_killed_leave_each_file_once_and_whole(
    keeper: Keeper, builders: Builders, table_storage: str
) -> None:
    moments = random.Random(20261129)
    undisturbed = ask(keeper, 0)
    began = time.monotonic()
    builders.build()
    seconds = time.monotonic() - began
    expected = hashes(keeper, undisturbed, table_storage)
    assert len(expected) > 5
    kills, made = 0, [undisturbed]

    while kills < KILLS:
        made.append(ask(keeper, len(made)))
        while not is_finished(keeper, made[-1]):
            kills += builders.build(seconds=moments.uniform(0, seconds) if kills < KILLS else 60)
            time.sleep(files.HIDDEN_SECONDS)

    builders.build()
    for each in made:
        assert hashes(keeper, each, table_storage) == expected
    queue = QueueClient.from_connection_string(table_storage, queues.FILES)
    assert queue.get_queue_properties().approximate_message_count == 0


def stored_run(services: Services) -> Run:
    """Return the run of the feed `all`."""
    (run,) = services.files.ledger.of(world.VENDOR, "all")
    return run


def files_of(services: Services, storage: str) -> dict[str, str]:
    """Return the hash of each file of the run; rows and blobs have the same files, whole, of one round."""
    run = stored_run(services)
    assert run.status is RunStatus.READY
    assert run.manifest is not None
    listed = {file.name: file.sha256 for file in (*services.files.ledger.files(run), run.manifest)}
    folder = ledger.folder_of(run.principal, run.feed_id)
    rounds = run.folder.removeprefix(folder)
    assert blobs(folder, storage) == {f"{rounds}{name}": sha256 for name, sha256 in listed.items()}
    return listed


def test_runs_that_are_killed_have_the_same_files_in_the_end(
    services: Services, builders: Builders, table_storage: str
) -> None:
    moments = random.Random(20261129)
    (daily,) = services.files.feeds.everything()
    each_point = replace(daily.spec, content=Content.LAST_DAYS, days=35, split=Split.PER_METERING_POINT)
    services.files.feeds.put(world.VENDOR, "all", each_point, sequence=1, now=world.NOW)
    services.files.begin_feeds()
    began = time.monotonic()
    builders.build()
    seconds = time.monotonic() - began
    expected = files_of(services, table_storage)
    assert len(expected) > 3
    kills = 0

    while kills < KILLS:
        services.files.runs.repeat(stored_run(services))
        while stored_run(services).status is not RunStatus.READY:
            kills += builders.build(seconds=moments.uniform(0, seconds) if kills < KILLS else 60)
            time.sleep(files.HIDDEN_SECONDS)
        builders.build()  # What a process had sent before it was killed.
        assert files_of(services, table_storage) == expected

    queue = QueueClient.from_connection_string(table_storage, queues.FILES)
    assert queue.get_queue_properties().approximate_message_count == 0
