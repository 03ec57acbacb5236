"""Exports in Table Storage: what a caller requested, and its progress.

An export is a row in its caller's partition, so that nobody can read another caller's. Its id begins with the
inverted time, so that the newest comes first. Its parts are rows in a partition of the export's own, under
the name of the plan that made them. The export names the plan that is used, so that parts of different plans
are never mixed, even if planning was killed or ran twice at the same time. Another partition is the register:
a line for each export with its owner, which saves a scan of the table. Exports and built parts are always
written as whole rows, and only over the version that was read.
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from shared import tables
from shared.files.exports import repeating
from shared.files.exports.repeating import Mark, Marks
from shared.files.sweeping import ComparedGrants
from shared.metering import Direction, MeteringPointId, Resolution
from shared.periods import Period
from shared.tables import Tables

LIVES = timedelta(days=7)
FORGOTTEN = timedelta(days=14)
"""After this long even the row of an export is deleted."""
MAX_UNFINISHED = 3

PREFIX = "ex_"
"""The beginning of an export's id."""

_REGISTER = "exports"
_TURN = "~"
"""The row in a caller's partition that each new export writes."""
_LAST_MILLISECOND, _DIGITS = 10**13, 13
_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")


class ExportStatus(StrEnum):
    """The status of an export."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def is_unfinished(self) -> bool:
        """Return whether the files are still to be built."""
        return self in (ExportStatus.WAITING, ExportStatus.RUNNING)


class TooManyUnfinished(Exception):
    """The caller has `MAX_UNFINISHED` exports that are not finished."""


@dataclass(frozen=True)
class Wanted:
    """What an export holds.

    Attributes:
        metering_point_ids: the named ones, sorted; empty means all (of the customer, or all).
        period: the instants, half-open.
        as_of: the moment that all parts show.
        sequence: of the last publication in it; `/changes` returns everything after it.
        form: of its files, as JSON of `Form`.
    """

    directions: tuple[Direction, ...]
    metering_point_ids: tuple[MeteringPointId, ...]
    customer_number: int | None
    period: Period
    resolution: Resolution | None
    as_of: datetime
    sequence: int
    form: Mapping[str, Any]


@dataclass(frozen=True)
class Export:
    """An export of a caller.

    Attributes:
        not_found: named metering points that the caller could not read when it was made.
        stored_coarser: series with days that are left out, as the API writes them.
        days: how many market days are built.
        of_days: how many market days there are; None before they are counted.
        problem: code and detail when it failed.
        mark: the row by which a repeated request is recognised.
        plan: the name of the plan of its parts; empty before it is planned.
        is_emptied: whether its files are deleted.
    """

    principal: str
    id: str
    status: ExportStatus
    wanted: Wanted
    created_at: datetime
    expires_at: datetime
    touched_at: datetime
    not_found: tuple[str, ...] = ()
    stored_coarser: Sequence[Mapping[str, Any]] = ()
    days: int = 0
    of_days: int | None = None
    parts: int = 0
    problem: tuple[str, str] | None = None
    mark: str = ""
    plan: str = ""
    is_emptied: bool = False
    etag: str = field(default="", compare=False)

    @property
    def is_of_nothing(self) -> bool:
        """Return whether its caller could read none of the named metering points when it was made."""
        return bool(self.not_found) and set(self.not_found) == set(self.wanted.metering_point_ids)

    def message_of(self, part: int) -> str:
        """Return the message that has a part built."""
        return f"{self.id}/{part}"

    def name_of(self, part: int, *, ending: str) -> str:
        """Return the name of a part's file."""
        period = self.wanted.period
        return f"{self.id}_{period.first_day}_{period.end_day}_{part}-of-{self.parts}.{ending}"

    def status_at(self, now: datetime) -> ExportStatus:
        """Return the status that callers see."""
        is_over = now >= self.expires_at and self.status is not ExportStatus.FAILED
        return ExportStatus.EXPIRED if is_over else self.status


@dataclass(frozen=True)
class Entry:
    """A line of the register of exports.

    Attributes:
        is_deleted: the export and its files are deleted; the line stays until no message about it can come.
    """

    export_id: str
    principal: str
    is_deleted: bool = False

    @property
    def made_at(self) -> datetime:
        """Return when the export was made, to the millisecond."""
        inverted = int(self.export_id[len(PREFIX) :][:_DIGITS])
        return datetime.fromtimestamp((_LAST_MILLISECOND - inverted) / 1000, UTC)


