"""Why a token is refused, in validate-jwt's own reasons and words."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from local import demo
from local.gateway import tokens
from local.gateway.keysets import KeySets
from local.gateway.tokens import Expected, RequiredClaim, TokenRefused
from local.identity.tenant import Identity
from tests.builders.forgery import TOKENS
from tests.builders.gateway import Clock

BASE = "http://identity.example"


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity(base_url=BASE, clock=Clock())


def expected(identity: Identity) -> Expected:
    """Return what api.xml asks for."""
    return Expected(
        configurations=(f"{identity.issuer}/.well-known/openid-configuration",),
        audiences=(demo.AUDIENCE,),
        issuers=(identity.issuer,),
        required_claims=(),
        expiration_required=True,
        clock_skew=timedelta(seconds=60),
    )


def check(token: str, wanted: Expected, identity: Identity) -> dict[str, object]:
    """Validate with keys that come from the identity provider without a network."""

    def provider(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/keys"):
            return httpx.Response(200, json=identity.keys.published(issuer=identity.issuer))
        return httpx.Response(200, json={"issuer": identity.issuer, "jwks_uri": f"{BASE}/keys"})

    async def validate() -> dict[str, object]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(provider)) as http:
            keys = KeySets(http=http, clock=identity.clock)
            return await tokens.validate(token, wanted, keys=keys, now=identity.clock())

    return asyncio.run(validate())


REASONS = {
    "expired": ("TokenExpired", "IDX10223"),
    "valid later": ("JwtInvalid", "IDX10222"),
    "no expiry": ("JwtInvalid", "IDX10225"),
    "expiry as text": ("JwtInvalid", "IDX14102"),
    "other audience": ("TokenAudienceNotAllowed", "IDX10214"),
    "no audience": ("TokenAudienceNotAllowed", "IDX10214"),
    "other issuer": ("TokenIssuerNotAllowed", "IDX10205"),
    "alg none": ("TokenSignatureInvalid", "IDX10511"),
    "HS256 with the public key": ("TokenSignatureInvalid", "IDX10511"),
    "RS256 without signature": ("TokenSignatureInvalid", "IDX10511"),
    "borrowed key id": ("TokenSignatureInvalid", "IDX10511"),
    "altered payload": ("TokenSignatureInvalid", "IDX10511"),
    "unknown key id": ("TokenSignatureKeyNotFound", "IDX10503"),
    "not a token": ("JwtInvalid", "IDX12741"),
    "payload is a list": ("JwtInvalid", "IDX14101"),
}


@pytest.mark.parametrize("name", REASONS)
def test_a_token_is_refused_with_a_reason(identity: Identity, name: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        check(TOKENS[name](identity), expected(identity), identity)

    reason, number = REASONS[name]
    assert refused.value.reason == reason
    assert refused.value.message.startswith(number)


def test_expiry_may_be_optional(identity: Identity) -> None:
    lenient = replace(expected(identity), expiration_required=False)

    assert check(TOKENS["no expiry"](identity), lenient, identity)["iss"] == identity.issuer


def test_the_issuer_of_the_configuration_counts_too(identity: Identity) -> None:
    unnamed = replace(expected(identity), issuers=())

    assert check(TOKENS["app"](identity), unnamed, identity)["ver"] == "2.0"


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (RequiredClaim("roles", (demo.ROLE,), True, ""), None),
        (RequiredClaim("roles", (), True, ""), None),
        (RequiredClaim("roles", (demo.ROLE, "Other.Read"), True, ""), None),
        (RequiredClaim("roles", (demo.ROLE, "Absent"), False, ""), None),
        (RequiredClaim("roles", (demo.ROLE, "Absent"), True, ""), "TokenClaimValueNotAllowed"),
        (RequiredClaim("roles", ("Absent",), False, ""), "TokenClaimValueNotAllowed"),
        (RequiredClaim("groups", ("Any",), False, ""), "TokenClaimNotFound"),
    ],
)
def test_required_claims_are_looked_for(identity: Identity, claim: RequiredClaim, reason: str | None) -> None:
    wanted = replace(expected(identity), required_claims=(claim,))
    token = TOKENS["app, role among others"](identity)

    if reason is None:
        assert check(token, wanted, identity)
        return
    with pytest.raises(TokenRefused) as refused:
        check(token, wanted, identity)
    assert refused.value.reason == reason


def test_a_claim_may_hold_several_values_with_a_separator(identity: Identity) -> None:
    wanted = replace(expected(identity), required_claims=(RequiredClaim("scp", (demo.ROLE,), True, " "),))

    assert check(TOKENS["user, scope among others"](identity), wanted, identity)["scp"]


def test_claims_become_lists_of_text() -> None:
    assert tokens.as_text({"a": "x", "b": ["y", "z"], "c": 7, "d": True, "e": {"f": 1}}) == {
        "a": ["x"],
        "b": ["y", "z"],
        "c": ["7"],
        "d": ["true"],
        "e": ['{"f":1}'],
    }
