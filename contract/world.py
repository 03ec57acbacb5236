"""A small demo world that stands still: what the reference's examples and the guides' answers are made from.

The metering points and customers are the local stack's. Two weeks of March 2026 are published, including
the night when summer time begins; since the 26th one meter delivers quarters; one day has estimates that are
corrected later, and the last day lacks some hours of one meter.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from contract import operations
from local import demo
from local.sampledata import deliveries, readings
from local.sampledata.readings import Reading, Timeline
from shared import periods, services, settings
from shared.access import grant, runs
from shared.access.grant import Grant, Span
from shared.access.readers import masked
from shared.access.runs import Run
from shared.access.sync import changes, readers, store
from shared.deliveries import loading
from shared.files.exports.store import Exports, Wanted
from shared.files.feeds.messages import RunMessage
from shared.files.feeds.store import EACH_PUBLICATION, Content, Corrections, Spec, Split
from shared.files.forms.about import Gaps
from shared.files.forms.form import FileFormat, Form, Gs2
from shared.metering import Direction, MeteringPointId, Resolution
from shared.notices.store import Store
from shared.notices.webhooks import Event, NoticeStatus, State, Webhook, new_notice
from shared.periods import ONE_DAY, Period
from shared.publishing import watermark
from shared.services import Services
from shared.warehouse import schema

NOW = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)
TIMELINE = Timeline(date(2025, 5, 30), date(2026, 3, 31))
FIRST_DAY = date(2026, 3, 18)

PUBLISHED_AT = datetime(2026, 4, 1, 5, 0, tzinfo=UTC)
CORRECTED_AT = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
VENDOR = grant.app(demo.VENDOR.client_id)
BAKERY = grant.app(demo.BAKERY_APP.client_id)
KARI = grant.user(demo.KARI.object_id)
SCHEDULES = {"SYNC_SCHEDULE": "0 0 0 1 1 *", "PUBLISH_SCHEDULE": "0 0 0 1 1 *"}
"""Timers run once a year, so not while a test runs."""


@dataclass
class Clock:
    """A clock that stands still, at a time that is set while the world is built."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


def open_services(folder: Path, *, table_storage: str) -> Services:
    """Open a world of its own, in an empty folder and an empty storage account."""
    clock = Clock()
    environment = app_settings(folder, table_storage=table_storage)
    made = services.start(
        settings.from_environment(environment), clock=clock, resolve=resolve_only_this_machine
    )
    made.tables.create_missing()
    made.queues.create_missing()
    made.files.outbox.create_missing()
    schema.apply(made.warehouse)
    _fill(made, folder, clock)
    _grant(made)
    clock.now = NOW
    _register_webhook(made)
    _make_export(made)
    _run_feed(made)
    return made


def resolve_only_this_machine(host: str, port: int) -> list[str]:
    """Return the address of this machine, without a lookup: example domains and generated ones are asked for.

    Raises:
        OSError: the host is any other one.
    """
    if host in ("localhost", "127.0.0.1"):
        return ["127.0.0.1"]
    raise OSError(f"{host} is not looked up here")


def app_settings(folder: Path, *, table_storage: str) -> dict[str, str]:
    """Return the app's settings for it."""
    return {
        "WAREHOUSE": f"duckdb:{folder / 'contract.duckdb'}",
        "TABLE_STORAGE": table_storage,
        "OUTBOX_STORAGE": table_storage,
        "QUEUE_STORAGE": table_storage,
        "GATEWAY_PRINCIPAL_ID": demo.GATEWAY_PRINCIPAL_ID,
        "WEBSITE_AUTH_ENABLED": "True",
        "SEALING_KEY": demo.SEALING_KEY,
        "SEVERA_CLIENT_ID": "unused",
        "SEVERA_CLIENT_SECRET": "unused",
        **demo.ACCESS_SETTINGS,
    }


def host_settings(folder: Path, *, table_storage: str) -> dict[str, str]:
    """Return the settings of the app and of Microsoft's host, whose timers never run."""
    return {
        **app_settings(folder, table_storage=table_storage),
        **SCHEDULES,
        "AzureWebJobsStorage": table_storage,
        "OUTBOX": table_storage,
        "AzureWebJobsDisableHomepage": "true",
    }


def confirm_access(made: Services, *, at: datetime) -> None:
    """Record that access was synced at a moment: for an app whose clock goes on, it would be too old."""
    latest = runs.latest(made.tables)
    assert latest is not None  # noqa: S101  # `open_services` has recorded one.
    runs.record(made.tables, replace(latest, completed_at=at))


def _fill(made: Services, folder: Path, clock: Clock) -> None:
    """Load and publish the first delivery, then the correction."""
    days = [FIRST_DAY + timedelta(days=n) for n in range((TIMELINE.last - FIRST_DAY).days + 1)]
    values = [each for day in days for each in readings.of_day(day, timeline=TIMELINE)]
    first = [
        *deliveries.write_master_data(folder, TIMELINE),
        _write(folder / "values.csv", values),
    ]
    _publish(made, clock, first, at=PUBLISHED_AT)
    deliver(made, folder / "correction.csv", readings.correction(TIMELINE), at=CORRECTED_AT)


def deliver(made: Services, file: Path, values: Iterable[Reading], *, at: datetime) -> None:
    """Publish a delivery of these values, which is written to a file, and let all instances know of it.

    The clock is moved to `at` and then on.
    """
    clock = made.clock
    assert isinstance(clock, Clock)  # noqa: S101  # `open_services` has given it.
    _publish(made, clock, [_write(file, values)], at=at)
    clock.now = at + watermark.SETTLED_AFTER


