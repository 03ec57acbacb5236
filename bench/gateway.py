"""What the local gateway adds to a call: `python -m bench.gateway [--calls N] [--megabytes N]`.

Three processes: a backend that answers at once, the identity provider, the gateway with the
deployed policies and limits out of reach. The same client asks the backend directly and through
the gateway, with 1 and with 50 connections; then one large answer is read both ways while the
gateway's memory is watched. Writes a table and `bench/results/gateway.json`.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from rich.console import Console
from rich.table import Table

from bench.apparatus import measuring
from local import demo
from local.stack import clients, free

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 1_000_000
_SMALL = json.dumps({"customers": [{"number": 10_000 + n, "name": "A customer"} for n in range(40)]}).encode()


@dataclass(frozen=True)
class Calls:
    """Milliseconds of many calls of one kind."""

    way: str
    connections: int
    calls: int
    median_ms: float
    p99_ms: float
    calls_per_second: float


@dataclass(frozen=True)
class Stream:
    """One large answer."""

    way: str
    megabytes: int
    seconds: float
    megabytes_per_second: float
    memory_growth_megabytes: float | None


async def backend(scope: Any, _: Any, send: Any) -> None:
    """Answer a small JSON document at once, or as many megabytes as the query asks for."""
    if scope["type"] != "http":
        return
    megabytes = int(scope["query_string"].decode().removeprefix("megabytes=") or 0)
    size = megabytes * MEGABYTE or len(_SMALL)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    chunk = bytes(MEGABYTE // 10)
    for _ in range(megabytes * 10):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if megabytes else _SMALL})


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a Python process for as long as it is needed."""
    running = subprocess.Popen([sys.executable, "-m", *arguments], cwd=ROOT)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(10)


def ready(address: str) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{address}/healthz", timeout=1, trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(f"nobody answers at {address}")


def generous_products(folder: Path) -> Path:
    """Return the deployed products with limits that no measurement reaches."""
    listed = json.loads((ROOT / "infra" / "apim" / "products.json").read_text(encoding="utf-8"))
    for product in listed["products"]:
        product["callsPerMinute"], product["callsPerDay"] = 10**8, 10**9
    path = folder / "products.json"
    path.write_text(json.dumps(listed), encoding="utf-8")
    return path


class Connection:
    """A kept-alive HTTP/1.1 connection that does as little as a client can."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """Send a request, read the whole answer, and return the size of its body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(head.decode(errors="replace"))
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        rest = size
        while rest:
            rest -= len(await self._reader.read(min(rest, 1 << 20)))
        return size

    async def close(self) -> None:
        """End it."""
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Connection]:
    """Yield a connection to a part."""
    host, port = address.removeprefix("http://").split(":")
    connection = Connection(*await asyncio.open_connection(host, int(port), limit=1 << 21))
    try:
        yield connection
    finally:
        await connection.close()


async def measure(way: str, address: str, request: bytes, *, connections: int, calls: int) -> Calls:
    """Measure call after call on each of `connections`."""
    times: list[float] = []

    async def client(count: int) -> None:
        async with connected(address) as connection:
            await connection.ask(request)
            for _ in range(count):
                tick = time.perf_counter()
                await connection.ask(request)
                times.append(time.perf_counter() - tick)

    began = time.perf_counter()
    await asyncio.gather(*(client(calls // connections) for _ in range(connections)))
    took = time.perf_counter() - began
    ordered = sorted(times)
    return Calls(
        way,
        connections,
        len(times),
        round(statistics.median(ordered) * 1000, 3),
        round(ordered[int(len(ordered) * 0.99)] * 1000, 3),
        round(len(times) / took),
    )


async def stream(way: str, address: str, request: bytes, *, megabytes: int, watched: int | None) -> Stream:
    """Read one large answer; `watched` is the process whose memory counts."""
    before = measuring.most_memory_of(watched)
    began = time.perf_counter()
    async with connected(address) as connection:
        await connection.ask(request)
    took = time.perf_counter() - began
    after = measuring.most_memory_of(watched)
    growth = round(after - before, 1) if before is not None and after is not None else None
    return Stream(way, megabytes, round(took, 2), round(megabytes / took), growth)


def request_for(path: str, **headers: str) -> bytes:
    """Return a GET as bytes."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def token_of(identity: str) -> str:
    """Return the demo vendor's access token."""
    return clients.token(f"{identity}/{demo.TENANT_ID}/oauth2/v2.0/token")


async def compare(
    direct: str, through: str, token: str, *, calls: int, megabytes: int, gateway_id: int
) -> tuple[list[Calls], list[Stream]]:
    """Measure both ways, one after the other."""
    credentials = {"Ocp-Apim-Subscription-Key": "demo-key-eos-vendor", "Authorization": f"Bearer {token}"}
    straight = request_for("/v1/customers")
    gated = request_for("/metering/v1/customers", **credentials)
    measured = []
    for connections in (1, 50):
        for way, address, request in (("direct", direct, straight), ("through the gateway", through, gated)):
            measured.append(await measure(way, address, request, connections=connections, calls=calls))
    query = f"?megabytes={megabytes}"
    streams = [
        await stream(
            "direct", direct, request_for(f"/v1/customers{query}"), megabytes=megabytes, watched=None
        ),
        await stream(
            "through the gateway",
            through,
            request_for(f"/metering/v1/customers{query}", **credentials),
            megabytes=megabytes,
            watched=gateway_id,
        ),
    ]
    return measured, streams


def show(measured: list[Calls], streams: list[Stream]) -> None:
    """Print the figures as tables."""
    calls = Table("way", "connections", "median ms", "p99 ms", "calls/s", title="A small answer")
    for each in measured:
        calls.add_row(
            each.way, str(each.connections), str(each.median_ms), str(each.p99_ms), str(each.calls_per_second)
        )
    large = Table("way", "MB", "seconds", "MB/s", "gateway's memory grew by", title="A large answer")
    for answer in streams:
        growth = answer.memory_growth_megabytes
        large.add_row(
            answer.way,
            str(answer.megabytes),
            str(answer.seconds),
            str(answer.megabytes_per_second),
            "" if growth is None else f"{growth} MB",
        )
    Console().print(calls, large)


def main(arguments: list[str] | None = None) -> int:
    """Measure, show, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--calls", type=int, default=3000, help="calls of each kind")
    parser.add_argument("--megabytes", type=int, default=200, help="size of the large answer")
    parser.add_argument("--serve-backend", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve_backend:
        uvicorn.run(
            backend, host="127.0.0.1", port=options.serve_backend, log_level="warning", access_log=False
        )
        return 0
    behind, identity, gate = (f"http://127.0.0.1:{port}" for port in free.numbers(3))
    port = {address: address.rpartition(":")[2] for address in (behind, identity, gate)}
    with (
        tempfile.TemporaryDirectory() as folder,
        process("bench.gateway", "--serve-backend", port[behind]),
        process("local.identity", "--port", port[identity]),
        process(
            "local.gateway", "--port", port[gate], "--backend", behind, "--identity", identity,
            "--products", str(generous_products(Path(folder))),
        ) as gateway,
    ):  # fmt: skip
        for address in (behind, identity, gate):
            ready(address)
        measured, streams = asyncio.run(
            compare(
                behind,
                gate,
                token_of(identity),
                calls=options.calls,
                megabytes=options.megabytes,
                gateway_id=gateway.pid,
            )
        )
    show(measured, streams)
    calls, streamed = [asdict(each) for each in measured], [asdict(each) for each in streams]
    measuring.write("gateway", {"calls": calls, "streams": streamed})
    return 0


if __name__ == "__main__":
    sys.exit(main())
