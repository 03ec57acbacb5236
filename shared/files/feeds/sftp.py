"""SFTP servers of customers: the only importer of `asyncssh`.

A file is written as NAME.part, its size is read back, and then it is renamed, so that a receiver never sees
half a file under its name. Sending the same file again is harmless. Every error of the library is translated
here, once.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from shared import limits
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.sending import NotTaken

PART_SUFFIX = ".part"


class NotSent(NotTaken):
    """The file is not at the receiver under its name; the message has no address and no key."""


class HostKeyDiffers(NotSent):
    """The server's key is not the one that the operator checked: nothing was sent."""


class InvalidHostKey(NotSent):
    """A text is not the public key of a host."""


class Refused(NotSent):
    """The server refused our key, or the folder or file."""


@dataclass(frozen=True)
class Patience:
    """Limits of one try, in seconds; tests pass shorter ones."""

    connect: float = limits.SFTP_CONNECT
    whole: float = limits.SFTP_FILE


@dataclass(frozen=True)
class Sender:
    """Sends files with our key.

    Attributes:
        key: our private key in OpenSSH's format.
        within: limits of one try.
    """

    key: str = field(repr=False)
    within: Patience = Patience()

    @contextmanager
    def connected(self, receiver: Receiver) -> Iterator["Session"]:
        """Sign in to a receiver's server until the block ends.

        Raises:
            HostKeyDiffers: the server's key is not the pinned one.
            Refused: the server refused our key.
            NotSent: anything else; a later try may succeed.
        """
        with asyncio.Runner() as runner:
            with _translate_errors():
                ssh = runner.run(self._connect(receiver))
            try:
                yield Session(runner, ssh, PurePosixPath(receiver.folder), self.within)
            finally:
                # Closing would wait for the server, which may be what hangs.
                ssh.abort()
                runner.run(asyncio.sleep(0))  # The socket closes in the loop's next iteration.

    async def _connect(self, receiver: Receiver) -> asyncssh.SSHClientConnection:
        pinned = asyncssh.import_public_key(receiver.host_key)
        return await asyncssh.connect(
            receiver.host,
            receiver.port,
            username=receiver.user,
            client_keys=[asyncssh.import_private_key(self.key)],
            # Only the pinned key: not this machine's known hosts, configuration or agent.
            known_hosts=([pinned], [], []),
            config=None,
            agent_path=None,
            password=None,
            connect_timeout=self.within.connect,
            login_timeout=self.within.connect,
        )


@dataclass(frozen=True)
class Session:
    """A server that we are signed in to."""

    runner: asyncio.Runner
    ssh: asyncssh.SSHClientConnection
    folder: PurePosixPath
    within: Patience

    def send(self, file: Path, *, name: str) -> None:
        """Put a file into the receiver's folder, in place of one with its name.

        Raises:
            Refused: the server refused the folder or the file.
            NotSent: anything else; a later try may succeed, with a new session.
        """
        with _translate_errors():
            self.runner.run(self._send(file, str(self.folder / name)))

    async def _send(self, file: Path, target: str) -> None:
        size = file.stat().st_size
        # Not a cancellation: the library would still wait for the server to close the file.
        giving_up = asyncio.get_running_loop().call_later(self.within.whole, self.ssh.abort)
        try:
            async with self.ssh.start_sftp_client() as server:
                await server.put(str(file), target + PART_SUFFIX)
                arrived = await server.getsize(target + PART_SUFFIX)
                if arrived != size:
                    raise NotSent(f"the server has {arrived} bytes of {size}")
                await _rename(server, target)
        finally:
            giving_up.cancel()


async def _rename(server: asyncssh.SFTPClient, target: str) -> None:
    """Rename a file in place of any with that name; without OpenSSH's rename, delete the old one first."""
    try:
        await server.posix_rename(target + PART_SUFFIX, target)
    except asyncssh.SFTPOpUnsupported:
        if await server.exists(target):
            await server.remove(target)
        await server.rename(target + PART_SUFFIX, target)


def parse_host_key(text: str) -> asyncssh.SSHKey:
    """Parse the key of a server that an operator was given.

    Raises:
        InvalidHostKey: the text is not a public key.
    """
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError as error:
        raise InvalidHostKey("The host key is not a public key such as ssh-ed25519 AAAA….") from error


def check_host(host: str, port: int, *, host_key: str, within: Patience = Patience()) -> None:
    """Compare a server's key with the one that an operator was given, without signing in.

    Raises:
        InvalidHostKey: the given text is not a public key.
        HostKeyDiffers: the server shows another key.
        NotSent: the server cannot be reached.
    """
    given = parse_host_key(host_key)
    algorithms = [name.decode() for name in given.sig_algorithms]
    with _translate_errors():
        try:
            shown = asyncio.run(_shown_key(host, port, algorithms=algorithms, within=within))
        except asyncssh.DisconnectError:
            # The server has no key of this kind: show the operator the one that it has.
            shown = asyncio.run(_shown_key(host, port, algorithms=(), within=within))
    if shown is None or shown.public_data != given.public_data:
        raise HostKeyDiffers(
            f"The server's key is {_described(shown)}; the given one is {_described(given)}."
        )


async def _shown_key(
    host: str, port: int, *, algorithms: Sequence[str], within: Patience
) -> asyncssh.SSHKey | None:
    """Return the key that a server shows for these algorithms; if none is named, the key that it prefers."""
    async with asyncio.timeout(within.connect):
        return await asyncssh.get_server_host_key(host, port, server_host_key_algs=algorithms, config=None)


def _described(key: asyncssh.SSHKey | None) -> str:
    return f"{key.get_algorithm()} {key.get_fingerprint()}" if key else "unknown"


def private_key(seed: bytes) -> str:
    """Return our private key in OpenSSH's format, from 32 bytes that nobody else knows."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def public_key(seed: bytes) -> str:
    """Return our public key, which customers authorise: `ssh-ed25519 AAAA…`."""
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        raise HostKeyDiffers("the server has another host key than the one that was checked") from error
    except asyncssh.PermissionDenied as error:
        raise Refused("the server refused our key or user") from error
    except (asyncssh.SFTPPermissionDenied, asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
        raise Refused(f"the server refused the folder or file: {type(error).__name__}") from error
    except asyncssh.KeyImportError as error:
        raise NotSent("our key or the pinned host key cannot be read") from error
    except (TimeoutError, OSError, UnicodeError, asyncssh.Error) as error:
        raise NotSent(f"the server did not take the file: {type(error).__name__}") from error