def _publish(made: Services, clock: Clock, files: Iterable[Path], *, at: datetime) -> None:
    clock.now = at
    for file in files:
        loading.load(made.warehouse, file, now=at, progress=lambda rows, share: None)
    made.publish_readings()


def _write(path: Path, values: Iterable[Reading]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(deliveries.READING_COLUMNS)
        for each in values:
            writer.writerow(
                [
                    each.metering_point_id,
                    each.direction,
                    each.start.isoformat(),
                    each.resolution,
                    each.quantity or "",
                    each.quality,
                ]
            )
    return path


def _grant(made: Services) -> None:
    """Grant what the access sync would grant for the supply periods."""
    granted = [
        *_write_grants(made, VENDOR, customers=(demo.BAKERY, demo.CENTRE)),
        *_write_grants(made, BAKERY, customers=(demo.BAKERY,)),
        *_write_grants(made, KARI, customers=(demo.BAKERY,)),
    ]
    readers.bring_up_to_date(
        made.tables,
        granted,
        names={(str(demo.BAKERY.number), KARI): masked(demo.KARI.email)},
        run_id="demo",
        now=NOW,
        confirm=lambda: None,
    )
    synced = Run(
        runs.new_run_id(NOW), "complete", NOW, NOW, NOW, counts={}, report="", restriction_defined=True
    )
    runs.record(made.tables, synced)


def _register_webhook(made: Services) -> None:
    """Give the vendor a confirmed webhook that has had a notice; its address is never looked up."""
    made.queues.create_missing()
    kept = Store(made.tables)
    webhook = Webhook(
        principal=VENDOR,
        webhook_id="main",
        url="https://hooks.example.com/metering",
        events=(Event.PUBLISHED, Event.ACCESS_CHANGED),
        state=State.ACTIVE,
        secret="unused",  # Nothing is sent.
        created_at=PUBLISHED_AT,
        confirmed_at=PUBLISHED_AT,
    )
    kept.add_webhook(webhook)
    made_notice = new_notice(webhook, event=Event.PUBLISHED, data={}, at=CORRECTED_AT, key="2-2")
    delivered = replace(
        made_notice,
        status=NoticeStatus.DELIVERED,
        attempts=1,
        tries=1,
        last_status=204,
        last_attempt_at=CORRECTED_AT + watermark.SETTLED_AFTER,
        next_attempt_at=None,
    )
    kept.add_notice(delivered)


def _make_export(made: Services) -> None:
    """Build an export of the vendor's, which is finished."""
    kept = Exports(made.tables, name=lambda now: str(operations.EXPORT_ID.example))
    wanted = Wanted(
        directions=(Direction.CONSUMPTION,),
        metering_point_ids=(),
        customer_number=demo.BAKERY.number,
        period=Period(periods.start_of(FIRST_DAY), periods.start_of(TIMELINE.last + ONE_DAY)),
        resolution=Resolution.P1D,
        as_of=CORRECTED_AT,
        sequence=2,
        form=Form(format=FileFormat.CSV).model_dump(mode="json", by_alias=True, exclude_none=True),
    )
    export, _ = kept.make(VENDOR, wanted, request=b"", key=None, not_found=(), now=NOW)
    workshop = replace(made.files.workshop, keeper=replace(made.files.keeper, exports=kept))
    workshop.handle(export.id)
    workshop.handle(f"{export.id}/1")


def _run_feed(made: Services) -> None:
    """Make the vendor's feed that begins with the correction, and its run."""
    form = Form(
        format=FileFormat.GS2, gs2=Gs2.model_validate({"to": "7080000000012", "from": "7080000000005"})
    )
    spec = Spec(
        name="Daily values as GS2",
        customer_number=demo.BAKERY.number,
        directions=(Direction.CONSUMPTION,),
        resolution=Resolution.PT1H,
        form=form.model_dump(mode="json", by_alias=True, exclude_none=True),
        split=Split.ONE_FILE,
        content=Content.NEW_AND_CORRECTED,
        days=0,
        corrections=Corrections.WITH_NEW,
        when=EACH_PUBLICATION,
        gaps=Gaps.HOLD,
    )
    feed, _ = made.files.feeds.put(VENDOR, str(operations.FEED_ID.example), spec, sequence=1, now=NOW)
    made.files.begin_feeds()
    made.files.build(RunMessage(VENDOR, feed.id, 2).text)


def _write_grants(made: Services, principal: str, *, customers: Sequence[demo.Customer]) -> list[Grant]:
    wanted = [
        Grant(principal, MeteringPointId(point), customer.number, customer.name, (days,), "demo")
        for point, customer, days in _supply()
        if customer in customers
    ]
    planned = changes.plan(stored={}, wanted={each.key: each for each in wanted})
    partition = store.read_partition(made.tables, principal)
    writer = store.Writer(made.tables, partition, run_id="demo")
    writer.write(planned.changes, now=NOW)
    writer.finish()
    return wanted


def _supply() -> Iterable[tuple[str, demo.Customer, Span]]:
    for point in demo.METERING_POINTS:
        since = deliveries.SUPPLIED_SINCE
        if point.former:
            yield point.metering_point_id, point.former, Span(since, TIMELINE.tenant_since)
            since = TIMELINE.tenant_since
        yield point.metering_point_id, point.customer, Span(since, None)
