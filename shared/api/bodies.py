"""Bodies of requests: JSON read into a pydantic model, with all faults reported together.

A fault has the same code as for the query parameter of the same meaning, and names its place in the body:
`from`, `meteringPointIds[3]`, `form.format`.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError

from shared import metering, periods
from shared.api import parameters
from shared.api.problems import FAULTS, Fault, InvalidRequest, Refused
from shared.files.forms import form
from shared.metering import Direction, MeteringPointId

MAX_BYTES = 64 * 1024
"""The gateway refuses a longer body too."""
IDEMPOTENCY_KEY = "Idempotency-Key"

_JSON = re.compile(r"application/json[ \t]*(;.*)?", re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]{1,64}")


Body = form.Strict
"""The base of all bodies."""


class Request(Protocol):
    """The part of an HTTP request that is read here."""

    @property
    def headers(self) -> Any:
        """Headers by name, in lower case or as the host has them."""
        ...

    def get_body(self) -> bytes:
        """Return the body."""
        ...


Model = TypeVar("Model", bound=BaseModel)


def read(req: Request, model: type[Model], *, latest: datetime | None = None) -> Model:
    """Return the body of a request as a value of `model`, whose validators find `latest` in their context.

    A property that is null counts as left out.

    Raises:
        InvalidRequest: the body has faults; all are named.
        Refused: 413 when it is longer than 64 kB, 415 when it is not sent as JSON, 400 when it is not JSON.
    """
    content = req.get_body()
    if len(content) > MAX_BYTES:
        raise Refused("body-too-large", f"The body has more than {MAX_BYTES} bytes.")
    if content and not _JSON.fullmatch(req.headers.get("content-type", "")):
        raise Refused("unsupported-media-type", "Send the body as JSON, with Content-Type: application/json.")
    try:
        given = orjson.dumps(_without_nulls(orjson.loads(content)))
    except orjson.JSONDecodeError:
        raise Refused("not-json", "The body is missing, or is not JSON in UTF-8.") from None
    except (orjson.JSONEncodeError, RecursionError):
        raise Refused("not-json", "The body is nested too deeply.") from None
    try:
        return model.model_validate_json(given, context={"latest": latest})
    except ValidationError as error:
        from shared.api import body_faults  # Imported here, so that an instance starts faster.

        found = error.errors(include_url=False, include_context=True)
        raise InvalidRequest([body_faults.of(each, model) for each in found]) from None


def _without_nulls(value: Any) -> Any:
    """Return a value without the properties that are null: they count as left out."""
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def idempotency_key(req: Request) -> str | None:
    """Return the key by which a repeated request is recognised; None when there is none.

    Raises:
        InvalidRequest: the key is not well formed.
    """
    key: str | None = req.headers.get(IDEMPOTENCY_KEY.lower())
    if key is None or _KEY.fullmatch(key):
        return key
    hint = "Use a new UUID for each new request, and the same one to repeat a request."
    raise InvalidRequest(
        [Fault(IDEMPOTENCY_KEY, "not-a-key", "The key is not 1 to 64 visible characters.", hint)]
    )


def fault(code: str, message: str, hint: str) -> PydanticCustomError:
    """Return the error for a validator of a body to raise; `read` adds the place in the body."""
    if code not in FAULTS:
        raise AssertionError(f"the fault '{code}' is not among FAULTS")
    return form.fault(code, message, hint)


def _moment(text: str) -> datetime:
    try:
        return periods.parse_moment(text)
    except periods.InvalidMoment as error:
        raise fault(*parameters.no_moment(error)) from None


def _metering_point_id(text: str) -> MeteringPointId:
    try:
        return metering.parse_metering_point_id(text)
    except metering.InvalidMeteringPointId as error:
        several = "Give each id as an item of the list."
        raise fault(*parameters.no_metering_point_id(text, error, several=several)) from None


def _each_once(directions: list[Direction]) -> list[Direction]:
    if len(set(directions)) < len(directions):
        raise fault("given-twice", "A direction is given twice.", "Give each direction once.")
    return directions


MomentText = Annotated[str, AfterValidator(lambda text: (_moment(text), text)[1])]
"""A market day or a time with offset, kept as it was written; `moment` reads it."""
MeteringPointIdText = Annotated[
    MeteringPointId, AfterValidator(_metering_point_id), Field(json_schema_extra={"pattern": r"^\d{18}$"})
]
Directions = Annotated[list[Direction], Field(min_length=1, max_length=2), AfterValidator(_each_once)]
CustomerNumber = Annotated[int, Field(ge=0, le=10**18 - 1, json_schema_extra={"format": "int64"})]


def moment(text: str) -> datetime:
    """Return the instant of a `MomentText`."""
    return periods.parse_moment(text)
