"""The values of many market days, from which hours, quarters and peaks are calculated."""

from datetime import datetime

from shared.metering import Direction
from shared.readable import Days, Readable
from shared.series import assembly, blocks
from shared.series.blocks import Block, NotWhole
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import insights

AT_ONCE = 5_000
"""Metering points of one statement: their joined quarters of a day stay far below Fabric's 16 MB of text."""


def read(
    warehouse: Warehouse,
    readable: Readable,
    *,
    direction: Direction,
    days: Days,
    as_of: datetime,
    with_ids: bool = False,
) -> list[Block]:
    """Read the joined days; if some are not whole, read them one by one and leave those out."""
    first, end = days
    joined = insights.joined_days_with_ids if with_ids else insights.joined_days
    try:
        rows = warehouse.fetch(joined(readable, direction=direction, first=first, end=end, as_of=as_of))
        return blocks.blocks(rows, with_ids=with_ids)
    except NotWhole:
        found = warehouse.fetch(
            insights.packed_days(readable, direction=direction, first=first, end=end, as_of=as_of)
        )
        return blocks.blocks(blocks.join(assembly.sound(found), with_ids=with_ids), with_ids=with_ids)
