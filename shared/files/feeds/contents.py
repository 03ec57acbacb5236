"""What a run of a feed holds: its batches, the names of its files, its manifest. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from shared import periods
from shared.files import planning
from shared.files.feeds.ledger import Batch, FileOfRun, Run
from shared.files.feeds.store import Content, Corrections, Split
from shared.files.forms import table
from shared.files.forms.form import Form
from shared.files.reading import Question
from shared.metering import Quality
from shared.periods import Period
from shared.readable import Permission, Readable
from shared.series.assembly import Series, Values, kwh
from shared.warehouse.queries.published import Kind, PublicationSpan


def question_of(run: Run, *, period: Period, kind: Kind) -> Question:
    """Return what the files of one kind hold."""
    by_publication = run.spec.content is Content.NEW_AND_CORRECTED
    return Question(
        tuple(sorted(run.spec.directions)),
        period,
        run.spec.resolution,
        run.span.as_of,
        PublicationSpan(run.span.first, run.span.through, kind) if by_publication else None,
    )


def kinds(run: Run) -> tuple[Kind, ...]:
    """Return the kinds of days that have files of their own."""
    if run.spec.content is Content.NEW_AND_CORRECTED and run.spec.corrections is Corrections.OWN_FILE:
        return (Kind.NEW, Kind.CORRECTED)
    return (Kind.ALL,)


def selected(readable: Readable, run: Run, label: str = "") -> Readable:
    """Return the readable metering points that a run covers: one customer's, or all.

    Args:
        label: of a batch: its customer's number if it has one customer's metering points, else empty.
    """
    numbers = (run.spec.customer_number, int(label) if label else None)
    for number in numbers:
        if number is not None:
            readable = planning.of_customer(readable, number)
    return readable


def groups(readable: Readable, split: Split) -> Iterator[tuple[str, Readable]]:
    """Yield labels and groups of what may be read: a group for each customer, or a single one."""
    if split is not Split.PER_CUSTOMER:
        yield "", readable
        return
    by_customer: dict[int, list[Permission]] = {}
    for each in readable.permissions:
        by_customer.setdefault(each.customer_number, []).append(each)
    for number in sorted(by_customer):
        yield str(number), replace(readable, permissions=tuple(by_customer[number]))


def named_files(
    series: Iterator[Series], *, run: Run, batch: Batch, form: Form
) -> Iterator[tuple[str, Iterable[Series]]]:
    """Yield the name and the series of each file of a batch."""
    begin = "_".join(part for part in (run.feed_id, run.id, batch.label) if part)
    ending = "_corrections" if batch.kind is Kind.CORRECTED else ""
    if run.spec.split is not Split.PER_METERING_POINT:
        yield f"{begin}{ending}_{batch.place}-of-{batch.of}.{table.ending(form)}", series
        return
    for metering_point_id, of_one in groupby(series, key=lambda each: each.scope.metering_point_id):
        yield f"{begin}_{metering_point_id}{ending}.{table.ending(form)}", of_one


def file_id(run: Run, batch: Batch, *, place: int) -> str:
    """Return what identifies a file to its receiver, in at most 35 characters: GS2's `Id`.

    No other file, of this feed or of another one, has the same id.
    """
    feed = hashlib.sha256(f"{run.principal}/{run.feed_id}".encode()).hexdigest()[:12]
    return f"{feed}-{run.span.through}-{batch.number}.{place}"


def complete_days(series: Iterable[Series]) -> Iterator[Series]:
    """Yield series without days that have missing values."""
    for each in series:
        parts = [
            part
            for part in each.parts
            if not isinstance(part, Values) or Quality.MISSING.letter not in part.qualities
        ]
        if parts:
            yield replace(each, parts=parts)


def manifest(
    run: Run, files: Iterable[FileOfRun], *, previous: str | None, changes_cursor: str
) -> Mapping[str, Any]:
    """Return the content of the manifest.

    Args:
        previous: SHA-256 of the manifest of the run before.
        changes_cursor: the cursor of /changes for what is published after this run.
    """
    return {
        "feed": run.feed_id,
        "run": run.id,
        "sequences": [run.span.first, run.span.through],
        "asOf": periods.utc_text(run.span.as_of),
        "files": [_in_manifest(each) for each in files],
        "previousManifestSha256": previous,
        "changesCursor": changes_cursor,
    }


def _in_manifest(file: FileOfRun) -> dict[str, str | int]:
    return {
        "name": file.name,
        "bytes": file.bytes,
        "rows": file.rows,
        "values": file.values,
        "missing": file.missing,
        "estimated": file.estimated,
        "sumKWh": kwh(file.watt_hours),
        "sha256": file.sha256,
    }
