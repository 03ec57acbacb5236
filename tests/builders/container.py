"""What others do with the container of delivery files: put files in, look, end a dead run's lease."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from azure.storage.blob import BlobLeaseClient, ContainerClient

from shared.deliveries.container import BEGUN, LOCK, ArrivedFile, Container, Lease
from shared.deliveries.interval_values.intervals import HEADER
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
                _without_arrival(name) for name in client.list_blob_names() if name not in (LOCK, BEGUN)
            )

    def text(self, name: str) -> str:
        """Return a file by its name without the folder of the arrival."""
        with self.client as client:
            (found,) = (each for each in client.list_blob_names() if _without_arrival(each) == name)
            return client.download_blob(found).readall().decode()

    def end_the_lease_of_the_dead(self) -> None:
        """End at once a lease that would end by itself within a minute."""
        with self.client as client:
            lock = client.get_blob_client(LOCK)
            if lock.exists() and lock.get_blob_properties().lease.state == "leased":
                BlobLeaseClient(lock).break_lease(0)


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
    def lease(self) -> Iterator[Lease]:
        self.process.step()
        with self.inner.lease() as lease:
            yield lease
            self.process.step()

    def list_files(self) -> list[ArrivedFile]:
        self.process.step()
        return self.inner.list_files()

    def download(self, file: ArrivedFile, path: Path) -> None:
        self.process.step()
        self.inner.download(file, path)

    def download_start(self, file: ArrivedFile, path: Path, *, most_bytes: int) -> None:
        self.process.step()
        self.inner.download_start(file, path, most_bytes=most_bytes)

    def check_unchanged(self, file: ArrivedFile) -> None:
        self.process.step()
        self.inner.check_unchanged(file)

    def copy(self, file: ArrivedFile, name: str) -> None:
        self.process.step()
        self.inner.copy(file, name)

    def upload(self, name: str, path: Path) -> None:
        self.process.step()
        self.inner.upload(name, path)

    def upload_text(self, name: str, text: str) -> None:
        self.process.step()
        self.inner.upload_text(name, text)

    def remove(self, file: ArrivedFile) -> None:
        self.process.step()
        self.inner.remove(file)

    def count_unfinished(self, file: ArrivedFile) -> int:
        self.process.step()
        return self.inner.count_unfinished(file)

    def mark_begun(self, file: ArrivedFile, *, runs: int) -> None:
        self.process.step()
        self.inner.mark_begun(file, runs=runs)

    def clear_begun(self) -> None:
        self.process.step()
        self.inner.clear_begun()
