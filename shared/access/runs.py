"""The results of the access sync's runs, in `ServiceState`."""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared import tables
from shared.access import mode
from shared.access.mode import Mode
from shared.telemetry import long_texts

SYNC = "sync"
LATEST = "latest"
RUN = "run-"
RUNS_KEPT = 30
REPORT_PARTS = 6
"""Columns that a report is split into: an entity holds 1 MiB, and a transaction has the report twice."""
REST_IN_LOG = "\n(The rest is in the log.)"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """The result of one run.

    `completed_at` is when the grants were last completely up to date with Severa: the time of this run if it
    was complete, else of the last complete run. `restriction_defined` (whether Severa defined the property
    with metering points) and `mode` are those of the last complete run, too. `completed_at` and `mode` are
    None if there was none, or if what is stored of it is unreadable.
    """

    run_id: str
    outcome: str
    started_at: datetime
    finished_at: datetime
    completed_at: datetime | None
    counts: Mapping[str, int]
    report: str
    restriction_defined: bool
    mode: Mode | None = None


@dataclass(frozen=True)
class LastComplete:
    """What later runs need of the last complete one; see the fields of `Run` with these names."""

    completed_at: datetime | None
    restriction_defined: bool
    mode: Mode | None


NONE_LEFT = LastComplete(completed_at=None, restriction_defined=False, mode=None)
"""What a run stores that comes before the first complete one."""


def new_run_id(now: datetime) -> str:
    """Return a unique id that sorts by time."""
    return f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"


def completed_at(storage: tables.Tables) -> datetime | None:
    """Return when the grants were last completely up to date with Severa; None if never."""
    rows = storage.range(
        tables.SERVICE_STATE,
        partition=SYNC,
        rows_from=LATEST,
        rows_before=f"{LATEST}!",
        select=("completedAt",),  # Without the report, which is long.
    )
    return next((_completed_at(row) for row in rows), None)


def last_complete(storage: tables.Tables) -> LastComplete | None:
    """Return what the last complete run left; None if there was none.

    An unreadable column does not spoil the others: a run that is held back keeps them for the next run. The
    remaining columns of the latest run are history: if one is damaged, the next run replaces it.
    """
    entity = storage.get(tables.SERVICE_STATE, partition=SYNC, row=LATEST)
    if entity is None:
        return None
    # An unreadable column counts as true, so that the guard objects if the property is gone.
    restriction_defined = entity.get("restrictionDefined") is not False
    left = LastComplete(_readable_time(entity), restriction_defined, mode.from_columns(entity))
    was_none = "completedAt" not in entity and left == NONE_LEFT
    return None if was_none else left


def latest(storage: tables.Tables) -> Run | None:
    """Return the result of the last run; None before the first.

    Raises:
        TablesUnavailable: Table Storage did not answer, or the row is not as a run writes it.
    """
    entity = storage.get(tables.SERVICE_STATE, partition=SYNC, row=LATEST)
    return _run(entity) if entity else None


def record(storage: tables.Tables, run: Run) -> None:
    """Store a run's result as the latest and under its own id, and delete the oldest."""
    columns, own = _columns(run), f"{RUN}{run.run_id}"
    kept = [
        str(entity["RowKey"])
        for entity in storage.range(
            tables.SERVICE_STATE, partition=SYNC, rows_from=RUN, rows_before="run.", select=("RowKey",)
        )
        if entity["RowKey"] != own  # A transaction may name each row only once.
    ]
    surplus = kept[: max(0, len(kept) + 1 - RUNS_KEPT)][:90]
    storage.write(
        tables.SERVICE_STATE,
        [
            ("upsert", {"PartitionKey": SYNC, "RowKey": LATEST, **columns}),
            ("upsert", {"PartitionKey": SYNC, "RowKey": own, **columns}),
            *[("delete", {"PartitionKey": SYNC, "RowKey": key}) for key in surplus],
        ],
    )


def _columns(run: Run) -> tables.Entity:
    counts = {f"count_{name}": count for name, count in run.counts.items()}
    return {
        "runId": run.run_id,
        "outcome": run.outcome,
        "startedAt": run.started_at.isoformat(),
        "finishedAt": run.finished_at.isoformat(),
        **({"completedAt": run.completed_at.isoformat()} if run.completed_at else {}),
        **counts,
        **_report_columns(run.report),
        "restrictionDefined": run.restriction_defined,
        **(mode.to_columns(run.mode) if run.mode else {}),
    }


def _report_columns(report: str) -> dict[str, str]:
    parts = long_texts.parts(report)
    kept = parts[:REPORT_PARTS]
    if len(kept) < len(parts):
        kept[-1] += REST_IN_LOG
    return {_report_column(number): part for number, part in enumerate(kept)}


def _report_column(number: int) -> str:
    return f"report{number + 1}" if number else "report"


@tables.as_written("run")
def _run(entity: tables.Entity) -> Run:
    return Run(
        run_id=tables.stored_text(entity, "runId"),
        outcome=tables.stored_text(entity, "outcome"),
        started_at=tables.stored_moment(entity, "startedAt"),
        finished_at=tables.stored_moment(entity, "finishedAt"),
        completed_at=_completed_at(entity),
        counts={
            name.removeprefix("count_"): int(value)
            for name, value in entity.items()
            if name.startswith("count_")
        },
        report="".join(str(entity.get(_report_column(number), "")) for number in range(REPORT_PARTS)),
        restriction_defined=entity["restrictionDefined"],
        mode=mode.from_columns(entity),
    )


def _readable_time(entity: Mapping[str, object]) -> datetime | None:
    try:
        return _completed_at(entity)
    except tables.UnreadableValue as error:
        log.error(
            "When access was last brought up to date is unreadable: %s Requests get 503 until a sync "
            "has been allowed: docs/operations.md, A lost ServiceState.",
            error,
        )
        return None


def _completed_at(entity: Mapping[str, object]) -> datetime | None:
    return None if entity.get("completedAt") is None else tables.stored_moment(entity, "completedAt")
