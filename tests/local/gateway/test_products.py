"""Products and subscriptions of the local gateway."""

from pathlib import Path

import pytest

from local.gateway import products
from local.gateway.products import ProductsRefused, Subscriptions
from tests.builders.gateway import ALL_APIS, PARTNER, ROOT, STANDARD


def test_the_deployed_products_are_read_with_their_limits() -> None:
    known = products.read(ROOT / "infra" / "apim" / "products.json")

    assert (known["standard"].calls_per_minute, known["standard"].calls_per_day) == (300, 50_000)
    assert products.placeholders(known["partner"]) == {
        "__calls-per-minute__": "3000",
        "__calls-per-day__": "1000000",
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"products": [{"id": "standard"}]}'])
def test_a_file_that_is_not_complete_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "products.json"
    path.write_text(text)

    with pytest.raises(ProductsRefused, match="cannot be read"):
        products.read(path)


def test_a_subscription_is_found_by_either_of_its_keys() -> None:
    known = Subscriptions((STANDARD, PARTNER, ALL_APIS), products=("standard", "partner"))

    assert known.of("key-standard") is STANDARD
    assert known.of("key-standard-2") is STANDARD
    assert known.of("key-partner") is PARTNER
    assert known.of("key-all") is ALL_APIS
    assert known.of("key") is None
    assert known.of("") is None


def test_a_subscription_of_an_unknown_product_is_refused() -> None:
    with pytest.raises(ProductsRefused, match="'a vendor' is of an unknown product 'partner'"):
        Subscriptions((PARTNER,), products=("standard",))
