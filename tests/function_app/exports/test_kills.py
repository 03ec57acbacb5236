"""Builders of files that are killed at any moment leave each file once, whole, and nothing else.

Six kills are tried, and as many as EXPORT_KILLS says.
"""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from contract import world
from local import places
from shared import periods, queues
from shared.files import exports, outbox
from shared.files.building import Workshop
from shared.files.exports import Export, ExportStatus, Wanted
from shared.files.forms.form import FileFormat, Form
from shared.metering import Direction
from shared.periods import ONE_DAY, Period
from tests.builders.processes import files

KILLS = int(os.environ.get("EXPORT_KILLS", "6"))

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
        said = self._process.stdout.readline().strip()
        assert said in ("killed", "ended")
        return said == "killed"


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
def workshop(table_storage: str, tmp_path: Path) -> Workshop:
    """The demo world, which no process has open."""
    made = world.open_services(tmp_path, table_storage=table_storage)
    made.warehouse.close()
    return made.workshop


def ask(workshop: Workshop, number: int) -> Export:
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
    made, _ = workshop.exports.make(
        world.VENDOR, wanted, asked=b"", key=str(number), not_found=(), now=world.NOW
    )
    workshop.start(made)
    return made


def is_finished(workshop: Workshop, export: Export) -> bool:
    found = workshop.exports.get(export.principal, export.id)
    assert found is not None
    assert found.status is not ExportStatus.FAILED, found.problem
    return found.status is ExportStatus.FINISHED


def hashes(workshop: Workshop, export: Export, storage: str) -> list[str]:
    """Return the hash of each file in order; rows and blobs have the same files, whole."""
    found = workshop.exports.get(export.principal, export.id)
    assert found is not None
    works = list(workshop.exports.parts(found))
    folder = exports.folder(export.principal, export.id)
    container = ContainerClient.from_connection_string(storage, outbox.CONTAINER)
    stored = {
        name.removeprefix(folder): container.download_blob(name).readall()
        for name in container.list_blob_names(name_starts_with=folder)
    }
    assert {name: hashlib.sha256(content).hexdigest() for name, content in stored.items()} == {
        work.name: work.sha256 for work in works
    }
    assert [work.number for work in works] == list(range(1, found.parts + 1))
    assert found.days == found.of_days == sum(work.days for work in works)
    return [work.sha256 for work in works]


def test_builders_that_are_killed_leave_each_file_once_and_whole(
    workshop: Workshop, builders: Builders, table_storage: str
) -> None:
    moments = random.Random(20261129)
    undisturbed = ask(workshop, 0)
    began = time.monotonic()
    builders.build()
    seconds = time.monotonic() - began
    expected = hashes(workshop, undisturbed, table_storage)
    assert len(expected) > 5
    kills, made = 0, [undisturbed]

    while kills < KILLS:
        made.append(ask(workshop, len(made)))
        while not is_finished(workshop, made[-1]):
            kills += builders.build(seconds=moments.uniform(0, seconds) if kills < KILLS else 60)
            time.sleep(files.HIDDEN_SECONDS)

    builders.build()
    for each in made:
        assert hashes(workshop, each, table_storage) == expected
    queue = QueueClient.from_connection_string(table_storage, queues.FILES)
    assert queue.get_queue_properties().approximate_message_count == 0
