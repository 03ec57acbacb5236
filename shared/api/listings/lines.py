"""Lists as lines: CSV with a header row, NDJSON with an object for each entry."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import orjson

from shared.api.formats import Format, Kind
from shared.files.forms import delimited
from shared.files.forms.delimited import Dialect

_CUSTOMER = ("customerNumber", "name", "meteringPointCount")
_READER = ("type", "id", "name", "from", "to", "since", "by")
_DESCRIPTION = (
    "meteringPointId",
    "name",
    "address",
    "postalCode",
    "city",
    "priceArea",
    "gridArea",
    "meterSerial",
)
_METERING_POINT = (
    *_DESCRIPTION,
    "directions",
    "resolution",
    "customerNumber",
    "permittedFrom",
    "permittedTo",
)


def customers(found: Sequence[dict[str, Any]], written: Format) -> bytes:
    """Write a line for each customer."""
    if written.kind is Kind.NDJSON:
        return _ndjson(found)
    return _csv(_CUSTOMER, ([each[name] for name in _CUSTOMER] for each in found), written.dialect)


def readers(found: Sequence[dict[str, Any]], written: Format) -> bytes:
    """Write a line for each reader."""
    if written.kind is Kind.NDJSON:
        return _ndjson(found)
    rows = ({**each, "from": _day(each["from"]), "to": _day(each["to"])} for each in found)
    return _csv(_READER, ([row[name] for name in _READER] for row in rows), written.dialect)


def metering_points(found: Sequence[dict[str, Any]], written: Format) -> bytes:
    """Write an NDJSON line for each metering point, or a CSV row for each of its permitted periods."""
    if written.kind is Kind.NDJSON:
        return _ndjson(found)
    rows = (row for each in found for row in _permitted_rows(each))
    return _csv(_METERING_POINT, rows, written.dialect)


def _permitted_rows(metering_point: dict[str, Any]) -> Iterator[list[object]]:
    described = [metering_point[name] for name in _DESCRIPTION]
    for period in metering_point["permitted"]:
        yield [
            *described,
            " ".join(metering_point["directions"]),
            metering_point["resolution"],
            period["customerNumber"],
            _day(period["from"]),
            _day(period["to"]),
        ]


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _ndjson(objects: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in objects)


def _csv(columns: Sequence[str], rows: Iterator[list[object]], dialect: Dialect) -> bytes:
    lines = [delimited.header(columns, dialect), *(delimited.row(row, dialect) for row in rows)]
    return "".join(lines).encode()
