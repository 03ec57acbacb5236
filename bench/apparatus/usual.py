"""The same API as most teams would write it: hourly rows, SQLAlchemy, pydantic, FastAPI.

In the same database engine, with the same values, in the same process; nobody is asked who they are,
nothing is paged, corrected or versioned.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel
from sqlalchemy import Numeric, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from shared import periods

_OSLO = ZoneInfo("Europe/Oslo")

From = Annotated[datetime, Query(alias="from")]
To = Annotated[datetime, Query(alias="to")]


class _Table(DeclarativeBase):
    pass


class HourlyValue(_Table):
    """A row for each hour."""

    __tablename__ = "hourly_value"

    metering_point_id: Mapped[str] = mapped_column(primary_key=True)
    start_utc: Mapped[datetime] = mapped_column(primary_key=True)
    quantity: Mapped[Decimal | None] = mapped_column(Numeric(18, 3))
    quality: Mapped[str]
    updated_at: Mapped[datetime]


class Value(BaseModel):
    """An hour."""

    start: datetime
    end: datetime
    quantity: Decimal | None
    quality: str


class Series(BaseModel):
    """The hours of a metering point."""

    metering_point_id: str
    direction: str
    values: list[Value]


class Portfolio(BaseModel):
    """The hours of many metering points."""

    series: list[Series]


def api(path: Path) -> FastAPI:
    """Return the service on a database of hourly rows."""
    sessions = sessionmaker(create_engine(f"duckdb:///{path}"))

    def session() -> Iterator[Session]:
        with sessions() as opened:
            yield opened

    Opened = Annotated[Session, Depends(session)]  # noqa: N806  # A type, as FastAPI's guide writes it.
    service = FastAPI()

    @service.get("/metering-points/{metering_point_id}/consumption")
    def consumption(
        metering_point_id: str,
        start: From,
        end: To,
        database: Opened,
    ) -> Series:
        rows = database.scalars(
            select(HourlyValue)
            .where(HourlyValue.metering_point_id == metering_point_id, *_within(start, end))
            .order_by(HourlyValue.start_utc)
        )
        return _series(metering_point_id, rows.all())

    @service.get("/consumption")
    def consumption_of_many(
        start: From,
        end: To,
        database: Opened,
    ) -> Portfolio:
        rows = database.scalars(
            select(HourlyValue)
            .where(*_within(start, end))
            .order_by(HourlyValue.metering_point_id, HourlyValue.start_utc)
        )
        return _portfolio(rows.all())

    return service


def asking(service: FastAPI, path: str) -> Callable[[], bytes]:
    """Return a question to the service that can be repeated, without the network; it returns the body."""
    name, _, query = path.partition("?")
    loop = asyncio.new_event_loop()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "path": name,
        "raw_path": name.encode(),
        "query_string": query.replace("+", "%2B").encode(),
        "headers": [],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    def ask() -> bytes:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        loop.run_until_complete(service(dict(scope), receive, send))
        body = b"".join(message.get("body", b"") for message in sent)
        if sent[0]["status"] != 200:
            raise RuntimeError(body.decode())
        return body

    return ask


def period(first: date, end: date) -> str:
    """Return market days as a question in an address has them."""
    return f"from={periods.start_of(first).isoformat()}&to={periods.start_of(end).isoformat()}"


def _within(start: datetime, end: datetime) -> tuple[Any, Any]:
    return HourlyValue.start_utc >= _utc(start), HourlyValue.start_utc < _utc(end)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _series(metering_point_id: str, rows: Sequence[HourlyValue]) -> Series:
    return Series(
        metering_point_id=metering_point_id, direction="consumption", values=[_value(row) for row in rows]
    )


def _portfolio(rows: Sequence[HourlyValue]) -> Portfolio:
    found: dict[str, list[HourlyValue]] = {}
    for row in rows:
        found.setdefault(row.metering_point_id, []).append(row)
    return Portfolio(series=[_series(point, of_point) for point, of_point in found.items()])


def _value(row: HourlyValue) -> Value:
    start = row.start_utc.replace(tzinfo=UTC)
    return Value(
        start=start.astimezone(_OSLO),
        end=(start + timedelta(hours=1)).astimezone(_OSLO),
        quantity=row.quantity,
        quality=row.quality,
    )
