"""An API with one export, and the place where its file is: breaks off, knows no ranges, or is wrong."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from metering_api import Client, Credentials, Export

CONTENT = bytes(range(256)) * 4096
NAME = "ex_1_2026-03-01_2026-04-01_1-of-1.csv"


@dataclass
class Place:
    """What the place does with the next requests, and what it was asked.

    Attributes:
        cuts: after how many bytes the next answers break off.
        errors: statuses of the next answers, before any that succeeds.
        seen: method and path of each request, with the range that it asked for.
        headers: of the requests for the file, with names in lower case.
    """

    address: str = ""
    content: bytes = CONTENT
    location: str | None = "/blob/file?sig=secret"
    knows_ranges: bool = True
    status: str = "finished"
    name: str = NAME
    cuts: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def client(self, **given: Any) -> Client:
        """Return a client of it that does not wait."""
        credentials = Credentials("key", f"{self.address}/token", "id", "secret", "scope")
        http = httpx.Client(trust_env=False)
        return Client(f"{self.address}/v1", credentials, sleep=self.slept.append, http=http, **given)

    def export(self) -> dict[str, Any]:
        """Return the export as the API writes it."""
        return {
            "exportId": "ex_1",
            "status": self.status,
            "createdAt": "2026-04-01T12:00:00+02:00",
            "expiresAt": "2026-04-08T12:00:00+02:00",
            "asOf": "2026-04-01T07:00:00+02:00",
            "progress": {"days": 2, "of": 3},
            "changesCursor": "cursor",
            "notFound": [],
            "storedCoarser": [{"meteringPointId": "707057500000000018", "resolution": "PT1H"}],
            "files": [
                {
                    "name": self.name,
                    "bytes": len(CONTENT),
                    "rows": 3,
                    "sha256": hashlib.sha256(CONTENT).hexdigest(),
                    "href": "/v1/exports/ex_1/files/name",
                }
            ],
        }


@contextmanager
def running() -> Iterator[Place]:
    """Yield a place on a socket of its own."""
    place = Place()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            _json(self, 200, {"access_token": "token", "expires_in": 3600})

        def do_GET(self) -> None:
            byte_range = self.headers.get("Range", "")
            place.seen.append(f"{self.path.partition('?')[0]} {byte_range}".strip())
            if self.path.startswith("/blob/"):
                place.headers.append({name.lower(): text for name, text in self.headers.items()})
                _send_file(self, place, byte_range)
            elif self.path.endswith(f"/files/{NAME}") and place.location:
                self.send_response(302)
                self.send_header("Location", place.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                _json(self, 200, place.export())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield place
        finally:
            server.shutdown()
            thread.join()


def _json(handler: BaseHTTPRequestHandler, status: int, content: Any) -> None:
    body = json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _send_file(handler: BaseHTTPRequestHandler, place: Place, byte_range: str) -> None:
    if place.errors:
        _json(handler, place.errors.pop(0), {})
        return
    start = int(byte_range.removeprefix("bytes=").rstrip("-")) if byte_range and place.knows_ranges else 0
    rest = place.content[start:]
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(rest)))
    handler.end_headers()
    if place.cuts:
        handler.wfile.write(rest[: place.cuts.pop(0)])
        handler.close_connection = True
    else:
        handler.wfile.write(rest)


def export(client: Client) -> Export:
    """Return the export of the place."""
    return client.exports.get("ex_1")
