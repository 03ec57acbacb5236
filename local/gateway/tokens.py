"""Checks a JWT as validate-jwt does, and says in its words why one is refused.

Order of checks: form, signature, lifetime, audience, issuer, required claims. The texts follow
Microsoft.IdentityModel's (IDX numbers); which reason API Management gives for a token that is
not valid yet, or for a scheme other than the required one, is not documented: here JwtInvalid
and TokenNotPresent.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import orjson

from local.gateway.keysets import KeySet, KeySets, KeysUnavailable

_ALGORITHMS = ("RS256", "RS512", "PS256")
"""What the reference lists for keys of an OpenID configuration."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


@dataclass
class TokenRefused(Exception):
    """Why a token is not accepted: a reason of validate-jwt and a text."""

    reason: str
    message: str


@dataclass(frozen=True)
class RequiredClaim:
    """A claim that has to carry all or any of `values`."""

    name: str
    values: tuple[str, ...]
    match_all: bool
    separator: str


@dataclass(frozen=True)
class Expected:
    """What validate-jwt is configured to accept."""

    configurations: tuple[str, ...]
    audiences: tuple[str, ...]
    issuers: tuple[str, ...]
    required_claims: tuple[RequiredClaim, ...]
    expiration_required: bool
    clock_skew: timedelta


def from_header(content: str | None, *, scheme: str) -> str:
    """Return the token in an Authorization header. Raises TokenRefused."""
    given, _, token = (content or "").strip().partition(" ")
    if not token:
        given, token = "", given
    if not token or (scheme and given.lower() != scheme.lower()):
        raise TokenRefused("TokenNotPresent", "JWT not present.")
    return token.strip()


async def validate(token: str, expected: Expected, *, keys: KeySets, now: datetime) -> dict[str, Any]:
    """Return the claims of a token that is as expected. Raises TokenRefused."""
    header = _header(token)
    sets = await _key_sets(expected, header.get("kid"), keys)
    claims = _verified(token, header, sets)
    _check_lifetime(claims, expected, now)
    _check_audience(claims, expected.audiences)
    _check_issuer(claims, (*expected.issuers, *(known.issuer for known in sets)))
    for required in expected.required_claims:
        _check_claim(as_text(claims), required)
    return claims


