"""What a file says about itself, and what is counted while it is written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared import metering
from shared.files.forms import energy
from shared.metering import Quality, Resolution
from shared.series.assembly import Series, Sum

_MISSING = Quality.MISSING.letter
_ESTIMATES = (Quality.ESTIMATED.letter, Quality.FINAL_ESTIMATED.letter, Quality.TEMPORARY.letter)


class Gaps(StrEnum):
    """Whether a day with missing values is sent, or held until it is complete."""

    HOLD = "hold"
    """The day is left out until it is complete."""
    SEND = "send"
    """Missing values are written as empty ones, with the code of missing."""


@dataclass(frozen=True)
class About:
    """What a file says about itself.

    Attributes:
        name: identifies the file, for its receiver and in a GS2 message; 1 to 35 visible ASCII characters.
        as_of: the moment that the file shows; no form reads the clock.
        resolution: as requested; None means as stored.
    """

    name: str
    as_of: datetime
    resolution: Resolution | None = None
    gaps: Gaps = Gaps.HOLD

    @property
    def is_sum(self) -> bool:
        """Return whether sums are requested: days, months or years."""
        return metering.is_sum(self.resolution)


@dataclass
class Counts:
    """What a file holds; complete when its last piece has been taken.

    Attributes:
        rows: lines, rows or time series, as the form has them, without headings.
        values: intervals or sums, the missing ones too.
        missing: values without a quantity.
        estimated: values that are estimated, finally estimated or temporary.
        watt_hours: the sum of all quantities.
    """

    rows: int = 0
    values: int = 0
    missing: int = 0
    estimated: int = 0
    watt_hours: int = 0

    def add(self, series: Series) -> None:
        """Count the values of a series."""
        if not series.parts:
            return
        letters = "".join(
            [part.quality if isinstance(part, Sum) else part.qualities for part in series.parts]
        )
        packed = [part.quantity if isinstance(part, Sum) else part.quantities for part in series.parts]
        self.values += len(letters)
        self.missing += letters.count(_MISSING)
        self.estimated += sum(map(letters.count, _ESTIMATES))
        self.watt_hours += energy.watt_hours(",".join(packed))

    def passing(self, series: Iterable[Series]) -> Iterator[Series]:
        """Count each series, and yield it."""
        for each in series:
            self.add(each)
            yield each
