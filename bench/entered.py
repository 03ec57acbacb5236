"""What one read request enters of our code: `python3 dev.py bench entered [PATH]`.

Traces one call of the demo world's app after one to warm up: the files, classes, functions and lines of the
deployed code that a newcomer would have to read to follow it. No time is measured.
"""

import argparse
import asyncio
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.apparatus import measuring
from contract import hosting, world
from local import demo, places
from local.azurite import emulator
from local.stack import free, parts
from local.stack.supervision import Supervisor

PATH = "/v1/metering-points/707057500000000018/consumption?date=2026-03-29"
DEPLOYED = (str(places.ROOT / "shared"), str(places.ROOT / "function_app.py"))


@dataclass
class Entered:
    """What was entered: lines by file, functions by file and name, classes by their names."""

    lines: set[tuple[str, int]] = field(default_factory=set)
    functions: set[tuple[str, str]] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)

    @property
    def files(self) -> Counter[str]:
        """Lines by file."""
        return Counter(name for name, _ in self.lines)

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        """Record a call or a line; for `sys.settrace`."""
        name = frame.f_code.co_filename
        kind = type(frame.f_locals.get("self"))
        if kind.__module__.startswith("shared."):  # Also where a dataclass's generated code runs.
            self.classes.add(f"{kind.__module__}.{kind.__qualname__}")
        if not name.startswith(DEPLOYED):
            return None
        short = Path(name).relative_to(places.ROOT).as_posix()
        self.functions.add((short, frame.f_code.co_qualname))
        self.lines.add((short, frame.f_lineno))
        return self.trace


async def ask(app: Any, path: str) -> httpx.Response:
    """Return the answer of the app in this process, as the demo's vendor gets it."""
    headers = {"X-Caller-Type": "app", "X-Caller-Id": demo.VENDOR.client_id}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app.example") as client:
        return await client.get(path, headers=headers)


def entered(path: str) -> Entered:
    """Return what a question enters on its second call."""
    found = Entered()
    endpoints = emulator.Endpoints(*free.numbers(3))
    with tempfile.TemporaryDirectory() as state, Supervisor(state=Path(state)) as supervisor:
        supervisor.start_ready(parts.azurite(endpoints, data=None))
        made = world.open_services(Path(state), table_storage=emulator.connection_string(endpoints))
        host = hosting.host(made, Path(state))
        app = host.asgi(follow_schedules=False)
        asyncio.run(ask(app, path)).raise_for_status()
        host.pool.shutdown()
        threading.settrace(found.trace)  # The next threads of the pool begin with it.
        try:
            again = hosting.host(made, Path(state))
            asyncio.run(ask(again.asgi(follow_schedules=False), path)).raise_for_status()
        finally:
            threading.settrace(None)
        made.warehouse.close()
    return found


def table(found: Entered) -> Table:
    """Return each file with its lines and functions."""
    drawn = Table("file", "lines", "functions")
    for name, lines in sorted(found.files.items()):
        functions = sorted(function for file, function in found.functions if file == name)
        drawn.add_row(name, str(lines), ", ".join(each for each in functions if "<locals>" not in each))
    return drawn


def main() -> None:
    """Trace, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", default=PATH)
    found = entered(parser.parse_args().path)
    console = Console(width=120)
    totals = {
        "files": len(found.files),
        "classes": len(found.classes),
        "functions": len(found.functions),
        "lines": len(found.lines),
    }
    console.print(table(found))
    console.print(", ".join(f"{count} {name}" for name, count in totals.items()))
    measuring.write("entered", totals)


if __name__ == "__main__":
    main()
