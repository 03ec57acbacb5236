"""Spans of market days in which something may be read, and arithmetic with them.

A span is half-open, `[valid_from, valid_to)`, and either side may be open. `Spans` are what a grant
holds: sorted, neither overlapping nor touching, so that equal permissions are equal values.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


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
        """Whether it has no day."""
        return self.first >= self.end

    def __str__(self) -> str:
        return f"{self.valid_from or ''}..{self.valid_to or ''}"


Spans = tuple[Span, ...]

ALWAYS: Spans = (Span(),)


def _span(first: date, end: date) -> Span:
    return Span(None if first == date.min else first, None if end == date.max else end)


def join(spans: Iterable[Span]) -> Spans:
    """Return the days that lie in any of the spans."""
    joined: list[Span] = []
    for span in sorted((each for each in spans if not each.is_empty), key=lambda each: each.first):
        if joined and span.first <= joined[-1].end:
            joined[-1] = _span(joined[-1].first, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def cut(spans: Iterable[Span], to: Iterable[Span]) -> Spans:
    """Return the days that lie in both."""
    bounds = tuple(to)
    return join(
        _span(max(span.first, bound.first), min(span.end, bound.end)) for span in spans for bound in bounds
    )


def without(spans: Iterable[Span], taken: Iterable[Span]) -> Spans:
    """Return the days that lie in `spans` and not in `taken`."""
    left = join(spans)
    for gone in taken:
        if not gone.is_empty:
            left = cut(left, (_span(date.min, gone.first), _span(gone.end, date.max)))
    return left


def text(spans: Iterable[Span]) -> str:
    """Return spans as one text, such as `2024-05-01..2025-01-01 2026-01-01..`."""
    return " ".join(str(span) for span in spans)


def parse(stored: str) -> Spans:
    """Return the spans of a text that `text` made.

    Raises:
        ValueError: the text was made otherwise.
    """
    return tuple(_parse_one(each) for each in stored.split())


def _parse_one(stored: str) -> Span:
    first, separator, end = stored.partition("..")
    if not separator:
        raise ValueError(f"'{stored}' is not a span")
    return Span(date.fromisoformat(first) if first else None, date.fromisoformat(end) if end else None)
