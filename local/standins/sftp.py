"""An SFTP server of a customer: `python -m local.standins.sftp --port 8087 --folder FOLDER`.

It lets one user in with one key, the public one of the demo world's `SFTP_KEY`, and keeps what is sent in the
folder, which is all that a session sees. Listens on 127.0.0.1 only, ends on SIGTERM, and prints the name of
each file that has arrived whole.
"""

import argparse
import asyncio
import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from local import demo, ports
from shared.files.feeds import sftp


@dataclass(frozen=True)
class Account:
    """What the server lets in, and where its files go.

    Attributes:
        key: the public key of the only user.
        folder: the root of every session.
    """

    user: str
    key: asyncssh.SSHKey
    folder: Path


class Login(asyncssh.SSHServer):
    """Lets the user of an account in by key."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def public_key_auth_supported(self) -> bool:
        """Return True: there is no other way in."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Return whether it is the account's user with the account's key."""
        return username == self._account.user and key.public_data == self._account.key.public_data


class Session(asyncssh.SFTPServer):
    """Keeps files in the account's folder; `arrived` is called with the path of each that got its name."""

    def __init__(
        self,
        channel: asyncssh.SSHServerChannel[bytes],
        account: Account,
        *,
        arrived: Callable[[str], object],
    ) -> None:
        super().__init__(channel, chroot=os.fsencode(account.folder))
        self._arrived = arrived

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename as OpenSSH's server does: over another file, too."""
        super().posix_rename(oldpath, newpath)
        self._arrived(os.fsdecode(newpath))

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename as the protocol has it: not over another file."""
        super().rename(oldpath, newpath)
        self._arrived(os.fsdecode(newpath))


async def listen(
    *,
    port: int,
    host_key: asyncssh.SSHKey,
    login: Callable[[], Login],
    session: Callable[[asyncssh.SSHServerChannel[bytes]], Session],
) -> asyncssh.SSHAcceptor:
    """Listen on 127.0.0.1 until the acceptor is closed; with port 0 on one that is free."""
    return await asyncssh.listen(
        ports.HOST, port, server_host_keys=[host_key], server_factory=login, sftp_factory=session
    )


def host_key() -> str:
    """Return the demo server's public key, which an operator pins: `ssh-ed25519 AAAA…`."""
    return sftp.public_key(_seed(demo.SFTP_HOST_KEY))


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="python -m local.standins.sftp", description="An SFTP server.")
    parser.add_argument("--port", type=int, default=ports.Ports().sftp)
    parser.add_argument("--folder", type=Path, required=True, help="where files are kept")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_serve(arguments.port, arguments.folder))


async def _serve(port: int, folder: Path) -> None:
    ours = asyncssh.import_public_key(sftp.public_key(_seed(demo.SFTP_KEY)))
    account = Account(demo.SFTP_USER, ours, folder)
    acceptor = await listen(
        port=port,
        host_key=asyncssh.import_private_key(sftp.private_key(_seed(demo.SFTP_HOST_KEY))),
        login=lambda: Login(account),
        session=lambda channel: Session(
            channel, account, arrived=lambda path: print(f"Received {path}", flush=True)
        ),
    )
    print(f"SFTP: {account.user}@{ports.HOST}, port {port}, its files: {folder}", flush=True)
    await acceptor.wait_closed()


def _seed(setting: str) -> bytes:
    return base64.b64decode(setting)


if __name__ == "__main__":
    main()
