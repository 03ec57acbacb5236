"""The API's answers as values.

Answers are open: properties that are not known here are left out, and words of quality and resolution are
plain texts, so that a new one breaks nothing. Treat a quality that you do not know as not final.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

Moment = str | date | datetime
"""A market day, or a time with an offset; a text is sent as it is."""

_LENGTH = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?")


def length(resolution: str) -> timedelta | None:
    """Return how long an interval is; None for calendar periods (`P1D`, `P1M`) and words not known here."""
    found = _LENGTH.fullmatch(resolution)
    if found is None:
        return None
    return timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0)) or None


def moment(text: str | None) -> datetime | None:
    """Read a time with its offset."""
    return datetime.fromisoformat(text) if text else None


def utc(text: str) -> datetime:
    """Read a time, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def as_text(given: Moment | None) -> str | None:
    """Write a day or a time as the API reads it."""
    return given.isoformat() if isinstance(given, date) else given


def quantity(number: Decimal | int | None) -> Decimal | None:
    """Return a JSON number as a decimal."""
    return Decimal(number) if isinstance(number, int) else number


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@dataclass(frozen=True)
class Period:
    """Market days `[from_, to)` that you may read; None means no bound."""

    from_: date | None
    to: date | None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Period":
        """Read one of `permitted`."""
        return cls(_day(content.get("from")), _day(content.get("to")))

    def holds(self, day: date) -> bool:
        """Return whether a market day is in the period."""
        return (self.from_ is None or day >= self.from_) and (self.to is None or day < self.to)


@dataclass(frozen=True)
class Value:
    """The energy of one interval.

    Attributes:
        start: in UTC.
        end: in UTC, exclusive; None where the resolution's length is not known here.
        quantity: kWh; None when missing.
    """

    start: datetime
    end: datetime | None
    quantity: Decimal | None
    quality: str


