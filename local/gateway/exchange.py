"""One request on its way through the gateway: what policies read and change."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.gateway.backends import Answer
from local.gateway.headers import Fields


@dataclass(frozen=True)
class Product:
    """A product as policies see it."""

    id: str
    name: str
    calls_per_minute: int
    calls_per_day: int


@dataclass(frozen=True)
class Subscription:
    """A subscription of a product, or of all APIs. Quota periods count from `started`."""

    id: str
    name: str
    product: str | None
    keys: tuple[str, ...]
    started: datetime


@dataclass(frozen=True)
class Operation:
    """One method on one URL template."""

    id: str
    method: str
    url_template: str


@dataclass(frozen=True)
class Url:
    """A URL as policies see it. `raw_path` keeps the caller's percent-encoding."""

    scheme: str
    host: str
    raw_path: str
    query: Fields

    @property
    def path(self) -> str:
        """The path, still encoded, as context.Request.Url.Path gives it."""
        return self.raw_path


@dataclass
class Request:
    """The request, first as it came, then as policies have changed it."""

    method: str
    original_url: Url
    headers: Fields
    ip_address: str
    query: list[tuple[str, str]]
    """Each query parameter: its name, and `name=value` as the caller encoded it."""
    body: AsyncIterator[bytes] | bytes | None = None
    """Still to come from the caller, or as a policy has set it."""
    is_abandoned: bool = False
    """Whether the caller hung up before its body was complete."""

    async def load_body(self) -> None:
        """Wait for the whole body, for a policy that reads it. Raises ConnectionAbortedError."""
        if self.body is not None and not isinstance(self.body, bytes):
            self.body = b"".join([piece async for piece in self.body])

    def take_body(self) -> bytes | None:
        """Return the body and leave none, as Body.As does; None where Body is null."""
        content, self.body = self.body, None
        return content if isinstance(content, bytes) else None

    def set_body(self, text: str) -> None:
        """Replace the body; it is sent with a length."""
        self.body = text.encode()
        self.headers.delete("Transfer-Encoding")
        self.headers.replace("Content-Length", [str(len(self.body))])


@dataclass
class Response:
    """An answer: its body is bytes, or still to be streamed from the backend."""

    status: int
    headers: Fields = field(default_factory=Fields)
    body: bytes = b""
    stream: Answer | None = None


@dataclass(frozen=True)
class LastError:
    """context.LastError."""

    source: str
    reason: str
    message: str
    scope: str
    section: str
    path: str
    policy_id: str


@dataclass(frozen=True)
class Jwt:
    """A validated token: claims as lists of text, as policies see them."""

    claims: dict[str, list[str]]


@dataclass
class Exchange:
    """What `context` stands for, and what the gateway itself has to remember."""

    request: Request
    request_id: str
    clock: Callable[[], datetime]
    operation: Operation | None = None
    subscription: Subscription | None = None
    product: Product | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    response: Response | None = None
    last_error: LastError | None = None
    api_path: str = ""
    """The part of the path below the API's own, as the caller encoded it, with its leading slash."""
    backend: str = ""
    """Base URL of the service that the request is forwarded to."""
    response_headers: Fields = field(default_factory=Fields)
    """Headers that limits announce before there is an answer to put them on."""
    cors_headers: Fields = field(default_factory=Fields)
    """Headers for the browser, on whatever answer is given."""
    ran: list[list[str]] = field(default_factory=list)
    """For the trace: section, place, policy, what it decided."""

    def decided(self, what: str) -> None:
        """Record in the trace what the current policy has decided."""
        self.ran[-1][3] = what