@dataclass(frozen=True)
class ExportPart:
    """A part of an export, with its file once that is built.

    Attributes:
        plan: the name of the plan that it is in.
        number: from 1.
        days: how many market days it has.
        permitted: packed; see `planning`.
        name: of its file; empty until it is built.
    """

    export_id: str
    principal: str
    plan: str
    number: int
    permitted: bytes
    days: int
    name: str = ""
    bytes: int = 0
    rows: int = 0
    sha256: str = ""
    etag: str = field(default="", compare=False)


class PartState(NamedTuple):
    """The progress of a part of an export, without what the part holds."""

    number: int
    days: int
    is_built: bool


def new_id(now: datetime) -> str:
    """Return an id that sorts before all older ones and that nobody can guess."""
    inverted = _LAST_MILLISECOND - int(now.timestamp() * 1000)
    chance = base64.b32encode(secrets.token_bytes(5)).decode().translate(_CROCKFORD)
    return f"{PREFIX}{inverted:0{_DIGITS}d}{chance}"


def folder(principal: str, export_id: str) -> str:
    """Return the folder of an export's files, within the folder of its caller."""
    return f"{folder_of(principal)}{export_id}/"


def folder_of(principal: str) -> str:
    """Return the folder of a caller's exports."""
    return f"exports/{principal.replace(':', '-')}/"


