"""Receivers of feeds: SFTP servers of customers, as operators enter and check them."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Receiver:
    """An SFTP server of a customer.

    Attributes:
        host: name or address.
        port: TCP port.
        user: our user name there.
        host_key: the server's public key, `ssh-ed25519 AAAA…`; no other is accepted.
        folder: where files are put.
        with_manifest: whether the manifest is sent as well, after the files.
        after: runs up to this publication are not sent, since they were made before the server was entered.
    """

    host: str
    port: int
    user: str
    host_key: str
    folder: str = "."
    with_manifest: bool = True
    after: int = field(default=0, compare=False)

    @property
    def place(self) -> str:
        """Return the user, server and folder of the files as one text."""
        return f"{self.user}@{self.host.lower()}:{self.port}/{PurePosixPath(self.folder)}"
