"""Stores metering points and supply periods in place of earlier records."""

from shared.deliveries.faults import Fault, Rejected
from shared.deliveries.loads import Load, Loaded
from shared.deliveries.master_data import statements
from shared.deliveries.staging import Insert, receive_after, refuse, stage
from shared.warehouse import conflicts, engine
from shared.warehouse.engine import Session, aware


def store_records(load: Load, insert: Insert) -> Loaded:
    """Replace the records of the metering points in the file."""
    with stage(load, insert) as rows:
        with load.warehouse.transaction() as session:
            contradictions = (
                statements.repeated_metering_points(load.id)
                if load.kind == "metering points"
                else statements.overlapping_periods(load.id)
            )
            refuse(load, session.fetch(contradictions))
        conflicts.retry(_replace_records, load, rows=rows)
    return Loaded(load.path, load.kind, rows, is_new=True)


def _replace_records(load: Load, *, rows: int) -> None:
    """Replace the records and, in the same transaction, record that they may have changed."""
    with load.warehouse.transaction() as session:
        session.run(engine.lock_writes())
        _refuse_overtaken(session, load)
        received_at = receive_after(session, statements.latest_master_data(), now=load.now)
        for statement in statements.replace_records(load.table, load.id):
            session.run(statement)
        session.run(
            statements.record_master_data(
                load.kind,
                source=load.source,
                received_at=received_at,
                arrived_at=load.arrived_at,
                records=rows,
            )
        )


def _refuse_overtaken(session: Session, load: Load) -> None:
    """Refuse a file if a later one of its kind is already loaded: it would bring old records back."""
    (latest,) = session.fetch(statements.latest_arrival(load.kind))
    if load.arrived_at is not None and latest is not None and load.arrived_at < aware(latest):
        reason = (
            f"a file of {load.kind} that arrived later was loaded before this one; "
            "deliver it again if it is still right."
        )
        raise Rejected(load.path, [Fault(1, reason)])
