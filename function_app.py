"""The metering data API: one function per route and timer, one line per stage."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import azure.functions as func
from azure.functions.warmup import WarmUpContext  # In the package's __all__, but not imported there.

import shared.services
from shared.api import (
    bodies,
    boundary,
    callers,
    changes,
    exports,
    feeds,
    formats,
    insights,
    listings,
    parameters,
    problems,
    responses,
    series,
    status,
    webhooks,
)
from shared.api.callers import Caller
from shared.api.responses import Response
from shared.files.exports.store import Export
from shared.files.feeds.ledger import Run
from shared.files.feeds.store import Feed
from shared.metering import Direction
from shared.publishing.watermark import DataState
from shared.telemetry import log_levels


def clock() -> datetime:
    """Return the time; no module below this one reads a clock."""
    return datetime.now(UTC)


# Switch threads after 1 ms instead of Python's 5 ms: a small answer would otherwise wait for a thread that is
# writing megabytes.
sys.setswitchinterval(0.001)

log_levels.quieten_libraries()

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
services = shared.services.load(clock=clock)
http_function = partial(boundary.http_function, telemetry=lambda: services.telemetry)


@app.route("v1/customers", methods=["GET", "HEAD"])
@http_function
def customers(req: func.HttpRequest) -> Response:
    """List the customers whose metering points the caller may read."""
    caller = identify(req)
    request = listings.requests.format_alone(parameters.of_url(req.url), accept=req.headers.get("accept", ""))
    readable = callers.authorize_many(services.grants, caller)
    etag = responses.etag_of(readable, "customers", request)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=None)
    return responses.data(
        listings.customers.render(readable, request), url=req.url, etag=etag, last_modified=None
    )


@app.route("v1/customers/{customerNumber}/readers", methods=["GET", "HEAD"])
@http_function
def readers_of_customer(req: func.HttpRequest) -> Response:
    """List who may read a customer's metering points."""
    caller = identify(req)
    request = listings.requests.readers(
        req.route_params["customerNumber"],
        parameters.of_url(req.url),
        accept=req.headers.get("accept", ""),
    )
    readable = callers.authorize_person(services.grants, caller, customer_number=request.customer_number)
    readers = services.grants.readers_of(request.customer_number)
    etag = responses.etag_of(readable, request, readers)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=None)
    return responses.data(
        listings.readers.render(readers, request.format), url=req.url, etag=etag, last_modified=None
    )


@app.route("v1/metering-points", methods=["GET", "HEAD"])
@http_function
def metering_points(req: func.HttpRequest) -> Response:
    """List the metering points that the caller may read."""
    caller = identify(req)
    state = data_state()
    request = listings.requests.metering_points(
        parameters.of_url(req.url), seals=services.seals, accept=req.headers.get("accept", "")
    )
    readable = callers.authorize_many(services.grants, caller, customer_number=request.customer_number)
    etag = responses.etag_of(readable, request, state.published_at, state.described_at, state.today)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=state.changed_at)
    rendered = listings.metering_points.page(
        services.warehouse, readable=readable, request=request, state=state
    )
    return responses.data(rendered, url=req.url, etag=etag, last_modified=state.changed_at)


@app.route("v1/metering-points/{meteringPointId}", methods=["GET", "HEAD"])
@http_function
def metering_point(req: func.HttpRequest) -> Response:
    """Return one metering point."""
    caller = identify(req)
    state = data_state()
    request = listings.requests.metering_point(
        req.route_params["meteringPointId"],
        parameters.of_url(req.url),
        accept=req.headers.get("accept", ""),
    )
    readable = callers.authorize_one(services.grants, caller, metering_point_id=request)
    etag = responses.etag_of(readable, request, state.published_at, state.described_at, state.today)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=state.changed_at)
    rendered = listings.metering_points.one(services.warehouse, readable=readable, state=state)
    return responses.data(rendered, url=req.url, etag=etag, last_modified=state.changed_at)


