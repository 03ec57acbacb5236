"""The audit of grants in Table Storage: one row for each change, the newest first."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared import tables
from shared.access.grant import Grant, spans_text
from shared.access.sync.changes import Change, Event

_END_OF_TIME = datetime(2999, 1, 1, tzinfo=UTC)


def row_key(at: datetime, grant: Grant) -> str:
    """Return a key that sorts the newest first: Table Storage only sorts by key, ascending."""
    left = (_END_OF_TIME - at) // timedelta(microseconds=1)
    return f"{left:018d}:{grant.metering_point_id}:{grant.customer_number}"


def entity(change: Change, *, at: datetime, run_id: str) -> tables.Entity:
    """Return the row of a change; its key is the same each time that the change is written."""
    grant = change.subject
    return {
        "PartitionKey": grant.principal,
        "RowKey": row_key(at, grant),
        "at": at.isoformat(),
        "event": change.event.value,
        "meteringPointId": grant.metering_point_id,
        "customerNumber": str(grant.customer_number),
        "customerName": grant.customer_name,
        "before": spans_text(change.before.spans) if change.before else "",
        "after": spans_text(change.after.spans) if change.after else "",
        "why": grant.why if change.event is not Event.REVOKED else f"no longer: {grant.why}",
        "runId": run_id,
    }


def write(storage: tables.Tables, events: Sequence[tables.Entity]) -> None:
    """Write the rows of one principal; writing them again changes nothing."""
    if events:
        storage.write(tables.ACCESS_AUDIT, [("upsert", event) for event in events])
