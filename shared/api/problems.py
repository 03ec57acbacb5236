"""Problems as answers: application/problem+json (RFC 9457) with stable codes.

`CODES` is the list of everything that can go wrong for a caller. The gateway's
policies answer in the same shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar, overload

from shared.api import models

MEDIA_TYPE = "application/problem+json"

First = TypeVar("First")
Second = TypeVar("Second")
Third = TypeVar("Third")


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one parameter.

    Attributes:
        parameter: the name as the caller wrote it.
        code: stable, for programs.
        message: what is wrong.
        hint: what to write instead.
    """

    parameter: str
    code: str
    message: str
    hint: str

    def __post_init__(self) -> None:
        """Check that the code is documented: callers are promised that there are no others."""
        if self.code not in FAULTS:
            raise AssertionError(f"the fault '{self.code}' is not among FAULTS")


class InvalidRequest(Exception):
    """A request has faults; all of them are named."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(", ".join(f"{fault.parameter}: {fault.code}" for fault in faults))
        self.faults = faults


class Refused(Exception):
    """A request is refused with one of `CODES`."""

    def __init__(self, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


@overload
def together(first: Callable[[], First], second: Callable[[], Second], /) -> tuple[First, Second]: ...


@overload
def together(
    first: Callable[[], First], second: Callable[[], Second], third: Callable[[], Third], /
) -> tuple[First, Second, Third]: ...


def together(*reads: Callable[[], object]) -> tuple[object, ...]:
    """Return what some parts of a request hold: path, query, headers and body.

    Raises:
        InvalidRequest: parts have faults; those of all parts are named.
        Refused: a part is refused as a whole, and no other has faults.
    """
    values: list[object] = []
    faults: list[Fault] = []
    refusals: list[Refused] = []
    for read in reads:
        try:
            values.append(read())
        except InvalidRequest as error:
            faults += error.faults
        except Refused as error:
            refusals.append(error)
    if faults:
        raise InvalidRequest(faults)
    if refusals:
        raise refusals[0]
    return tuple(values)


@dataclass(frozen=True)
class Problem:
    """The body and headers of a failed request's response."""

    code: str
    detail: str
    faults: list[Fault] = field(default_factory=list)
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return CODES[self.code].status

    def body(self, *, instance: str, request_id: str) -> bytes:
        """Return the problem as JSON; `instance` is the requested path."""
        known = CODES[self.code]
        content: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": known.title,
            "status": known.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "requestId": request_id,
            **self.members,
        }
        if self.faults:
            content["errors"] = [asdict(fault) for fault in self.faults]
        written = models.Problem.model_validate(content)
        return written.model_dump_json(by_alias=True, exclude_unset=True).encode()


@dataclass(frozen=True)
class Code:
    """A kind of problem: its status and its title."""

    status: int
    title: str


CODES = {
    "invalid-parameter": Code(400, "The request has invalid parameters."),
    "not-json": Code(400, "The body is not JSON."),
    "too-large-for-one-answer": Code(400, "The answer is too large to be returned at once."),
    "not-from-gateway": Code(401, "The request did not come through the gateway."),
    "unknown-caller": Code(401, "The gateway did not identify the caller."),
    "no-access": Code(403, "You have no access to any metering point."),
    "persons-only": Code(403, "Only persons may read this."),
    "not-found": Code(404, "The resource does not exist, or you may not read it."),
    "unknown-path": Code(404, "Unknown path"),
    "method-not-allowed": Code(405, "Method not allowed"),
    "not-acceptable": Code(406, "The response is not available in the requested format."),
    "idempotency-conflict": Code(409, "The idempotency key belongs to another request."),
    "too-many-webhooks": Code(409, "You have the maximum number of webhooks."),
    "webhook-not-active": Code(409, "The webhook is not active."),
    "gone": Code(410, "The files are no longer kept."),
    "body-too-large": Code(413, "The body is too large."),
    "unsupported-media-type": Code(415, "The body is not sent as JSON."),
    "sent-for-one-customer": Code(409, "The feed is sent by SFTP, so its customer cannot be changed."),
    "feed-being-deleted": Code(409, "An earlier feed with this id is still being deleted."),
    "run-not-ready": Code(409, "The run has no files, or they are still being made."),
    "too-many-feeds": Code(409, "You have the maximum number of feeds."),
    "too-many-exports": Code(429, "You have too many unfinished exports."),
    "internal-error": Code(500, "Something is wrong on our side."),
    "cursors-not-configured": Code(503, "The service has no key for its cursors."),
    "gateway-not-configured": Code(503, "The service has no gateway configured."),
    "access-unavailable": Code(503, "Access cannot be looked up now."),
    "access-too-old": Code(503, "Access has not been confirmed recently."),
    "outbox-not-configured": Code(503, "The service has no storage for files and webhooks."),
    "queues-unavailable": Code(503, "Work cannot be queued now."),
    "files-unavailable": Code(503, "Files cannot be made or fetched now."),
    "warehouse-unavailable": Code(503, "Metering data cannot be read now."),
}
"""Every code that the function app answers with."""

FAULTS = frozenset(
    {
        "date-and-range",
        "finer-than-stored",
        "given-twice",
        "in-the-future",
        "not-a-choice",
        "not-a-cursor-of-this-query",
        "not-a-customer-number",
        "not-a-date",
        "not-a-key",
        "not-a-market-day",
        "not-a-metering-point-id",
        "not-a-public-address",
        "not-a-month",
        "not-a-time",
        "not-as-expected",
        "not-in-format",
        "not-in-range",
        "only-with-csv",
        "required",
        "time-without-offset",
        "to-not-after-from",
        "too-large-for-one-answer",
        "too-many",
        "unknown-parameter",
    }
)
"""Every code of a fault, in `errors` of an invalid request."""