@app.route("v1/metering-points/{meteringPointId}/consumption", methods=["GET", "HEAD"])
@http_function
def consumption_of_one(req: func.HttpRequest) -> Response:
    """Return the energy taken from the grid at one metering point."""
    return series_of_one(req, Direction.CONSUMPTION)


@app.route("v1/metering-points/{meteringPointId}/production", methods=["GET", "HEAD"])
@http_function
def production_of_one(req: func.HttpRequest) -> Response:
    """Return the energy delivered to the grid at one metering point."""
    return series_of_one(req, Direction.PRODUCTION)


@app.route("v1/consumption", methods=["GET", "HEAD"])
@http_function
def consumption_of_many(req: func.HttpRequest) -> Response:
    """Return the energy taken from the grid at many metering points."""
    return series_of_many(req, Direction.CONSUMPTION)


@app.route("v1/production", methods=["GET", "HEAD"])
@http_function
def production_of_many(req: func.HttpRequest) -> Response:
    """Return the energy delivered to the grid at many metering points."""
    return series_of_many(req, Direction.PRODUCTION)


@app.route("v1/changes", methods=["GET", "HEAD"])
@http_function
def changes_since(req: func.HttpRequest) -> Response:
    """Return the market days that are new or corrected since a cursor."""
    caller = identify(req)
    state = data_state()
    request = changes.requests.read(
        parameters.of_url(req.url),
        state=state,
        seals=services.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = callers.authorize_many(services.grants, caller)
    etag = responses.etag_of(readable, request)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=state.published_at)
    page = changes.pages.fetch(services.warehouse, ranges=services.ranges, readable=readable, request=request)
    rendered = changes.rendering.render(page, request.format, access_version=readable.access_version)
    return responses.data(rendered, url=req.url, etag=etag, last_modified=state.published_at)


@app.route("v1/consumption/total", methods=["GET", "HEAD"])
@http_function
def consumption_total(req: func.HttpRequest) -> Response:
    """Return the sum of the energy taken from the grid at many metering points."""
    return total_of_many(req, Direction.CONSUMPTION)


@app.route("v1/production/total", methods=["GET", "HEAD"])
@http_function
def production_total(req: func.HttpRequest) -> Response:
    """Return the sum of the energy delivered to the grid at many metering points."""
    return total_of_many(req, Direction.PRODUCTION)


@app.route("v1/consumption/peaks", methods=["GET", "HEAD"])
@http_function
def consumption_peaks(req: func.HttpRequest) -> Response:
    """Return the hours of each month in which most energy was taken from the grid."""
    return peaks_of_many(req, Direction.CONSUMPTION)


@app.route("v1/production/peaks", methods=["GET", "HEAD"])
@http_function
def production_peaks(req: func.HttpRequest) -> Response:
    """Return the hours of each month in which most energy was delivered to the grid."""
    return peaks_of_many(req, Direction.PRODUCTION)


@app.route("v1/completeness", methods=["GET", "HEAD"])
@http_function
def completeness(req: func.HttpRequest) -> Response:
    """Report how complete the series of the metering points are."""
    caller = identify(req)
    state = data_state()
    request = insights.requests.complete(
        given=parameters.of_url(req.url),
        state=state,
        seals=services.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = callers.authorize_many(
        services.grants, caller, named=request.named, customer_number=request.customer_number
    )
    etag = responses.etag_of(readable, request)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=state.published_at)
    page = insights.completeness.fetch(services.warehouse, readable=readable, request=request)
    rendered = insights.rendering.complete(
        page, request, not_found=callers.not_found(request.named, readable)
    )
    return responses.data(rendered, url=req.url, etag=etag, last_modified=state.published_at)


