"""Requests for feeds: from body, path and parameters to typed values, or all faults together."""

import re
from dataclasses import dataclass

from shared.api import bodies, formats
from shared.api.feeds.models import USUAL_DAYS, FeedRequest
from shared.api.parameters import Parameters, Seal, Seals, chosen_id
from shared.api.problems import Refused
from shared.api.series.requests import Given
from shared.files.feeds.store import Content, Spec

MAX_LIMIT, DEFAULT_LIMIT = 100, 20

_RUN = re.compile(r"[0-9]{6,11}-([0-9]{6,11})")


@dataclass(frozen=True)
class ListRequest:
    """A valid request for the runs of a feed.

    Attributes:
        before: the page lists runs older than the run with this last publication; None on the first page.
        seal: of its cursors.
    """

    limit: int
    before: int | None
    seal: Seal


def feed_id(text: str) -> str:
    """Return an id from a path.

    Raises:
        InvalidRequest: no feed can have such an id.
    """
    return chosen_id("feedId", text)


def through(text: str) -> int:
    """Return the last publication of the run that a path names.

    Raises:
        Refused: 404 when no run can have such a name.
    """
    found = _RUN.fullmatch(text)
    if not found:
        raise no_run()
    return int(found[1])


def not_found() -> Refused:
    """Return the one answer for a feed that does not exist or is another caller's."""
    return Refused("not-found", "GET /feeds lists your feeds.")


def no_run() -> Refused:
    """Return the answer for a run that a feed does not have."""
    return Refused("not-found", "GET /feeds/{feedId}/runs lists the runs of a feed.")


def page(given: Given, *, of: str, seals: Seals, accept: str) -> ListRequest:
    """Read a request for the runs of the feed `of` from its parameters.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when `accept` does not name JSON.
    """
    parameters = Parameters(given)
    formats.read(parameters, accept=accept, available=formats.ONLY_JSON)
    limit = parameters.whole_number("limit", default=DEFAULT_LIMIT, low=1, high=MAX_LIMIT)
    seal = seals.of("runs", of)
    before = parameters.cursor("cursor", lambda text: int(seal.open(text)))
    parameters.done()
    return ListRequest(limit, before, seal)


def read(req: bodies.Request) -> Spec:
    """Return what a feed is to send.

    Raises:
        InvalidRequest: the body has faults; all are named.
        Refused: 400, 413 or 415, as `bodies.read`.
    """
    body = bodies.read(req, FeedRequest)
    return Spec(
        name=body.name,
        customer_number=body.customer_number,
        directions=tuple(sorted(body.directions)),
        resolution=body.chosen_resolution,
        form=body.form.model_dump(mode="json", by_alias=True, exclude_none=True),
        split=body.split,
        content=body.content,
        days=(body.days or USUAL_DAYS) if body.content is Content.LAST_DAYS else 0,
        corrections=body.corrections,
        when=body.when,
        gaps=body.chosen_gaps,
    )
