"""One session: a thread reads what the client sends, so that cancelling is seen while an answer is made."""

import queue
import threading
from typing import Protocol

from tests.doubles.tds import tokens
from tests.doubles.tds.execution import Execution
from tests.doubles.tds.failures import Broken, Cancelled
from tests.doubles.tds.packets import Answer, Channel, Gone, Kind, Message

INTERRUPT_EVERY = 0.02
"""Seconds between two interruptions: one that comes just before a statement begins has no effect."""


class Interruptible(Protocol):
    """What can be interrupted."""

    def interrupt(self) -> None:
        """End what is running."""
        ...


class Session:
    """A session of a client that has signed in."""

    def __init__(self, channel: Channel, *, engine: Interruptible) -> None:
        self._channel = channel
        self._engine = engine
        self._received: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._is_unwanted = threading.Event()
        self._is_attended = threading.Event()
        self._is_over = False

    def serve(self, execution: Execution) -> None:
        """Answer until the client goes."""
        reading = threading.Thread(target=self._read, name="tds-reader", daemon=True)
        reading.start()
        is_cut = False
        try:
            while (message := self._received.get()) is not None and self._answer(message, execution):
                pass
        except Gone:
            pass
        except Broken as broken:
            is_cut = str(broken) == "cut"
        finally:
            self._is_over = True
            self._channel.stop_reading()
            reading.join()
        if is_cut:
            self._channel.cut()

    def until_cancelled(self) -> None:
        """Do nothing until the client wants no more of the answer, or goes.

        Raises:
            Cancelled: in any case.
        """
        self._is_unwanted.wait()
        raise Cancelled

    def _answer(self, message: Message, execution: Execution) -> bool:
        """Answer a message; whether the session goes on."""
        answer = self._channel.answer()
        if message.kind == Kind.ATTENTION:
            self._attend(answer)
            return True
        try:
            goes_on = execution.perform(message, answer)
        except Cancelled:
            if self._received.get() is None:
                return False
            self._attend(answer)
            return True
        answer.end()
        return goes_on

    def _attend(self, answer: Answer) -> None:
        """Report to the client that what it cancelled has ended."""
        self._is_unwanted.clear()
        answer.write(tokens.cancelled())
        answer.end()
        self._is_attended.set()

    def _read(self) -> None:
        try:
            while True:
                message = self._channel.receive()
                if message.kind == Kind.ATTENTION:
                    self._interrupt(message)
                else:
                    self._received.put(message)
        except Gone:
            self._interrupt(None)

    def _interrupt(self, message: Message | None) -> None:
        """Interrupt what is running until the message has been attended to, or the session is over."""
        self._is_attended.clear()
        self._is_unwanted.set()
        self._received.put(message)
        while not self._is_over and not self._is_attended.wait(INTERRUPT_EVERY):
            self._engine.interrupt()
