"""When signing keys are fetched: at first, hourly, and for an unknown key id at most every five minutes."""

import asyncio

import httpx
import pytest

from local.gateway.keysets import KeySet, KeySets, KeysUnavailable
from local.identity.keys import KeyRing
from tests.builders.gateway import Clock

CONFIGURATION = "http://identity.example/openid-configuration"
KEYS = "http://identity.example/keys"


class Provider:
    """An identity provider that counts how often its keys are read."""

    def __init__(self) -> None:
        self.ring = KeyRing()
        self.reads = 0
        self.away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            return httpx.Response(503)
        if str(request.url) == CONFIGURATION:
            return httpx.Response(200, json={"issuer": "http://identity.example", "jwks_uri": KEYS})
        self.reads += 1
        return httpx.Response(200, json=self.ring.published(issuer="http://identity.example"))


class Reader:
    """Asks for key sets, with the clock in hand."""

    def __init__(self) -> None:
        self.provider, self.clock = Provider(), Clock()
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.provider))
        self._keys = KeySets(http=http, clock=self.clock)

    def read(self, key_id: str | None = None, *, at_once: int = 1) -> KeySet:
        async def ask() -> list[KeySet]:
            return await asyncio.gather(
                *(self._keys.of(CONFIGURATION, key_id=key_id) for _ in range(at_once))
            )

        return asyncio.run(ask())[0]


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_many_requests_at_the_start_read_the_keys_once(reader: Reader) -> None:
    known = reader.read(reader.provider.ring.current.kid, at_once=50)

    assert set(known.keys) == {reader.provider.ring.current.kid}
    assert reader.provider.reads == 1


def test_keys_are_kept_for_an_hour(reader: Reader) -> None:
    reader.read()
    reader.clock.advance(minutes=59, seconds=59)
    reader.read()
    assert reader.provider.reads == 1

    reader.clock.advance(seconds=1)
    reader.read()
    assert reader.provider.reads == 2


def test_an_unknown_key_id_makes_them_be_read_again_at_once(reader: Reader) -> None:
    reader.read()
    new = reader.provider.ring.rotate().kid

    assert new in reader.read(new).keys
    assert reader.provider.reads == 2


def test_but_not_more_often_than_every_five_minutes(reader: Reader) -> None:
    reader.read()
    for _ in range(20):
        reader.read("invented")
    assert reader.provider.reads == 2

    reader.clock.advance(minutes=4, seconds=59)
    reader.read("invented")
    assert reader.provider.reads == 2

    reader.clock.advance(seconds=1)
    reader.read("invented")
    assert reader.provider.reads == 3


def test_the_last_known_keys_serve_while_the_provider_is_away(reader: Reader) -> None:
    known = reader.read()
    reader.provider.away = True
    reader.clock.advance(hours=2)

    assert reader.read() is known


def test_without_any_keys_nothing_is_answered(reader: Reader) -> None:
    reader.provider.away = True

    with pytest.raises(KeysUnavailable, match="openid-configuration"):
        reader.read()


def test_after_a_failure_it_is_tried_again_after_five_minutes(reader: Reader) -> None:
    reader.provider.away = True
    with pytest.raises(KeysUnavailable):
        reader.read()
    reader.provider.away = False
    with pytest.raises(KeysUnavailable):
        reader.read()

    reader.clock.advance(minutes=5)

    assert reader.provider.ring.current.kid in reader.read().keys
