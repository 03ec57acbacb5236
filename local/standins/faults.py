"""Misbehaviour on demand: what goes wrong with which request, and how often."""

import asyncio
import fnmatch
import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.standins import severa
from local.standins.data import InvalidData, Record

KINDS = {
    "answer": "gives `status`, `headers` and `body` instead of the real answer",
    "throttle": "answers 429 in plain text, without Retry-After unless it is among `headers`",
    "addon-missing": "answers 403 AddonMissing",
    "scope-missing": "answers 403 InsufficientApiScope",
    "slow": "answers after `seconds`",
    "cut": "closes the connection in the middle of the real answer",
    "truncate": "gives only the first `rows` of the real answer's list",
    "same-token": "gives the same page token as ever",
    "change": "adds and removes records (`add`, `remove`: by list) before the real answer",
    "end-tokens": "ends every token of Severa before the real answer",
}

_ANSWERS: dict[str, tuple[int, object]] = {
    "throttle": (429, f"API calls quota exceeded! maximum admitted {severa.PER_SECOND} per 1s."),
    "addon-missing": (403, severa.error_body(status=403, kind="AddonMissing", message="Addon required")),
    "scope-missing": (
        403,
        severa.error_body(status=403, kind="InsufficientApiScope", message="A scope is needed."),
    ),
}


@dataclass
class Fault:
    """One kind of misbehaviour for requests to `path` (`*` stands for anything).

    The first `nth - 1` requests that match are spared, the next `times` are hit, and then it is over.
    """

    kind: str
    path: str = "*"
    nth: int = 1
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = ""
    seconds: float = 0.0
    rows: int = 0
    add: dict[str, list[Record]] = field(default_factory=dict)
    remove: dict[str, list[str]] = field(default_factory=dict)

    def is_due(self, path: str) -> bool:
        """Count this request; return whether the fault applies to it."""
        if not fnmatch.fnmatchcase(path, self.path):
            return False
        self.nth -= 1
        return -self.times < self.nth <= 0


def parse(body: object) -> Fault:
    """Return a fault from JSON.

    Raises:
        InvalidData: for unknown kinds and fields.
    """
    if not isinstance(body, dict) or body.get("kind") not in KINDS:
        raise InvalidData(f"'kind' must be one of {', '.join(KINDS)}.")
    known = {each.name for each in fields(Fault)}
    if unknown := sorted(set(body) - known):
        raise InvalidData(f"Unknown: {', '.join(unknown)}. Known fields are {', '.join(sorted(known))}.")
    return Fault(**body)


@dataclass
class _Answer:
    """A whole answer, taken before it goes out."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        """Keep all messages, as an ASGI `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")

    def replace_body(self, content: object) -> None:
        """Replace the body by a text, or by anything else as JSON."""
        self.body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.headers["content-length"] = str(len(self.body))

    async def send(self, send: Send, *, share: float = 1.0) -> None:
        """Send the first `share` of it; without the rest the server closes the connection."""
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        part = self.body[: int(len(self.body) * share)]
        await send({"type": "http.response.body", "body": part, "more_body": share < 1})


class Faults:
    """Wraps the stand-ins, and does to their answers what was ordered."""

    def __init__(self, app: ASGIApp, *, severa: Callable[[], severa.Severa]) -> None:
        self._app = app
        self._severa = severa
        self.ordered: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        due = [each for each in self.ordered if each.is_due(scope.get("path", ""))]
        if not due:
            await self._app(scope, receive, send)
            return
        fault = due[0]
        self._prepare(fault)
        await asyncio.sleep(fault.seconds)
        answer = _Answer()
        if fault.kind == "answer" or fault.kind in _ANSWERS:
            _answer_instead(answer, fault)
        else:
            await self._app(scope, receive, answer.take)
            _spoil(answer, fault)
        await answer.send(send, share=0.5 if fault.kind == "cut" else 1.0)

    def _prepare(self, fault: Fault) -> None:
        if fault.kind == "end-tokens":
            self._severa().end_tokens()
        data = self._severa().data
        for name, guids in fault.remove.items():
            data[name] = [row for row in data[name] if row["guid"] not in guids]
        for name, rows in fault.add.items():
            data[name] = [*rows, *data[name]]


def _answer_instead(answer: _Answer, fault: Fault) -> None:
    answer.status, content = _ANSWERS.get(fault.kind, (fault.status, fault.body))
    answer.headers = dict(fault.headers)
    answer.replace_body(content)


def _spoil(answer: _Answer, fault: Fault) -> None:
    if fault.kind == "truncate":
        answer.replace_body(json.loads(answer.body)[: fault.rows])
    if fault.kind == "same-token":
        # The token of the first page: it stands for a place before every guid.
        answer.headers["nextpagetoken"] = "IA=="
