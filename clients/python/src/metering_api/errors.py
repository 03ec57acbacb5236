"""What can go wrong with a call, as exceptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class MeteringError(Exception):
    """Any expected failure of this package."""


class NotConfigured(MeteringError):
    """A setting is missing or not usable; the message names it."""


class Unreachable(MeteringError):
    """The API or the token endpoint did not answer, even after the allowed retries."""


class SignInFailed(MeteringError):
    """The token endpoint refused the client id, the secret or the scope."""


class UnexpectedAnswer(MeteringError):
    """An answer is not what the API documents, for example an HTML page of a proxy."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one parameter, or one way to a smaller answer."""

    parameter: str
    code: str
    message: str
    hint: str


class Problem(MeteringError):
    """The API refused a request (RFC 9457).

    Attributes:
        status: the HTTP status.
        code: stable, for programs; listed in the API's documentation.
        detail: what is wrong, for people.
        faults: everything that is wrong with the request's parameters.
        request_id: name it when you report the problem.
        retry_after: seconds to wait before another try, where the API gave them.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str,
        faults: tuple[Fault, ...] = (),
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = faults
        self.request_id = request_id
        self.retry_after = retry_after
        lines = [f"{status} {code}: {detail}"]
        lines += [f"  {each.parameter}: {each.message} {each.hint}".rstrip() for each in faults]
        lines += [f"  request {request_id}"] if request_id else []
        super().__init__("\n".join(lines))

    @property
    def parameter(self) -> str | None:
        """The first parameter that is at fault."""
        return self.faults[0].parameter if self.faults else None

    @property
    def hint(self) -> str | None:
        """What to write instead, for the first parameter that is at fault."""
        return self.faults[0].hint if self.faults else None


class InvalidRequest(Problem):
    """400: parameters, path or body."""


class NotSignedIn(Problem):
    """401: the key or the token is missing or not accepted."""


class NotPermitted(Problem):
    """403: no access to any metering point, no role, or the day's quota is used up."""


class NotFound(Problem):
    """404: unknown, or not yours."""


class Gone(Problem):
    """410: a file that is no longer kept."""


class TooManyRequests(Problem):
    """429, even after the allowed retries."""


class Unavailable(Problem):
    """500, 502, 503 or 504, even after the allowed retries."""


class LeftOut(MeteringError):
    """The answer lacks requested metering points, or days of them.

    Attributes:
        not_found: the metering points that were named and cannot be read: unknown, or not yours.
        stored_coarser: the first 40 metering points with days that are stored coarser than requested.
        stored_coarser_count: how many there are.
    """

    def __init__(
        self,
        *,
        not_found: tuple[str, ...] = (),
        stored_coarser: tuple[str, ...] = (),
        stored_coarser_count: int = 0,
    ) -> None:
        self.not_found = not_found
        self.stored_coarser = stored_coarser
        self.stored_coarser_count = stored_coarser_count
        lines = []
        if not_found:
            lines.append(f"Not found, or not yours: {', '.join(not_found)}. Ask for the others only.")
        if stored_coarser:
            more = stored_coarser_count - len(stored_coarser)
            points = ", ".join(stored_coarser) + (f" and {more} more metering points" if more > 0 else "")
            lines.append(
                f"Days left out, as they are stored coarser than asked for: {points}. "
                "Ask for PT1H or coarser, or leave the resolution out to get what is stored."
            )
        super().__init__("\n".join(lines))


class AccessUnsettled(MeteringError):
    """Access kept changing while history was fetched; run again later, nothing is lost."""


class StoreInUse(MeteringError):
    """Another run is updating the store; run again when it has ended."""


class StoreFailed(MeteringError):
    """The store cannot be read or written now; the next run continues, and nothing is lost."""


class StoreDamaged(MeteringError):
    """The file of the store is damaged, or not a store; delete it, and everything is fetched again."""


class ExportFailed(MeteringError):
    """An export ended without its files; the message has the API's code and detail."""


class DamagedFile(MeteringError):
    """A downloaded file does not have the announced SHA-256."""


class NotFromTheApi(MeteringError):
    """A webhook's signature, time or headers are not as they should be: do not act on it."""


NO_CODE = "unknown"
"""The code of an answer that has none: the API's refusals all have one."""

_BY_STATUS: Mapping[int, type[Problem]] = {
    400: InvalidRequest,
    401: NotSignedIn,
    403: NotPermitted,
    404: NotFound,
    410: Gone,
    429: TooManyRequests,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def problem(status: int, content: Any, *, retry_after: float | None) -> Problem:
    """Return the exception for a refused request; anything missing in its body is left empty."""
    found = content if isinstance(content, dict) else {}
    errors = found.get("errors")
    faults = tuple(
        Fault(*(str(each.get(name, "")) for name in ("parameter", "code", "message", "hint")))
        for each in (errors if isinstance(errors, list) else ())
        if isinstance(each, dict)
    )
    return _BY_STATUS.get(status, Problem)(
        status=status,
        code=str(found.get("code", NO_CODE)),
        detail=str(found.get("detail", "")),
        faults=faults,
        request_id=str(found.get("requestId", "")),
        retry_after=retry_after,
    )
