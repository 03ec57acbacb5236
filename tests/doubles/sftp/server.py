"""The stand-in of the local stack with faults planted in it, on a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import asyncssh

from local.standins import sftp
from local.standins.sftp import Account

Fault = Literal["none", "fails", "hangs", "refuses", "truncates", "no-posix-rename"]

_HANGS_SECONDS = 3600


@dataclass
class Server:
    """A server that is running; `fault` may be changed while it does."""

    folder: Path
    ours: asyncssh.SSHKey
    """The key pair of the only user, `metering`."""
    host_key: asyncssh.SSHKey
    port: int = 0
    fault: Fault = "none"
    renamed: list[str] = field(default_factory=list)
    """Names that files got when they were complete, each time."""
    connections: int = 0
    open: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    opened: list[IO[bytes]] = field(default_factory=list)
    """Files that sessions opened; a session that was cut off leaves its own open."""

    @property
    def account(self) -> Account:
        """Who is let in now."""
        return Account("metering", self.ours, self.folder)

    def public_host_key(self) -> str:
        """Return what an operator pins."""
        return self.host_key.export_public_key().decode().strip()

    def private_key(self) -> str:
        """Return the key that may sign in."""
        return self.ours.export_private_key().decode()


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Serve a folder until the end of the block."""
    found = Server(
        folder, asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sftp-double")
    thread.start()
    listening = sftp.listen(
        port=0,
        host_key=found.host_key,
        login=lambda: _Login(found),
        session=lambda channel: _Session(channel, found),
    )
    acceptor = asyncio.run_coroutine_threadsafe(listening, loop).result(30)
    found.port = acceptor.get_port()
    try:
        yield found
    finally:
        asyncio.run_coroutine_threadsafe(_close(acceptor, found), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        for file in found.opened:
            file.close()


async def _close(acceptor: asyncssh.SSHAcceptor, found: Server) -> None:
    acceptor.close()
    await acceptor.wait_closed()
    for connection in found.open:  # They outlive the listener.
        connection.abort()
    await asyncio.gather(*(each.wait_closed() for each in found.open), return_exceptions=True)
    mine = asyncio.current_task()
    while others := [task for task in asyncio.all_tasks() if task is not mine]:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.05)  # Sockets close in later turns of the loop.


class _Login(sftp.Login):
    def __init__(self, server: Server) -> None:
        super().__init__(server.account)
        self._server = server
        server.connections += 1

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember it."""
        super().connection_made(conn)
        self._server.open.add(conn)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Refuse the right key, too, where that is the fault."""
        return self._server.fault != "refuses" and super().validate_public_key(username, key)


class _Session(sftp.Session):
    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], server: Server) -> None:
        super().__init__(channel, server.account, arrived=server.renamed.append)
        self._server = server

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        """Open a file, and remember it."""
        file: Any = super().open(path, pflags, attrs)
        self._server.opened.append(file)
        return file

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write what arrives, or less of it."""
        if self._server.fault == "fails":
            raise asyncssh.SFTPFailure("planted")
        if self._server.fault == "hangs":
            await asyncio.sleep(_HANGS_SECONDS)
        kept = data[: len(data) // 2] if self._server.fault == "truncates" else data
        super().write(file_obj, offset, kept)
        return len(data)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename as OpenSSH's server does, unless it has no such extension."""
        if self._server.fault == "no-posix-rename":
            raise asyncssh.SFTPOpUnsupported("planted")
        super().posix_rename(oldpath, newpath)
