"""Exports from request to deletion; `building` makes their files.

Grants are read again whenever a file is handed out.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared import queues
from shared.files import making, planning, sweeping
from shared.files.exports import store
from shared.files.exports.store import Entry, Export, ExportPart, Exports, ExportStatus, Wanted
from shared.files.making import FEW_FILES, SILENT, Grants, NoFile, NoLonger, Queue
from shared.files.outbox import Outbox
from shared.readable import Readable

ACCESS_CHANGED = (
    "access-changed",
    "Access to some of it has ended, so its files were deleted; request it again.",
)
NOT_BUILT = ("not-built", "It could not be made, and we have been alerted. Request it again.")

log = logging.getLogger("metering.files")


@dataclass(frozen=True)
class Keeper:
    """Makes, hands out, ends, deletes and sweeps exports.

    Attributes:
        ended: called with each export that is finished or has failed, possibly twice; raises nothing.
    """

    exports: Exports
    outbox: Outbox
    queue: Queue
    grants: Grants
    clock: Callable[[], datetime]
    ended: Callable[[Export], None] = lambda export: None

    def make(
        self,
        principal: str,
        wanted: Wanted,
        *,
        request: bytes,
        key: str | None,
        not_found: tuple[str, ...],
    ) -> Export:
        """Return the export of a request, and have its files built in the background; see `Exports.make`."""
        export, is_new = self.exports.make(
            principal, wanted, request=request, key=key, not_found=not_found, now=self.clock()
        )
        if is_new or export.status is ExportStatus.WAITING:  # Its message may have been lost.
            self.request_work(export)
        return export

    def request_work(self, export: Export) -> None:
        """Have an export planned and built; if it is over, have its files deleted."""
        self.queue.send(queues.FILES, export.id)

    def readable(self, principal: str) -> Readable:
        """Return what a principal may read, from the table of grants and not from memory."""
        return making.readable_of(self.grants, principal)

    def may_read(self, export: Export, part: ExportPart) -> bool:
        """Return whether the caller may still read everything in a part, from the table of grants."""
        held = planning.within(self.readable(export.principal), export.wanted.period)
        return planning.covers(held, planning.unpack(part.permitted))

    def link(self, export: Export, name: str) -> str:
        """Return a link to a file of an export, valid for 15 minutes.

        Raises:
            NoFile: the export has no such file.
            NoLonger: its files are deleted, or hold what its caller may no longer read.
        """
        if is_over(export, self.clock()):
            raise NoLonger
        part = self.exports.part_named(export, name)
        if part is None or export.status is not ExportStatus.FINISHED:
            raise NoFile
        if not self.may_read(export, part):
            self.end(export.principal, export.id, ACCESS_CHANGED)
            raise NoLonger
        path = store.folder(export.principal, export.id) + name
        return self.outbox.link(path, now=self.clock())

    def end(self, principal: str, export_id: str, problem: tuple[str, str]) -> None:
        """Fail an export, and delete its files."""

        def change(stored: Export) -> Export:
            return replace(stored, status=ExportStatus.FAILED, problem=problem, touched_at=self.clock())

        if problem is NOT_BUILT:
            # The alert `files-failed` reads this line.
            log.error("Files failed: export %s.", export_id)
        else:
            log.warning("Export %s ended: %s.", export_id, problem[0])
        ended = self.exports.change(principal, export_id, change)
        if ended is None:
            return
        if ended.parts > FEW_FILES:
            self.ended(ended)
            self.request_work(ended)  # A caller may be waiting.
        else:
            self.finish_end(ended)

    def finish_end(self, export: Export) -> None:
        """Notify once that an export has failed, and delete its files, including those written since."""
        # Notify first: if the outbox is down, which is a common cause, the deletion fails too.
        if export.status is ExportStatus.FAILED and not export.is_emptied:
            self.ended(export)
        self.outbox.delete(store.folder(export.principal, export.id))
        self.exports.change(export.principal, export.id, lambda stored: replace(stored, is_emptied=True))

    def delete(self, export: Export) -> None:
        """Delete an export, which stops work on it, and its files; many files are deleted by a message."""
        self.exports.delete(export)
        if export.parts > FEW_FILES:
            self.request_work(export)
        else:
            self.delete_rest(Entry(export.id, export.principal))

    def revoke(self, principal: str) -> None:
        """Fail the exports that hold anything the principal may no longer read, and delete their files.

        Raises:
            tables.UnreadableValue: a part cannot be read; raised after all other exports are compared.
        """
        now = self.clock()
        kept = [each for each in self.exports.of(principal) if not is_over(each, now)]
        if not kept:
            return
        readable = self.readable(principal)

        def compare(export: Export) -> None:
            held = planning.within(readable, export.wanted.period)
            parts = list(self.exports.parts(export))
            if any(not planning.covers(held, planning.unpack(part.permitted)) for part in parts):
                self.end(principal, export.id, ACCESS_CHANGED)

        sweeping.for_each(kept, compare)

    def revoke_changed(self, *, version: Callable[[str], str | None]) -> None:
        """Call `revoke` for each principal with exports whose grants have changed since the last call."""
        principals = _principals(self.exports.register())
        self.exports.compared.for_each_changed(principals, self.revoke, version=version)

    def sweep(self) -> None:
        """Send silent work again, delete what has expired, and finish interrupted deletions."""
        now = self.clock()
        entries = list(self.exports.register())
        found = set()
        for principal in _principals(entries):
            for export in list(self.exports.of(principal)):
                found.add(export.id)
                with sweeping.alone(export.id):
                    self._tend(export, now)
        for entry in entries:
            if entry.export_id not in found:
                with sweeping.alone(entry.export_id):
                    self._tend_rest(entry, now)

    def _tend(self, export: Export, now: datetime) -> None:
        if now >= export.created_at + store.FORGOTTEN:
            self.delete(export)
        elif is_over(export, now):
            if not export.is_emptied:
                self.finish_end(export)
        elif export.status.is_unfinished and now - export.touched_at >= SILENT:
            self._send_again(export)

    def _tend_rest(self, entry: Entry, now: datetime) -> None:
        """Delete what an interrupted deletion left, and old exports whose row is unreadable."""
        is_old = now >= entry.made_at + store.FORGOTTEN
        if now - entry.made_at < SILENT:
            return  # A new export's line is written before its row.
        if not entry.is_deleted and (is_old or not self.exports.has_row(entry)):
            self.delete_rest(entry)
        if is_old:
            self.exports.forget(entry)

    def delete_rest(self, entry: Entry) -> None:
        """Delete the files and parts of a deleted export."""
        self.outbox.delete(store.folder(entry.principal, entry.export_id))
        self.exports.delete_parts(entry.export_id)
        self.exports.note(replace(entry, is_deleted=True))

    def _send_again(self, export: Export) -> None:
        waiting = [part.number for part in self.exports.part_states(export) if not part.is_built]
        log.warning("Export %s is silent; its work is sent again.", export.id)
        if export.status is ExportStatus.WAITING or not waiting:
            self.queue.send(queues.FILES, export.id)
        for number in waiting:
            self.queue.send(queues.FILES, export.message_of(number))
        now = self.clock()
        self.exports.change(export.principal, export.id, lambda stored: replace(stored, touched_at=now))


def is_over(export: Export, now: datetime) -> bool:
    """Return whether an export has failed or expired, and so has no files."""
    return export.status_at(now) in (ExportStatus.FAILED, ExportStatus.EXPIRED)


def _principals(entries: Iterable[Entry]) -> list[str]:
    return sorted({each.principal for each in entries if not each.is_deleted})