@app.route("v1/webhooks", methods=["GET", "HEAD"])
@http_function
def webhooks_of_caller(req: func.HttpRequest) -> Response:
    """List the caller's webhooks."""
    caller = identify(req)
    expect_json_alone(req)
    found = services.registry().all_of(caller.principal)
    return responses.small(webhooks.rendering.many(found, now=services.clock()))


@app.route("v1/webhooks/{webhookId}", methods=["GET", "HEAD"])
@http_function
def webhook(req: func.HttpRequest) -> Response:
    """Return one webhook."""
    caller = identify(req)
    webhook_id = webhook_id_of(req, check=expect_json_alone)
    found = services.registry().one(caller.principal, webhook_id)
    return responses.small(webhooks.rendering.one(found, now=services.clock()))


@app.route("v1/webhooks/{webhookId}", methods=["PUT"])
@http_function
def put_webhook(req: func.HttpRequest) -> Response:
    """Create a webhook, whose secret is returned once, or change it."""
    caller = identify(req)
    webhook_id, body = problems.together(
        lambda: webhook_id_of(req),
        lambda: webhooks.requests.put(req, allow_loopback=services.settings.webhook_allow_loopback),
    )
    callers.authorize_many(services.grants, caller)
    found, secret = services.registry().put(caller.principal, webhook_id, url=body.url, events=body.events)
    content = webhooks.rendering.one(found, now=services.clock(), secret=secret)
    if secret is None:
        return responses.small(content)
    return responses.created(content, location=responses.public_path(req.url))


@app.route("v1/webhooks/{webhookId}", methods=["DELETE"])
@http_function
def delete_webhook(req: func.HttpRequest) -> Response:
    """Delete a webhook and its notices."""
    caller = identify(req)
    webhook_id = webhook_id_of(req)
    services.registry().delete(caller.principal, webhook_id)
    return responses.no_content({})


@app.route("v1/webhooks/{webhookId}/secret", methods=["POST"])
@http_function
def rotate_webhook_secret(req: func.HttpRequest) -> Response:
    """Give a webhook a new secret; notices are also signed with the previous one for 24 hours."""
    caller = identify(req)
    webhook_id = webhook_id_of(req)
    found, secret = services.registry().rotate(caller.principal, webhook_id)
    return responses.small(webhooks.rendering.one(found, now=services.clock(), secret=secret))


@app.route("v1/webhooks/{webhookId}/test", methods=["POST"])
@http_function
def test_webhook(req: func.HttpRequest) -> Response:
    """Send a test to a webhook now, and return what its receiver said."""
    caller = identify(req)
    webhook_id = webhook_id_of(req)
    found, event, answer = services.registry().test(caller.principal, webhook_id)
    return responses.small(webhooks.rendering.test(found, event=event, answer=answer))


@app.route("v1/webhooks/{webhookId}/notices", methods=["GET", "HEAD"])
@http_function
def notices_of_webhook(req: func.HttpRequest) -> Response:
    """List a webhook's notices of the last 30 days."""
    caller = identify(req)
    webhook_id = webhook_id_of(req, check=expect_json_alone)
    found = services.registry().notices(caller.principal, webhook_id)
    return responses.small(webhooks.rendering.notices(found))


@app.route("v1/webhooks/{webhookId}/notices/{noticeId}/resend", methods=["POST"])
@http_function
def resend_notice(req: func.HttpRequest) -> Response:
    """Send a notice again, under the same id."""
    caller = identify(req)
    webhook_id = webhook_id_of(req)
    notice_id = webhooks.requests.notice_id(req.route_params["noticeId"])
    found = services.registry().resend(caller.principal, webhook_id, notice_id)
    return responses.small(webhooks.rendering.notice(found))


