"""Azure's public price list, read over HTTP: unit prices by meter and region, without an account."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import httpx

ADDRESS = "https://prices.azure.com/api/retail/prices"
SECONDS = 30.0
PAGES = 50
"""More pages for one meter mean that the filter is wrong."""

RATE_FROM = "gateway-standard-v2"
"""The price that is also read in other currencies. Small prices are rounded up there; this one hardly is."""


class PriceListUnavailable(Exception):
    """The price list did not answer, or its answer is not a price list."""


@dataclass(frozen=True)
class Found:
    """What the list says about a meter: the first tier that costs something, and what is free before it."""

    usd: float
    free: float
    unit: str


@dataclass(frozen=True)
class Refreshed:
    """The file with new prices, and a sentence for each price that was kept as it was."""

    document: Mapping[str, Any]
    changed: Sequence[str]
    kept: Sequence[str]


def refresh(
    document: Mapping[str, Any],
    *,
    region: str,
    today: date,
    address: str = ADDRESS,
    currencies: Sequence[str],
) -> Refreshed:
    """Return the file with the prices of a region and the currencies' rates read again.

    A price whose meter is missing, ambiguous or counted in another unit keeps its value and its date.

    Raises:
        PriceListUnavailable: the list cannot be read.
        KeyError: the file has no list for the region.
    """
    rows, changed, kept = [], [], []
    rates = dict(document["Currencies"])
    with httpx.Client(timeout=SECONDS) as client:
        for row in document["Regions"][region]:
            meter_rows = list(_rows(client, row, address=address, currency="USD"))
            found, problem = chosen(meter_rows, unit=row["PricingUnit"])
            if found is None:
                kept.append(f"{row['Id']}: {problem}")
                rows.append(row)
                continue
            if found.usd != row["ListUnitPrice"]:
                changed.append(f"{row['Id']}: {row['ListUnitPrice']:g} -> {found.usd:g} USD")
            rows.append(_with(row, found, today=today))
            if row["Id"] == RATE_FROM:
                for code in currencies:
                    foreign = list(_rows(client, row, address=address, currency=code))
                    rate, problem = _rate(foreign, found, unit=row["PricingUnit"])
                    if rate is None:
                        kept.append(f"rate of {code}: {problem}")
                    else:
                        rates[code] = _currency(rate, today=today)
    regions = {**document["Regions"], region: rows}
    return Refreshed({**document, "Currencies": rates, "Regions": regions}, changed, kept)


def chosen(rows: Sequence[Mapping[str, Any]], *, unit: str) -> tuple[Found | None, str]:
    """Return the price among the rows of a meter, or why there is none.

    Rows for reservations and for development are not counted; a free tier is a row with the price 0.
    """
    consumed = [row for row in rows if row.get("type") == "Consumption"]
    if not consumed:
        return None, "the list has no such meter"
    units = {row["unitOfMeasure"] for row in consumed}
    if units != {unit}:
        return None, f"the list counts in {', '.join(sorted(units))}, not in {unit}"
    paid = [row for row in consumed if row["retailPrice"] > 0]
    if not paid:
        return None, "the list has it for nothing"
    start = min(row["tierMinimumUnits"] for row in paid)
    prices = {row["retailPrice"] for row in paid if row["tierMinimumUnits"] == start}
    if len(prices) > 1:
        return None, f"several meters match, with the prices {', '.join(map(str, sorted(prices)))}"
    return Found(usd=prices.pop(), free=start, unit=unit), ""


def question(row: Mapping[str, Any]) -> str:
    """Return the filter that asks for one meter."""
    wanted = {
        "serviceName": row["ServiceName"],
        "productName": row["ProductName"],
        "skuName": row["SkuName"],
        "meterName": row["SkuMeter"],
        "armRegionName": row["PriceListRegionId"],
    }
    return " and ".join(
        f"{name} eq '{value.replace(chr(39), chr(39) * 2)}'" for name, value in wanted.items()
    )


def _rows(
    client: httpx.Client, row: Mapping[str, Any], *, address: str, currency: str
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of all pages."""
    parameters: dict[str, str] | None = {"currencyCode": f"'{currency}'", "$filter": question(row)}
    page = address
    for _ in range(PAGES):
        try:
            answer = client.get(page, params=parameters).raise_for_status().json()
            yield from answer["Items"]
            following = answer.get("NextPageLink")
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise PriceListUnavailable(f"The price list did not answer for {row['Id']}: {error}") from error
        if not following:
            return
        if urlsplit(following)[:2] != urlsplit(address)[:2]:
            raise PriceListUnavailable(f"The price list continues on another host: {following}")
        page, parameters = following, None
    raise PriceListUnavailable(f"The price list has more than {PAGES} pages for {row['Id']}.")


def _with(row: Mapping[str, Any], found: Found, *, today: date) -> dict[str, Any]:
    return {
        **row,
        "ListUnitPrice": found.usd,
        "FreeQuantity": found.free * _COUNTED.get(found.unit, 1),
        "PriceRegionId": row["PriceListRegionId"],
        "Confidence": "read",
        "Source": "Azure Retail Prices API",
        "Date": today.isoformat(),
    }


_COUNTED = {"10": 10, "10K": 10_000}
"""How many are in a unit of pricing: the list counts tiers in such units."""


def _rate(foreign: Sequence[Mapping[str, Any]], usd: Found, *, unit: str) -> tuple[float | None, str]:
    found, problem = chosen(foreign, unit=unit)
    return (None, problem) if found is None else (round(found.usd / usd.usd, 4), "")


def _currency(rate: float, *, today: date) -> dict[str, Any]:
    return {
        "PerUSD": rate,
        "Confidence": "read",
        "Source": f"Azure Retail Prices API, from {RATE_FROM} in both currencies",
        "Date": today.isoformat(),
    }
