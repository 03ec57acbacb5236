"""A series of the old system compared with ours, value by value. Pure.

Values that are one or two hours too early or too late are reported as one shift: that is what a wrong zone
or a stamp at the wrong end of the interval looks like.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

Values = Mapping[datetime, Decimal | None]

SHIFTS = tuple(timedelta(hours=hours) for hours in (1, -1, 2, -2))
_LEAST = 3
"""This many values in a row have to match before they count as shifted."""


class Kind(StrEnum):
    """How the file differs."""

    VALUE = "another value"
    ABSENT = "not in the file"
    ONLY = "only in the file"
    SHIFTED = "shifted"


@dataclass(frozen=True)
class Difference:
    """A difference, or values in a row that are shifted.

    Attributes:
        start: of the first interval, as the file has it.
        end: of the last one.
        count: how many values.
        shift: how much later than ours the file's values are.
    """

    kind: Kind
    start: datetime
    end: datetime
    count: int = 1
    old: Decimal | None = None
    new: Decimal | None = None
    shift: timedelta = timedelta(0)


def differences(old: Values, new: Values, *, step: timedelta) -> list[Difference]:
    """Return how a file's series differs from ours, in order of time.

    Args:
        new: ours, from two hours before the file's first value to two hours after its last one.
    """
    if not old:
        return []
    first, last = min(old), max(old)
    times = sorted({*old, *(time for time in new if first <= time <= last)})
    differing = [time for time in times if old.get(time) != new.get(time)]
    shifts = list(_shifts(old, new, differing, step=step))
    left = [
        time
        for time in differing
        if not any(
            each.start - max(each.shift, timedelta(0)) <= time < each.end - min(each.shift, timedelta(0))
            for each in shifts
        )
    ]
    found = [*shifts, *(_single(time, old, new, step=step) for time in left)]
    return sorted(found, key=lambda each: each.start)


def _single(time: datetime, old: Values, new: Values, *, step: timedelta) -> Difference:
    theirs, ours = old.get(time), new.get(time)
    kind = Kind.ABSENT if theirs is None else Kind.ONLY if ours is None else Kind.VALUE
    return Difference(kind, time, time + step, old=theirs, new=ours)


def _shifts(
    old: Values, new: Values, differing: Sequence[datetime], *, step: timedelta
) -> Iterator[Difference]:
    """Yield the stretches of the file that equal ours at another time; a value belongs to only one."""
    taken: set[datetime] = set()
    for shift in SHIFTS:
        for stretch in _stretches(old, new, shift=shift, step=step):
            wrong = [time for time in stretch if time in differing and time not in taken]
            if len(stretch) >= _LEAST and len(wrong) >= _LEAST - 1:
                taken.update(stretch)
                yield Difference(
                    Kind.SHIFTED, stretch[0], stretch[-1] + step, count=len(stretch), shift=shift
                )


def _stretches(old: Values, new: Values, *, shift: timedelta, step: timedelta) -> Iterator[list[datetime]]:
    """Yield consecutive times at which the file has our values of `shift` earlier."""
    stretch: list[datetime] = []
    for time in sorted(old):
        fits = old[time] is not None and old[time] == new.get(time - shift)
        if stretch and (not fits or time - stretch[-1] != step):
            yield stretch
            stretch = []
        if fits:
            stretch.append(time)
    if stretch:
        yield stretch
