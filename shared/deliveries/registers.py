"""Delivered metering points and supply periods: their checks, and the statements that store them. Pure."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from shared import metering
from shared.deliveries.files import Chunk, Fault
from shared.warehouse.engine import ROWS_OF_A_STATEMENT, Json, Statement

METERING_POINTS = (
    "metering_point_id",
    "name",
    "address",
    "postal_code",
    "city",
    "price_area",
    "grid_area",
    "meter_serial",
)
SUPPLY_PERIODS = ("customer_number", "metering_point_id", "valid_from", "valid_to")

_LENGTHS = {
    "name": 200,
    "address": 200,
    "postal_code": 10,
    "city": 100,
    "price_area": 10,
    "grid_area": 50,
    "meter_serial": 50,
}
_CUSTOMER_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Record = dict[str, Any]


@dataclass(frozen=True)
class Register:
    """Checked records of a file, with the line of each, and the faults that were found."""

    records: list[Record]
    lines: list[int]
    faults: list[Fault]


def metering_points(header: Sequence[str], chunks: Iterator[Chunk]) -> Register:
    """The records of a metering_points file; each metering point once."""
    register = _read(header, chunks, _metering_point)
    first: dict[str, int] = {}
    for line, record in zip(register.lines, register.records, strict=True):
        id_ = record["metering_point_id"]
        if id_ in first:
            register.faults.append(Fault(line, f"metering point {id_} is in line {first[id_]} already."))
        first.setdefault(id_, line)
    return register


def supply_periods(header: Sequence[str], chunks: Iterator[Chunk]) -> Register:
    """The records of a supply_periods file; at most one customer at a metering point at a time."""
    register = _read(header, chunks, _supply_period)
    numbered = sorted(
        zip(register.records, register.lines, strict=True),
        key=lambda pair: (pair[0]["metering_point_id"], pair[0]["valid_from"], pair[1]),
    )
    for (before, first), (record, line) in pairwise(numbered):
        same = before["metering_point_id"] == record["metering_point_id"]
        if same and (before["valid_to"] is None or before["valid_to"] > record["valid_from"]):
            reason = (
                f"the period of customer {record['customer_number']} at {record['metering_point_id']} "
                f"from {record['valid_from']} overlaps that of customer "
                f"{before['customer_number']} in line {first}."
            )
            register.faults.append(Fault(line, reason))
    return register


def _read(
    header: Sequence[str], chunks: Iterator[Chunk], parse: Callable[[dict[str, str]], Record]
) -> Register:
    register = Register([], [], [])
    for chunk in chunks:
        for line, *fields in zip(chunk.lines, *chunk.columns, strict=True):
            try:
                record = parse(dict(zip(header, fields, strict=True)))
            except ValueError as error:
                register.faults.append(Fault(line, f"{error}."))
                continue
            register.records.append(record)
            register.lines.append(line)
    return register


def _metering_point(fields: dict[str, str]) -> Record:
    record: Record = {"metering_point_id": _id(fields["metering_point_id"])}
    for name, length in _LENGTHS.items():
        record[name] = _text(name, fields[name], length=length)
    return record


def _supply_period(fields: dict[str, str]) -> Record:
    number = fields["customer_number"]
    if not _CUSTOMER_NUMBER.fullmatch(number):
        raise ValueError(f"customer_number {number!a} is not a positive whole number")
    valid_from = _date("valid_from", fields["valid_from"])
    valid_to = _date("valid_to", fields["valid_to"]) if fields["valid_to"] else None
    if valid_to is not None and valid_to <= valid_from:
        raise ValueError(f"valid_to {valid_to} is not after valid_from {valid_from}")
    return {
        "customer_number": int(number),
        "metering_point_id": _id(fields["metering_point_id"]),
        "valid_from": valid_from,
        "valid_to": valid_to,
    }


def _id(text: str) -> str:
    try:
        return metering.parse_metering_point_id(text)
    except metering.InvalidMeteringPointId as error:
        raise ValueError(f"metering_point_id {text[:40]!a}: {error}") from error


def _text(name: str, text: str, *, length: int) -> str | None:
    try:
        size = len(text.encode())  # The columns are UTF-8, and their lengths are bytes.
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} is not UTF-8") from error
    if size > length:
        raise ValueError(f"{name} is longer than {length} bytes")
    return text or None


def _date(name: str, text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # The fault below says it, also for a text of another form.
    raise ValueError(f"{name} {text[:40]!a} is not a date such as 2026-03-29")


def replace_metering_points(records: Sequence[Record]) -> Iterator[Statement]:
    """Put these records in the place of what is known of their metering points."""
    for some in _json_parts(records):
        yield Statement(
            """
            DELETE FROM metering.metering_point
            WHERE metering_point_id IN (
                SELECT named.metering_point_id FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS named)
            """,
            (some,),
            "forget_metering_points",
        )
        yield Statement(
            """
            INSERT INTO metering.metering_point (metering_point_id, name, address, postal_code, city,
                                                 price_area, grid_area, meter_serial)
            SELECT metering_point_id, name, address, postal_code, city, price_area, grid_area, meter_serial
            FROM OPENJSON(?) WITH (metering_point_id varchar(18), name varchar(200), address varchar(200),
                                   postal_code varchar(10), city varchar(100), price_area varchar(10),
                                   grid_area varchar(50), meter_serial varchar(50)) AS delivered
            """,
            (some,),
            "take_in_metering_points",
        )


def replace_supply_periods(records: Sequence[Record]) -> Iterator[Statement]:
    """Put these records in the place of all periods of their metering points."""
    # All named metering points are forgotten before anything is added: the periods of one may
    # stand in several parts.
    parts = list(_json_parts(records))
    for some in parts:
        yield Statement(
            """
            DELETE FROM metering.supply_period
            WHERE metering_point_id IN (
                SELECT named.metering_point_id FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS named)
            """,
            (some,),
            "forget_supply_periods",
        )
    for some in parts:
        yield Statement(
            """
            INSERT INTO metering.supply_period (customer_number, metering_point_id, valid_from, valid_to)
            SELECT customer_number, metering_point_id, valid_from, valid_to
            FROM OPENJSON(?) WITH (customer_number bigint, metering_point_id varchar(18),
                                   valid_from date, valid_to date) AS delivered
            """,
            (some,),
            "take_in_supply_periods",
        )


def _json_parts(records: Sequence[Record]) -> Iterator[Json]:
    for start in range(0, len(records), ROWS_OF_A_STATEMENT):
        # As ASCII: a driver would otherwise send text in the machine's character set.
        yield Json(json.dumps(records[start : start + ROWS_OF_A_STATEMENT], default=str))
