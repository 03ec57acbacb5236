"""Query parameters, read with all faults collected; and the seals of cursors.

A cursor is a place in an answer, which callers send back as a parameter. Only the API can write or read one:
it is sealed by AES-SIV (RFC 5297), which is deterministic, so that equal answers have equal bytes. A cursor
that was sealed for one question cannot be opened for another.
"""

import base64
import binascii
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from shared import foreign, metering, periods
from shared.api.problems import Fault, InvalidRequest, Refused
from shared.metering import MeteringPointId

Value = TypeVar("Value")

CHOSEN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""An id that a caller chooses, in lower case: of a feed or of a webhook."""

LONGEST = 110
"""The most characters of a sealed text, so that headers with one stay small."""

_SEALED = re.compile(rf"[A-Za-z0-9_-]{{22,{LONGEST}}}")

# A plus sign that was not escaped arrives as a space: "…T00:00:00 01:00" can only have meant "+01:00".
_LOST_PLUS = re.compile(r"(:[0-9]{2}(?:[.,][0-9]+)?) ([0-9]{2}(?::?[0-9]{2})?)$")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")
_SEVERAL_IDS = re.compile(rf"\s*[0-9]{{{metering.GSRN_LENGTH}}}[,;\s]+[0-9]{{{metering.GSRN_LENGTH}}}")


def of_url(url: str) -> dict[str, list[str]]:
    """Return the query parameters by name, each with all its values in order.

    The worker's own dictionary of parameters keeps only one value of a repeated parameter.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        found[name].append(value)
    return dict(found)


