"""Runs the local stack on Microsoft's host for tests, as `dev.py run --host` starts it."""

import inspect
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from local import demo
from local.ports import Ports, address
from local.stack import greeting
from tests.builders import local_stack
from tests.hosts import microsofts_host

_LINE = re.compile(r"^\w{4}: (\S+)\[\d+\]\r?\n((?: {6}.*\n)*)", re.MULTILINE)
_LAST_LINE_SECONDS = 60
_STRAGGLERS_SECONDS = 1


@dataclass(frozen=True)
class LogLine:
    """A line of the host's log: its category and its text."""

    category: str
    text: str

    @property
    def is_of_the_host(self) -> bool:
        """Whether the host has written it about itself, such as when a timer is due."""
        return self.category.startswith("Host.")


@dataclass(frozen=True)
class DemoStack:
    """A stack that is ready, and a caller at its gateway."""

    ports: Ports
    state: Path
    caller: httpx.Client

    @property
    def log(self) -> Path:
        """The file with the log lines of the host and of the app."""
        return self.state / "logs" / "functionhost.log"

    def get(self, path: str) -> httpx.Response:
        """Return the gateway's answer to the demo vendor."""
        return self.caller.get(f"{address(self.ports.gateway)}{greeting.API}{path}")

    def logged_by(self, act: Callable[[], object], *, last: Callable[[LogLine], bool]) -> list[LogLine]:
        """Return the log lines from an act to the last one that it causes, and those of a second more."""
        before = self.log.stat().st_size
        act()
        deadline = time.monotonic() + _LAST_LINE_SECONDS
        while not any(last(line) for line in self._lines(since=before)) and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(_STRAGGLERS_SECONDS)
        return self._lines(since=before)

    def _lines(self, *, since: int) -> list[LogLine]:
        with self.log.open("rb") as file:
            file.seek(since)
            text = file.read().decode("utf-8", "replace")
        return [LogLine(found[1], inspect.cleandoc(found[2])) for found in _LINE.finditer(text)]


@contextmanager
def running(state: Path, *, python: str) -> Iterator[DemoStack]:
    """Start the stack with two weeks of sample data on Microsoft's host; stops it at the end of the block."""
    host = ("--host", str(microsofts_host.run_script().parent), "--host-python", python)
    with (
        local_stack.running(state, *host, "--sample-days", "14") as stack,
        httpx.Client(trust_env=False, timeout=60, headers=_headers(stack.ports)) as caller,
    ):
        yield DemoStack(stack.ports, state, caller)


def _headers(ports: Ports) -> dict[str, str]:
    answer = httpx.post(greeting.token_url(ports), data=greeting.TOKEN_FORM, trust_env=False, timeout=30)
    return {
        "Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}",
        "Ocp-Apim-Subscription-Key": demo.SUBSCRIPTIONS[0].key,
    }