@app.route("v1/exports", methods=["POST"])
@http_function
def create_export(req: func.HttpRequest) -> Response:
    """Accept a request for files; they are built in the background."""
    caller = identify(req)
    state = data_state()
    _, key, body = problems.together(
        lambda: expect_no_parameters(req),
        lambda: bodies.idempotency_key(req),
        lambda: exports.requests.read(req, state=state),
    )
    readable = callers.authorize_many(
        services.grants,
        caller,
        named=body.metering_point_ids or (),
        customer_number=body.customer_number,
    )
    wanted = exports.requests.wanted(body, state=state, warehouse=services.warehouse)
    exports.requests.refuse_unfit(wanted, form=body.form, readable=readable, warehouse=services.warehouse)
    export = services.files.keeper.make(
        caller.principal,
        wanted,
        request=exports.requests.as_text(body),
        key=key,
        not_found=tuple(callers.not_found(wanted.metering_point_ids, readable)),
    )
    parts = services.files.exports.parts(export)  # A repeated request may find it finished.
    return responses.accepted(
        exports.rendering.one(export, parts, seals=services.seals, now=services.clock()),
        location=exports.rendering.path(export),
        retry_after=exports.rendering.RETRY_AFTER,
    )


@app.route("v1/exports", methods=["GET", "HEAD"])
@http_function
def exports_of_caller(req: func.HttpRequest) -> Response:
    """List the caller's exports, the newest first."""
    caller = identify(req)
    request = exports.requests.page(
        parameters.of_url(req.url), seals=services.seals, accept=req.headers.get("accept", "")
    )
    return responses.small(
        exports.rendering.page(services.files.exports, caller.principal, request, now=services.clock())
    )


@app.route("v1/exports/{exportId}", methods=["GET", "HEAD"])
@http_function
def export_status(req: func.HttpRequest) -> Response:
    """Report the progress of an export, and its files."""
    export = export_of_caller(req)
    expect_json_alone(req)
    now = services.clock()
    return responses.small(
        exports.rendering.one(export, services.files.exports.parts(export), seals=services.seals, now=now),
        retry_after=exports.rendering.RETRY_AFTER if export.status_at(now).is_unfinished else None,
    )


@app.route("v1/exports/{exportId}", methods=["DELETE"])
@http_function
def delete_export(req: func.HttpRequest) -> Response:
    """Delete an export: its work stops, and its files are deleted."""
    export = export_of_caller(req)
    expect_no_parameters(req)
    services.files.keeper.delete(export)
    return responses.no_content({})


@app.route("v1/exports/{exportId}/files/{name}", methods=["GET", "HEAD"])
@http_function
def export_file(req: func.HttpRequest) -> Response:
    """Redirect to a link to a file, if the caller may still read all that it holds."""
    export = export_of_caller(req)
    expect_no_parameters(req)
    return responses.elsewhere(services.files.keeper.link(export, req.route_params["name"]))


@app.route("v1/feeds", methods=["GET", "HEAD"])
@http_function
def feeds_of_caller(req: func.HttpRequest) -> Response:
    """List the caller's feeds."""
    caller = identify(req)
    expect_json_alone(req)
    return responses.small(feeds.rendering.many(services.files.feeds.of(caller.principal)))


@app.route("v1/feeds/{feedId}", methods=["GET", "HEAD"])
@http_function
def feed(req: func.HttpRequest) -> Response:
    """Return one feed."""
    found = feed_of_caller(req, check=expect_json_alone)
    return responses.small(feeds.rendering.one(found))


@app.route("v1/feeds/{feedId}", methods=["PUT"])
@http_function
def put_feed(req: func.HttpRequest) -> Response:
    """Create a feed whose files are fetched by links, or change a feed from its next run on."""
    caller = identify(req)
    feed_id, spec = problems.together(lambda: feed_id_of(req), lambda: feeds.requests.read(req))
    callers.authorize_many(services.grants, caller, customer_number=spec.customer_number)
    found, is_new = services.files.feeder.put(caller.principal, feed_id, spec, sequence=data_state().settled)
    content = feeds.rendering.one(found)
    return (
        responses.created(content, location=feeds.rendering.path(found))
        if is_new
        else responses.small(content)
    )


