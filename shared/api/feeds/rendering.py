"""Feeds and their runs as answers."""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from shared import tables
from shared.api import responses
from shared.api.exports.models import FilesProblem
from shared.api.feeds import models
from shared.api.feeds.requests import ListRequest
from shared.files.feeds.ledger import FileOfRun, Ledger, Run
from shared.files.feeds.store import Feed

MAX_FILES = 5_000
"""The most files that are listed for a run; a page of runs ends after the run that reaches this total."""
RETRY_AFTER = 5

log = logging.getLogger("metering.files")


def path(feed: Feed) -> str:
    """Return the path of a feed at the gateway."""
    return f"{responses.PUBLIC_PREFIX}/v1/feeds/{feed.id}"


def one(feed: Feed) -> bytes:
    """Return a feed as JSON."""
    return _feed(feed).model_dump_json(by_alias=True).encode()


def many(feeds: Iterable[Feed]) -> bytes:
    """Return all feeds of a caller as JSON."""
    return models.FeedList(feeds=[_feed(each) for each in feeds]).model_dump_json(by_alias=True).encode()


def run(feed: Feed, found: Run, ledger: Ledger, *, now: datetime) -> bytes:
    """Return a run as JSON."""
    return _run(feed, found, ledger, now=now).model_dump_json(by_alias=True, exclude_unset=True).encode()


def page(feed: Feed, request: ListRequest, ledger: Ledger, *, now: datetime) -> bytes:
    """Return a page of a feed's runs as JSON."""
    shown: list[models.FeedRun] = []
    last: Run | None = None
    files, more = 0, False
    for each in ledger.of(feed.principal, feed.id, before=request.before):
        if len(shown) == request.limit or files >= MAX_FILES:
            more = True
            break
        last = each
        try:
            shown.append(_run(feed, each, ledger, now=now))
        except tables.UnreadableValue:
            log.exception("Run %s of feed %s is unreadable and left out.", each.id, feed.id)
            continue
        files += len(shown[-1].files)
    written = models.FeedRunPage(
        runs=shown,
        next_cursor=request.seal.seal(str(last.span.through).encode()) if last and more else None,
    )
    return written.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _feed(feed: Feed) -> models.Feed:
    spec = feed.spec
    return models.Feed(
        feed_id=feed.id,
        name=spec.name,
        customer_number=spec.customer_number,
        directions=list(spec.directions),
        resolution=spec.resolution,
        form=dict(spec.form),
        split=spec.split,
        content=spec.content,
        days=spec.days or None,
        corrections=spec.corrections,
        when=spec.when,
        gaps=spec.gaps,
        receiver="links" if feed.receiver is None else "sftp",
        paused=feed.is_paused,
        created_at=feed.created_at,
        last_run=feed.latest.name if feed.latest else None,
    )


def _run(feed: Feed, found: Run, ledger: Ledger, *, now: datetime) -> models.FeedRun:
    below = f"{path(feed)}/runs/{found.id}/files/"
    is_kept = found.is_kept(now)
    written = models.FeedRun(
        run=found.id,
        sequences=[found.span.first, found.span.through],
        as_of=found.span.as_of,
        status=found.status,
        attempts=found.attempts,
        finished_at=found.finished_at,
        file_count=found.file_count if is_kept else 0,
        files=[_file(each, below) for each in islice(ledger.files(found), MAX_FILES)] if is_kept else [],
    )
    if found.problem:
        code, detail = found.problem
        written.problem = FilesProblem(code=code, detail=detail)
    if found.manifest and is_kept:
        name, sha256 = found.manifest.name, found.manifest.sha256
        written.manifest = models.RunManifest(name=name, sha256=sha256, href=below + name)
    return written


def _file(file: FileOfRun, below: str) -> models.RunFile:
    return models.RunFile(
        name=file.name,
        bytes=file.bytes,
        rows=file.rows,
        values=file.values,
        missing=file.missing,
        estimated=file.estimated,
        sha256=file.sha256,
        href=below + file.name,
    )
