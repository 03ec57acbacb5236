"""Signing keys of the local identity provider: RSA, made at start, published as a JWKS."""

import base64
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

_ALGORITHM = "RS256"


class SigningKey:
    """One RSA key with the id under which its public half is published."""

    def __init__(self) -> None:
        self.kid = uuid4().hex
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a compact JWT with this key's id in its header."""
        return jwt.encode(claims, self.private, algorithm=_ALGORITHM, headers={"kid": self.kid})

    def published(self, *, issuer: str) -> dict[str, Any]:
        """Return the public half as Entra publishes it (RFC 7517, with Entra's `issuer` beside it)."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
            "issuer": issuer,
        }


class KeyRing:
    """The keys that are published now; the newest signs.

    Entra publishes a new key before it retires the old one, so rotation keeps one
    predecessor: tokens signed shortly before stay valid.
    """

    def __init__(self) -> None:
        self._keys = [SigningKey()]

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return self._keys[-1]

    def rotate(self) -> SigningKey:
        """Publish a new signing key and keep its predecessor for verification."""
        self._keys = [self._keys[-1], SigningKey()]
        return self.current

    def published(self, *, issuer: str) -> dict[str, Any]:
        """Return the JWKS document."""
        return {"keys": [key.published(issuer=issuer) for key in self._keys]}


def _base64url(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