class Exports:
    """The exports of all callers. Every method may raise `tables.TablesUnavailable`.

    Args:
        storage: where they are kept.
        name: returns the id of an export from the time at which it is made.
    """

    def __init__(self, storage: Tables, *, name: Callable[[datetime], str] | None = None) -> None:
        self._tables = storage
        self._name = name or new_id
        self._marks = Marks(storage)
        self.compared = ComparedGrants(storage, kind="exports")

    def get(self, principal: str, export_id: str) -> Export | None:
        """Return an export of a caller; None if it does not exist or is another caller's."""
        entity = self._tables.get(tables.FILE_WORK, partition=principal, row=export_id)
        return _export(entity) if entity and export_id.startswith(PREFIX) else None

    def of(self, principal: str, *, after: str = "") -> Iterator[Export]:
        """Yield the exports of a caller after an id, the newest first; unreadable ones are logged."""
        start = f"{after}\0" if after else PREFIX
        rows = self._tables.range(
            tables.FILE_WORK, partition=principal, rows_from=start, rows_before=f"{PREFIX[:-1]}`"
        )
        return tables.readable(rows, _export, what="export")

    def register(self) -> Iterator[Entry]:
        """Yield a line for each export of any caller, the newest first; unreadable ones are logged."""
        return tables.readable(
            self._tables.range(tables.FILE_WORK, partition=_REGISTER), _entry, what="export"
        )

    def has_row(self, entry: Entry) -> bool:
        """Return whether the export of a line is stored, readable or not."""
        return bool(self._tables.get(tables.FILE_WORK, partition=entry.principal, row=entry.export_id))

    def make(
        self,
        principal: str,
        wanted: Wanted,
        *,
        request: bytes,
        key: str | None,
        not_found: tuple[str, ...],
        now: datetime,
    ) -> tuple[Export, bool]:
        """Return the export of a request, and whether it is new.

        The same idempotency key, or without one the same request within a minute, returns the same export
        unless that export has failed.

        Args:
            request: the request, in canonical form.
            key: the caller's idempotency key.

        Raises:
            TooManyUnfinished: the caller has as many as it may.
            IdempotencyConflict: the key was used for another request within a day.
        """
        mark = repeating.mark_of(principal, request, key=key)
        if found := self._repeated(mark, now=now):
            return found, False
        self._refuse_too_many(principal, now)  # Here, too, so that a refused request leaves no rows.
        export_id = self._marks.claim(mark, name=self._name, now=now)
        # Written first: the sweep finds in the register an export whose message was never sent.
        self.note(Entry(export_id, principal))
        made = Export(
            principal=principal,
            id=export_id,
            status=ExportStatus.WAITING,
            wanted=wanted,
            created_at=now,
            expires_at=now + LIVES,
            touched_at=now,
            not_found=not_found,
            mark=mark.row,
        )
        try:
            etag = self._tables.insert_in_turn(
                tables.FILE_WORK,
                _entity(made),
                turn=_TURN,
                check=partial(self._refuse_too_many, principal, now),
            )
        except tables.AlreadyExists:
            return self.get(principal, export_id) or made, False
        return replace(made, etag=etag), True

    def _refuse_too_many(self, principal: str, now: datetime) -> None:
        unfinished = sum(each.status_at(now).is_unfinished for each in self.of(principal))
        if unfinished >= MAX_UNFINISHED:
            raise TooManyUnfinished

    def _repeated(self, mark: Mark, *, now: datetime) -> Export | None:
        """Return the export of a repeated request; None if the request is new or its export has failed."""
        export_id = self._marks.find(mark, now=now)
        found = None if export_id is None else self.get(mark.principal, export_id)
        if found is not None and found.status is ExportStatus.FAILED:
            self._unmark(found)
            return None
        return found

    def write(self, export: Export) -> Export:
        """Write an export over the version that was read.

        Raises:
            tables.ChangedMeanwhile: it was changed or deleted meanwhile.
        """
        etag = self._tables.replace(tables.FILE_WORK, _entity(export), etag=export.etag)
        return replace(export, etag=etag)

    @tables.retry_when_changed
    def change(self, principal: str, export_id: str, change: Callable[[Export], Export]) -> Export | None:
        """Change an export, even if others change it at the same time; return None if it no longer exists."""
        stored = self.get(principal, export_id)
        if stored is None:
            return None
        changed = change(stored)
        return stored if changed == stored else self.write(changed)

    def delete(self, export: Export) -> None:
        """Delete the row of an export, which stops work on it. Its parts stay until `delete_parts`."""
        self._unmark(export)
        self._tables.delete(tables.FILE_WORK, partition=export.principal, row=export.id)

    def _unmark(self, export: Export) -> None:
        self._marks.release(export.principal, export.mark, export_id=export.id)

    def delete_parts(self, export_id: str) -> None:
        """Delete the parts of an export."""
        self._tables.delete_range(tables.FILE_WORK, partition=export_id)

    def note(self, entry: Entry) -> None:
        """Write a line of the register."""
        self._tables.upsert(
            tables.FILE_WORK,
            {
                "PartitionKey": _REGISTER,
                "RowKey": entry.export_id,
                "principal": entry.principal,
                "isDeleted": entry.is_deleted,
            },
        )

    def owner(self, export_id: str) -> str | None:
        """Return the principal whose export it is or was; None if it is not in the register."""
        entity = self._tables.get(tables.FILE_WORK, partition=_REGISTER, row=export_id)
        return None if entity is None else _entry(entity).principal

    def forget(self, entry: Entry) -> None:
        """Delete an export's line of the register, and its row if that is still there."""
        self._tables.delete(tables.FILE_WORK, partition=entry.principal, row=entry.export_id)
        self._tables.delete(tables.FILE_WORK, partition=_REGISTER, row=entry.export_id)

    def plan(self, parts: Sequence[ExportPart]) -> None:
        """Write the parts of a plan; they are used once the export names the plan."""
        for part in parts:
            self._tables.upsert(tables.FILE_WORK, _part_entity(part))

    def parts(self, export: Export) -> Iterator[ExportPart]:
        """Yield the parts of an export, in their order; none before it is planned."""
        return map(_part, self._part_rows(export))

    def part_states(self, export: Export) -> list[PartState]:
        """Return the progress of an export's parts, in their order; none before it is planned."""
        return [_part_state(row) for row in self._part_rows(export, select=["RowKey", "days", "name"])]

    def _part_rows(self, export: Export, *, select: Sequence[str] | None = None) -> Iterator[tables.Entity]:
        if not export.plan:
            return iter(())
        return self._tables.range(
            tables.FILE_WORK,
            partition=export.id,
            rows_from=_row(export.plan, 0),
            rows_before=_row(export.plan, _MOST_PARTS),
            select=select,
        )

    def part_named(self, export: Export, name: str) -> ExportPart | None:
        """Return the part of an export whose file has this name; None if there is none."""
        found = _NUMBER_IN_NAME.search(name)
        part = self.part(export, int(found[1])) if found else None
        return part if part is not None and part.name == name else None

    def part(self, export: Export, number: int) -> ExportPart | None:
        """Return a part of an export."""
        row = _row(export.plan, number)
        entity = self._tables.get(tables.FILE_WORK, partition=export.id, row=row)
        return None if entity is None else _part(entity)

    def note_built(self, part: ExportPart) -> None:
        """Write a part that is built.

        Raises:
            tables.ChangedMeanwhile: another process built or deleted it meanwhile.
        """
        self._tables.replace(tables.FILE_WORK, _part_entity(part), etag=part.etag)


_MOST_PARTS = 10**6
_NUMBER_IN_NAME = re.compile(r"_([0-9]{1,6})-of-[0-9]+\.")


def _row(plan: str, number: int) -> str:
    return f"{plan}-{number:06d}"


