"""Many clients at once, through the gateway: `python3 dev.py bench clients [--clients N] [--seconds N]`.

Starts a local stack of its own (state in a temporary folder, free ports), asks a seeded mix of questions
with one client, then with all, and small questions beside very large ones. Every answer is checked against
the one that the same question got alone. A few clients share a key with the limit of product Standard:
they get 429 as planned, and wait for `Retry-After`. Prints ratios and figures, writes
bench/results/clients.json, does the same over Microsoft's Functions host where it is there, and exits
with 1 if anything unexpected came back.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.apparatus import connections, measuring, processes, questions, stacks
from bench.apparatus.connections import BrokenAnswer, Connection
from bench.apparatus.questions import Mix, Question
from bench.apparatus.stacks import Running
from local import tools
from shared.publishing import watermark

LONGEST_ANSWER = 60.0
STAND_IN = "stand-in"
LIMITED_SHARE = 0.1
"""The share of the clients that use the key with a small limit."""
BESIDE = 8
"""How many clients ask small questions beside large answers."""
SHOWN_FAULTS = 10


@dataclass
class Seen:
    """What came back: seconds by kind of question, counts by status, and what was not planned."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    lasted: float = 0.0

    def add(self, kind: str, status: int, seconds: float) -> None:
        """Count a right answer."""
        self.seconds.setdefault(kind, []).append(seconds)
        self.statuses[str(status)] += 1

    @property
    def all(self) -> list[float]:
        """Seconds of every right answer."""
        return [each for kind in self.seconds.values() for each in kind]

    @property
    def per_second(self) -> float:
        """Right answers in a second."""
        return len(self.all) / self.lasted


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="bench clients", description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60, help="of all clients at once")
    parser.add_argument("--metering-points", type=int, default=40, help="stored beside the demo world's")
    parser.add_argument("--days", type=int, default=400, help="stored of each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--host", help="only this Functions host: `stand-in`, a folder with Microsoft's, or `func`"
    )
    arguments = parser.parse_args()
    hosts = _hosts_here() if arguments.host is None else {arguments.host: arguments.host}
    return max(_measure_on(name, host, arguments) for name, host in hosts.items())


def _hosts_here() -> dict[str, str]:
    """Return the stand-in and, where it is installed, Microsoft's host: the stand-in alone flatters."""
    try:
        return {STAND_IN: STAND_IN, "microsofts-host": str(tools.HERE.function_host().run_script.parent)}
    except tools.Missing:
        return {STAND_IN: STAND_IN}


def _measure_on(name: str, host: str, arguments: argparse.Namespace) -> int:
    chosen = None if host == STAND_IN else host
    print(f"The app on {name}:")
    with (
        tempfile.TemporaryDirectory() as folder,
        stacks.running(
            Path(folder), metering_points=arguments.metering_points, days=arguments.days, host=chosen
        ) as stack,
    ):
        found = asyncio.run(measure(stack, arguments))
    show(found)
    measuring.write("clients" if chosen is None else "clients-on-microsofts-host", found)
    return 1 if found["unexpected"] else 0


