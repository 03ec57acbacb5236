"""The endpoint of a managed identity, as App Service has it, on a real socket."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LONG = 2_000
"""Characters; tokens of Entra are about so long."""


@dataclass
class Identity:
    """The endpoint of a managed identity as App Service has it."""

    token: str = "a" * LONG
    lives_seconds: float = 86_400.0
    requests: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, query: str) -> bytes:
        self.requests.append(parse_qs(query))
        expires_on = str(int(time.time() + self.lives_seconds))
        return json.dumps(
            {"access_token": self.token, "expires_on": expires_on, "token_type": "Bearer", "resource": "-"}
        ).encode()


@contextmanager
def serving(identity: Identity) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = identity.answer(urlsplit(self.path).query)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/token"
        finally:
            server.shutdown()
            thread.join()
