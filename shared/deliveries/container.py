"""The container that delivery files arrive in: the only importer of `azure.storage.blob` beside `outbox`.

A file arrives below `incoming/` and is moved to `processed/` or `rejected/`. Every error of the client
library is translated here, once.
"""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobLeaseClient,
    ContainerClient,
    ContentSettings,
    ExponentialRetry,
    StorageErrorCode,
)

from shared import limits
from shared.limits import Limit
from shared.outside import transports
from shared.settings import DeliverySettings
from shared.telemetry import recording

INCOMING = "incoming/"
LOCK = "lock"
"""The blob whose lease lets one run at a time work."""
BEGUN = "begun"
"""The blob that names the file a run is working on; it is deleted when the run has finished the file."""
LEASE_SECONDS = 60
"""After this long another run can lease the lock of a dead run (the longest lease of the service)."""
RENEW_SECONDS = 20

_PIECE = 4 * 1024 * 1024
"""Bytes of a file that are in memory at a time."""
_PIECES: dict[str, Any] = {
    "max_single_get_size": _PIECE,
    "max_chunk_get_size": _PIECE,
    "max_single_put_size": _PIECE,
    "max_block_size": _PIECE,
}

log = logging.getLogger("metering.deliveries")


class ContainerUnavailable(Exception):
    """The container did not answer, refused the request, or does not exist."""


class ChangedMeanwhile(Exception):
    """A file was replaced or removed after it had been listed."""


class LeasedByAnother(Exception):
    """Another run holds the lease."""


class LeaseLost(Exception):
    """The lease ended before the work did; another run may hold it or have held it."""


class Lease:
    """The lease of a run on the container: one run at a time holds it."""

    def __init__(self, lease: BlobLeaseClient) -> None:
        self._lease = lease

    def renew(self) -> None:
        """Renew the lease for a minute from now.

        Raises:
            LeaseLost: another run has held the lease meanwhile, or holds it.
            ContainerUnavailable: the service did not answer.
        """
        with _translate_errors():
            try:
                self._lease.renew()
            except HttpResponseError as error:
                if error.status_code not in (404, 409, 412):
                    raise
                raise LeaseLost("another run may be loading deliveries by now") from error


@dataclass(frozen=True, order=True)
class ArrivedFile:
    """A file below `incoming/`; files sort in the order of their arrival.

    Attributes:
        at: when its upload was complete.
        name: its path below `incoming/`.
        size: its length in bytes.
        etag: the version of its content.
    """

    at: datetime
    name: str
    size: int
    etag: str


