"""Exports as answers."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from shared.api import responses
from shared.api.changes import requests as changes
from shared.api.changes import search
from shared.api.exports import models
from shared.api.exports.requests import ListRequest
from shared.api.parameters import Seals
from shared.api.series.models import StoredCoarser
from shared.files.exports.store import Export, ExportPart, Exports, ExportStatus
from shared.metering import MeteringPointId

RETRY_AFTER = 5
"""Seconds after which a client should ask again for an unfinished export."""


def path(export: Export) -> str:
    """Return the path of an export at the gateway."""
    return f"{responses.PUBLIC_PREFIX}/v1/exports/{export.id}"


def one(export: Export, parts: Iterable[ExportPart], *, seals: Seals, now: datetime) -> bytes:
    """Return an export as JSON; `parts` is only consumed when there are files to list."""
    shown = parts if export.status_at(now) is ExportStatus.FINISHED else ()
    cursor = changes.cursor_text(search.first_of(export.wanted.sequence + 1), seals.of("changes"))
    written = models.Export(
        **_summary(export, now=now).model_dump(),
        progress=models.ExportProgress(days=export.days, of=export.of_days),
        changes_cursor=cursor,
        not_found=[MeteringPointId(each) for each in export.not_found],
        stored_coarser=[StoredCoarser.model_validate(each) for each in export.stored_coarser],
        files=[
            models.ExportFile(
                name=part.name,
                bytes=part.bytes,
                rows=part.rows,
                sha256=part.sha256,
                href=f"{path(export)}/files/{part.name}",
            )
            for part in shown
        ],
    )
    if export.problem:
        code, detail = export.problem
        written.problem = models.FilesProblem(code=code, detail=detail)
    return written.model_dump_json(by_alias=True, exclude_unset=True).encode()


def page(exports: Exports, principal: str, request: ListRequest, *, now: datetime) -> bytes:
    """Return a page of a caller's exports as JSON."""
    found = list(islice(exports.of(principal, after=request.after), request.limit + 1))
    shown = found[: request.limit]
    more = len(found) > request.limit
    written = models.ExportPage(
        exports=[_summary(each, now=now) for each in shown],
        next_cursor=request.seal.seal(shown[-1].id.encode()) if more else None,
    )
    return written.model_dump_json(by_alias=True).encode()


def _summary(export: Export, *, now: datetime) -> models.ExportSummary:
    return models.ExportSummary(
        export_id=export.id,
        status=export.status_at(now),
        created_at=export.created_at,
        expires_at=export.expires_at,
        as_of=export.wanted.as_of,
    )
