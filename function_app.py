"""The metering data API: one function per route and timer, one line per stage."""

import logging
import sys
from datetime import UTC, datetime
from functools import partial

import azure.functions as func
from azure.functions.warmup import WarmUpContext  # The package names it and does not have it.

from shared import services
from shared.api import authorize, boundary, callers, etags, formats, resources, responses, status, urls
from shared.api.callers import Caller
from shared.api.changes import changes
from shared.api.listings import listings
from shared.api.responses import Answer
from shared.api.series import pages, rendering, requests
from shared.metering import Direction
from shared.telemetry import log_levels


def clock() -> datetime:
    """The time now; nothing below this module reads a clock."""
    return datetime.now(UTC)


# Who writes megabytes hands the interpreter on after a millisecond instead of Python's five: a small answer
# beside it waits for its turn several times.
sys.setswitchinterval(0.001)

log_levels.quieten_libraries()
log = logging.getLogger("metering.timers")

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
use = services.load(clock=clock)
answers = partial(boundary.answers, telemetry=lambda: use.telemetry)


@app.route("v1/customers", methods=["GET", "HEAD"])
@answers
def customers(req: func.HttpRequest) -> Answer:
    """The customers whose metering points the caller may read."""
    caller = identify(req)
    asked = listings.read_format(urls.parameters(req.url), accept=req.headers.get("accept", ""))
    readable = authorize.many(use.grants, caller)
    etag = etags.of(readable, "customers", asked)
    if etags.unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=None)
    return responses.data(listings.customers(readable, asked), url=req.url, etag=etag, last_modified=None)


@app.route("v1/metering-points", methods=["GET", "HEAD"])
@answers
def metering_points(req: func.HttpRequest) -> Answer:
    """The metering points that the caller may read."""
    caller = identify(req)
    known = use.known()
    asked = listings.read_request(
        urls.parameters(req.url), seals=use.seals, accept=req.headers.get("accept", "")
    )
    readable = authorize.many(use.grants, caller, customer_number=asked.customer_number)
    etag = etags.of(readable, asked, known.published_at, known.described_at)
    if etags.unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=known.changed_at)
    content = listings.metering_points(use.warehouse, readable=readable, asked=asked, known=known)
    return responses.data(content, url=req.url, etag=etag, last_modified=known.changed_at)


@app.route("v1/metering-points/{meteringPointId}", methods=["GET", "HEAD"])
@answers
def metering_point(req: func.HttpRequest) -> Answer:
    """One metering point."""
    caller = identify(req)
    known = use.known()
    asked = listings.read_one(
        req.route_params["meteringPointId"],
        urls.parameters(req.url),
        accept=req.headers.get("accept", ""),
    )
    readable = authorize.one(use.grants, caller, metering_point_id=asked)
    etag = etags.of(readable, asked, known.published_at, known.described_at)
    if etags.unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=known.changed_at)
    content = listings.metering_point(use.warehouse, readable=readable, known=known)
    return responses.data(content, url=req.url, etag=etag, last_modified=known.changed_at)


@app.route("v1/metering-points/{meteringPointId}/consumption", methods=["GET", "HEAD"])
@answers
def consumption_of_one(req: func.HttpRequest) -> Answer:
    """Energy taken from the grid at one metering point."""
    return series_of_one(req, Direction.CONSUMPTION)


@app.route("v1/metering-points/{meteringPointId}/production", methods=["GET", "HEAD"])
@answers
def production_of_one(req: func.HttpRequest) -> Answer:
    """Energy delivered to the grid at one metering point."""
    return series_of_one(req, Direction.PRODUCTION)


@app.route("v1/consumption", methods=["GET", "HEAD"])
@answers
def consumption_of_many(req: func.HttpRequest) -> Answer:
    """Energy taken from the grid at many metering points."""
    return series_of_many(req, Direction.CONSUMPTION)


@app.route("v1/production", methods=["GET", "HEAD"])
@answers
def production_of_many(req: func.HttpRequest) -> Answer:
    """Energy delivered to the grid at many metering points."""
    return series_of_many(req, Direction.PRODUCTION)


@app.route("v1/changes", methods=["GET", "HEAD"])
@answers
def changes_since(req: func.HttpRequest) -> Answer:
    """New and corrected market days since a cursor."""
    caller = identify(req)
    latest = use.publications.latest()
    asked = changes.read_request(
        urls.parameters(req.url),
        now=use.clock(),
        latest=latest,
        seals=use.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = authorize.many(use.grants, caller)
    etag = etags.of(readable, asked)
    last_modified = latest.published_at if latest else None
    if etags.unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=last_modified)
    found = changes.fetch(use.warehouse, readable=readable, asked=asked)
    content = changes.content(found, asked.format, access_version=etags.access_version(readable))
    return responses.data(content, url=req.url, etag=etag, last_modified=last_modified)


