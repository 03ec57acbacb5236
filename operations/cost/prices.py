"""Unit prices of `infra/prices.json`, with names after FinOps FOCUS, their source and their date."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from local import places

FILE = places.ROOT / "infra" / "prices.json"
OLD = timedelta(days=180)
"""A price that was read longer ago than this is marked in every output."""

HOURS_A_MONTH = 730
_UNITS = {
    "1": 1.0,
    "10": 10.0,
    "10K": 10_000.0,
    "1 Hour": 1.0,
    "1 GB": 1.0,
    "1 GB Second": 1.0,
    "1 GB/Month": 1.0,
    "1/Month": 1.0,
}


_MEMBERS = frozenset({"BillingCurrency", "Currencies", "Free", "Regions"})


class UnknownPrice(Exception):
    """The price, region or currency is not in the file, or the file is not a list of prices."""


@dataclass(frozen=True)
class Resource:
    """A type of resource in Bicep with its SKU; `F*` means every SKU that begins with F."""

    type: str
    sku: str


@dataclass(frozen=True)
class Price:
    """A unit price in USD.

    Attributes:
        unit: as the price list writes it, for example `10K` or `1 Hour`.
        free: how many (not units of pricing) are free each month.
        read_in: the region that the price was read for.
        confidence: `read` from a price list, or `estimate`.
    """

    id: str
    meter: str
    unit: str
    usd: float
    free: float
    read_in: str
    confidence: str
    source: str
    read_on: date
    resources: tuple[Resource, ...]
    not_in_bicep: str | None

    def of(self, quantity: float) -> float:
        """Return what a quantity in a month costs, in USD."""
        return max(0.0, quantity - self.free) / _UNITS[self.unit] * self.usd

    def is_old(self, today: date) -> bool:
        """Return whether it should be read again."""
        return today - self.read_on > OLD

    def marks(self, *, region: str, today: date) -> tuple[str, ...]:
        """Return what a reader must know: an old price, an estimate, or the price of another region."""
        return (
            *((f"old: {(today - self.read_on).days} days",) if self.is_old(today) else ()),
            *(("estimate",) if self.confidence == "estimate" else ()),
            *((f"of {self.read_in}",) if self.read_in not in (region, "Global") else ()),
        )


@dataclass(frozen=True)
class Currency:
    """A currency and its rate. Costs are computed in USD, since prices in other currencies are rounded up."""

    code: str
    per_usd: float
    source: str


@dataclass(frozen=True)
class PriceList:
    """The prices of a region."""

    region: str
    prices: Mapping[str, Price]

    def __getitem__(self, name: str) -> Price:
        """Return the price with an id.

        Raises:
            UnknownPrice: there is none.
        """
        if name not in self.prices:
            raise UnknownPrice(f"infra/prices.json has no price '{name}' for {self.region}.")
        return self.prices[name]


def read(file: Path = FILE) -> dict[str, Any]:
    """Return the file as it is.

    Raises:
        UnknownPrice: it is not a list of prices.
        OSError: it cannot be read.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnknownPrice(f"{file} is not JSON: {error}.") from error
    if not isinstance(document, dict) or not document.keys() >= _MEMBERS:
        raise UnknownPrice(f"{file} is no list of prices; one has the members of infra/prices.json.")
    return document


def of_region(document: Mapping[str, Any], region: str) -> PriceList:
    """Return the prices of a region.

    Raises:
        UnknownPrice: the file has no list for the region.
    """
    if region not in document["Regions"]:
        known = ", ".join(sorted(document["Regions"]))
        raise UnknownPrice(f"infra/prices.json has no list for {region}, only for {known}.")
    return PriceList(region, {row["Id"]: _price(row) for row in document["Regions"][region]})


def currency(document: Mapping[str, Any], code: str) -> Currency:
    """Return a currency.

    Raises:
        UnknownPrice: the file has no rate for it.
    """
    if code == document["BillingCurrency"]:
        return Currency(code, 1.0, "the prices' own currency")
    if code not in document["Currencies"]:
        raise UnknownPrice(f"infra/prices.json has no rate for {code}.")
    row = document["Currencies"][code]
    return Currency(code, row["PerUSD"], f"{row['Confidence']}, {row['Date']}: {row['Source']}")


def free(document: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Return the types of resources without a price, each with the reason."""
    return [(row["Type"], row["Because"]) for row in document["Free"]]


def _price(row: Mapping[str, Any]) -> Price:
    return Price(
        id=row["Id"],
        meter=row["SkuMeter"],
        unit=row["PricingUnit"],
        usd=row["ListUnitPrice"],
        free=row["FreeQuantity"],
        read_in=row["PriceRegionId"],
        confidence=row["Confidence"],
        source=row["Source"],
        read_on=date.fromisoformat(row["Date"]),
        resources=tuple(Resource(each["Type"], each["Sku"]) for each in row.get("Resources", ())),
        not_in_bicep=row.get("NotInBicep"),
    )
