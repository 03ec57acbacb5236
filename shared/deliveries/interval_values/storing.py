"""Stores interval values as a delivery: the same content once, unless something newer was delivered since."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.deliveries.faults import Fault, Rejected
from shared.deliveries.files import File
from shared.deliveries.interval_values import landing, statements
from shared.deliveries.interval_values.statements import Earlier
from shared.deliveries.loads import Load, Loaded, Progress, Unknown
from shared.deliveries.rules import Context
from shared.deliveries.staging import NO_ROWS, Insert, receive_after, refuse, stage
from shared.warehouse import conflicts, engine, extents
from shared.warehouse.engine import FileUnreadable, Session, aware
from shared.warehouse.extents import Extent

_CONTENT_LENGTH = 56
"""Characters of a content's digest, so that a batch id has room for a number."""


def store_values(
    load: Load, insert: Insert, *, content: str, progress: Progress, are_in_order: Callable[[], bool]
) -> Loaded:
    """Store the interval values of a file; `are_in_order` says whether its staged rows are in order."""
    content = content[:_CONTENT_LENGTH]
    earlier = next(iter(load.warehouse.fetch(statements.earlier(content))), None)
    if earlier is not None and _still_counts(load, earlier):
        progress(earlier.rows, 1.0)
        return Loaded(load.path, load.kind, earlier.rows, is_new=False)
    with stage(load, insert) as rows:
        staged = _refuse_contradictions(load, are_in_order=are_in_order())
        is_new = conflicts.retry(_accept, load, staged, content=content)
        unknown = _unknown(load) if is_new else None
    return Loaded(load.path, load.kind, rows, is_new=is_new, unknown=unknown)


def _still_counts(load: Load, earlier: Earlier) -> bool:
    """Return whether the earlier delivery surely counts: this file is no newer, or nothing overlaps it."""
    is_same_arrival = (
        load.arrived_at is not None
        and earlier.arrived_at is not None
        and load.arrived_at <= aware(earlier.arrived_at)
    )
    return is_same_arrival or not earlier.is_overlapped


@dataclass(frozen=True)
class _StagedDays:
    """The market days of staged rows that do not contradict each other.

    Attributes:
        days: the extents of all market days.
        days_in_part: the extents of the days that may lack intervals of a series.
        has_repeats: whether some intervals are repeated, each time with the same value.
    """

    days: list[Extent]
    days_in_part: list[Extent]
    has_repeats: bool


def _refuse_contradictions(load: Load, *, are_in_order: bool) -> _StagedDays:
    """Return the days of the staged rows; raise Rejected if rows contradict each other."""
    with load.warehouse.transaction() as session:  # It has the time limit of loading, not of a request.
        (repeated,) = (0,) if are_in_order else session.fetch(statements.repeated(load.id))
        if repeated:
            refuse(load, session.fetch(statements.repeated_with_two_values(load.id)))
        days = session.fetch(statements.days(load.id))
        if any(each.resolutions > 1 for each in days):
            refuse(load, session.fetch(statements.two_resolutions_in_a_day(load.id)))
    return _StagedDays(
        extents.cover([each.whole for each in days]),
        # Repeats are counted as intervals, so a day with repeats may look whole.
        extents.cover([each.whole for each in days if each.is_in_part or repeated]),
        has_repeats=repeated > 0,
    )


def _accept(load: Load, staged: _StagedDays, *, content: str) -> bool:
    """Store the staged rows; return False if they are already stored and nothing newer came since."""
    with load.warehouse.transaction() as session:
        session.run(engine.lock_writes())
        earlier = next(iter(session.fetch(statements.earlier(content))), None)
        if earlier is not None and _is_newest(session, load, earlier, staged):
            return False
        if staged.days_in_part:
            refuse(load, session.fetch(statements.days_in_another_resolution(load.id, staged.days_in_part)))
        received_at = receive_after(session, statements.latest_delivery(), now=load.now)
        batch_id = f"{content}-{1 if earlier is None else earlier.number + 1}"
        session.run(
            statements.append_values(
                *(load.id,),
                batch_id=batch_id,
                received_at=received_at,
                days=staged.days,
                has_repeats=staged.has_repeats,
            )
        )
        session.run(
            statements.record_delivery(
                *(load.id,),
                batch_id=batch_id,
                received_at=received_at,
                arrived_at=load.arrived_at,
                source=load.source,
            )
        )
    return True


def _is_newest(session: Session, load: Load, earlier: Earlier, staged: _StagedDays) -> bool:
    """Return whether the earlier delivery still counts: none of its intervals was delivered again later."""
    later = statements.delivered_later(load.id, staged.days, received_at=aware(earlier.received_at))
    return _still_counts(load, earlier) or not session.fetch(later)


def _unknown(load: Load) -> Unknown | None:
    """Return the metering points of the file that occur nowhere else in the warehouse."""
    with load.warehouse.transaction() as session:
        (unregistered,) = session.fetch(statements.unregistered(load.id))
        if unregistered.first is None or unregistered.last is None:
            return None
        rows = session.fetch(statements.unknown(load.id, first=unregistered.first, last=unregistered.last))
    return Unknown(rows[0][1], tuple(id_ for id_, _ in rows)) if rows else None


def copy_and_insert(load: Load, location: str, file: File, *, check_unchanged: Callable[[], None]) -> int:
    """Have the warehouse read the file at a location, check its rows and stage them, in one transaction.

    The landed lines are deleted in the same transaction, so that no other transaction ever sees them.
    """
    with load.warehouse.transaction() as session:
        try:
            session.run(landing.copy_lines(location, is_packed=file.is_packed))
        except FileUnreadable as error:
            raise Rejected(
                load.path, [Fault(None, f"The warehouse cannot read the file: {error}")]
            ) from error
        check_unchanged()
        session.run(landing.insert_rows(file.header, load_id=load.id, now=load.now))
        (rows,) = session.fetch(landing.count_rows(load.id))
        if rows.staged != rows.landed:
            refused = session.fetch(landing.refused_rows(file.header, now=load.now))
            context = Context(received_at=load.now, is_norwegian=False)
            faults = [Fault(None, landing.describe(each, file.header, context=context)) for each in refused]
            raise Rejected(load.path, faults)
        if not rows.landed:
            raise Rejected(load.path, [Fault(1, NO_ROWS)])
        session.run(landing.delete_lines())
    return rows.staged
