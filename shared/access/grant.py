"""A grant: a principal may read a metering point of a customer in spans of market days; and its stored row.

A span is half-open, `[valid_from, valid_to)`, and either side may be open. `Spans` are what a grant holds:
sorted, neither overlapping nor touching, so that equal permissions are equal values.

`AccessGrants` holds a row for each grant and, last in each partition, the manifest of its principal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared import metering, tables
from shared.metering import GSRN_LENGTH, MeteringPointId

MANIFEST = "~manifest"
"""Sorts after every grant of its partition: their keys start with a digit."""

GrantKey = tuple[str, MeteringPointId, int]
"""Principal, metering point and customer number: there is one grant for each."""


@dataclass(frozen=True)
class Span:
    """The market days `[valid_from, valid_to)`; None leaves that side open."""

    valid_from: date | None = None
    valid_to: date | None = None

    @property
    def first(self) -> date:
        """The first day, as a date to compare with."""
        return self.valid_from or date.min

    @property
    def end(self) -> date:
        """The day after the last, as a date to compare with."""
        return self.valid_to or date.max

    @property
    def is_empty(self) -> bool:
        """Whether it has no days."""
        return self.first >= self.end

    def __str__(self) -> str:
        return f"{self.valid_from or ''}..{self.valid_to or ''}"


Spans = tuple[Span, ...]

ALWAYS: Spans = (Span(),)


class UnreadableGrant(ValueError):
    """A stored row is not a grant as this code writes it."""


@dataclass(frozen=True)
class Grant:
    """What `principal` may read of one metering point by one customer's authority.

    A customer that left a metering point and came back has two spans in one grant. `why` is for people: it
    names the record in Severa that the grant comes from.
    """

    principal: str
    metering_point_id: MeteringPointId
    customer_number: int
    customer_name: str
    spans: Spans
    why: str

    @property
    def key(self) -> GrantKey:
        """The key of this grant."""
        return self.principal, self.metering_point_id, self.customer_number


def app(client_id: str) -> str:
    """Return the principal of an Entra application, by its application (client) id."""
    return f"app:{_guid(client_id)}"


def user(object_id: str) -> str:
    """Return the principal of an Entra user, by the immutable object id."""
    return f"user:{_guid(object_id)}"


def join_spans(spans: Iterable[Span]) -> Spans:
    """Return the days that are in any of the spans."""
    joined: list[Span] = []
    for span in sorted((each for each in spans if not each.is_empty), key=lambda each: each.first):
        if joined and span.first <= joined[-1].end:
            joined[-1] = _span(joined[-1].first, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def cut_spans(spans: Iterable[Span], to: Iterable[Span]) -> Spans:
    """Return the days that are in both."""
    bounds = tuple(to)
    return join_spans(
        _span(max(span.first, bound.first), min(span.end, bound.end)) for span in spans for bound in bounds
    )


def spans_without(spans: Iterable[Span], taken: Iterable[Span]) -> Spans:
    """Return the days that are in `spans` and not in `taken`."""
    left = join_spans(spans)
    for gone in taken:
        left = cut_spans(left, (_span(date.min, gone.first), _span(gone.end, date.max)))
    return left


def spans_text(spans: Iterable[Span]) -> str:
    """Return spans as one text, such as `2024-05-01..2025-01-01 2026-01-01..`."""
    return " ".join(str(span) for span in spans)


def moved_text(before: str, after: str) -> str:
    """Return the texts of a grant's spans before and after a change, once if they are equal.

    A side is empty if there was, or is, no grant.
    """
    return " to ".join(dict.fromkeys(text for text in (before, after) if text))


def parse_spans(stored: str) -> Spans:
    """Return the spans of a text that `spans_text` made.

    Raises:
        ValueError: `spans_text` did not make the text.
    """
    return tuple(_parse_one(each) for each in stored.split())


def row_key(grant: Grant) -> str:
    """Return the key of a grant in its partition."""
    return f"{grant.metering_point_id}:{grant.customer_number}"


def of_row(entity: Mapping[str, Any]) -> Grant:
    """Return the grant of an entity.

    Raises:
        UnreadableGrant: the entity is not a grant.
    """
    try:
        point, _, number = entity["RowKey"].partition(":")
        grant = Grant(
            principal=entity["PartitionKey"],
            metering_point_id=_point(point),
            customer_number=int(number),
            customer_name=tables.stored_text(entity, "customerName"),
            spans=spans_of(entity),
            why=entity.get("why", ""),
        )
        if row_key(grant) != entity["RowKey"]:
            # Otherwise it would stand for the row with the right key, and stay when that one is deleted.
            raise ValueError("not the key of a grant")
    except (KeyError, ValueError, tables.UnreadableValue) as error:
        raise UnreadableGrant(f"row {entity.get('RowKey')!r} is not a grant") from error
    return grant


def spans_of(entity: Mapping[str, Any]) -> Spans:
    """Return the spans of a grant's entity: the first in two columns, more (rare) in one text.

    Raises:
        ValueError: they are not as `as_row` writes them.
        UnreadableValue: a value is not a text.
    """
    spans: Spans = (Span(_day(entity, "validFrom"), _day(entity, "validTo")),)
    if "laterPeriods" in entity:
        spans += parse_spans(tables.stored_text(entity, "laterPeriods"))
    if join_spans(spans) != spans:
        raise ValueError("spans that are empty, or that touch, overlap or are not in order")
    return spans


def as_row(grant: Grant, *, granted_at: str, run_id: str) -> tables.Entity:
    """Return the entity of a grant that a run writes."""
    first, *later = grant.spans
    columns = {
        "validFrom": first.valid_from and first.valid_from.isoformat(),
        "validTo": first.valid_to and first.valid_to.isoformat(),
        "laterPeriods": spans_text(later) or None,
    }
    return {
        "PartitionKey": grant.principal,
        "RowKey": row_key(grant),
        **{name: value for name, value in columns.items() if value is not None},
        "customerName": grant.customer_name,
        "why": grant.why,
        "grantedAt": granted_at,
        "runId": run_id,
    }


def _day(entity: Mapping[str, Any], name: str) -> date | None:
    """Return a stored day; None only if there is none, since that leaves a side open."""
    return date.fromisoformat(tables.stored_text(entity, name)) if name in entity else None


def _point(text: str) -> MeteringPointId:
    """Return a metering point id; its check digit was checked before it was stored."""
    if len(text) != GSRN_LENGTH or not text.isdigit():
        raise ValueError("not a metering point id")
    return MeteringPointId(text)


def _guid(text: str) -> str:
    lowered = text.lower()
    if not metering.is_guid(lowered):
        raise ValueError("a principal is named by a GUID")
    return lowered


def _span(first: date, end: date) -> Span:
    return Span(None if first == date.min else first, None if end == date.max else end)


def _parse_one(stored: str) -> Span:
    first, separator, end = stored.partition("..")
    if not separator:
        raise ValueError(f"'{stored}' is not a span")
    return Span(date.fromisoformat(first) if first else None, date.fromisoformat(end) if end else None)
