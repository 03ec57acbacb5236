"""How exports are built: planned once, then part by part, with one message for each part.

A repeated step gives the same result: a part is a file that shows one `asOf`, written whole under one name,
and its row is written after the file. If a process dies, the queue delivers its message again, or
`keeping.Keeper.sweep` finds a row that has not changed for long. Grants are read again for each part.
"""

import logging
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson

from shared import queues, tables
from shared.files import making, planning, reading
from shared.files.exports import keeping, store
from shared.files.exports.keeping import Keeper
from shared.files.exports.store import Entry, Export, ExportPart, Exports, ExportStatus
from shared.files.forms import table
from shared.files.forms.about import About
from shared.files.forms.form import Form
from shared.files.forms.gs2 import UnfitForGs2
from shared.files.forms.xlsx import TooLargeForXlsx
from shared.files.making import UNFIT
from shared.files.reading import Question
from shared.metering import Resolution
from shared.queues import UnknownMessage
from shared.readable import Readable
from shared.series import coarser
from shared.series.coarser import Coarser
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries.series_days import StoredInHoursRow

log = logging.getLogger("metering.files")


@dataclass(frozen=True)
class Workshop:
    """Plans and builds exports.

    Attributes:
        max_values: the most values of a part; None means the form's own limit.
    """

    keeper: Keeper
    warehouse: Warehouse
    max_values: int | None = None

    @property
    def _exports(self) -> Exports:
        return self.keeper.exports

    def handle(self, message: str) -> None:
        """Plan the export, or build the part, that a message of the queue `files` names.

        Raises:
            UnknownMessage: it names neither.
        """
        export_id, _, number = message.partition("/")
        if number and not number.isdecimal():
            raise UnknownMessage
        principal = self._exports.owner(export_id)
        if principal is None:
            return
        export = self._exports.get(principal, export_id)
        if export is None:
            # Files may have been written after the export was deleted.
            self.keeper.delete_rest(Entry(export_id, principal))
            return
        if not export.status_at(self.keeper.clock()).is_unfinished:
            self._note_end(export)
            return
        readable = self.keeper.readable(principal)
        try:
            if number:
                self._build(export, int(number), readable)
            else:
                self._plan(export, readable)
        except (TooLargeForXlsx, UnfitForGs2) as error:
            self.keeper.end(principal, export_id, (UNFIT, str(error)))

    def fail(self, message: str) -> None:
        """Fail the export of a message from the poison queue."""
        export_id, _, _ = message.partition("/")
        principal = self._exports.owner(export_id)
        export = self._exports.get(principal, export_id) if principal else None
        if export is None:
            return
        if export.status.is_unfinished:
            self.keeper.end(export.principal, export_id, keeping.NOT_BUILT)
        else:
            self._note_end(export)

    def _note_end(self, export: Export) -> None:
        """Notify the owner again and delete late files: a process may have died before it did so."""
        if export.status is ExportStatus.FINISHED:
            self.keeper.ended(export)
        else:
            self.keeper.finish_end(export)

    def _plan(self, export: Export, readable: Readable) -> None:
        """Write the parts of an export, and send a message for each part that is not built."""
        if export.status is ExportStatus.WAITING:
            selected = planning.select(readable, export.wanted)
            if not selected.permissions and not export.is_of_nothing:
                self.keeper.end(export.principal, export.id, keeping.ACCESS_CHANGED)
                return
            planned = self._planned(export, selected)
            if planned is None:
                return
            export = planned
        for part in self._exports.part_states(export):
            if not part.is_built:
                self.keeper.queue.send(queues.FILES, export.message_of(part.number))
        self._finish(export)

    def _planned(self, export: Export, selected: Readable) -> Export | None:
        """Return the export with its parts planned; None if it was deleted meanwhile."""
        permitted = planning.within(selected, export.wanted.period)
        readable = planning.narrow(selected, permitted)
        question = question_of(export)
        plan = making.new_plan()
        form = Form.of_stored(export.wanted.form)
        parts = [
            ExportPart(export.id, export.principal, plan, number, planning.pack(part.permitted), part.days)
            for number, part in enumerate(
                planning.parts(
                    reading.sizes(self.warehouse, readable, question),
                    resolution=export.wanted.resolution,
                    permitted=permitted,
                    max_values=self.max_values or planning.most_values(form),
                    max_points=planning.most_points(form, export.wanted.period, export.wanted.resolution),
                ),
                start=1,
            )
        ]
        self._exports.plan(parts)
        planned = replace(
            export,
            status=ExportStatus.RUNNING,
            of_days=sum(part.days for part in parts),
            parts=len(parts),
            plan=plan,
            not_found=tuple(
                each for each in export.wanted.metering_point_ids if each not in selected.periods
            ),
            stored_coarser=left_out(self.warehouse, readable, question),
            touched_at=self.keeper.clock(),
        )
        with suppress(tables.ChangedMeanwhile):
            return self._exports.write(planned)
        return self._exports.get(export.principal, export.id)

    def _build(self, export: Export, number: int, readable: Readable) -> None:
        """Write one part, and finish the export with the last one."""
        part = self._exports.part(export, number)
        if part is None:
            return
        permitted = planning.unpack(part.permitted)
        if not planning.covers(planning.within(readable, export.wanted.period), permitted):
            self.keeper.end(export.principal, export.id, keeping.ACCESS_CHANGED)
            return
        if not part.name:
            built = self._file(export, part, planning.narrow(readable, permitted))
            with suppress(tables.ChangedMeanwhile):  # Already built with the same bytes, or deleted.
                self._exports.note_built(built)
        self._finish(export)

    def _file(self, export: Export, part: ExportPart, readable: Readable) -> ExportPart:
        """Write the file of a part to the outbox, and return the part with the file's name and digest."""
        form = Form.of_stored(export.wanted.form)
        name = export.name_of(part.number, ending=table.ending(form))
        about = About(
            name=export.id if export.parts == 1 else f"{export.id}-{part.number}",
            as_of=export.wanted.as_of,
            resolution=export.wanted.resolution,
        )
        with tempfile.TemporaryFile() as content:
            written = table.write(
                reading.series(self.warehouse, readable=readable, question=question_of(export)),
                form=form,
                about=about,
            )
            size, digest = making.copy(written.pieces, content)
            content.seek(0)
            self.keeper.outbox.put(
                store.folder(export.principal, export.id) + name, content, media_type=table.media_type(form)
            )
        return replace(part, name=name, bytes=size, rows=written.counts.rows, sha256=digest)

    def _finish(self, export: Export) -> None:
        """Count the built parts, and finish the export when all are built."""
        parts = self._exports.part_states(export)
        is_finished = len(parts) == export.parts and all(part.is_built for part in parts)
        now = self.keeper.clock()

        def change(stored: Export) -> Export:
            if not stored.status.is_unfinished:
                return stored
            days = max(stored.days, sum(part.days for part in parts if part.is_built))
            status = ExportStatus.FINISHED if is_finished else stored.status
            return replace(stored, days=days, status=status, touched_at=now)

        stored = self._exports.change(export.principal, export.id, change)
        if stored is None or keeping.is_over(stored, now):
            # While this part was built, the export was deleted or expired, or access to it ended.
            self.keeper.outbox.delete(store.folder(export.principal, export.id))
        elif is_finished:
            log.info("Export %s is finished: %d files.", export.id, len(parts))
            self.keeper.ended(stored)


def question_of(export: Export) -> Question:
    """Return what every part of an export holds."""
    wanted = export.wanted
    return Question(wanted.directions, wanted.period, wanted.resolution, wanted.as_of)


def left_out(warehouse: Warehouse, readable: Readable, question: Question) -> list[dict[str, str]]:
    """Return the first metering points with days left out because they are stored coarser than requested."""
    if question.resolution is not Resolution.PT15M:
        return []
    rows: dict[str, StoredInHoursRow] = {}
    for direction in question.directions:
        found = coarser.find(
            warehouse, readable, direction=direction, period=question.period, as_of=question.as_of
        )
        rows = {row.metering_point_id: row for row in found.rows} | rows
    listed = Coarser(sorted(rows.values())[: coarser.LISTED], len(rows))
    written: list[dict[str, str]] = orjson.loads(orjson.dumps(listed.as_json()))
    return written