@app.route("v1/feeds/{feedId}", methods=["DELETE"])
@http_function
def delete_feed(req: func.HttpRequest) -> Response:
    """Delete a feed with its ledger and its files."""
    found = feed_of_caller(req)
    services.files.feeder.delete(found)
    return responses.no_content({})


@app.route("v1/feeds/{feedId}/runs", methods=["GET", "HEAD"])
@http_function
def feed_runs(req: func.HttpRequest) -> Response:
    """List the runs of a feed, the newest first: its ledger."""
    caller = identify(req)
    page, feed_id = problems.together(
        lambda: runs_page(req), lambda: feeds.requests.feed_id(req.route_params["feedId"])
    )
    found = stored_feed(caller, feed_id)
    return responses.small(feeds.rendering.page(found, page, services.files.ledger, now=services.clock()))


@app.route("v1/feeds/{feedId}/runs/{run}/files/{name}", methods=["GET", "HEAD"])
@http_function
def feed_file(req: func.HttpRequest) -> Response:
    """Redirect to a link to a file of a run, if the caller may still read what it holds."""
    run = run_of_caller(req, feed_of_caller(req))
    link = services.files.feeder.link(run, req.route_params["name"], is_fetched=req.method == "GET")
    return responses.elsewhere(link)


@app.route("v1/feeds/{feedId}/runs/{run}/acknowledgement", methods=["POST"])
@http_function
def acknowledge_run(req: func.HttpRequest) -> Response:
    """Record that the receiver has the files of a run."""
    run = run_of_caller(req, feed_of_caller(req))
    services.files.feeder.acknowledge(run)
    return responses.no_content({})


@app.route("v1/feeds/{feedId}/runs/{run}/resend", methods=["POST"])
@http_function
def resend_run(req: func.HttpRequest) -> Response:
    """Hand out the files of a run again; deleted files are built again."""
    found = feed_of_caller(req)
    run = services.files.feeder.resend(run_of_caller(req, found))
    return responses.accepted(
        feeds.rendering.run(found, run, services.files.ledger, now=services.clock()),
        location=f"{feeds.rendering.path(found)}/runs",
        retry_after=feeds.rendering.RETRY_AFTER,
    )


@app.route("v1/status", methods=["GET", "HEAD"])
@http_function
def service_status(req: func.HttpRequest) -> Response:
    """Report how fresh metering data and access are."""
    identify(req)
    expect_json_alone(req)
    return responses.uncached(
        status.freshness(
            services.publications.latest(), synced_at=services.grants.synced_at(), now=services.clock()
        )
    )


@app.route("v1/health", methods=["GET", "HEAD"])
@http_function
def health(req: func.HttpRequest) -> Response:
    """Report whether the app is alive, and whether the warehouse and the tables answer."""
    services.warm()
    readiness = services.probe.readiness()
    return responses.uncached(readiness.content, status=readiness.status)


