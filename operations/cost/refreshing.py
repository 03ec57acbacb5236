"""`python3 dev.py prices`: how old the unit prices are, and reading them again."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from local import places
from operations.cost import price_list, prices


def main(arguments: Sequence[str]) -> int:
    """List the prices, or refresh them.

    Returns 1 if the file or the price list cannot be read, 3 if some prices were kept.
    """
    made = argparse.ArgumentParser("python3 dev.py prices", description=__doc__)
    made.add_argument("--refresh", action="store_true", help="read Azure's public price list")
    made.add_argument("--region", default="norwayeast")
    made.add_argument("--address", default=price_list.ADDRESS, help="of the price list")
    made.add_argument("--file", type=places.named, default=prices.FILE)
    given = made.parse_args(arguments)
    today = datetime.now(UTC).date()
    try:
        document = prices.read(given.file)
        if not given.refresh:
            for price in prices.of_region(document, given.region).prices.values():
                marks = ", ".join(price.marks(region=given.region, today=today))
                print(
                    f"{price.id:22} {price.usd:>10g} USD / {price.unit:12} {price.read_on} {marks}".rstrip()
                )
            return 0
        prices.of_region(document, given.region)
        done = price_list.refresh(
            document,
            region=given.region,
            today=today,
            address=given.address,
            currencies=tuple(document["Currencies"]),
        )
    except (prices.UnknownPrice, price_list.PriceListUnavailable, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    given.file.write_text(json.dumps(done.document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for line in done.changed:
        print(f"changed  {line}")
    for line in done.kept:
        print(f"kept     {line}")
    print(
        f"{len(done.document['Regions'][given.region]) - len(done.kept)} prices read, {len(done.kept)} kept."
    )
    return 3 if done.kept else 0
