"""Reads what people typed into the two API fields of a customer in Severa. Pure.

The fields are custom properties. Entries are separated by spaces, commas, semicolons or lines. A text that
cannot be read is a problem in plain words; it is never guessed at, and it grants nothing. Nor does it count
as absent: an empty property with metering points may mean that a customer shows everything. Other text, such
as `not` or `until May`, may limit anything in the field, so a field with other text grants nothing.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from shared import foreign, metering, periods
from shared.access.grant import ALWAYS, Span, Spans, join_spans
from shared.access.severa.severa_register import SeveraRegister
from shared.metering import InvalidMeteringPointId, MeteringPointId, parse_metering_point_id

NO_TEXT = "Severa returned a value that is not text, so it gives nobody access"
UNKNOWN_PROPERTY = (
    "Severa returned a value of a custom property that it does not define, which may be this one, "
    "so it gives nobody access"
)

_ASTRAY = (
    "may limit any metering point in the field, so it gives no access; "
    "write each period after its metering point, and remarks elsewhere"
)
_OVERLAPPING = "its periods overlap, or it also stands without a period; write each of its days once"
_SEPARATORS = re.compile(r"[\s,;]+")
_PARTS = re.compile(r"[,;\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
"""Commas, semicolons and line breaks. Within a part a period follows its metering point."""
_LIKE_A_PERIOD = re.compile(r"[0-9.-]{0,12}\.\.[0-9.-]{0,12}")
"""Two dots between texts that may be dates, and are too short to hold a metering point id."""
_DATE = r"\d{4}-\d{2}-\d{2}"
_SPACED_DOTS = re.compile(rf"(?<={_DATE})[^\S\n]*\.\.[^\S\n]*(?={_DATE})")
"""The dots of `2024-05-01 .. 2025-01-01`, which is read as one word."""
_POINT = re.compile(r"[0-9]{18}|[4-9][0-9]{16,18}")
"""A metering point id, also one with a typing error: a wrong digit, one missing or one too many. Digits that
begin as a day or a year does may be joined dates instead; ids in Norway begin with 7."""
_MISTYPED = str.maketrans("OoIl", "0011")
"""Letters that are typed instead of digits: an id with one of them counts as a mistyped id."""
_HEX_DIGIT = re.compile(r"[0-9a-f]")
_LIKE_AN_ID = 24
"""Hexadecimal digits of an application id, which has 32, with typing errors; dates and words have fewer."""
_EXAMPLE_ID = "0b6f1a52-8f5e-4c7e-9f7a-3f3c1d1e2a4b"


_Entry = tuple[str, list[str]]
"""A metering point and its periods, as typed."""


@dataclass(frozen=True)
class ClientIds:
    """Application ids, in lower case, and the problems that were found."""

    ids: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class MeteringPoints:
    """Metering points with the requested days, and the problems that were found.

    `claims` also has the metering points that were left out because a period cannot be read: the customer
    has them, on unknown days.
    """

    points: Mapping[MeteringPointId, Spans]
    claims: Mapping[MeteringPointId, Spans]
    problems: tuple[str, ...]


def texts(register: SeveraRegister, property_name: str) -> dict[str, list[str]]:
    """Return the texts in one custom property, except blank ones, by customer guid."""
    by_customer: defaultdict[str, list[str]] = defaultdict(list)
    for value in register.custom_values:
        if value.property_name == property_name and value.value.strip():
            by_customer[value.customer_guid].append(value.value)
    return dict(by_customer)


def unreadable(register: SeveraRegister, property_name: str) -> Mapping[str, tuple[str, ...]]:
    """Return problems with values of one custom property, or of unknown ones, by customer guid."""
    problems: defaultdict[str, list[str]] = defaultdict(list)
    for value in register.unreadable_values:
        if value.property_name in ("", property_name):
            problems[value.customer_guid].append(NO_TEXT if value.property_name else UNKNOWN_PROPERTY)
    return {guid: tuple(each) for guid, each in problems.items()}


def customers_with_value(register: SeveraRegister, property_name: str) -> frozenset[str]:
    """Return the guids of the customers with a value in one custom property, readable or not.

    A value of an unknown property is not counted: it may be of any property.
    """
    unreadable_here = (
        value.customer_guid for value in register.unreadable_values if value.property_name == property_name
    )
    return frozenset((*texts(register, property_name), *unreadable_here))


def metering_points(register: SeveraRegister, property_name: str) -> dict[str, MeteringPoints]:
    """Return the metering points that each customer's property requests, by guid; none without a value.

    A value that is not text requests nothing, and does not affect the others.
    """
    requested = {guid: read_metering_points(each) for guid, each in texts(register, property_name).items()}
    for guid, problems in unreadable(register, property_name).items():
        read = requested.get(guid, MeteringPoints({}, {}, ()))
        requested[guid] = replace(read, problems=(*read.problems, *problems))
    return requested


def read_client_ids(texts: Iterable[str]) -> ClientIds:
    """Return the Entra application (client) ids in the values of a field.

    There are none if the field has any other text: it may end or limit the access of any of them.
    """
    ids: dict[str, None] = {}
    problems = []
    has_other_text = False
    for word in (word for text in texts for word in _SEPARATORS.split(text) if word):
        lowered = word.lower()
        if metering.is_guid(lowered):
            ids[lowered] = None
            continue
        problem = f"'{foreign.shown(word)}' is not an application id, such as {_EXAMPLE_ID}"
        if len(_HEX_DIGIT.findall(lowered)) < _LIKE_AN_ID:
            has_other_text = True
            problem += ", and may limit any in the field, so none of them gives access"
        problems.append(problem)
    return ClientIds(() if has_other_text else tuple(ids), tuple(problems))


def read_metering_points(texts: Iterable[str]) -> MeteringPoints:
    """Return metering points with the periods that follow each; without a period, for all time.

    A metering point with an unreadable period is left out: to grant it always would be a guess. So is one
    with different periods that overlap, such as `2024-05-01.. ..2025-01-01`, which may mean the days that
    both have. All of them are left out if there is any other text.
    """
    astray: list[str] = []
    entries: list[_Entry] = []
    for text in texts:
        other, found = _read(text)
        astray += other[:1]
        entries += found
    read = _requested(entries)
    if not astray:
        return read
    problems = (f"'{foreign.shown(word)}' {_ASTRAY}" for word in astray)
    return MeteringPoints({}, dict.fromkeys(read.claims, ALWAYS), (*problems, *read.problems))


def _requested(entries: Sequence[_Entry]) -> MeteringPoints:
    requested: defaultdict[MeteringPointId, list[Span]] = defaultdict(list)
    unclear: set[MeteringPointId] = set()
    problems: list[str] = []
    for name, limits in entries:
        try:
            point = parse_metering_point_id(name)
        except InvalidMeteringPointId as error:
            problems.append(f"'{foreign.shown(name)}' is not a metering point id: {error}")
            continue
        try:
            requested[point].extend([_period(limit) for limit in limits] or ALWAYS)
        except ValueError as error:
            problems.append(f"{point}: {error}")
            unclear.add(point)
    overlapping = [point for point, spans in requested.items() if point not in unclear and _overlap(spans)]
    problems += [f"{point}: {_OVERLAPPING}" for point in overlapping]
    unclear.update(overlapping)
    if not entries:
        problems.append("there is no metering point in it")
    points = {point: join_spans(spans) for point, spans in requested.items() if point not in unclear}
    return MeteringPoints(points, {**points, **dict.fromkeys(unclear, ALWAYS)}, tuple(problems))


def _read(text: str) -> tuple[list[str], list[_Entry]]:
    """Return the words that are neither metering points nor periods after one, and the metering points.

    A part of its own may continue the periods of the metering point before it. In `2024-05-01.. 707…` the
    period stands in the wrong place: it may be meant for the next metering point.
    """
    astray: list[str] = []
    entries: list[_Entry] = []
    for part in _PARTS.split(_SPACED_DOTS.sub("..", text)):
        words = part.split()
        has_point = bool(entries) and not any(map(_may_be_point, words))
        for word in words:
            if _may_be_point(word):
                entries.append((word, []))
                has_point = True
            elif has_point and _LIKE_A_PERIOD.fullmatch(word):
                entries[-1][1].append(word)
            else:
                astray.append(word)
    return astray, entries


def _may_be_point(word: str) -> bool:
    return _POINT.fullmatch(word.translate(_MISTYPED)) is not None


def _overlap(spans: Iterable[Span]) -> bool:
    """Return whether different spans have a day in common."""
    ordered = sorted(set(spans), key=lambda span: (span.first, span.end))
    return any(later.first < earlier.end for earlier, later in pairwise(ordered))


def _period(text: str) -> Span:
    try:
        first, end = (periods.parse_day(side) if side else None for side in text.split(".."))
    except ValueError:
        raise ValueError(f"'{foreign.shown(text)}' is not a period such as 2024-05-01..2025-01-01") from None
    span = Span(first, end)
    if span == Span():
        raise ValueError("'..' has no date; leave it out or write one, such as 2024-05-01..")
    if span.is_empty:
        raise ValueError(f"the period {text} ends before it starts; the day after the last one stands last")
    return span
