"""What a caller may read: the value that the access step returns and that queries require.

Only `shared.access.grants` makes a `Readable` from stored grants, so no query can be written without the
access check.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import chain, groupby, islice
from operator import attrgetter

from shared import periods
from shared.metering import MeteringPointId

AT_ONCE = 12_500
"""Metering points that are passed to one statement, about 1.1 MB of JSON. They are a quarter more than the
days of the largest page, so that a page takes one statement even if some metering points have no days."""


@dataclass(frozen=True)
class Permission:
    """A metering point of one customer, for the market days `[valid_from, valid_to)`."""

    metering_point_id: MeteringPointId
    customer_number: int
    customer_name: str
    valid_from: date | None
    """The first permitted market day; None when the permission has no lower bound."""
    valid_to: date | None
    """The first market day no longer permitted; None while the permission is open."""


_metering_point_id = attrgetter("metering_point_id")


@dataclass(frozen=True)
class Readable:
    """What one principal may read.

    Attributes:
        principal: `app:<application id>` or `user:<object id>`.
        permissions: sorted by metering point, then customer; empty when nothing is permitted.
        version: changes whenever what may be read changes.
    """

    principal: str
    permissions: tuple[Permission, ...]
    version: str

    @property
    def access_version(self) -> str:
        """A name for everything that the principal may read; it changes whenever that changes."""
        return access_version(self.principal, self.version)

    @cached_property
    def periods(self) -> Mapping[MeteringPointId, Sequence["PermittedDays"]]:
        """The permitted market days of each metering point, in order, without overlaps.

        A metering point may be permitted through several customers, one after the other or at once.
        """
        merged: dict[MeteringPointId, list[PermittedDays]] = {}
        for permission in sorted(self.permissions, key=_by_metering_point_and_day):
            days = PermittedDays(permission.valid_from, permission.valid_to)
            spans = merged.setdefault(permission.metering_point_id, [])
            if spans and _touch(spans[-1], days):
                spans[-1] = PermittedDays(spans[-1].first, _later(spans[-1].end, days.end))
            else:
                spans.append(days)
        return merged

    def only(self, metering_point_ids: Collection[str]) -> "Readable":
        """Return what may be read of these metering points. The cost grows with them, not with the rest."""
        permissions = (self._of(each) for each in sorted(set(metering_point_ids)))
        return self._with(tuple(chain.from_iterable(permissions)))

    def _of(self, metering_point_id: str) -> tuple[Permission, ...]:
        first = bisect_left(self.permissions, metering_point_id, key=_metering_point_id)
        end = bisect_right(self.permissions, metering_point_id, lo=first, key=_metering_point_id)
        return self.permissions[first:end]

    def chunk(self, *, start: str, size: int) -> tuple["Readable", MeteringPointId | None]:
        """Return what may be read of the next `size` metering points from `start` on, and the one after them.

        The metering points before and after them are not looked at.
        """
        first = end = bisect_left(self.permissions, start, key=_metering_point_id)
        for count, (metering_point_id, group) in enumerate(
            groupby(islice(self.permissions, first, None), key=_metering_point_id)
        ):
            if count == size:
                return self._with(self.permissions[first:end]), metering_point_id
            end += sum(1 for _ in group)
        return self._with(self.permissions[first:]), None

    def _with(self, permissions: tuple[Permission, ...]) -> "Readable":
        """Return these permissions as a `Readable`: itself, with cached periods, if nothing is left out."""
        return self if len(permissions) == len(self.permissions) else replace(self, permissions=permissions)

    def parts(self, *, start: str = "", size: int = AT_ONCE) -> Iterator["Readable"]:
        """Yield what may be read from a metering point on, `size` metering points at a time."""
        following: str | None = start
        while following is not None:
            part, following = self.chunk(start=following, size=size)
            if part.permissions:
                yield part


@dataclass(frozen=True, slots=True)
class PermittedDays:
    """The market days `[first, end)`; None leaves that side open."""

    first: date | None
    end: date | None

    @property
    def shown(self) -> tuple[date | None, date | None]:
        """The first day and the end as callers see them: without bounds that no request can reach."""
        first = self.first if self.first and self.first >= periods.FIRST_CALENDAR_DAY else None
        end = self.end if self.end and self.end <= periods.LAST_CALENDAR_DAY else None
        return first, end

    def contains(self, day: date) -> bool:
        """Return whether a market day is permitted."""
        return (self.first is None or self.first <= day) and (self.end is None or day < self.end)


Days = tuple[date, date]
"""Market days `[first, end)`."""


def clip(permitted: Sequence[PermittedDays], days: Days) -> list[Days]:
    """Return the permitted parts of `days`, without empty ones."""
    first, end = days
    clipped = [(max(each.first or first, first), min(each.end or end, end)) for each in permitted]
    return [(start, stop) for start, stop in clipped if start < stop]


def access_version(principal: str, version: str | None) -> str:
    """Return the name of what a principal may read; `version` is that of its grants, None if it has none."""
    return hashlib.sha256(repr((principal, version)).encode()).hexdigest()[:16]


def _by_metering_point_and_day(permission: Permission) -> tuple[str, date]:
    return permission.metering_point_id, permission.valid_from or date.min


def _touch(earlier: PermittedDays, later: PermittedDays) -> bool:
    return earlier.end is None or later.first is None or later.first <= earlier.end


def _later(one: date | None, other: date | None) -> date | None:
    return None if one is None or other is None else max(one, other)
