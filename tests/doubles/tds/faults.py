"""Misbehaviour on demand: what goes wrong with which statement, and how often."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tests.doubles.tds.failures import Broken, Failed
from tests.doubles.tds.packets import Answer

What = Literal["error", "hang", "freeze", "trickle", "cut", "end", "whole seconds"]


@dataclass
class Fault:
    """One kind of misbehaviour, for statements that contain `matching`.

    The first `nth - 1` statements that match are spared, the next `times` are hit, and then it is over.

    Attributes:
        what: an error; silence until the client cancels; silence that nothing ends; a row every now and then;
            a connection that breaks in the middle of a row; one that is closed after a row; or times without
            their fraction.
        after_rows: so many rows are sent first.
        number: of the error.
        text: of the error.
        severity: of the error; from 20 on the server closes the connection after it.
        seconds: between two rows that trickle.
    """

    what: What
    matching: str = "SELECT"
    nth: int = 1
    times: int = 1
    after_rows: int = 0
    number: int = 0
    text: str = "as ordered"
    severity: int = 16
    seconds: float = 0.0

    def is_due(self, statement: str) -> bool:
        """Count this statement; return whether the fault applies to it."""
        if self.matching not in statement:
            return False
        self.nth -= 1
        return -self.times < self.nth <= 0


@dataclass
class Denial:
    """The error that the next `times` clients get instead of a session."""

    number: int
    text: str
    times: int = 1


class Faults:
    """What has been ordered, and which statements came. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: list[Fault] = []
        self._denials: list[Denial] = []
        self.statements: list[str] = []
        self.is_silent = False
        """Whether new connections are accepted and never answered."""

    def order(self, *faults: Fault) -> None:
        """Let these go wrong."""
        with self._lock:
            self._ordered += faults

    def deny(self, denial: Denial) -> None:
        """Let nobody in for a while."""
        with self._lock:
            self._denials.append(denial)

    def of(self, statement: str) -> Fault | None:
        """Return what is to go wrong with a statement."""
        with self._lock:
            self.statements.append(statement)
            due = [each for each in self._ordered if each.is_due(statement)]
        return due[0] if due else None

    def denial(self) -> Denial | None:
        """Return the error for a client that signs in, if it is refused."""
        with self._lock:
            for each in self._denials:
                if each.times > 0:
                    each.times -= 1
                    return each
        return None


@dataclass(frozen=True)
class Misbehaviour:
    """What goes wrong with one answer.

    Attributes:
        fault: what was ordered; None for an answer that is well.
        answer: the answer.
        until_cancelled: does nothing until the client wants no more, and raises Cancelled.
        until_gone: does nothing until the client has gone, whatever it sends, and raises Gone.
    """

    fault: Fault | None
    answer: Answer
    until_cancelled: Callable[[], None]
    until_gone: Callable[[], None]

    def before_row(self, number: int, row: bytes) -> None:
        """Do what was ordered when so many rows have been written; `row` is one to break off in."""
        if self.fault is None or self.fault.what == "whole seconds" or number < self.fault.after_rows:
            return
        if self.fault.what == "trickle":
            self.answer.flush()
            time.sleep(self.fault.seconds)
        elif number == self.fault.after_rows:
            self._misbehave(self.fault, row)

    def values(self, row: Sequence[Any]) -> Sequence[Any]:
        """Return the values of a row as the client gets them."""
        if self.fault is None or self.fault.what != "whole seconds":
            return row
        return [each.replace(microsecond=0) if isinstance(each, datetime) else each for each in row]

    def _misbehave(self, fault: Fault, row: bytes) -> None:
        if fault.what == "error":
            raise Failed(fault.number, fault.text, severity=fault.severity)
        self.answer.write(row[: len(row) // 2] if fault.what == "cut" else b"")
        self.answer.flush()
        if fault.what == "hang":
            self.until_cancelled()
        elif fault.what == "freeze":
            self.until_gone()
        raise Broken(fault.what)