def as_text(claims: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return claims as policies see them: each a list of text."""
    return {name: [_text(part) for part in _listed(content)] for name, content in claims.items()}


def _listed(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [content]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else orjson.dumps(content).decode()


def _header(token: str) -> dict[str, Any]:
    header, _, _ = _parts(token)
    content = _json_object(header)
    if not isinstance(content.get("kid"), str | None):
        raise TokenRefused("JwtInvalid", "IDX14102: The token's kid is not a string.")
    if "crit" in content:
        # RFC 7515 section 4.1.11: extensions that are not understood make a token invalid.
        raise TokenRefused("JwtInvalid", "IDX14116: The token's header has critical extensions.")
    return content


def _parts(token: str) -> tuple[bytes, bytes, bytes]:
    """Return header, payload and signature, decoded."""
    segments = token.split(".")
    if len(segments) != 3:
        raise TokenRefused(
            "JwtInvalid", "IDX12741: JWT must have three segments (JWS) or five segments (JWE)."
        )
    header, payload, signature = (_decoded(segment) for segment in segments)
    return header, payload, signature


def _decoded(segment: str) -> bytes:
    if not _BASE64URL.fullmatch(segment):
        raise TokenRefused("JwtInvalid", "IDX10400: Unable to decode a segment as Base64url.")
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error as broken:
        raise TokenRefused("JwtInvalid", "IDX10400: Unable to decode a segment as Base64url.") from broken


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as broken:
        raise TokenRefused("JwtInvalid", "IDX14101: Unable to decode a segment as JSON.") from broken
    if not isinstance(found, dict):
        raise TokenRefused("JwtInvalid", "IDX14101: A segment is not a JSON object.")
    return found


async def _key_sets(expected: Expected, key_id: str | None, keys: KeySets) -> list[KeySet]:
    try:
        return [await keys.of(url, key_id=key_id) for url in expected.configurations]
    except KeysUnavailable as unavailable:
        raise TokenRefused("JwtInvalid", f"IDX20803: {unavailable}") from unavailable


def _verified(token: str, header: Mapping[str, Any], sets: list[KeySet]) -> dict[str, Any]:
    name = header.get("alg")
    if name not in _ALGORITHMS:
        raise TokenRefused(
            "TokenSignatureInvalid",
            "IDX10511: Signature validation failed. The algorithm is not one of "
            f"{', '.join(_ALGORITHMS)}. Access denied.",
        )
    _, payload, signature = _parts(token)
    signed = token.rpartition(".")[0].encode()
    # PyJWT's algorithms without its decode: that checks each character of a token in Python, and every
    # claim is checked here in validate-jwt's own order.
    algorithm = jwt.get_algorithm_by_name(name)
    if not any(algorithm.verify(signed, key.key, signature) for key in _candidates(header.get("kid"), sets)):
        raise TokenRefused(
            "TokenSignatureInvalid", "IDX10511: Signature validation failed. Keys tried. Access denied."
        )
    return _json_object(payload)


def _candidates(key_id: str | None, sets: list[KeySet]) -> list[jwt.PyJWK]:
    if key_id is None:
        return [key for known in sets for key in known.keys.values()]
    found = [known.keys[key_id] for known in sets if key_id in known.keys]
    if not found:
        raise TokenRefused(
            "TokenSignatureKeyNotFound",
            "IDX10503: Signature validation failed. The token's kid did not match any of the keys. "
            "Access denied.",
        )
    return found


def _check_lifetime(claims: Mapping[str, Any], expected: Expected, now: datetime) -> None:
    moment, skew = now.timestamp(), expected.clock_skew.total_seconds()
    ends, begins = _number(claims, "exp"), _number(claims, "nbf")
    if ends is None and expected.expiration_required:
        raise TokenRefused(
            "JwtInvalid", "IDX10225: Lifetime validation failed. The token is missing an Expiration Time."
        )
    if begins is not None and begins > moment + skew:
        raise TokenRefused("JwtInvalid", "IDX10222: Lifetime validation failed. The token is not yet valid.")
    if ends is not None and ends <= moment - skew:
        raise TokenRefused(
            "TokenExpired", "IDX10223: Lifetime validation failed. The token is expired. Access denied."
        )


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    content = claims.get(name)
    if content is None:
        return None
    if isinstance(content, bool) or not isinstance(content, int | float):
        raise TokenRefused("JwtInvalid", f"IDX14102: The claim '{name}' is not a number.")
    return float(content)


def _check_audience(claims: Mapping[str, Any], audiences: tuple[str, ...]) -> None:
    if not set(audiences).intersection(as_text(claims).get("aud", [])):
        raise TokenRefused(
            "TokenAudienceNotAllowed",
            "IDX10214: Audience validation failed. The token's audiences did not match. Access denied.",
        )


def _check_issuer(claims: Mapping[str, Any], issuers: tuple[str, ...]) -> None:
    if claims.get("iss") not in issuers:
        raise TokenRefused(
            "TokenIssuerNotAllowed",
            "IDX10205: Issuer validation failed. The token's issuer did not match. Access denied.",
        )


def _check_claim(claims: Mapping[str, list[str]], required: RequiredClaim) -> None:
    if required.name not in claims:
        raise TokenRefused(
            "TokenClaimNotFound",
            f"JWT token is missing the following claims: {required.name}. Access denied.",
        )
    present = claims[required.name]
    if required.separator:
        present = [part for content in present for part in content.split(required.separator)]
    matches = [wanted in present for wanted in required.values]
    if matches and not (all(matches) if required.match_all else any(matches)):
        raise TokenRefused(
            "TokenClaimValueNotAllowed",
            f"Claim {required.name} value of {','.join(present)} is not allowed. Access denied.",
        )
