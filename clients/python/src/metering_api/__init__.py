"""Client of the metering data API.

from metering_api import Client

with Client.from_environment() as api:
    for day in api.consumption(from_="2026-03-01"):
        print(day.metering_point_id, day.date, sum(filter(None, day.quantities)))
    api.follow(store="metering.db").run_once()
"""

from metering_api._transport import Credentials
from metering_api.client import Client
from metering_api.errors import LeftOut, MeteringError, Problem, Unreachable
from metering_api.exports import Export, ExportFile, Exports, ExportSummary, read_days
from metering_api.following import Follower, Run
from metering_api.frames import to_pandas
from metering_api.insights import Completeness, PeakHour, Peaks, Total
from metering_api.models import (
    ChangesPage,
    Customer,
    Day,
    MeteringPoint,
    MeteringPoints,
    Period,
    Row,
    SeriesPage,
    Status,
    Value,
)
from metering_api.parquet import ParquetStore
from metering_api.store import SqliteStore, Store
from metering_api.webhooks import Notice, verify_webhook

__all__ = [
    "ChangesPage",
    "Client",
    "Completeness",
    "Credentials",
    "Customer",
    "Day",
    "Export",
    "ExportFile",
    "ExportSummary",
    "Exports",
    "Follower",
    "LeftOut",
    "MeteringError",
    "MeteringPoint",
    "MeteringPoints",
    "Notice",
    "ParquetStore",
    "PeakHour",
    "Peaks",
    "Period",
    "Problem",
    "Row",
    "Run",
    "SeriesPage",
    "SqliteStore",
    "Status",
    "Store",
    "Total",
    "Unreachable",
    "Value",
    "read_days",
    "to_pandas",
    "verify_webhook",
]
