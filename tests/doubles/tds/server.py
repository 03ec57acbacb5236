"""The server: listens on 127.0.0.1, lets clients in, and counts their sessions."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from local import ports
from tests.doubles.tds import encryption, login, tokens
from tests.doubles.tds.engine import Engine
from tests.doubles.tds.execution import Execution
from tests.doubles.tds.faults import Faults, Misbehaviour
from tests.doubles.tds.login import Greeting, Login
from tests.doubles.tds.packets import Answer, Channel, Gone, Kind
from tests.doubles.tds.session import Session

USER, PASSWORD, DATABASE = "sa", "password", "metering"
_LOGIN_FAILED, _NO_SUCH_DATABASE = 18456, 4060


class Server:
    """A TDS server in front of a DuckDB file.

    Args:
        path: the file; it is made when it does not exist.
        port: where to listen; 0 for any that is free.
        certificate: with its key, to encrypt for clients that want it; None to encrypt for nobody.
        token: the access token that opens the door, beside user and password.
    """

    def __init__(
        self, path: Path, *, port: int = 0, certificate: Path | None = None, token: str | None = None
    ) -> None:
        self._encryption = None if certificate is None else encryption.context(certificate)
        self.token = token
        """What opens the door now; may be changed."""
        self.faults = Faults()
        self._database = duckdb.connect(str(path), config={"autoinstall_known_extensions": False})
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._sessions = 0
        self.signed_in = 0
        """How many clients have been let in so far."""
        self._listener: socket.socket | None = None
        self.port = port
        self.appear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address for WAREHOUSE, with user and password."""
        return f"mssql://{USER}:{PASSWORD}@{ports.HOST}:{self.port}/{DATABASE}"

    def settles_at(self, sessions: int, *, patience: float = 30.0) -> bool:
        """Return whether so many clients are signed in, now or soon: an end is noticed later."""
        with self._changed:
            return self._changed.wait_for(lambda: self._sessions == sessions, timeout=patience)

    def appear(self) -> None:
        """Listen, at the same port as ever."""
        listener = socket.create_server((ports.HOST, self.port))
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        self._start(self._accept, listener)

    def vanish(self) -> None:
        """Listen no more, and break off every connection, as a server does that fails over."""
        with self._lock:
            listener, self._listener = self._listener, None
            for each in (*self._connections, *([] if listener is None else [listener])):
                with suppress(OSError):  # The other side may have been quicker.
                    each.shutdown(socket.SHUT_RDWR)
        if listener is not None:
            listener.close()

    def close(self) -> None:
        """End all sessions and close the file."""
        self.vanish()
        for each in self._threads:
            each.join()
        self._database.close()

    def _start(self, target: Callable[[socket.socket], None], connected: socket.socket) -> None:
        thread = threading.Thread(target=target, args=(connected,), name="tds", daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._listener is not listener:
                    connection.close()
                    return
                self._connections.add(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        channel = Channel(connection)
        try:
            if self._admits(channel):
                self._session(channel)
        except Gone:
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _admits(self, channel: Channel) -> bool:
        """Greet a client and check its login; return whether it was let in."""
        while (message := channel.receive()).kind != Kind.LOGIN:
            if self.faults.is_silent:
                channel.receive()  # Nothing comes before the client loses patience and goes.
            self._greet(channel, login.greeting(message.data))
        wanted = login.read(message.data)
        refusal = self._refusal(wanted)
        answer = channel.answer()
        answer.write(refusal + tokens.done(failed=True) if refusal else login.accepted(wanted))
        answer.end()
        channel.packet_size = wanted.packet_size
        return not refusal

    def _greet(self, channel: Channel, greeted: Greeting) -> None:
        wanted = self._encryption if greeted.wants_encryption else None
        answer = channel.answer()
        answer.write(login.greeting_answer(greeted, encrypts=wanted is not None))
        answer.end()
        if wanted is not None:
            channel.encrypt(wanted)

    def _refusal(self, wanted: Login) -> bytes:
        """Return why a client is not let in; empty when it is."""
        denial = self.faults.denial()
        if denial is not None:
            return tokens.error(denial.number, denial.text, severity=14)
        failed = tokens.error(_LOGIN_FAILED, f"Login failed for user '{wanted.user}'.", severity=14)
        known = (USER, PASSWORD, None) if wanted.token is None else ("", "", self.token)
        if (wanted.user, wanted.password, wanted.token) != known:
            return failed
        if wanted.database != DATABASE:
            text = f'Cannot open database "{wanted.database}" requested by the login. The login failed.'
            return tokens.error(_NO_SUCH_DATABASE, text, severity=11) + failed
        return b""

    def _session(self, channel: Channel) -> None:
        with self._changed:
            self.signed_in += 1
            self._sessions += 1
            self._changed.notify_all()
        cursor = self._database.cursor()
        session = Session(channel, engine=cursor)

        def misbehaviour(statement: str, answer: Answer) -> Misbehaviour:
            fault = self.faults.of(statement)
            return Misbehaviour(fault, answer, session.until_cancelled, channel.until_gone)

        try:
            session.serve(Execution(Engine(cursor), misbehaviour=misbehaviour))
        finally:
            cursor.close()
            with self._changed:
                self._sessions -= 1
                self._changed.notify_all()
