"""The container that delivery files arrive in: the only importer of `azure.storage.blob`.

A file arrives below `incoming/` and leaves to `processed/` or `rejected/`. Every error of the client
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
from shared.telemetry import threads

INCOMING = "incoming/"
TURN = "turn"
"""The blob whose lease lets one runner at a time work."""
BEGUN = "begun"
"""The blob that names the file that a run has begun, and is gone when the run is through with it."""
LEASE_SECONDS = 60
"""After so long somebody else may have the turn of a runner that has died (the service's longest)."""
RENEW_SECONDS = 20

_PIECE = 4 * 1024 * 1024
"""Bytes that are in memory at a time, whatever the size of a file."""
_PIECES: dict[str, Any] = {
    "max_single_get_size": _PIECE,
    "max_chunk_get_size": _PIECE,
    "max_single_put_size": _PIECE,
    "max_block_size": _PIECE,
}

log = logging.getLogger("metering.deliveries")


class ContainerUnavailable(Exception):
    """The container did not answer, refused us, or does not exist."""


class ChangedMeanwhile(Exception):
    """A file was replaced or taken away after it had been listed."""


class TakenByAnother(Exception):
    """Another runner has the turn."""


class TurnLost(Exception):
    """The turn ended before the work did; another runner may have it, or have had it."""


class Turn:
    """The turn of a runner, for as long as nobody else has had it."""

    def __init__(self, lease: BlobLeaseClient) -> None:
        self._lease = lease

    def renew(self) -> None:
        """Have the turn for a whole minute from now.

        Raises:
            TurnLost: it is no longer this runner's.
            ContainerUnavailable: it is not known whose it is.
        """
        with _translated():
            try:
                self._lease.renew()
            except HttpResponseError as error:
                if error.status_code not in (404, 409, 412):
                    raise
                raise TurnLost("another runner may take deliveries in by now") from error


@dataclass(frozen=True, order=True)
class Arrived:
    """A file that waits; files sort in the order of their arrival.

    Attributes:
        at: when its upload was complete.
        name: with the path below `incoming/`.
        size: in bytes.
        etag: of the content that arrived.
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
        """Make the container where there is none."""
        with _translated():
            try:
                self._client.create_container()
            except ResourceExistsError as error:
                if _code(error) != StorageErrorCode.CONTAINER_ALREADY_EXISTS:
                    raise

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """The only turn there is, until the end of the block.

        It keeps two runners from doing the same work. One that was frozen for a minute loses it
        unknowingly until it renews it, and does no harm: a delivery counts once and is removed only as it
        was listed, and a register does not replace one that arrived later.

        Raises:
            TakenByAnother: somebody else has it.
        """
        lease = self._lease()
        ended = threading.Event()
        renewal = threading.Thread(
            target=threads.carry(_renew), args=(lease, ended), name="delivery-turn", daemon=True
        )
        renewal.start()
        try:
            yield Turn(lease)
        finally:
            ended.set()
            renewal.join()
            _give_back(lease)

    def arrived(self) -> list[Arrived]:
        """The files that wait, in the order of their arrival."""
        with _translated():
            found = [
                Arrived(blob.last_modified, blob.name.removeprefix(INCOMING), blob.size, blob.etag)
                for blob in self._client.list_blobs(name_starts_with=INCOMING)
            ]
        return sorted(each for each in found if each.name and not each.name.endswith("/"))

    def download(self, file: Arrived, path: Path) -> None:
        """Write a file that waits to `path`.

        Raises:
            ChangedMeanwhile: it is not there any more as it was listed.
            OSError: it cannot be written.
        """
        with _translated(), path.open("wb") as target:
            self._client.download_blob(
                INCOMING + file.name, etag=file.etag, match_condition=MatchConditions.IfNotModified
            ).readinto(target)

    def keep(self, name: str, path: Path) -> None:
        """Store the file at `path` under a name, in the place of one that is there."""
        with _translated(), path.open("rb") as content:
            self._client.upload_blob(name, content, overwrite=True)

    def note(self, name: str, text: str) -> None:
        """Store a text under a name, in the place of one that is there."""
        plain = ContentSettings(content_type="text/plain; charset=utf-8")
        with _translated():
            self._client.upload_blob(name, text.encode(), overwrite=True, content_settings=plain)

    def remove(self, file: Arrived) -> None:
        """Remove a file that waits.

        Raises:
            ChangedMeanwhile: it is not there any more as it was listed.
        """
        with _translated():
            self._client.delete_blob(
                INCOMING + file.name, etag=file.etag, match_condition=MatchConditions.IfNotModified
            )

    def unfinished(self, file: Arrived) -> int:
        """Return how many runs in a row began a file and were killed before they were through with it."""
        try:
            with _translated():
                begun = json.loads(self._client.download_blob(BEGUN).readall())
        except ChangedMeanwhile:  # No file is begun.
            return 0
        return int(begun["runs"]) if (begun["name"], begun["etag"]) == (file.name, file.etag) else 0

    def begin(self, file: Arrived, *, runs: int) -> None:
        """Note that a file is begun, for the `runs`-th time in a row."""
        self.note(BEGUN, json.dumps({"name": file.name, "etag": file.etag, "runs": runs}))

    def end(self) -> None:
        """Note that no file is begun."""
        with suppress(ChangedMeanwhile), _translated():
            self._client.delete_blob(BEGUN)

    def _lease(self) -> BlobLeaseClient:
        turn = self._client.get_blob_client(TURN)
        with _translated():
            try:
                return turn.acquire_lease(LEASE_SECONDS)
            except ResourceNotFoundError as error:
                if _code(error) != StorageErrorCode.BLOB_NOT_FOUND:
                    raise
            except ResourceExistsError as error:
                raise TakenByAnother("another runner takes deliveries in") from error
            try:
                turn.upload_blob(b"", overwrite=False)
                return turn.acquire_lease(LEASE_SECONDS)
            except ResourceExistsError as error:
                raise TakenByAnother("another runner takes deliveries in") from error


def open_container(
    settings: DeliverySettings, *, credential: TokenCredential | None, limit: Limit = limits.BLOBS
) -> Container:
    """A container at an endpoint (with the app's identity) or by a connection string (the emulator)."""
    options = {**_PIECES, **transports.azure_options(limit), "retry_policy": _retries(limit.tries)}
    if settings.storage.startswith("https://"):
        return Container(
            ContainerClient(settings.storage, settings.container, credential=credential, **options)
        )
    return Container(ContainerClient.from_connection_string(settings.storage, settings.container, **options))


def _retries(tries: int) -> ExponentialRetry:
    """Blob Storage's own policy, with pauses of seconds: its default ones outlive the turn."""
    return ExponentialRetry(initial_backoff=1, increment_base=2, random_jitter_range=1, retry_total=tries - 1)


def _renew(lease: BlobLeaseClient, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        try:
            lease.renew()
        except AzureError as error:
            log.warning("The turn to take deliveries in could not be renewed: %s.", _reason(error))


def _give_back(lease: BlobLeaseClient) -> None:
    try:
        lease.release()
    except AzureError as error:
        log.warning("The turn to take deliveries in ends by itself: %s.", _reason(error))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ResourceModifiedError as error:
        raise ChangedMeanwhile("the file was replaced") from error
    except ResourceNotFoundError as error:
        if _code(error) == StorageErrorCode.BLOB_NOT_FOUND:
            raise ChangedMeanwhile("the file was taken away") from error
        raise ContainerUnavailable(f"The container did not answer as expected: {_reason(error)}") from error
    except AzureError as error:
        raise ContainerUnavailable(f"The container did not answer as expected: {_reason(error)}") from error


def _reason(error: AzureError) -> str:
    """The service's own code where there is one: the full message may hold an address with a signature."""
    return str(_code(error) or type(error).__name__)


def _code(error: AzureError) -> str | None:
    code = getattr(error, "error_code", None)
    return getattr(code, "value", code)