# The host matches routes in the order of their functions' names: this one has to be the last.
@app.route("v1/{*anyPath}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@http_function
def without_resource(req: func.HttpRequest) -> Response:
    """Answer OPTIONS, and refuse unknown paths and methods."""
    return responses.no_content(boundary.options(req.method, req.url))


# Azure calls a function of this name when it adds an instance. At any other start the first timer run or
# health probe prepares the instance.
@app.warm_up_trigger(arg_name="instance")
def warmup(instance: WarmUpContext) -> None:
    """Prepare this instance for its first request."""
    services.warm()


@app.timer_trigger(schedule="%SYNC_SCHEDULE%", arg_name="timer")
def sync_access(timer: func.TimerRequest, context: func.Context) -> None:
    """Bring the grants up to date with Severa and Entra; the sync logs its own report."""
    with services.invocation(context):
        report = services.sync_access()
        services.handle_news()
        report.raise_for_failure()


@app.timer_trigger(schedule="%PUBLISH_SCHEDULE%", arg_name="timer")
def publish_readings(timer: func.TimerRequest, context: func.Context) -> None:
    """Load and publish what was delivered, then sweep files; alerts watch the log lines.

    One timer does both: with two zones, Azure bills two warm instances for each timer and queue.
    """
    with services.invocation(context), services.sweeping_files():
        intake = services.load_deliveries()
        services.publish_readings()
        services.handle_news()
        intake.raise_for_failure()


@app.queue_trigger(arg_name="message", queue_name="notices", connection="OUTBOX")
def send_notices(message: func.QueueMessage, context: func.Context) -> None:
    """Try once to send the notice that a message names to its webhook."""
    with services.invocation(context):
        services.send_notice(message.get_body().decode())


@app.queue_trigger(arg_name="message", queue_name="files", connection="OUTBOX")
def build_files(message: func.QueueMessage, context: func.Context) -> None:
    """Build the part of an export or of a feed's run that a message names."""
    with services.invocation(context):
        services.files.build(message.get_body().decode())


@app.queue_trigger(arg_name="message", queue_name="sends", connection="OUTBOX")
def send_files(message: func.QueueMessage, context: func.Context) -> None:
    """Send the runs of the feed that a message names to the customer's SFTP server."""
    with services.invocation(context):
        services.files.send(message.get_body().decode())


def identify(req: func.HttpRequest) -> Caller:
    """Return the caller that the gateway names."""
    return callers.identify(
        req.headers,
        gateway_principal_id=services.settings.gateway_principal_id,
        authentication_enabled=services.settings.authentication_enabled,
    )


def expect_no_parameters(req: func.HttpRequest) -> None:
    """Refuse a request with query parameters."""
    parameters.Parameters(parameters.of_url(req.url)).done()


def expect_json_alone(req: func.HttpRequest) -> None:
    """Refuse a request with query parameters, or for a format other than JSON."""
    listings.requests.format_alone(
        parameters.of_url(req.url), accept=req.headers.get("accept", ""), available=formats.ONLY_JSON
    )


Check = Callable[[func.HttpRequest], object]
"""Refuses the query of a request, by raising InvalidRequest."""


def webhook_id_of(req: func.HttpRequest, *, check: Check = expect_no_parameters) -> str:
    """Return the id of the webhook in the path; `check` refuses the query."""
    name = req.route_params["webhookId"]
    _, webhook_id = problems.together(lambda: check(req), lambda: webhooks.requests.webhook_id(name))
    return webhook_id


def data_state() -> DataState:
    """Return what is known about the data before a request is read."""
    return services.publications.state(now=services.clock(), available_before=services.availability.before)


def export_of_caller(req: func.HttpRequest) -> Export:
    """Return the export in the path; one that does not exist and another caller's get the same answer."""
    caller = identify(req)
    export = services.files.exports.get(
        caller.principal, exports.requests.export_id(req.route_params["exportId"])
    )
    if export is None:
        raise exports.requests.not_found()
    return export


def feed_id_of(req: func.HttpRequest, *, check: Check = expect_no_parameters) -> str:
    """Return the id of the feed in the path; `check` refuses the query."""
    name = req.route_params["feedId"]
    _, feed_id = problems.together(lambda: check(req), lambda: feeds.requests.feed_id(name))
    return feed_id


def feed_of_caller(req: func.HttpRequest, *, check: Check = expect_no_parameters) -> Feed:
    """Return the feed in the path; `check` refuses the query."""
    caller = identify(req)
    return stored_feed(caller, feed_id_of(req, check=check))


def stored_feed(caller: Caller, feed_id: str) -> Feed:
    """Return a feed; one that does not exist and another caller's get the same answer."""
    found = services.files.feeds.get(caller.principal, feed_id)
    if found is None:
        raise feeds.requests.not_found()
    return found


def runs_page(req: func.HttpRequest) -> feeds.requests.ListRequest:
    """Return which runs of the feed in the path are wanted."""
    return feeds.requests.page(
        parameters.of_url(req.url),
        of=req.route_params["feedId"],
        seals=services.seals,
        accept=req.headers.get("accept", ""),
    )


def run_of_caller(req: func.HttpRequest, of: Feed) -> Run:
    """Return the run in the path."""
    name = req.route_params["run"]
    run = services.files.ledger.get(of.principal, of.id, feeds.requests.through(name))
    if run is None or run.id != name:
        raise feeds.requests.no_run()
    return run


def series_of_one(req: func.HttpRequest, direction: Direction) -> Response:
    """Return the series of the metering point in the path."""
    caller = identify(req)
    state = data_state()
    request = series.requests.of_one(
        metering_point_id=req.route_params["meteringPointId"],
        direction=direction,
        given=parameters.of_url(req.url),
        state=state,
        seals=services.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = callers.authorize_one(services.grants, caller, metering_point_id=request.named[0])
    etag = responses.etag_of(readable, request)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=state.published_at)
    page = series.pages.fetch(
        services.warehouse,
        readable=readable,
        request=request,
        available_until=state.available_until,
        last_days=services.last_days,
    )
    return responses.data(
        series.rendering.one(page, request), url=req.url, etag=etag, last_modified=state.published_at
    )


def series_of_many(req: func.HttpRequest, direction: Direction) -> Response:
    """Return the series of the named metering points, of one customer's, or of all readable ones."""
    caller = identify(req)
    state = data_state()
    request = series.requests.of_many(
        direction=direction,
        given=parameters.of_url(req.url),
        state=state,
        seals=services.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = callers.authorize_many(
        services.grants, caller, named=request.named, customer_number=request.customer_number
    )
    etag = responses.etag_of(readable, request)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=state.published_at)
    page = series.pages.fetch(
        services.warehouse,
        readable=readable,
        request=request,
        available_until=state.available_until,
        last_days=services.last_days,
    )
    rendered = series.rendering.many(page, request, not_found=callers.not_found(request.named, readable))
    return responses.data(rendered, url=req.url, etag=etag, last_modified=state.published_at)


def total_of_many(req: func.HttpRequest, direction: Direction) -> Response:
    """Return the totals of the named metering points, of one customer's, or of all."""
    caller = identify(req)
    state = data_state()
    request = insights.requests.total(
        direction=direction,
        given=parameters.of_url(req.url),
        state=state,
        seals=services.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = callers.authorize_many(
        services.grants, caller, named=request.named, customer_number=request.customer_number
    )
    etag = responses.etag_of(readable, request)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=state.published_at)
    page = insights.totals.fetch(services.warehouse, readable=readable, request=request)
    rendered = insights.rendering.total(page, request, not_found=callers.not_found(request.named, readable))
    return responses.data(rendered, url=req.url, etag=etag, last_modified=state.published_at)


def peaks_of_many(req: func.HttpRequest, direction: Direction) -> Response:
    """Return the highest hours of the named metering points, of one customer's, or of all."""
    caller = identify(req)
    state = data_state()
    request = insights.requests.peaks(
        direction=direction,
        given=parameters.of_url(req.url),
        state=state,
        seals=services.seals,
        accept=req.headers.get("accept", ""),
    )
    readable = callers.authorize_many(
        services.grants, caller, named=request.named, customer_number=request.customer_number
    )
    etag = responses.etag_of(readable, request)
    if responses.is_unchanged(req.headers, etag):
        return responses.not_modified(etag=etag, last_modified=state.published_at)
    page = insights.peaks.fetch(services.warehouse, readable=readable, request=request)
    rendered = insights.rendering.highest(page, request, not_found=callers.not_found(request.named, readable))
    return responses.data(rendered, url=req.url, etag=etag, last_modified=state.published_at)
