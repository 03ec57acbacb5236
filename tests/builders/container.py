"""What others do with the container of delivery files: put files in, look, wait for the turn of the dead."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from azure.storage.blob import BlobLeaseClient, ContainerClient

from shared.deliveries.container import BEGUN, TURN, Arrived, Container, Turn
from shared.deliveries.intervals import HEADER
from shared.settings import DeliverySettings
from tests.builders.histories import Mortal


@dataclass
class Outside:
    """The container as those who deliver and operators see it."""

    settings: DeliverySettings

    @property
    def client(self) -> ContainerClient:
        """A client of their own."""
        return ContainerClient.from_connection_string(self.settings.storage, self.settings.container)

    def put(self, name: str, content: bytes) -> None:
        """Deliver a file."""
        with self.client as client:
            client.upload_blob(f"incoming/{name}", content, overwrite=True)

    def put_lines(self, name: str, lines: Iterable[Sequence[str]]) -> None:
        """Deliver interval values."""
        self.put(name, csv_of(lines))

    def names(self) -> list[str]:
        """Return all names, without the folder of the arrival, which differs from run to run."""
        with self.client as client:
            return sorted(
                _without_arrival(name) for name in client.list_blob_names() if name not in (TURN, BEGUN)
            )

    def text(self, name: str) -> str:
        """Return a file by its name without the folder of the arrival."""
        with self.client as client:
            (found,) = (each for each in client.list_blob_names() if _without_arrival(each) == name)
            return client.download_blob(found).readall().decode()

    def wait_until_the_turn_of_the_dead_has_ended(self) -> None:
        """Break the lease of a process that has died; by itself it ends within a minute."""
        with self.client as client:
            turn = client.get_blob_client(TURN)
            if turn.exists() and turn.get_blob_properties().lease.state == "leased":
                BlobLeaseClient(turn).break_lease(0)


def csv_of(lines: Iterable[Sequence[str]]) -> bytes:
    """Return interval values as a CSV file."""
    return "".join(",".join(line) + "\n" for line in [HEADER, *lines]).encode()


def _without_arrival(name: str) -> str:
    folder, *rest = name.split("/")
    return "/".join([folder, *(rest if folder == "incoming" else rest[1:])])


@dataclass
class MortalContainer:
    """A container in the hands of a process that dies after so many steps, in it or in the warehouse."""

    inner: Container
    process: Mortal

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        self.process.step()
        with self.inner.turn() as turn:
            yield turn
            self.process.step()

    def arrived(self) -> list[Arrived]:
        self.process.step()
        return self.inner.arrived()

    def download(self, file: Arrived, path: Path) -> None:
        self.process.step()
        self.inner.download(file, path)

    def keep(self, name: str, path: Path) -> None:
        self.process.step()
        self.inner.keep(name, path)

    def note(self, name: str, text: str) -> None:
        self.process.step()
        self.inner.note(name, text)

    def remove(self, file: Arrived) -> None:
        self.process.step()
        self.inner.remove(file)

    def unfinished(self, file: Arrived) -> int:
        self.process.step()
        return self.inner.unfinished(file)

    def begin(self, file: Arrived, *, runs: int) -> None:
        self.process.step()
        self.inner.begin(file, runs=runs)

    def end(self) -> None:
        self.process.step()
        self.inner.end()
