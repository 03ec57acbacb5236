"""Sealed texts: places in answers that callers keep and give back. Only the API can write or read one.

Sealed by AES-SIV (RFC 5297), which is deterministic: the same place gives the same text,
so that equal answers have equal bytes. What was sealed for one question cannot be opened
for another.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from shared.api.problems import Refused

LONGEST = 110
"""Characters of a sealed text at most, so that headers with one stay small."""

_SEALED = re.compile(rf"[A-Za-z0-9_-]{{22,{LONGEST}}}")


class NotSealed(ValueError):
    """A text was not sealed by the API for this question."""


@dataclass(frozen=True)
class Seal:
    """Seals and opens places in the answer to one question.

    Attributes:
        question: a digest of everything that makes the question what it is.
    """

    question: str
    _keys: tuple[AESSIV, ...] = field(repr=False, compare=False)

    def seal(self, content: bytes) -> str:
        """Return the content as opaque text that fits into an address."""
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
        self._keys = tuple(AESSIV(key) for key in keys)

    def of(self, *question: object) -> Seal:
        """Return the seal of a question, named by the values that make it what it is.

        Raises:
            Refused: 503, there is no key.
        """
        if not self._keys:
            raise Refused(
                "cursors-not-configured",
                "The setting SEALING_KEY is missing.",
                headers={"Retry-After": "300"},
            )
        return Seal(hashlib.sha256(repr(question).encode()).hexdigest()[:32], self._keys)


def _decoded(text: str) -> bytes:
    """Return the bytes of a text; each has one text alone."""
    if _SEALED.fullmatch(text):
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except binascii.Error:
            sealed = b""
        if base64.urlsafe_b64encode(sealed).decode().rstrip("=") == text:
            return sealed
    raise NotSealed("This is not a cursor that the API gave.")
