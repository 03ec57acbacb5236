"""The single values of many market days, which hours, quarters and peaks are made from."""

from collections.abc import Callable
from datetime import datetime

from shared.metering import Direction
from shared.readable import Days, Readable
from shared.series import assembly, blocks
from shared.series.blocks import Block, NotWhole
from shared.warehouse import insights
from shared.warehouse.engine import Query, Warehouse
from shared.warehouse.insights import JoinedRow


def by_day(
    warehouse: Warehouse, readable: Readable, *, direction: Direction, days: Days, as_of: datetime
) -> list[Block]:
    """Read blocks whose groups are market days of several metering points."""
    return _read(warehouse, readable, insights.joined_by_day, direction=direction, days=days, as_of=as_of)


def by_month(
    warehouse: Warehouse, readable: Readable, *, direction: Direction, days: Days, as_of: datetime
) -> list[Block]:
    """Read blocks whose groups are market days of one metering point and month."""
    return _read(warehouse, readable, insights.joined_by_month, direction=direction, days=days, as_of=as_of)


def _read(
    warehouse: Warehouse,
    readable: Readable,
    joined: Callable[..., Query[JoinedRow]],
    *,
    direction: Direction,
    days: Days,
    as_of: datetime,
) -> list[Block]:
    """Read the joined days; if some are not whole, read them one by one and leave those out."""
    first, end = days
    try:
        return blocks.blocks(
            warehouse.fetch(joined(readable, direction=direction, first=first, end=end, as_of=as_of))
        )
    except NotWhole:
        rows = warehouse.fetch(
            insights.packed_days(readable, direction=direction, first=first, end=end, as_of=as_of)
        )
        by_metering_point = joined is insights.joined_by_month
        return blocks.blocks(blocks.joined(assembly.sound(rows), by_metering_point=by_metering_point))