@app.route("v1/status", methods=["GET", "HEAD"])
@answers
def service_status(req: func.HttpRequest) -> Answer:
    """How fresh metering data and access are."""
    identify(req)
    listings.read_format(
        urls.parameters(req.url), accept=req.headers.get("accept", ""), available=formats.ONLY_JSON
    )
    return responses.fresh(
        status.freshness(use.publications.latest(), synced_at=use.grants.synced_at(), now=use.clock())
    )


@app.route("v1/health", methods=["GET", "HEAD"])
@answers
def health(req: func.HttpRequest) -> Answer:
    """Whether the app is alive, and whether warehouse and tables answer it."""
    use.warm()
    readiness = use.probe.readiness()
    return responses.fresh(readiness.content, status=readiness.status)


# The host asks its routes in the order of their functions' names: this one has to be the last.
@app.route("v1/{*anyPath}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@answers
def without_resource(req: func.HttpRequest) -> Answer:
    """What is no resource, and what cannot be done with one."""
    return responses.no_content(resources.options(req.method, req.url))


# Azure calls it, by this name, when an instance is added to those that run; at another start the first timer
# or health probe does the same.
@app.warm_up_trigger(arg_name="instance")
def warmup(instance: WarmUpContext) -> None:
    """Prepare this instance for its first question."""
    use.warm()


@app.timer_trigger(schedule="%SYNC_SCHEDULE%", arg_name="timer")
def sync_access(timer: func.TimerRequest, context: func.Context) -> None:
    """Bring what callers may read up to date with Severa and Entra; the sync logs its own report."""
    with use.timer_run(context):
        use.sync_access().insist()


@app.timer_trigger(schedule="%PUBLISH_SCHEDULE%", arg_name="timer")
def publish_readings(timer: func.TimerRequest, context: func.Context) -> None:
    """Take in and publish what was delivered; alerts read the log's lines."""
    with use.timer_run(context):
        take_in_and_publish()


def take_in_and_publish() -> None:
    """Load the deliveries that wait, and publish; what went wrong with a delivery is raised at the end."""
    intake = use.take_in_deliveries()
    for loaded in intake.loaded:
        what = "loaded" if loaded.is_new else "skipped, since it was loaded before"
        log.info("Delivery %s: %r, %d rows.", what, loaded.kept_as, loaded.rows)
        if loaded.unknown:
            log.warning(
                "Delivery %r names %d metering points that nothing else knows.",
                loaded.kept_as,
                loaded.unknown,
            )
    for rejected in intake.rejected:
        log.warning("Delivery rejected: %r; the reasons lie beside it.", rejected.kept_as)
    for published in use.publish_readings():
        log.info("Publication %d: %d market days.", published.sequence, published.days)
    latest = use.publications.latest()
    log.info("Data is available until %s.", latest.available_until.isoformat() if latest else "never")
    intake.insist()


def identify(req: func.HttpRequest) -> Caller:
    """The caller that the gateway names."""
    return callers.identify(
        req.headers,
        gateway_principal_id=use.settings.gateway_principal_id,
        authentication_enabled=use.settings.authentication_enabled,
    )


def series_of_one(req: func.HttpRequest, direction: Direction) -> Answer:
    """The series of the metering point in the path."""
    caller = identify(req)
    known = use.known()
    asked = requests.series_of_one(
        metering_point_id=req.route_params["meteringPointId"],
        direction=direction,
        given=urls.parameters(req.url),
        known=known,
        seals=use.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = authorize.one(use.grants, caller, metering_point_id=asked.named[0])
    etag = etags.of(readable, asked)
    if etags.unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=known.published_at)
    page = pages.fetch(
        use.warehouse,
        readable=readable,
        asked=asked,
        available_until=known.available_until,
        reach=use.reach,
    )
    return responses.data(
        rendering.one(page, asked), url=req.url, etag=etag, last_modified=known.published_at
    )


def series_of_many(req: func.HttpRequest, direction: Direction) -> Answer:
    """The series of the metering points named, of a customer's, or of all that the caller may read."""
    caller = identify(req)
    known = use.known()
    asked = requests.series_of_many(
        direction=direction,
        given=urls.parameters(req.url),
        known=known,
        seals=use.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = authorize.many(use.grants, caller, named=asked.named, customer_number=asked.customer_number)
    etag = etags.of(readable, asked)
    if etags.unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=known.published_at)
    page = pages.fetch(
        use.warehouse,
        readable=readable,
        asked=asked,
        available_until=known.available_until,
        reach=use.reach,
    )
    content = rendering.many(page, asked, not_found=authorize.not_found(asked.named, readable))
    return responses.data(content, url=req.url, etag=etag, last_modified=known.published_at)
