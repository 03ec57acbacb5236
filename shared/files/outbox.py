"""The container of the files that callers fetch: the only importer of `azure.storage.blob` for files.

A caller fetches a file by a link, valid for `LINK_LIVES`. The link is signed with a user delegation key of
the app's identity or, on the emulator, which has no identities, with the emulator's key. Every error of the
client library is translated here, once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import IO, Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContentSettings,
    ExponentialRetry,
    UserDelegationKey,
    generate_blob_sas,
)

from shared import limits
from shared.limits import Limit
from shared.outside import transports
from shared.outside.transports import StorageUnavailable

CONTAINER = "outbox"
LINK_LIVES = timedelta(minutes=15)
_CLOCKS_DIFFER = timedelta(minutes=5)
_KEY_LIVES, _KEY_RENEWED = timedelta(hours=6), timedelta(hours=1)

_PIECE = 4 * 1024 * 1024
"""Bytes of a file that are in memory at a time."""
_PIECES: dict[str, Any] = {"max_single_put_size": _PIECE, "max_block_size": _PIECE}


class OutboxUnavailable(StorageUnavailable):
    """The outbox did not answer, refused the request, or does not exist."""


class FileGone(Exception):
    """A file is not in the outbox any more."""


class Outbox:
    """The files that go out. Safe to use from several threads; every method may raise OutboxUnavailable."""

    def __init__(self, service: BlobServiceClient, *, container: str) -> None:
        self._service = service
        self._container = service.get_container_client(container)
        self._lock = threading.Lock()
        self._key: tuple[datetime, UserDelegationKey] | None = None

    def create_missing(self) -> None:
        """Create the container if it does not exist; in Azure the infrastructure creates it."""
        with _translate_errors():
            try:
                self._container.create_container()
            except ResourceExistsError:
                return

    def put(self, path: str, content: IO[bytes], *, media_type: str) -> None:
        """Store a whole file, in place of any with the same path."""
        with _translate_errors():
            self._container.upload_blob(
                path,
                content,
                overwrite=True,
                content_settings=ContentSettings(content_type=media_type),
            )

    def read(self, path: str, into: IO[bytes]) -> None:
        """Copy a file.

        Raises:
            FileGone: there is none.
        """
        with _translate_errors():
            try:
                self._container.download_blob(path).readinto(into)
            except ResourceNotFoundError as error:
                raise FileGone("there is no such file") from error

    def paths(self, below: str) -> Iterator[str]:
        """Yield the paths of the files below a folder, whose name ends with a slash."""
        with _translate_errors():
            yield from self._container.list_blob_names(name_starts_with=below)

    def delete(self, below: str) -> None:
        """Delete all files below a folder."""
        for path in list(self.paths(below)):
            with _translate_errors(), suppress(ResourceNotFoundError):
                self._container.delete_blob(path)

    def link(self, path: str, *, now: datetime) -> str:
        """Return an address at which anybody can read a file for `LINK_LIVES`."""
        blob = self._container.get_blob_client(path)
        name = path.rpartition("/")[2]
        given: dict[str, Any] = {
            "account_name": self._service.account_name,
            "container_name": self._container.container_name,
            "blob_name": path,
            "permission": BlobSasPermissions(read=True),
            "start": now - _CLOCKS_DIFFER,
            "expiry": now + LINK_LIVES,
            "content_disposition": f'attachment; filename="{name}"',
        }
        with _translate_errors():
            signed = generate_blob_sas(**given, **self._signing(now))
        return f"{blob.url}?{signed}"

    def _signing(self, now: datetime) -> dict[str, Any]:
        """Return the emulator's key, or a user delegation key that outlives a link."""
        account_key = getattr(self._service.credential, "account_key", None)
        if account_key is not None:
            return {"account_key": account_key}
        with self._lock:
            if self._key is None or self._key[0] - now < _KEY_RENEWED:
                ends = now + _KEY_LIVES
                self._key = (ends, self._service.get_user_delegation_key(now - _CLOCKS_DIFFER, ends))
            return {"user_delegation_key": self._key[1]}


def open_outbox(
    storage: str,
    *,
    container: str = CONTAINER,
    credential: TokenCredential | None,
    limit: Limit = limits.BLOBS,
) -> Outbox:
    """Open the outbox at an endpoint (with the app's identity) or by a connection string (the emulator)."""
    retry = transports.storage_retry(ExponentialRetry, limit)
    options = {**_PIECES, **transports.azure_options(limit), "retry_policy": retry}
    if storage.startswith("https://"):
        return Outbox(BlobServiceClient(storage, credential=credential, **options), container=container)
    return Outbox(BlobServiceClient.from_connection_string(storage, **options), container=container)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise OutboxUnavailable(
            f"The outbox did not answer as expected: {transports.reason(error)}"
        ) from error
