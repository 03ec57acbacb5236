"""Access tokens of every kind that a gateway may be shown, good and bad, by name."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from local import demo
from local.identity import tokens
from local.identity.keys import SigningKey
from local.identity.tenant import Identity

USER = demo.KARI.object_id
APP = demo.VENDOR.client_id


def _app(identity: Identity, **changes: Any) -> dict[str, Any]:
    claims = tokens.for_application(
        demo.VENDOR, audience=demo.AUDIENCE, issuer=identity.issuer, now=identity.clock()
    )
    return _changed(claims, changes)


def _user(identity: Identity, **changes: Any) -> dict[str, Any]:
    claims = tokens.for_user(
        demo.KARI, client_id=APP, scopes=(demo.ROLE,), audience=demo.AUDIENCE, issuer=identity.issuer,
        now=identity.clock(),
    )  # fmt: skip
    return _changed(claims, changes)


def _changed(claims: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a token with these claims instead; None removes one."""
    return {name: value for name, value in (claims | changes).items() if value is not None}


def _at(identity: Identity, **shifts: int) -> dict[str, Any]:
    """Return an application's token whose times are seconds from now."""
    now = int(identity.clock().timestamp())
    return _app(identity, **{name: now + seconds for name, seconds in shifts.items()})


def _encoded(part: dict[str, Any] | bytes) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unsigned(identity: Identity, alg: str) -> str:
    return f"{_encoded({'alg': alg, 'typ': 'JWT'})}.{_encoded(_app(identity))}."


def _signed_with_public_key(identity: Identity) -> str:
    """Sign with HS256 and the published key as its secret: code that trusts the token's `alg` accepts it."""
    key = identity.keys.current
    secret = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{_encoded(_app(identity))}"
    return f"{signed}.{_encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _with_borrowed_key_id(identity: Identity) -> str:
    stranger = SigningKey()
    stranger.kid = identity.keys.current.kid
    return stranger.sign(_app(identity))


def _altered(identity: Identity) -> str:
    """Return a genuine token whose payload was exchanged."""
    header, _, signature = identity.sign(_app(identity)).split(".")
    return f"{header}.{_encoded(_app(identity, azp=demo.BAKERY_APP.client_id))}.{signature}"


TOKENS: dict[str, Callable[[Identity], str]] = {
    "app": lambda i: i.sign(_app(i)),
    "app, role among others": lambda i: i.sign(_app(i, roles=["Other.Read", demo.ROLE])),
    "app, two audiences": lambda i: i.sign(_app(i, aud=["api://other", demo.AUDIENCE])),
    "app, no idtyp": lambda i: i.sign(_app(i, idtyp=None)),
    "app, v1 appid": lambda i: i.sign(_app(i, azp=None, appid=APP)),
    "app, id in capitals": lambda i: i.sign(_app(i, azp=APP.upper())),
    "user": lambda i: i.sign(_user(i)),
    "user, scope among others": lambda i: i.sign(_user(i, scp=f"openid {demo.ROLE} profile")),
    "user, idtyp user": lambda i: i.sign(_user(i, idtyp="user")),
    "user, scope and role": lambda i: i.sign(_user(i, roles=[demo.ROLE])),
    "expired within the skew": lambda i: i.sign(_at(i, exp=-59)),
    "valid soon, within the skew": lambda i: i.sign(_at(i, nbf=60)),
    "key of a token without kid": lambda i: _without_kid(i),
    "expired": lambda i: i.sign(_at(i, exp=-60)),
    "expired long ago": lambda i: i.sign(_at(i, exp=-86_400)),
    "valid later": lambda i: i.sign(_at(i, nbf=120)),
    "no expiry": lambda i: i.sign(_app(i, exp=None)),
    "expiry as text": lambda i: i.sign(_app(i, exp="never")),
    "other audience": lambda i: i.sign(_app(i, aud=demo.OTHER_AUDIENCE)),
    "no audience": lambda i: i.sign(_app(i, aud=None)),
    "other issuer": lambda i: i.sign(_app(i, iss="https://login.example/v2.0")),
    "no issuer": lambda i: i.sign(_app(i, iss=None)),
    "alg none": lambda i: _unsigned(i, "none"),
    "alg None": lambda i: _unsigned(i, "None"),
    "RS256 without signature": lambda i: _unsigned(i, "RS256"),
    "HS256 with the public key": _signed_with_public_key,
    "borrowed key id": _with_borrowed_key_id,
    "unknown key id": lambda i: SigningKey().sign(_app(i)),
    "altered payload": _altered,
    "no role": lambda i: i.sign(_app(i, roles=None)),
    "other role": lambda i: i.sign(_app(i, roles=["Metering.Write"])),
    "role in other case": lambda i: i.sign(_app(i, roles=["metering.read"])),
    "role that only begins alike": lambda i: i.sign(_app(i, roles=["Metering.ReadWrite"])),
    "user without scope": lambda i: i.sign(_user(i, scp="openid profile")),
    "user, scope that only begins alike": lambda i: i.sign(_user(i, scp="Metering.ReadWrite")),
    "user, role but other scope": lambda i: i.sign(_user(i, scp="openid", roles=[demo.ROLE])),
    "app that has a scope too": lambda i: i.sign(_app(i, scp=demo.ROLE)),
    "role, no idtyp, no own subject": lambda i: i.sign(_app(i, idtyp=None, sub="somebody")),
    "role, no idtyp, no ids at all": lambda i: i.sign(_app(i, idtyp=None, sub=None, oid=None)),
    "role, unknown idtyp": lambda i: i.sign(_app(i, idtyp="device")),
    "app without id": lambda i: i.sign(_app(i, azp=None)),
    "app whose id is no GUID": lambda i: i.sign(_app(i, azp="*")),
    "app whose id ends in a line break": lambda i: i.sign(_app(i, azp=f"{APP}\n")),
    "app with two ids": lambda i: i.sign(_app(i, azp=[APP, demo.BAKERY_APP.client_id])),
    "user without id": lambda i: i.sign(_user(i, oid=None)),
    "not a token": lambda _: "nonsense",
    "three empty parts": lambda _: "..",
    "kid is a list": lambda i: _with_header(i, kid=["a"]),
    "critical extension": lambda i: _with_header(i, crit=["b64"], b64=False),
    "padded with signs": lambda i: f"{i.sign(_app(i))}=!",
    "payload is a list": lambda i: _listed_payload(i),
}


def _without_kid(identity: Identity) -> str:
    return jwt.encode(_app(identity), identity.keys.current.private, algorithm="RS256")


def _listed_payload(identity: Identity) -> str:
    key = identity.keys.current
    return jwt.PyJWS().encode(b"[]", key.private, algorithm="RS256", headers={"kid": key.kid})


def _with_header(identity: Identity, **header: Any) -> str:
    """Sign well, under a header with something unusual."""
    key = identity.keys.current
    content = {"alg": "RS256", "typ": "JWT", "kid": key.kid} | header
    signed = f"{_encoded(content)}.{_encoded(_app(identity))}"
    return f"{signed}.{_encoded(key.private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
