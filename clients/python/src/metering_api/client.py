"""The client: what the API has, as methods."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from metering_api import errors
from metering_api._transport import Credentials, Transport
from metering_api.exports import Exports
from metering_api.following import Follower
from metering_api.insights import Completeness, Peaks, Total
from metering_api.models import (
    ChangesPage,
    Customer,
    Day,
    MeteringPoint,
    MeteringPoints,
    Moment,
    Row,
    SeriesPage,
    Status,
    as_text,
)
from metering_api.store import SqliteStore, Store

if TYPE_CHECKING:
    import httpx

LARGEST_PAGE = 10_000
"""Market days; fewer requests than with the API's own default."""
PATIENCE = 300.0
_NAMED_AT_ONCE = 50


class Client:
    """A client of the metering data API; close it, or use it in a `with` block.

    Tokens are fetched and renewed, 429 and 503 are retried as `Retry-After` says, and all pages are read.

    Args:
        address: of the API with its version: `https://api.example.com/metering/v1`.
        patience: seconds that all waits of one call may take together.
        http: the httpx client to use, for a proxy or certificates of your own.

    Attributes:
        exports: files made on your request.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials,
        *,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        http: "httpx.Client | None" = None,
    ) -> None:
        self._transport = Transport(
            address, credentials, patience=patience, sleep=sleep, clock=clock, http=http
        )
        self._sleep = sleep
        self._stores: list[SqliteStore] = []
        self.exports = Exports(self._transport, sleep=sleep)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, *, patience: float = PATIENCE) -> Self:
        """Return a client from METERING_API_URL, _KEY, _TOKEN_URL, _CLIENT_ID, _CLIENT_SECRET and _SCOPE.

        Raises:
            NotConfigured: names every variable that is missing.
        """
        names = ("URL", "KEY", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "SCOPE")
        given = {name: environ.get(f"METERING_API_{name}", "") for name in names}
        if missing := [f"METERING_API_{name}" for name in names if not given[name]]:
            raise errors.NotConfigured(f"Set {', '.join(missing)}.")
        url = given.pop("URL")
        credentials = Credentials(**{name.lower(): value for name, value in given.items()})
        return cls(url, credentials, patience=patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and the stores that `follow` opened."""
        self._transport.close()
        for store in self._stores:
            store.close()

    def status(self) -> Status:
        """Return how fresh data and access are."""
        return Status.of(self._transport.get("/status").content)

    def customers(self) -> list[Customer]:
        """Return the customers whose metering points you may read."""
        return [Customer.of(each) for each in self._transport.get("/customers").content["customers"]]

    def metering_points(
        self, *, customer_number: int | None = None, price_area: str | None = None
    ) -> MeteringPoints:
        """Return all metering points that you may read, or a customer's, or those of a price area."""
        parameters = {"customerNumber": customer_number, "priceArea": price_area, "limit": LARGEST_PAGE}
        pages = list(self._transport.pages("/metering-points", parameters))
        versions = {page["accessVersion"] for page in pages}
        return MeteringPoints(
            tuple(MeteringPoint.of(each) for page in pages for each in page["meteringPoints"]),
            versions.pop() if len(versions) == 1 else None,
        )

    def metering_point(self, metering_point_id: str) -> MeteringPoint:
        """Return a metering point.

        Raises:
            NotFound: it is unknown or not yours.
        """
        answer = self._transport.get(f"/metering-points/{quote(metering_point_id, safe='')}")
        return MeteringPoint.of(answer.content)

    def consumption(
        self,
        *,
        from_: Moment,
        to: Moment | None = None,
        metering_points: Sequence[str] = (),
        customer_number: int | None = None,
        resolution: str | None = None,
        as_of: Moment | None = None,
    ) -> Iterator[Day]:
        """Yield the market days of `[from_, to)`, in the order of metering points and time.

        Args:
            to: exclusive; None for all that is available.
            metering_points: the ones to read, as many as you like; empty for a customer's, or all of yours.
            resolution: None for what is stored; `PT15M`, `PT1H`, `P1D`, `P1M` or `P1Y`, never finer than
                stored.
            as_of: the data as it was at a moment.

        Raises:
            InvalidRequest: names every parameter that is at fault.
            LeftOut: metering points cannot be read, or days are stored coarser than `resolution`. Use
                `series_pages` to continue without them.
        """
        return self.days(
            "consumption",
            from_=from_,
            to=to,
            metering_points=metering_points,
            customer_number=customer_number,
            resolution=resolution,
            as_of=as_of,
        )

    def production(
        self,
        *,
        from_: Moment,
        to: Moment | None = None,
        metering_points: Sequence[str] = (),
        customer_number: int | None = None,
        resolution: str | None = None,
        as_of: Moment | None = None,
    ) -> Iterator[Day]:
        """Yield the market days of production; see `consumption`."""
        return self.days(
            "production",
            from_=from_,
            to=to,
            metering_points=metering_points,
            customer_number=customer_number,
            resolution=resolution,
            as_of=as_of,
        )

    def days(self, direction: str, **parameters: Any) -> Iterator[Day]:
        """Yield market days in a direction; parameters as for `consumption`."""
        for page in _whole(self._series(direction, layout="days", **parameters)):
            for part in SeriesPage.of(page).series:
                yield from part.days

    def rows(self, direction: str, **parameters: Any) -> Iterator[Row]:
        """Yield single values with start and end, of any resolution; parameters as for `consumption`."""
        for page in _whole(self._series(direction, layout="rows", **parameters)):
            yield from (Row.of(each) for each in page["rows"])

    def series_pages(self, direction: str, **parameters: Any) -> Iterator[SeriesPage]:
        """Yield pages of packed days, with what is left out of them; parameters as for `consumption`."""
        return (SeriesPage.of(page) for page in self._series(direction, layout="days", **parameters))

    def totals(
        self,
        direction: str,
        *,
        from_: Moment,
        to: Moment | None = None,
        resolution: str | None = None,
        metering_points: Sequence[str] = (),
        customer_number: int | None = None,
    ) -> Iterator[Total]:
        """Yield the sum over metering points for each interval; `P1D` without a resolution.

        Args:
            metering_points: at most 50; empty for a customer's, or all of yours.

        Raises:
            LeftOut: metering points cannot be read.
        """
        parameters = {
            "from": as_text(from_),
            "to": as_text(to),
            "resolution": resolution,
            "meteringPointId": list(metering_points),
            "customerNumber": customer_number,
        }
        for page in _whole(self._transport.pages(f"/{direction}/total", parameters)):
            yield from map(Total.of, page["values"])

    def peaks(
        self,
        direction: str,
        *,
        month: str,
        count: int | None = None,
        of: str | None = None,
        metering_points: Sequence[str] = (),
        customer_number: int | None = None,
    ) -> Iterator[Peaks]:
        """Yield the highest hours of a month (`2026-11`) for each metering point.

        Args:
            count: 1 to 10 hours; 3 by default.
            of: `days` (the default) or `weeks` for hours of different days or weeks; `hours` for any.

        Raises:
            LeftOut: metering points cannot be read.
        """
        parameters = {
            "month": month,
            "count": count,
            "of": of,
            "meteringPointId": list(metering_points),
            "customerNumber": customer_number,
        }
        for page in _whole(self._transport.pages(f"/{direction}/peaks", parameters)):
            yield from map(Peaks.of, page["peaks"])

    def completeness(
        self,
        *,
        from_: Moment,
        to: Moment | None = None,
        resolution: str | None = None,
        metering_points: Sequence[str] = (),
        customer_number: int | None = None,
    ) -> Iterator[Completeness]:
        """Yield how complete each series is in each day (`P1D`, the default) or month (`P1M`).

        Raises:
            LeftOut: metering points cannot be read.
        """
        parameters = {
            "from": as_text(from_),
            "to": as_text(to),
            "resolution": resolution,
            "meteringPointId": list(metering_points),
            "customerNumber": customer_number,
        }
        for page in _whole(self._transport.pages("/completeness", parameters)):
            yield from map(Completeness.of, page["periods"])

    def changes(
        self,
        cursor: str | None = None,
        *,
        since: Moment | None = None,
        limit: int = LARGEST_PAGE,
        etag: str | None = None,
    ) -> ChangesPage | None:
        """Return a page of new and corrected days after a cursor; without one, a cursor to begin with.

        Args:
            etag: of the answer to the same cursor; then None is returned while nothing is new.

        Raises:
            InvalidRequest: if its `parameter` is `cursor`, begin again without one.
        """
        parameters = {"cursor": cursor, "since": None if cursor else as_text(since), "limit": limit}
        answer = self._transport.get("/changes", parameters, etag=etag)
        if answer.content is None:
            return None
        return ChangesPage.of(answer.content, etag=answer.headers.get("ETag"))

    def follow(self, store: str | os.PathLike[str] | Store) -> Follower:
        """Return a follower, which keeps a store current: call `run_once()` in a cron job.

        Args:
            store: the path of a SQLite file, or any object with the four methods of `Store`.
        """
        if isinstance(store, (str, os.PathLike)):
            store = SqliteStore(store)
            self._stores.append(store)
        return Follower(self, store, sleep=self._sleep)

    def _series(
        self,
        direction: str,
        *,
        layout: str,
        from_: Moment,
        to: Moment | None = None,
        metering_points: Sequence[str] = (),
        customer_number: int | None = None,
        resolution: str | None = None,
        as_of: Moment | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        parameters = {
            "from": as_text(from_),
            "to": as_text(to),
            "customerNumber": customer_number,
            "resolution": resolution,
            "asOf": as_text(as_of),
            "layout": layout,
            "limit": LARGEST_PAGE,
        }
        named = sorted(set(metering_points))
        for begin in range(0, max(len(named), 1), _NAMED_AT_ONCE):
            group = named[begin : begin + _NAMED_AT_ONCE]
            yield from self._transport.pages(f"/{direction}", {**parameters, "meteringPointId": group})


def _whole(pages: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield pages that leave nothing out.

    Raises:
        LeftOut: a page lists metering points that it leaves out, or days of them.
    """
    for page in pages:
        not_found = tuple(page["notFound"])
        # Only series can be requested finer than stored.
        stored_coarser = tuple(each["meteringPointId"] for each in page.get("storedCoarser", ()))
        if not_found or stored_coarser:
            raise errors.LeftOut(
                not_found=not_found,
                stored_coarser=stored_coarser,
                stored_coarser_count=page.get("storedCoarserCount") or 0,
            )
        yield page