class Parameters:
    """The parameters of one request. Read each by name, then call `done`."""

    def __init__(self, given: Mapping[str, Sequence[str]]) -> None:
        self._given = given
        self._read: set[str] = set()
        self.faults: list[Fault] = []

    def text(self, name: str) -> str | None:
        """Return the text of a parameter that may be given once; None when absent."""
        self._read.add(name)
        values = self._given.get(name, ())
        if len(values) > 1:
            self.fault(name, "given-twice", f"'{name}' is given {len(values)} times.", f"Give '{name}' once.")
        return values[0] if values else None

    def count(self, name: str) -> int:
        """Return how often the caller gave the parameter."""
        return len(self._given.get(name, ()))

    def is_given(self, name: str) -> bool:
        """Return whether the caller gave the parameter, faulty or not."""
        return name in self._given

    def moment(self, name: str) -> datetime | None:
        """Return an instant from a market day or a time with offset; None when absent or faulty."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return periods.parse_moment(_LOST_PLUS.sub(r"\1+\2", text))
        except periods.InvalidMoment as error:
            self.fault(name, *no_moment(error))
            return None

    def day(self, name: str) -> date | None:
        """Return a market day; None when absent or faulty."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return periods.parse_calendar_day(text)
        except periods.InvalidMoment as error:
            self.fault(name, "not-a-date", str(error), "Write a market day such as 2026-03-29.")
            return None

    def choice(self, name: str, among: Mapping[str, Value]) -> Value | None:
        """Return the value of one of a few words; None when absent or faulty."""
        text = self.text(name)
        if text is None:
            return None
        if text not in among:
            message = f"'{name}' cannot be '{foreign.shown(text)}'."
            self.fault(name, "not-a-choice", message, f"Use one of {', '.join(among)}.")
        return among.get(text)

    def whole_number(self, name: str, *, default: int, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included; `default` when absent or faulty."""
        text = self.text(name)
        if text is None:
            return default
        if _WHOLE_NUMBER.fullmatch(text) and len(text) <= len(str(high)) and low <= int(text) <= high:
            return int(text)
        self.fault(
            name,
            "not-in-range",
            f"'{name}' cannot be '{foreign.shown(text)}'.",
            f"Use a whole number from {low} to {high}.",
        )
        return default

    def customer_number(self, name: str) -> int | None:
        """Return a customer's number; None when absent or faulty."""
        text = self.text(name)
        return None if text is None else self.number_of_customer(name, text)

    def number_of_customer(self, name: str, text: str) -> int | None:
        """Return one customer's number; None when faulty."""
        if _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        self.fault(
            name,
            "not-a-customer-number",
            f"'{foreign.shown(text)}' is not a customer number.",
            "GET /customers lists the customers that you may read, with their numbers.",
        )
        return None

    def metering_point_ids(self, name: str) -> tuple[MeteringPointId, ...]:
        """Return the metering point ids of a parameter that may be repeated, sorted, each once."""
        self._read.add(name)
        found = {self.metering_point_id(name, text) for text in self._given.get(name, ())}
        return tuple(sorted(each for each in found if each is not None))

    def metering_point_id(self, name: str, text: str) -> MeteringPointId | None:
        """Return one metering point id; None when faulty."""
        try:
            return metering.parse_metering_point_id(text)
        except metering.InvalidMeteringPointId as error:
            several = f"Repeat the parameter: {name}=…&{name}=…"
            self.fault(name, *no_metering_point_id(text, error, several=several))
            return None

    def cursor(self, name: str, read: Callable[[str], Value]) -> Value | None:
        """Return the result of `read` for a cursor; None when absent, or when `read` raises NotSealed."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return read(text)
        except NotSealed as error:
            self.fault(
                name,
                "not-a-cursor-of-this-query",
                str(error),
                "Repeat the parameters of the previous page and send its cursor unchanged, or send none.",
            )
            return None

    def fault(self, name: str, code: str, message: str, hint: str) -> None:
        """Note a fault of the parameter `name`."""
        self.faults.append(Fault(name, code, message, hint))

    def done(self) -> None:
        """Check that there are no faults and no unknown parameters.

        Raises:
            InvalidRequest: there are faults or unknown parameters; all are named.
        """
        known = ", ".join(sorted(self._read))
        hint = f"Known parameters: {known}." if known else "Leave it out: there are no parameters here."
        for name in self._given:
            if name not in self._read:
                message = "This parameter is unknown here."
                self.fault(foreign.shown(name), "unknown-parameter", message, hint)
        if self.faults:
            raise InvalidRequest(self.faults)


def chosen_id(name: str, text: str) -> str:
    """Return an id that a caller chose, from the parameter `name` of a path.

    Raises:
        InvalidRequest: the id is not well formed. Its case matters, unlike that of the rest of a path.
    """
    if CHOSEN_ID.fullmatch(text):
        return text
    message = f"'{foreign.shown(text)}' is not a valid id."
    hint = "Use 1 to 64 lower-case letters, digits and hyphens, not beginning with a hyphen."
    raise InvalidRequest([Fault(name, "not-as-expected", message, hint)])


def no_moment(error: periods.InvalidMoment) -> tuple[str, str, str]:
    """Return code, message and hint of the fault of a time, in a query or in a body."""
    code = "time-without-offset" if isinstance(error, periods.MomentWithoutOffset) else "not-a-time"
    return code, str(error), "Use a market day or a time with an offset from UTC."


def no_metering_point_id(
    text: str, error: metering.InvalidMeteringPointId, *, several: str
) -> tuple[str, str, str]:
    """Return code, message and hint of the fault of an id, in a query or in a body.

    Args:
        several: the hint for a text with more than one id.
    """
    one = "Use the 18 digits of the målepunkt-ID, not the serial number on the meter."
    return (
        "not-a-metering-point-id",
        f"'{foreign.shown(text)}' is not a metering point id: {error}.",
        several if _SEVERAL_IDS.match(text) else one,
    )


class NotSealed(ValueError):
    """A text was not sealed by the API for this question."""


@dataclass(frozen=True)
class Seal:
    """Seals and opens places in the answer to one question.

    Attributes:
        question: a digest of all values that define the question.
        key_digest: of the key that seals. ETags depend on it, since responses hold cursors of that key.
    """

    question: str
    key_digest: str
    _keys: tuple[AESSIV, ...] = field(repr=False, compare=False)

    def seal(self, content: bytes) -> str:
        """Return the content as opaque text that is safe in a URL."""
        sealed = self._keys[0].encrypt(content, [self.question.encode()])
        text = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
        if len(text) > LONGEST:
            raise AssertionError(f"a sealed text of {len(text)} characters")
        return text

    def open(self, text: str) -> bytes:
        """Return what was sealed for this question, with this key or the one before.

        Raises:
            NotSealed: the text is anything else.
        """
        sealed = _decoded(text)
        for key in self._keys:
            try:
                return key.decrypt(sealed, [self.question.encode()])
            except InvalidTag:
                continue
        raise NotSealed("This is not a cursor that the API gave for these parameters.")


class Seals:
    """The keys: the first one seals, all of them open."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        given = list(keys)
        self._keys = tuple(AESSIV(key) for key in given)
        self._key_digest = _digest(given[0]) if given else ""

    def of(self, *question: object) -> Seal:
        """Return the seal of the question that these values define.

        Raises:
            Refused: 503 when there is no key.
        """
        if not self._keys:
            raise Refused(
                "cursors-not-configured",
                "The setting SEALING_KEY is missing.",
                headers={"Retry-After": "300"},
            )
        return Seal(_digest(repr(question).encode()), self._key_digest, self._keys)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _decoded(text: str) -> bytes:
    """Return the bytes of a base64 text, of which only the canonical form is accepted."""
    if _SEALED.fullmatch(text):
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except binascii.Error:
            sealed = b""
        if base64.urlsafe_b64encode(sealed).decode().rstrip("=") == text:
            return sealed
    raise NotSealed("This is not a cursor that the API gave.")
