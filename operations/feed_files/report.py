"""Reports how a file of the old system differs from what a feed would send."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from rich.console import Console

from operations.feed_files import comparing, old
from operations.feed_files.comparing import Difference, Kind
from operations.feed_files.old_file import Key, OldFile, Unreadable
from shared import foreign, periods
from shared.files import planning, reading
from shared.files.feeds.store import Feed, Split
from shared.files.forms.form import Form
from shared.files.reading import Question
from shared.metering import Direction, Resolution
from shared.periods import Period
from shared.readable import Readable
from shared.series.assembly import Values
from shared.warehouse.engine import Warehouse

SHOWN = 20
"""The most differences of a series that are printed."""
MARGIN = timedelta(hours=2)
"""Values before and after those of the file are read too, to recognise shifted ones."""


def compare(
    content: bytes,
    feed: Feed,
    readable: Readable,
    warehouse: Warehouse,
    *,
    now: datetime,
    out: Console,
    is_part: bool = False,
) -> int:
    """Print how a file differs from what a feed would send, and return the number of faults and differences.

    Args:
        is_part: whether the file has only some series on purpose.

    Raises:
        Unreadable: the file is not what the feed's form says.
    """
    spec = feed.spec
    if spec.customer_number is not None:
        readable = planning.of_customer(readable, spec.customer_number)
    only = spec.directions[0] if len(spec.directions) == 1 else Direction.CONSUMPTION
    found = old.read(content, Form.of_stored(spec.form), direction=only)
    if not found.values:
        raise Unreadable("The file has no values.")
    for fault in found.faults:
        out.print(fault, markup=False)
    lacking = [] if is_part else _lacking(found, feed, readable, warehouse, now=now)
    _print_lacking(lacking, out=out)
    of_feed = {
        key: values
        for key, values in found.values.items()
        if key[1] in spec.directions and readable.only([key[0]]).permissions
    }
    strangers = len(found.values) - len(of_feed)
    differing = _print_series(found, of_feed, _ours(found, readable, warehouse, now=now), out=out)
    count = sum(map(len, of_feed.values()))
    differing += strangers + len(lacking)
    out.print(
        f"{foreign.counted(count, 'values')} compared, {foreign.counted(differing, 'differences')}. "
        f"Sum of the file: {_total(found.values)} kWh.",
        markup=False,
    )
    return differing + len(found.faults)


def _print_lacking(lacking: Sequence[Key], *, out: Console) -> None:
    for point, direction in lacking[:SHOWN]:
        out.print(f"{point} {direction}: the file lacks it.", markup=False)
    if len(lacking) > SHOWN:
        out.print(f"The file lacks {len(lacking) - SHOWN} more.", markup=False)


def _print_series(
    found: OldFile, of_feed: Container[Key], ours: Mapping[Key, comparing.Values], *, out: Console
) -> int:
    """Print the differences of each series of the file, and return how many there are."""
    differing = 0
    for key in sorted(found.values):
        if key in of_feed:
            differing += _print_differences(key, found, ours.get(key, {}), out=out)
        else:
            out.print(f"{key[0]} {key[1]}: the feed does not hold it.", markup=False)
    return differing


def _lacking(
    found: OldFile, feed: Feed, readable: Readable, warehouse: Warehouse, *, now: datetime
) -> list[Key]:
    """Return the series that the feed has in the file's period and the file lacks, in order.

    A file of one metering point lacks all others on purpose, so none are returned for it.
    """
    if feed.spec.split is Split.PER_METERING_POINT:
        return []
    times = [time for values in found.values.values() for time in values]
    period = Period(min(times), max(times) + min(found.steps.values()))
    of_customers = readable
    if feed.spec.split is Split.PER_CUSTOMER:
        of_customers = _of_same_customers(readable, {point for point, _ in found.values})
    permitted = planning.within(of_customers, period)
    question = Question(tuple(sorted(feed.spec.directions)), period, None, now)
    found_by_us = reading.series(
        warehouse, readable=planning.narrow(of_customers, permitted), question=question
    )
    ours = {(each.scope.metering_point_id, each.scope.direction) for each in found_by_us if each.parts}
    return sorted(ours - found.values.keys())


def _of_same_customers(readable: Readable, points: set[str]) -> Readable:
    numbers = {each.customer_number for each in readable.permissions if each.metering_point_id in points}
    same = tuple(each for each in readable.permissions if each.customer_number in numbers)
    return replace(readable, permissions=same)


def _ours(
    found: OldFile, readable: Readable, warehouse: Warehouse, *, now: datetime
) -> dict[Key, dict[datetime, Decimal | None]]:
    """Return our values of the series that the file has."""
    times = [time for values in found.values.values() for time in values]
    period = Period(min(times) - MARGIN, max(times) + MARGIN + timedelta(hours=1))
    ours: dict[Key, dict[datetime, Decimal | None]] = {}
    for step in sorted(set(found.steps.values())):
        resolution = Resolution.PT15M if step < Resolution.PT1H.step else Resolution.PT1H
        keys = [key for key, length in found.steps.items() if length == step]
        permitted = planning.within(readable.only([point for point, _ in keys]), period)
        question = Question(tuple(sorted(Direction)), period, resolution, now)
        for series in reading.series(
            warehouse, readable=planning.narrow(readable, permitted), question=question
        ):
            values = ours.setdefault((series.scope.metering_point_id, series.scope.direction), {})
            for part in series.parts:
                if isinstance(part, Values):
                    values.update(_of_day(part))
    return ours


def _of_day(part: Values) -> dict[datetime, Decimal | None]:
    return {
        part.start + place * part.resolution.step: None if quantity == "null" else Decimal(quantity)
        for place, quantity in enumerate(part.quantities.split(","))
    }


def _print_differences(
    key: Key, found: OldFile, ours: Mapping[datetime, Decimal | None], *, out: Console
) -> int:
    point, direction = key
    differences = comparing.differences(found.values[key], ours, step=found.steps[key])
    for each in differences[:SHOWN]:
        out.print(f"{point} {direction} {_sentence(each)}", markup=False)
    if len(differences) > SHOWN:
        out.print(f"{point} {direction}: {len(differences) - SHOWN} more.", markup=False)
    return len(differences)


def _sentence(each: Difference) -> str:
    start = periods.local_text(each.start)
    if each.kind is Kind.SHIFTED:
        hours = each.shift // timedelta(hours=1)
        until = periods.local_text(each.end)
        late = "late" if hours > 0 else "early"
        return f"{start} to {until}: {each.count} values are {abs(hours)} h too {late}."
    theirs = "nothing" if each.old is None else f"{each.old} kWh"
    ours = "nothing" if each.new is None else f"{each.new} kWh"
    return f"{start}: {each.kind}: {theirs} in the file, {ours} in the feed."


def _total(values: Mapping[Key, Mapping[datetime, Decimal | None]]) -> Decimal:
    return sum((each for series in values.values() for each in series.values() if each), Decimal(0))
