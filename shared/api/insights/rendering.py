"""Totals, peaks and completeness written in the requested format."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any

import orjson

from shared import periods
from shared.api.formats import NOTHING_LEFT_OUT, Format, Kind, LeftOut, Rendered
from shared.api.insights import completeness, peaks, totals
from shared.api.insights.requests import InsightRequest
from shared.files.forms import delimited
from shared.files.forms.delimited import Dialect
from shared.files.forms.templates import Times
from shared.series.assembly import kwh
from shared.series.completeness import Period
from shared.series.peaks import Hour, Peaks
from shared.series.totals import Total

LISTED = 20
"""The most metering points that a header lists, since `Link` repeats the named ones."""

_TIMES = {Times.ISO: ("start", "end"), Times.LOCAL: ("start", "startOffset", "end", "endOffset")}
_OF_TOTAL = ("quantityKWh", "complete", "missing", "meteringPoints")
_OF_PERIOD = (
    "expected",
    "measured",
    "estimated",
    "finalEstimated",
    "temporary",
    "calculated",
    "missing",
    "late",
)

Entry = dict[str, Any]


def total(page: totals.Page, request: InsightRequest, *, not_found: Sequence[str]) -> Rendered:
    """Write a page of totals; `not_found` are the named metering points that the caller may not read."""
    written = request.format
    if written.kind is Kind.CSV:
        rows = (
            [
                *_times(each.start, each.end, written),
                _quantity(each.watt_hours, written),
                _word(each.complete),
                str(each.missing),
                str(each.metering_points),
            ]
            for each in page.totals
        )
        body = _csv((*_TIMES[written.times], *_OF_TOTAL), rows, written.dialect)
    else:
        body = _json("values", map(_total, page.totals), page.next_cursor, written, not_found)
    return _rendered(body, request, len(page.totals), page.next_cursor, not_found)


def highest(page: peaks.Page, request: InsightRequest, *, not_found: Sequence[str]) -> Rendered:
    """Write a page of peaks; `not_found` are the named metering points that the caller may not read."""
    written = request.format
    if written.kind is Kind.CSV:
        columns = ("meteringPointId", "month", "rank", *_TIMES[written.times], "quantityKWh", "meanKWh")
        rows = (row for each in page.peaks for row in _rows_of_peaks(each, written))
        body = _csv((*columns, "provisional"), rows, written.dialect)
    else:
        body = _json("peaks", map(_peaks, page.peaks), page.next_cursor, written, not_found)
    return _rendered(body, request, len(page.peaks), page.next_cursor, not_found)


def complete(page: completeness.Page, request: InsightRequest, *, not_found: Sequence[str]) -> Rendered:
    """Write a page of completeness; `not_found` are the named metering points that may not be read."""
    written = request.format
    if written.kind is Kind.CSV:
        columns = ("meteringPointId", "direction", *_TIMES[written.times], *_OF_PERIOD)
        rows = (_row_of_period(each, written) for each in page.periods)
        body = _csv(columns, rows, written.dialect)
    else:
        body = _json("periods", map(_period, page.periods), page.next_cursor, written, not_found)
    return _rendered(body, request, len(page.periods), page.next_cursor, not_found)


def _rendered(
    body: bytes, request: InsightRequest, rows: int, next_cursor: str | None, not_found: Sequence[str]
) -> Rendered:
    is_listed = request.format.kind is not Kind.JSON and request.place is None
    left_out = LeftOut(not_found, (), 0, LISTED) if is_listed else NOTHING_LEFT_OUT
    return Rendered(body, kind=request.format.kind, rows=rows, next_cursor=next_cursor, left_out=left_out)


def _json(
    name: str,
    entries: Iterable[Entry],
    next_cursor: str | None,
    written: Format,
    not_found: Sequence[str],
) -> bytes:
    if written.kind is Kind.NDJSON:
        return b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in entries)
    return orjson.dumps({name: list(entries), "notFound": list(not_found), "nextCursor": next_cursor})


def _total(total: Total) -> Entry:
    return {
        "start": periods.local_text(total.start),
        "end": periods.local_text(total.end),
        "quantity": _number(total.watt_hours),
        "complete": total.complete,
        "missing": total.missing,
        "meteringPoints": total.metering_points,
    }


def _peaks(found: Peaks) -> Entry:
    return {
        "meteringPointId": found.metering_point_id,
        "month": _month(found.month),
        "hours": [_hour(each) for each in found.hours],
        "mean": _number(found.mean),
        "provisional": found.provisional,
    }


def _hour(hour: Hour) -> Entry:
    return {
        "start": periods.local_text(hour.start),
        "end": periods.local_text(hour.end),
        "quantity": _number(hour.watt_hours),
    }


def _period(period: Period) -> Entry:
    first, end = period.days
    return {
        "meteringPointId": period.metering_point_id,
        "direction": period.direction,
        "start": periods.local_text(periods.start_of(first)),
        "end": periods.local_text(periods.start_of(end)),
        "expected": period.expected,
        "measured": period.measured,
        "estimated": period.estimated,
        "finalEstimated": period.final_estimated,
        "temporary": period.temporary,
        "calculated": period.calculated,
        "missing": period.missing,
        "late": period.late,
    }


def _rows_of_peaks(found: Peaks, written: Format) -> Iterable[list[str]]:
    for rank, hour in enumerate(found.hours, start=1):
        yield [
            delimited.cell(found.metering_point_id, written.dialect),
            _month(found.month),
            str(rank),
            *_times(hour.start, hour.end, written),
            _quantity(hour.watt_hours, written),
            _quantity(found.mean, written),
            _word(found.provisional),
        ]


def _row_of_period(period: Period, written: Format) -> list[str]:
    entry = _period(period)
    first, end = (periods.start_of(day) for day in period.days)
    return [
        delimited.cell(period.metering_point_id, written.dialect),
        period.direction,
        *_times(first, end, written),
        *(str(entry[name]) for name in _OF_PERIOD[:-1]),
        _word(period.late),
    ]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]], dialect: Dialect) -> bytes:
    """Write rows of cells that need no quoting: ids, times, numbers and our own words."""
    between = delimited.separator(dialect)
    lines = (between.join(row) + delimited.LINE_END for row in rows)
    return "".join(chain([delimited.header(columns, dialect)], lines)).encode()


def _times(start: datetime, end: datetime, written: Format) -> list[str]:
    return [cell for each in (start, end) for cell in _time(each.astimezone(periods.OSLO), written.times)]


def _time(local: datetime, times: Times) -> list[str]:
    text = times.date(local.date()) + times.clock(local)
    return [text] if times is Times.ISO else [text, delimited.as_text(local.isoformat()[-6:])]


def _quantity(watt_hours: int | None, written: Format) -> str:
    if watt_hours is None:
        return ""
    text = kwh(watt_hours)
    return text.replace(".", ",") if written.dialect is Dialect.NORWEGIAN else text


def _number(watt_hours: int | None) -> Any:
    """Return kWh as a JSON number with its three decimals."""
    return None if watt_hours is None else orjson.Fragment(kwh(watt_hours))


def _month(first: date) -> str:
    return f"{first:%Y-%m}"


def _word(condition: bool) -> str:
    return "true" if condition else "false"