@dataclass(frozen=True)
class Day:
    """The values of one metering point and direction on one market day (Europe/Oslo), or a longer period.

    Attributes:
        start: of the first value, with its offset.
        quality: of the values that `exceptions` does not name.
        exceptions: quality by position of a value.
        quantities: kWh in order of time; None when missing.
        complete: only with `P1D` and coarser: whether all of the period is covered and no value is missing.
        missing: only with `P1D` and coarser: how many values are missing.
    """

    metering_point_id: str
    direction: str
    date: date
    start: datetime
    resolution: str
    quality: str
    exceptions: Mapping[int, str]
    quantities: tuple[Decimal | None, ...]
    published_at: datetime | None = None
    complete: bool | None = None
    missing: int | None = None

    @classmethod
    def of(
        cls, content: Mapping[str, Any], *, metering_point_id: str | None = None, direction: str | None = None
    ) -> "Day":
        """Read a packed day; its ids come from the series that it is in, or from the day itself."""
        return cls(
            metering_point_id=metering_point_id or content["meteringPointId"],
            direction=direction or content["direction"],
            date=date.fromisoformat(content["date"]),
            start=datetime.fromisoformat(content["start"]),
            resolution=content["resolution"],
            quality=content["quality"],
            exceptions={each["position"]: each["quality"] for each in content["exceptions"]},
            quantities=tuple(quantity(each) for each in content["quantities"]),
            published_at=moment(content.get("publishedAt")),
            complete=content.get("complete"),
            missing=content.get("missing"),
        )

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The values with their times."""
        return tuple(self._values())

    def _values(self) -> Iterator[Value]:
        start, step = self.start.astimezone(UTC), length(self.resolution)
        for position, quantity in enumerate(self.quantities):
            if step is None and position:
                return
            quality = self.exceptions.get(position, self.quality)
            yield Value(start, start + step if step else None, quantity, quality)
            start += step or timedelta()


@dataclass(frozen=True)
class Row:
    """The energy of one interval, with everything that names it; times have their offset."""

    metering_point_id: str
    direction: str
    start: datetime
    end: datetime
    resolution: str
    quantity: Decimal | None
    quality: str
    complete: bool | None = None
    missing: int | None = None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Row":
        """Read one of `rows`."""
        return cls(
            metering_point_id=content["meteringPointId"],
            direction=content["direction"],
            start=datetime.fromisoformat(content["start"]),
            end=datetime.fromisoformat(content["end"]),
            resolution=content["resolution"],
            quantity=quantity(content["quantity"]),
            quality=content["quality"],
            complete=content.get("complete"),
            missing=content.get("missing"),
        )


@dataclass(frozen=True)
class Customer:
    """A customer whose metering points you may read."""

    customer_number: int
    name: str
    metering_point_count: int

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Customer":
        """Read one of `customers`."""
        return cls(content["customerNumber"], content["name"], content["meteringPointCount"])


@dataclass(frozen=True)
class MeteringPoint:
    """A metering point that you may read; texts are None when not known."""

    metering_point_id: str
    name: str | None
    address: str | None
    postal_code: str | None
    city: str | None
    price_area: str | None
    grid_area: str | None
    meter_serial: str | None
    directions: tuple[str, ...]
    resolution: str | None
    customer_number: int
    permitted: tuple[Period, ...]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "MeteringPoint":
        """Read one of `meteringPoints`."""
        return cls(
            metering_point_id=content["meteringPointId"],
            name=content.get("name"),
            address=content.get("address"),
            postal_code=content.get("postalCode"),
            city=content.get("city"),
            price_area=content.get("priceArea"),
            grid_area=content.get("gridArea"),
            meter_serial=content.get("meterSerial"),
            directions=tuple(content["directions"]),
            resolution=content.get("resolution"),
            customer_number=content["customerNumber"],
            permitted=tuple(Period.of(each) for each in content["permitted"]),
        )


@dataclass(frozen=True)
class MeteringPoints:
    """All metering points that you may read; iterates over `points`.

    Attributes:
        access_version: identifies what you may read; None if it changed while the pages were read.
    """

    points: tuple[MeteringPoint, ...]
    access_version: str | None

    def __iter__(self) -> Iterator[MeteringPoint]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class ChangesPage:
    """A page of the market days that are new or corrected.

    Attributes:
        cursor: keep it, and pass it to the next call.
        up_to_date: False if there is a next page.
        access_version: identifies what you may read; it changes when that changes.
        etag: of the answer; if it is passed with the same cursor, an unchanged answer is not sent again.
    """

    days: tuple[Day, ...]
    cursor: str
    up_to_date: bool
    access_version: str
    etag: str | None

    @classmethod
    def of(cls, content: Mapping[str, Any], *, etag: str | None) -> "ChangesPage":
        """Read an answer of /changes."""
        return cls(
            days=tuple(Day.of(each) for each in content["days"]),
            cursor=content["cursor"],
            up_to_date=content["nextCursor"] is None,
            access_version=content["accessVersion"],
            etag=etag,
        )


@dataclass(frozen=True)
class SeriesPart:
    """The days of one metering point and direction on one page."""

    metering_point_id: str
    direction: str
    permitted: tuple[Period, ...]
    days: tuple[Day, ...]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "SeriesPart":
        """Read one of `series` of `layout=days`."""
        point, direction = content["meteringPointId"], content["direction"]
        days = (Day.of(each, metering_point_id=point, direction=direction) for each in content["days"])
        return cls(point, direction, tuple(Period.of(each) for each in content["permitted"]), tuple(days))


@dataclass(frozen=True)
class SeriesPage:
    """A page of series.

    Attributes:
        not_found: metering points named in the request that cannot be read.
        stored_coarser: the first 40 metering points with days that are left out because they are stored
            coarser than requested; on the first page only.
        stored_coarser_count: how many there are; 0 on the other pages.
        next_cursor: None on the last page.
    """

    series: tuple[SeriesPart, ...]
    not_found: tuple[str, ...]
    stored_coarser: tuple[str, ...]
    stored_coarser_count: int
    next_cursor: str | None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "SeriesPage":
        """Read an answer of many series."""
        return cls(
            series=tuple(SeriesPart.of(each) for each in content["series"]),
            not_found=tuple(content["notFound"]),
            stored_coarser=tuple(each["meteringPointId"] for each in content["storedCoarser"]),
            stored_coarser_count=content["storedCoarserCount"] or 0,
            next_cursor=content["nextCursor"],
        )


@dataclass(frozen=True)
class Status:
    """How fresh data and access are; None for what has not happened yet."""

    data_available_until: datetime | None
    last_published_at: datetime | None
    access_synced_at: datetime | None
    price_areas: Mapping[str, datetime]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Status":
        """Read an answer of /status."""
        return cls(
            data_available_until=moment(content["dataAvailableUntil"]),
            last_published_at=moment(content["lastPublishedAt"]),
            access_synced_at=moment(content["accessSyncedAt"]),
            price_areas={
                area: datetime.fromisoformat(until) for area, until in content["priceAreas"].items()
            },
        )
