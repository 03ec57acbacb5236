"""Each resource that Bicep makes has a price, or is free for a reason; and each price has its resource."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from operations.cost import prices
from operations.cost.prices import Resource
from tests.builders.bicep import Snapshot

DOCUMENT = prices.read()
FREE = dict(prices.free(DOCUMENT))
PRICED = {
    resource
    for region in DOCUMENT["Regions"]
    for price in prices.of_region(DOCUMENT, region).prices.values()
    for resource in price.resources
}
SKU_PARAMETERS = {
    "gatewaySku": "Microsoft.ApiManagement/service",
    "storageSku": "Microsoft.Storage/storageAccounts",
}


def sku_of(resource: Mapping[str, Any]) -> str:
    for holder in (resource, resource.get("properties") or {}):
        if isinstance(holder.get("sku"), Mapping):
            return str(holder["sku"].get("name", ""))
    return ""


def made(snapshots: Mapping[str, Snapshot], template: Mapping[str, Any]) -> Iterator[Resource]:
    """What any deployment makes, and the SKUs that a parameter allows."""
    for snapshot in snapshots.values():
        for resource in snapshot.resources:
            yield Resource(str(resource["type"]), sku_of(resource))
    for parameter, kind in SKU_PARAMETERS.items():
        for sku in template["parameters"][parameter]["allowedValues"]:
            yield Resource(kind, sku)


def fits(priced: Resource, found: Resource) -> bool:
    return priced.type == found.type and fnmatchcase(found.sku, priced.sku)


def unpriced(resources: Iterator[Resource]) -> set[Resource]:
    return {
        found
        for found in resources
        if found.type not in FREE and not any(fits(priced, found) for priced in PRICED)
    }


def test_every_resource_and_sku_has_a_price_or_is_free_for_a_reason(
    snapshots: Mapping[str, Snapshot], compiled: Mapping[str, Any]
) -> None:
    assert unpriced(made(snapshots, compiled)) == set()
    assert all(FREE.values())


def test_every_price_and_every_free_type_has_a_resource(
    snapshots: Mapping[str, Snapshot], compiled: Mapping[str, Any]
) -> None:
    resources = set(made(snapshots, compiled))

    assert {priced for priced in PRICED if not any(fits(priced, found) for found in resources)} == set()
    assert set(FREE) - {found.type for found in resources} == set()


def test_no_type_is_both_priced_and_free() -> None:
    assert {priced.type for priced in PRICED} & set(FREE) == set()


def test_a_price_without_a_resource_says_why_there_is_none() -> None:
    for region in DOCUMENT["Regions"]:
        for price in prices.of_region(DOCUMENT, region).prices.values():
            assert bool(price.resources) != bool(price.not_in_bicep), price.id


def test_a_resource_or_sku_that_nobody_priced_is_found() -> None:
    added = [
        Resource("Microsoft.Cache/redis", "C1"),
        Resource("Microsoft.Storage/storageAccounts", "Premium_LRS"),
        Resource("Microsoft.Fabric/capacities", "F64"),
    ]

    assert unpriced(iter(added)) == set(added[:2])