async def measure(stack: Running, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one client, all clients, and small questions without and with large answers beside them."""
    await asyncio.sleep(watermark.SETTLED_AFTER.total_seconds())  # Then /changes has every publication.
    async with connections.connected(stack.gateway) as connection:
        vendor = await questions.vendor_mix(stack, connection)
        customer = await questions.customer_mix(stack, connection)
        large = await questions.large_mix(stack, connection)
    small = Mix({kind: vendor.weights[kind] for kind in questions.SMALL}, vendor.questions)
    short = max(2.0, arguments.seconds / 6)
    alone = await crowd(stack, [vendor], seconds=short, seed=arguments.seed)
    limited = round(arguments.clients * LIMITED_SHARE)
    mixes = [vendor] * (arguments.clients - limited) + [customer] * limited
    watch = asyncio.create_task(processes.watch(stack.processes, seconds=arguments.seconds))
    everybody = await crowd(stack, mixes, seconds=arguments.seconds, seed=arguments.seed)
    watched = await watch
    calm = await crowd(stack, [small] * BESIDE, seconds=short, seed=arguments.seed)
    beside, heavy = await asyncio.gather(
        crowd(stack, [small] * BESIDE, seconds=short, seed=arguments.seed),
        crowd(stack, [large], seconds=short, seed=arguments.seed),
    )
    phases = {
        "one client": alone,
        f"{arguments.clients} clients": everybody,
        f"small questions of {BESIDE}": calm,
        "the same beside large answers": beside,
        "the large answers": heavy,
    }
    return {
        "phases": {name: summary(seen) for name, seen in phases.items()},
        "kinds": {
            kind: figures(taken) | {"times one client": _times(taken, alone.seconds.get(kind, []))}
            for kind, taken in sorted(everybody.seconds.items())
        },
        "processes": watched,
        "unexpected": [fault for seen in phases.values() for fault in seen.unexpected],
    }


async def crowd(stack: Running, mixes: Sequence[Mix], *, seconds: float, seed: int) -> Seen:
    """Run a client for each mix, all at once, each asking one question after the other."""
    seen, began = Seen(), time.perf_counter()
    clients = (
        client(stack, mix, random.Random(f"{seed}/{number}"), seen, until=began + seconds)
        for number, mix in enumerate(mixes)
    )
    await asyncio.gather(*clients)
    seen.lasted = time.perf_counter() - began
    return seen


async def client(stack: Running, mix: Mix, chance: random.Random, seen: Seen, *, until: float) -> None:
    """Ask as one client over one connection, opened again when it breaks."""
    while time.perf_counter() < until:
        try:
            async with connections.connected(stack.gateway) as connection:
                while time.perf_counter() < until:
                    await answered(connection, mix.draw(chance), seen, until=until)
        except (BrokenAnswer, OSError, TimeoutError) as broken:
            seen.unexpected.append(repr(broken))


async def answered(connection: Connection, question: Question, seen: Seen, *, until: float) -> None:
    """Ask until there is an answer; a 429 is followed by its `Retry-After` and another try."""
    while True:
        began = time.perf_counter()
        async with asyncio.timeout(LONGEST_ANSWER):
            answer = await connection.ask(question.request)
        taken = time.perf_counter() - began
        if answer.status != 429:
            break
        seen.statuses["429 as planned"] += 1
        pause = float(answer.headers["retry-after"])
        if time.perf_counter() + pause >= until:
            return
        await asyncio.sleep(pause)
    fault = question.fault(answer)
    if fault is None:
        seen.add(question.kind, answer.status, taken)
    else:
        seen.unexpected.append(f"{question.kind}: {fault}: {answer.body[:200]!r}")


def summary(seen: Seen) -> dict[str, Any]:
    """Return a phase in figures."""
    return {
        **figures(seen.all),
        "per second": round(seen.per_second, 1),
        "statuses": dict(sorted(seen.statuses.items())),
        "unexpected": len(seen.unexpected),
    }


def figures(seconds: Sequence[float]) -> dict[str, float]:
    """Return the count of answers, and milliseconds."""
    ordered = sorted(seconds) or [0.0]
    return {
        "answers": len(seconds),
        "p50 ms": round(ordered[len(ordered) // 2] * 1000, 1),
        "p99 ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
        "max ms": round(ordered[-1] * 1000, 1),
    }


def _times(taken: Sequence[float], alone: Sequence[float]) -> float | None:
    if not taken or not alone:
        return None
    return round(figures(taken)["p50 ms"] / max(0.1, figures(alone)["p50 ms"]), 1)


def show(found: dict[str, Any]) -> None:
    """Print the ratios first."""
    console = Console(width=120)
    phases = list(found["phases"].values())
    rate, wait = phases[1]["per second"] / phases[0]["per second"], phases[1]["p50 ms"] / phases[0]["p50 ms"]
    held_up = phases[3]["p99 ms"] / phases[2]["p99 ms"]
    console.print(f"All clients together: {rate:.1f} × the answers of one, each after {wait:.0f} × the wait.")
    console.print(f"Small questions beside large answers: p99 {held_up:.1f} × as long as without.")
    console.print(_table("Phases", found["phases"]), _table("Kinds of question, all clients", found["kinds"]))
    console.print(_table("Processes, while all clients ask", found["processes"]))
    console.print(f"Unexpected: {len(found['unexpected'])}")
    for fault in found["unexpected"][:SHOWN_FAULTS]:
        console.print(f"  {fault}", markup=False)


def _table(title: str, rows: dict[str, dict[str, Any]]) -> Table:
    headings = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *headings, title=title)
    for name, row in rows.items():
        table.add_row(name, *(str(row.get(heading, "")) for heading in headings))
    return table


if __name__ == "__main__":
    sys.exit(main())
