"""A key that the identity provider begins to use is known to the gateway at the next request."""

from pathlib import Path

from local.identity.keys import SigningKey
from tests.builders import forgery, gateway


def test_a_token_of_a_new_key_passes_and_so_does_one_of_the_old(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path)) as world:
        old = forgery.TOKENS["app"](world.identity)
        world.get()
        world.identity.keys.rotate()
        statuses = [
            world.send(
                "/metering/v1/customers",
                headers=[("Ocp-Apim-Subscription-Key", "key-partner"), ("Authorization", f"Bearer {token}")],
            ).status
            for token in (forgery.TOKENS["app"](world.identity), old)
        ]

    assert statuses == [200, 200]


def test_invented_key_ids_do_not_keep_a_new_key_out_for_longer_than_five_minutes(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path)) as world:
        world.get()
        invented = SigningKey().sign({})
        world.send(
            "/metering/v1/customers",
            headers=[("Ocp-Apim-Subscription-Key", "key-partner"), ("Authorization", f"Bearer {invented}")],
        )
        world.identity.keys.rotate()
        early = world.get()
        world.clock.advance(minutes=5)
        later = world.get()

    assert (early.status, early.code) == (401, "invalid-token")
    assert later.status == 200