class Container:
    """A container of delivery files. Every method may raise ContainerUnavailable."""

    def __init__(self, client: ContainerClient) -> None:
        self._client = client

    def create_missing(self) -> None:
        """Create the container unless it exists."""
        with _translate_errors():
            try:
                self._client.create_container()
            except ResourceExistsError as error:
                if transports.code(error) != StorageErrorCode.CONTAINER_ALREADY_EXISTS:
                    raise

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Lease the container until the end of the block; a thread renews the lease.

        The lease keeps two runs from doing the same work. A run that was frozen for a minute only notices the
        loss of the lease at the next `Lease.renew`. It does no harm until then: a delivery counts once, a
        file is removed only in the version that was listed, and master data never replaces newer master data.

        Raises:
            LeasedByAnother: another run holds the lease.
        """
        lease = self._acquire_lease()
        ended = threading.Event()
        renewal = threading.Thread(
            target=recording.carry(_keep_renewing), args=(lease, ended), name="delivery-lease", daemon=True
        )
        renewal.start()
        try:
            yield Lease(lease)
        finally:
            ended.set()
            renewal.join()
            _release(lease)

    def list_files(self) -> list[ArrivedFile]:
        """Return the files below `incoming/`, in the order of their arrival."""
        with _translate_errors():
            files = [
                ArrivedFile(blob.last_modified, blob.name.removeprefix(INCOMING), blob.size, blob.etag)
                for blob in self._client.list_blobs(name_starts_with=INCOMING)
            ]
        return sorted(each for each in files if each.name and not each.name.endswith("/"))

    def download(self, file: ArrivedFile, path: Path) -> None:
        """Write a listed file to `path`.

        Raises:
            ChangedMeanwhile: the file was replaced or removed since it was listed.
            OSError: `path` cannot be written.
        """
        with _translate_errors(), path.open("wb") as target:
            self._client.download_blob(
                INCOMING + file.name, etag=file.etag, match_condition=MatchConditions.IfNotModified
            ).readinto(target)

    def download_start(self, file: ArrivedFile, path: Path, *, most_bytes: int) -> None:
        """Write the first bytes of a listed file to `path`, or raise as `download`."""
        with _translate_errors(), path.open("wb") as target:
            self._client.download_blob(
                INCOMING + file.name,
                offset=0,
                length=most_bytes,
                etag=file.etag,
                match_condition=MatchConditions.IfNotModified,
            ).readinto(target)

    def check_unchanged(self, file: ArrivedFile) -> None:
        """Check that the listed file is still there as it was listed.

        Raises:
            ChangedMeanwhile: the file was replaced or removed since it was listed.
        """
        blob = self._client.get_blob_client(INCOMING + file.name)
        with _translate_errors():
            blob.get_blob_properties(etag=file.etag, match_condition=MatchConditions.IfNotModified)

    def copy(self, file: ArrivedFile, name: str) -> None:
        """Store a listed file under another name, a piece at a time, or raise as `download`.

        The service itself copies a large blob only for callers with an account key or a signature.
        """
        with _translate_errors():
            content = self._client.download_blob(
                INCOMING + file.name, etag=file.etag, match_condition=MatchConditions.IfNotModified
            )
            self._client.upload_blob(name, content.chunks(), overwrite=True)

    def upload(self, name: str, path: Path) -> None:
        """Store the file at `path` under a name; a blob of that name is replaced."""
        with _translate_errors(), path.open("rb") as content:
            self._client.upload_blob(name, content, overwrite=True)

    def upload_text(self, name: str, text: str) -> None:
        """Store a text under a name; a blob of that name is replaced."""
        plain = ContentSettings(content_type="text/plain; charset=utf-8")
        with _translate_errors():
            self._client.upload_blob(name, text.encode(), overwrite=True, content_settings=plain)

    def remove(self, file: ArrivedFile) -> None:
        """Delete a listed file.

        Raises:
            ChangedMeanwhile: the file was replaced or removed since it was listed.
        """
        with _translate_errors():
            self._client.delete_blob(
                INCOMING + file.name, etag=file.etag, match_condition=MatchConditions.IfNotModified
            )

    def count_unfinished(self, file: ArrivedFile) -> int:
        """Return how many runs in a row began a file and were killed before they had finished it."""
        try:
            with _translate_errors():
                note = self._client.download_blob(BEGUN).readall()
        except ChangedMeanwhile:  # No file is begun.
            return 0
        try:
            begun = json.loads(note)
            return int(begun["runs"]) if (begun["name"], begun["etag"]) == (file.name, file.etag) else 0
        except (ValueError, KeyError, TypeError):
            # `mark_begun` replaces the note; after an error here, every delivery would wait for good.
            log.warning("The note of the file in progress is unreadable; no file counts as in progress.")
            return 0

    def mark_begun(self, file: ArrivedFile, *, runs: int) -> None:
        """Record that a file is begun, for the `runs`-th time in a row."""
        self.upload_text(BEGUN, json.dumps({"name": file.name, "etag": file.etag, "runs": runs}))

    def clear_begun(self) -> None:
        """Record that no file is begun."""
        with suppress(ChangedMeanwhile), _translate_errors():
            self._client.delete_blob(BEGUN)

    def _acquire_lease(self) -> BlobLeaseClient:
        lock = self._client.get_blob_client(LOCK)
        with _translate_errors():
            try:
                return lock.acquire_lease(LEASE_SECONDS)
            except ResourceNotFoundError as error:
                if transports.code(error) != StorageErrorCode.BLOB_NOT_FOUND:
                    raise
            except ResourceExistsError as error:
                raise LeasedByAnother("another run is loading deliveries") from error
            try:
                lock.upload_blob(b"", overwrite=False)
                return lock.acquire_lease(LEASE_SECONDS)
            except ResourceExistsError as error:
                raise LeasedByAnother("another run is loading deliveries") from error


def open_container(
    settings: DeliverySettings, *, credential: TokenCredential | None, limit: Limit = limits.BLOBS
) -> Container:
    """Open the container of an endpoint (with the app's identity) or a connection string (emulator)."""
    retry = transports.storage_retry(ExponentialRetry, limit)
    options = {**_PIECES, **transports.azure_options(limit), "retry_policy": retry}
    if settings.storage.startswith("https://"):
        return Container(
            ContainerClient(settings.storage, settings.container, credential=credential, **options)
        )
    return Container(ContainerClient.from_connection_string(settings.storage, settings.container, **options))


def _keep_renewing(lease: BlobLeaseClient, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        try:
            lease.renew()
        except AzureError as error:
            log.warning("The lease of the deliveries could not be renewed: %s.", transports.reason(error))


def _release(lease: BlobLeaseClient) -> None:
    try:
        lease.release()
    except AzureError as error:
        log.warning(
            "The lease of the deliveries could not be released and ends by itself: %s.",
            transports.reason(error),
        )


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except ResourceModifiedError as error:
        raise ChangedMeanwhile("the file was replaced") from error
    except ResourceNotFoundError as error:
        if transports.code(error) == StorageErrorCode.BLOB_NOT_FOUND:
            raise ChangedMeanwhile("the file was removed") from error
        raise ContainerUnavailable(
            f"The container did not answer as expected: {transports.reason(error)}"
        ) from error
    except AzureError as error:
        raise ContainerUnavailable(
            f"The container did not answer as expected: {transports.reason(error)}"
        ) from error
