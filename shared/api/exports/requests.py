"""Requests for exports: from body, path and parameters to typed values, or all faults together."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import orjson

from shared.api import bodies, formats
from shared.api.exports.models import ExportRequest
from shared.api.parameters import Parameters, Seal, Seals
from shared.api.problems import Fault, InvalidRequest, Refused
from shared.api.series import requests as series
from shared.api.series.requests import Given
from shared.files import planning, reading
from shared.files.exports.store import Wanted
from shared.files.forms.form import FileFormat, Form
from shared.files.reading import Question
from shared.metering import Direction
from shared.periods import Period
from shared.publishing.watermark import DataState
from shared.readable import Readable
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import publication_log
from shared.warehouse.queries.series_days import SizeRow

MAX_LIMIT, DEFAULT_LIMIT = 100, 50

_ID = re.compile(r"ex_[0-9A-Za-z]{16,32}")


@dataclass(frozen=True)
class ListRequest:
    """A valid request for a caller's exports.

    Attributes:
        after: the id after which the page starts; empty on the first page.
        seal: of its cursors.
    """

    limit: int
    after: str
    seal: Seal


def export_id(text: str) -> str:
    """Return an id from a path.

    Raises:
        Refused: 404 when no export can have such an id.
    """
    if not _ID.fullmatch(text):
        raise not_found()
    return text


def not_found() -> Refused:
    """Return the one answer for an export that does not exist or is another caller's."""
    return Refused("not-found", "GET /exports lists your exports.")


def page(given: Given, *, seals: Seals, accept: str) -> ListRequest:
    """Read a request for the caller's exports from its parameters.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when `accept` does not name JSON.
    """
    parameters = Parameters(given)
    formats.read(parameters, accept=accept, available=formats.ONLY_JSON)
    limit = parameters.whole_number("limit", default=DEFAULT_LIMIT, low=1, high=MAX_LIMIT)
    seal = seals.of("exports")
    after = parameters.cursor("cursor", lambda text: seal.open(text).decode()) or ""
    parameters.done()
    return ListRequest(limit, after, seal)


def read(req: bodies.Request, *, state: DataState) -> ExportRequest:
    """Read the body of a request for an export.

    Raises:
        InvalidRequest: the body has faults; all are named.
        Refused: 400, 413 or 415, as `bodies.read`.
    """
    return bodies.read(req, ExportRequest, latest=state.latest_moment)


def wanted(body: ExportRequest, *, state: DataState, warehouse: Warehouse) -> Wanted:
    """Return what an export holds: the latest publication, or what was shown at an earlier moment.

    Args:
        state: read once for the whole request. If the moment came from a later publication than the end of
            the data, a day would be missing both from the files and from the changes after them.
    """
    as_of = series.shown_moment(bodies.moment(body.as_of) if body.as_of else None, state=state)
    sequence = state.sequence
    if state.published_at is not None and as_of < state.published_at:
        (sequence,) = warehouse.fetch(publication_log.sequence_shown(as_of))
    start = bodies.moment(body.from_)
    end = bodies.moment(body.to) if body.to else max(state.available_at(as_of) or start, start)
    return Wanted(
        directions=tuple(sorted(body.directions)),
        metering_point_ids=tuple(sorted(set(body.metering_point_ids or ()))),
        customer_number=body.customer_number,
        period=Period(start, end),
        resolution=body.resolution,
        as_of=as_of,
        sequence=sequence,
        form=body.form.model_dump(mode="json", by_alias=True, exclude_none=True),
    )


def as_text(body: ExportRequest) -> bytes:
    """Return a request in a canonical form, by which a repeated request is recognised."""
    return orjson.dumps(body.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)


def refuse_unfit(wanted: Wanted, *, form: Form, readable: Readable, warehouse: Warehouse) -> None:
    """Refuse what the form cannot hold, before any work starts.

    Raises:
        InvalidRequest: with the remedy.
    """
    if form.format not in (FileFormat.XLSX, FileFormat.GS2):
        return
    permitted = planning.narrow(readable, planning.within(readable, wanted.period))

    def sizes(*directions: Direction) -> list[SizeRow]:
        question = Question(directions, wanted.period, wanted.resolution, wanted.as_of)
        return list(reading.sizes(warehouse, permitted, question))

    if form.format is FileFormat.XLSX:
        faults = list(_of_xlsx(sizes(*wanted.directions), wanted, form))
    else:
        # Each direction of a metering point is a series of its own.
        of_each = (_of_gs2(sizes(each), wanted) for each in wanted.directions)
        faults = list(islice(chain.from_iterable(of_each), 1))
    if faults:
        raise InvalidRequest(faults)


def _of_xlsx(sizes: Sequence[SizeRow], wanted: Wanted, form: Form) -> Iterable[Fault]:
    from shared.files.forms import xlsx

    values = sum(planning.values(row, wanted.resolution) for row in sizes)
    try:
        xlsx.refuse_too_large(values=values, series=len(sizes), layout=form.layout)
    except xlsx.TooLargeForXlsx as error:
        yield Fault("form.format", "not-in-format", "A workbook cannot hold so much.", str(error))


def _of_gs2(sizes: Sequence[SizeRow], wanted: Wanted) -> Iterable[Fault]:
    if wanted.resolution is not None and wanted.resolution.is_stored:
        return
    if wanted.resolution is not None:
        yield Fault("resolution", "not-in-format", "GS2 holds hours or quarters.", "Ask for PT1H or PT15M.")
        return
    resolutions: dict[str, set[str]] = {}
    for row in sizes:
        resolutions.setdefault(row.metering_point_id, set()).add(row.resolution)
    for metering_point_id, several in resolutions.items():
        if len(several) > 1:
            yield Fault(
                "resolution",
                "not-in-format",
                f"{metering_point_id} is stored in hours and in quarters, and a series of GS2 has one step.",
                "Ask for PT1H.",
            )
            return
