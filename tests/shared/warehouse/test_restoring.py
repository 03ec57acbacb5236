"""After a warehouse was restored: the numbers of publications go on where operations.md has them go on."""

import re
from datetime import date

from local import places
from shared.api import feed
from shared.warehouse.engine import Statement
from shared.warehouse.queries import changes
from tests.builders import warehouse as building
from tests.builders.warehouse import HOUSE, Deliverer, values

LAST_TOLD = 40


def documented() -> Statement:
    """The statement that says up to which number publications were given."""
    guide = (places.ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"`(INSERT INTO metering\.publication .*)`", guide)
    # The embedded engine lacks this function, and nothing that is deployed to it asks for the time.
    told = {"<the number>": str(LAST_TOLD), "SYSUTCDATETIME()": "CAST('2026-04-01 07:00:00' AS datetime2(6))"}
    for words, value in told.items():
        assert words in found
        found = found.replace(words, value)
    return Statement(found, (), "restored")


def test_what_is_published_next_is_told_to_who_knows_what_the_warehouse_lost(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, date(2026, 3, 30), ["1"] * 24))
    with deliverer.warehouse.transaction() as session:
        session.run(documented())

    deliverer.deliver(values(HOUSE, date(2026, 3, 31), ["2"] * 24))

    told = deliverer.warehouse.fetch(
        changes(
            building.readable((HOUSE, None, None)), after=feed.first_of(LAST_TOLD + 1), through=99, limit=9
        )
    )
    assert [(each.sequence, each.delivery_date) for each in told] == [(LAST_TOLD + 1, date(2026, 3, 31))]
