"""Secrets of webhooks as they are stored: sealed with a key that is derived from SEALING_KEY.

AES-SIV (RFC 5297) seals them with the webhook as associated data, so that a secret that is copied to the row
of another webhook cannot be opened there.
"""

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"metering: secrets of webhooks"
_KEY_LENGTH = 64


class SealedByAnotherKey(ValueError):
    """A stored secret cannot be opened: it was sealed with a key that the app no longer has."""


class SecretBox:
    """Seals and opens secrets: the first key seals, all of them open."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(AESSIV(_derived(key)) for key in keys)

    @property
    def has_key(self) -> bool:
        """Whether there is a key; without one there are no webhooks."""
        return bool(self._keys)

    def seal(self, secret: str, *, of: tuple[str, str]) -> str:
        """Seal a secret, and return the text to store; `of` is the principal and the id of the webhook."""
        sealed = self._keys[0].encrypt(secret.encode(), [part.encode() for part in of])
        return base64.b64encode(sealed).decode()

    def open(self, stored: str, *, of: tuple[str, str]) -> str:
        """Return the secret of a stored text.

        Raises:
            SealedByAnotherKey: no key opens it, or it is of another webhook.
        """
        try:
            sealed = base64.b64decode(stored, validate=True)
        except binascii.Error:
            sealed = b""
        for key in self._keys:
            try:
                return key.decrypt(sealed, [part.encode() for part in of]).decode()
            except (InvalidTag, ValueError):
                continue
        raise SealedByAnotherKey(
            "its secret cannot be opened with SEALING_KEY or SEALING_KEY_PREVIOUS, so its notices are not "
            "sent. Set the key that sealed it as SEALING_KEY_PREVIOUS; if that key is lost, the caller sends "
            "POST /webhooks/{webhookId}/secret and uses the new one"
        )

    def is_sealed_with_first_key(self, stored: str, *, of: tuple[str, str]) -> bool:
        """Return whether a stored text was sealed with the current key; if not, it must be sealed again."""
        return stored == self.seal(self.open(stored, of=of), of=of)


def _derived(key: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=_KEY_LENGTH, salt=None, info=_PURPOSE).derive(key)
