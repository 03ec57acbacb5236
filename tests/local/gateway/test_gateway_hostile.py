"""Whatever is sent: refused in the foreseen way, and nothing outside the API is ever reached."""

import asyncio
import contextlib
from datetime import timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.gateway import operations, tokens
from local.gateway.expressions import ExpressionRefused, compile_expression
from local.gateway.keysets import KeySets
from local.gateway.tokens import Expected, TokenRefused
from tests.builders.gateway import OPENAPI, Clock

API = operations.parse(OPENAPI, name="test")
PATH_PARTS = [
    "/",
    "/",
    "..",
    ".",
    "%2e",
    "%2E%2e",
    "%2F",
    "%5C",
    "\\",
    "a",
    "metering",
    "v1",
    "health",
    "customers",
]
EXPRESSION_PARTS = [
    "context", ".Variables", '["a"]', ".Request", ".Headers", "(", ")", "(string)", "(int)", '"a"', "1",
    "null", " == ", " && ", " ?? ", " ? ", " : ", " + ", "!", "new JObject", ".ContainsKey", "<string>", ",",
    "'c'", "@",
]  # fmt: skip
TOKEN_PARTS = [
    ".",
    "eyJhbGciOiJSUzI1NiJ9",
    "eyJhbGciOiJub25lIn0",
    "W10",
    "bnVsbA",
    "e30",
    "=",
    "",
    "æ",
    "\x00",
    "MQ",
]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PATH_PARTS), max_size=14))
def test_a_path_that_is_matched_stays_within_the_api(parts: list[str]) -> None:
    below = API.below_api("/metering/v1/" + "".join(parts))
    found = API.match("GET", below) if below is not None else None

    if found is None or below is None:
        return
    segments = below.split("/")
    assert len(segments) == len(found.url_template.split("/"))
    assert "\\" not in below
    assert not {".", ".."} & {segment.lower().replace("%2e", ".") for segment in segments}


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(EXPRESSION_PARTS), max_size=12))
def test_an_expression_is_compiled_or_refused_and_nothing_else(parts: list[str]) -> None:
    with contextlib.suppress(ExpressionRefused):
        compile_expression("".join(parts))


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(TOKEN_PARTS), max_size=8).map("".join)))
def test_what_is_no_token_is_refused_with_a_reason(text: str) -> None:
    clock = Clock()
    provider = httpx.MockTransport(
        lambda request: httpx.Response(200, json={"issuer": "i", "jwks_uri": "http://i.example/", "keys": []})
    )
    expected = Expected(("http://i.example/",), ("a",), ("i",), (), True, timedelta(0))

    async def validate() -> None:
        async with httpx.AsyncClient(transport=provider) as http:
            await tokens.validate(text, expected, keys=KeySets(http=http, clock=clock), now=clock())

    with pytest.raises(TokenRefused) as refused:
        asyncio.run(validate())

    assert refused.value.reason