def _number(entity: tables.Entity) -> int:
    return int(entity["RowKey"].partition("-")[2])


def _entity(export: Export) -> tables.Entity:
    wanted = export.wanted
    return {
        "PartitionKey": export.principal,
        "RowKey": export.id,
        "status": export.status.value,
        "createdAt": export.created_at.isoformat(),
        "expiresAt": export.expires_at.isoformat(),
        "touchedAt": export.touched_at.isoformat(),
        "days": export.days,
        "ofDays": -1 if export.of_days is None else export.of_days,
        "parts": export.parts,
        "problem": json.dumps(export.problem),
        "mark": export.mark,
        "plan": export.plan,
        "isEmptied": export.is_emptied,
        "notFound": tables.pack_json(export.not_found),
        "storedCoarser": tables.pack_json(list(export.stored_coarser)),
        "wanted": tables.pack_json(
            {
                "directions": [each.value for each in wanted.directions],
                "meteringPointIds": wanted.metering_point_ids,
                "customerNumber": wanted.customer_number,
                "from": wanted.period.start.isoformat(),
                "to": wanted.period.end.isoformat(),
                "resolution": wanted.resolution.value if wanted.resolution else None,
                "asOf": wanted.as_of.isoformat(),
                "sequence": wanted.sequence,
                "form": dict(wanted.form),
            }
        ),
    }


@tables.as_written("export")
def _export(entity: tables.Entity) -> Export:
    wanted = tables.unpack_json(entity["wanted"])
    problem = json.loads(entity["problem"])
    of_days = tables.stored_number(entity, "ofDays")
    return Export(
        principal=entity["PartitionKey"],
        id=entity["RowKey"],
        status=ExportStatus(entity["status"]),
        created_at=tables.stored_moment(entity, "createdAt"),
        expires_at=tables.stored_moment(entity, "expiresAt"),
        touched_at=tables.stored_moment(entity, "touchedAt"),
        days=tables.stored_number(entity, "days"),
        of_days=None if of_days < 0 else of_days,
        parts=tables.stored_number(entity, "parts"),
        problem=(problem[0], problem[1]) if problem else None,
        mark=tables.stored_text(entity, "mark"),
        plan=tables.stored_text(entity, "plan"),
        is_emptied=entity["isEmptied"],
        not_found=tuple(tables.unpack_json(entity["notFound"])),
        stored_coarser=tuple(tables.unpack_json(entity["storedCoarser"])),
        wanted=Wanted(
            directions=tuple(Direction(each) for each in wanted["directions"]),
            metering_point_ids=tuple(MeteringPointId(each) for each in wanted["meteringPointIds"]),
            customer_number=wanted["customerNumber"],
            period=Period(datetime.fromisoformat(wanted["from"]), datetime.fromisoformat(wanted["to"])),
            resolution=Resolution(wanted["resolution"]) if wanted["resolution"] else None,
            as_of=datetime.fromisoformat(wanted["asOf"]),
            sequence=wanted["sequence"],
            form=wanted["form"],
        ),
        etag=tables.etag_of(entity),
    )


@tables.as_written("export")
def _entry(entity: tables.Entity) -> Entry:
    return Entry(entity["RowKey"], tables.stored_text(entity, "principal"), entity["isDeleted"])


def _part_entity(part: ExportPart) -> tables.Entity:
    return {
        "PartitionKey": part.export_id,
        "RowKey": _row(part.plan, part.number),
        "principal": part.principal,
        "permitted": part.permitted,
        "days": part.days,
        "name": part.name,
        "bytes": part.bytes,
        "rows": part.rows,
        "sha256": part.sha256,
    }


@tables.as_written("part of an export")
def _part_state(entity: tables.Entity) -> PartState:
    days, name = tables.stored_number(entity, "days"), tables.stored_text(entity, "name")
    return PartState(_number(entity), days, is_built=bool(name))


@tables.as_written("part of an export")
def _part(entity: tables.Entity) -> ExportPart:
    return ExportPart(
        export_id=entity["PartitionKey"],
        principal=tables.stored_text(entity, "principal"),
        plan=entity["RowKey"].partition("-")[0],
        number=_number(entity),
        permitted=entity["permitted"],
        days=tables.stored_number(entity, "days"),
        name=tables.stored_text(entity, "name"),
        bytes=tables.stored_number(entity, "bytes"),
        rows=tables.stored_number(entity, "rows"),
        sha256=tables.stored_text(entity, "sha256"),
        etag=tables.etag_of(entity),
    )
