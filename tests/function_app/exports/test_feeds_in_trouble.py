"""Feeds after deaths, failures, races and broken rows: no day is lost, nothing is half deleted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import queues as names
from shared import tables
from shared.files import ledger
from shared.files.feeds import Feed
from shared.files.ledger import Run, RunStatus
from shared.files.receivers import Receiver
from shared.queues import UnknownMessage
from tests.builders import queues
from tests.builders.api import Api
from tests.builders.warehouse import Clock
from tests.function_app.exports.test_feeds import blobs, fetch, put, run, runs, send, stored, table, work
from tests.function_app.test_series import SPRING, Customer


def feed_of(customer: Customer) -> Feed:
    found = customer.api.services.feeds.get(customer.principal, "daily")
    assert found is not None
    return found


def waiting(api: Api, queue: str = names.FILES) -> list[str]:
    """Take the messages that wait, and return them."""
    taken: list[str] = []
    outbox = api.services.settings.outbox
    assert outbox is not None
    queues.drain(outbox.queues, queue, taken.append)
    return taken


def days_in(customer: Customer, shown: Any) -> set[str]:
    """Return the days in the only file of a run."""
    (file,) = shown["files"]
    return {row["start"][:10] for row in table(fetch(customer, file["href"]))}


def deliver(customer: Customer, point: str, days: int) -> None:
    """Deliver one more day, and begin a run of it."""
    customer.days(point, SPRING + timedelta(days=days), 1)
    customer.api.services.begin_feeds()


def test_the_days_of_a_run_that_fails_after_the_next_was_decided_are_in_a_later_one(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    deliver(customer, point, 1)
    first, second = (stored(api, customer, each) for each in reversed(runs(customer)))

    api.services.run_workshop.fail(first.message)
    work(api)
    deliver(customer, point, 2)
    work(api)

    third, *_ = shown = runs(customer)
    assert [each["status"] for each in shown] == ["ready", "ready", "failed"]
    assert third["sequences"] == [first.span.first, second.span.through + 1]
    assert days_in(customer, third) == {"2026-03-29", "2026-03-30", "2026-03-31"}
    assert feed_of(customer).owed is None


def test_runs_that_fail_one_after_the_other_are_all_owed(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    for day in range(2):
        deliver(customer, point, day)
    for each in runs(customer):  # The newer one fails first.
        api.services.run_workshop.fail(stored(api, customer, each).message)

    deliver(customer, point, 2)

    assert days_in(customer, run(customer)) == {"2026-03-29", "2026-03-30", "2026-03-31"}


def test_a_run_whose_row_a_death_left_out_is_added_before_the_next_is_decided(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    waiting(api)
    api.services.ledger.delete(customer.principal, "daily")

    deliver(customer, point, 1)
    work(api)

    assert [days_in(customer, each) for each in runs(customer)] == [{"2026-03-30"}, {"2026-03-29"}]


def test_a_feed_that_cannot_be_read_holds_up_no_other(
    customer: Customer, other: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    for each in (customer, other):
        point = each.point()
        put(each)
        each.days(point, SPRING, 1)
    row = f"{customer.principal}~daily"
    found = api.services.tables.get(tables.FILE_WORK, partition="feeds", row=row)
    assert found is not None
    api.services.tables.upsert(tables.FILE_WORK, {**found, "spec": "{"})

    api.services.begin_feeds()
    api.services.sweep_files()

    assert f"A stored feed cannot be read: {row}." in caplog.text
    assert len(runs(other)) == 1
    api.services.tables.upsert(tables.FILE_WORK, found)


def test_a_feed_that_cannot_be_begun_or_tended_is_logged_and_holds_up_no_other(
    customer: Customer, other: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = sorted((customer, other), key=lambda each: each.principal)
    for each in (first, second):
        point = each.point()
        put(each)
        each.days(point, SPRING, 1)
    api.services.begin_feeds()
    partition = ledger.partition_of(first.principal, "daily")
    (row,) = api.services.tables.range(tables.FILE_WORK, partition=partition)
    api.services.tables.upsert(tables.FILE_WORK, {**row, "status": "lost"})

    for each in (first, second):
        each.days(each.point(), SPRING + timedelta(days=1), 1)
    api.services.begin_feeds()
    api.services.sweep_files()

    assert f"Feed daily of {first.principal}: It was not looked after" in caplog.text
    assert f"Feed daily of {first.principal}: Its run could not be begun" in caplog.text
    assert f"Feed daily of {second.principal}" not in caplog.text
    assert len(runs(second)) == 2


@pytest.mark.parametrize(
    "message", ["feed/", "feed/app:1/daily", "feed/app:1/daily/x", "feed/app:1/daily/7/1"]
)
def test_a_message_that_names_no_run_is_refused(api: Api, message: str) -> None:
    with pytest.raises(UnknownMessage):
        api.services.build_files(message)


def test_a_deletion_that_was_cut_is_finished_and_seen_by_nobody(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    run(customer)
    api.services.feeds.change(customer.principal, "daily", lambda stored: replace(stored, is_deleted=True))

    answers = [customer.get(f"/v1/feeds/daily{path}").status for path in ("", "/runs")]
    listed = customer.get("/v1/feeds").json
    api.services.sweep_files()

    assert answers == [404, 404]
    assert listed == {"feeds": []}
    assert blobs(api, customer) == []
    assert list(api.services.feeds.deleted()) == []


def test_a_new_feed_inherits_nothing_of_one_whose_deletion_was_cut(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    run(customer)
    api.services.feeds.change(customer.principal, "daily", lambda stored: replace(stored, is_deleted=True))

    made = put(customer, name="New")

    assert (made.status, made.json["lastRun"]) == (201, None)
    assert runs(customer) == []
    assert blobs(api, customer) == []


def test_work_on_a_feed_that_was_deleted_leaves_nothing(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    begun = stored(api, customer, runs(customer)[0])
    decided = feed_of(customer)
    send(customer, "DELETE", "/daily")
    api.services.ledger.add(decided, begun.span)  # As the process that decided it would, a moment too late.

    api.services.build_files(begun.message)

    assert list(api.services.ledger.of(customer.principal, "daily")) == []
    assert blobs(api, customer) == []


def test_silent_work_is_sent_again_once(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    waiting(api)
    begun = stored(api, customer, runs(customer)[0])

    with api.using(replace(api.services, clock=Clock(datetime.now(UTC) + timedelta(minutes=21)))):
        for _ in range(3):
            api.services.sweep_files()

    assert waiting(api) == [begun.message]


def test_a_run_that_is_handed_out_again_is_not_settled_by_a_sweep_at_the_same_time(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    found = stored(api, customer, run(customer))
    read_by_sweep = feed_of(customer)

    api.services.feeder.resend(found)

    with pytest.raises(tables.ChangedMeanwhile):
        api.services.feeds.write(replace(read_by_sweep, settled=found.span.through))


def test_access_that_ends_between_two_batches_leaves_nothing_of_it(customer: Customer, api: Api) -> None:
    keeping, losing = sorted(customer.point() for _ in range(2))[::-1]
    put(customer)
    for each in (keeping, losing):
        customer.days(each, SPRING, 1)
    api.services.begin_feeds()
    workshop = replace(api.services.run_workshop, max_values=24)
    (planned,) = waiting(api)
    workshop.handle(planned)  # Builds the first batch: that of the smaller id.
    (second,) = waiting(api)

    api.revoke(customer.principal, losing)
    workshop.handle(second)
    made = run(customer)

    assert [row["meteringPointId"] for row in table(fetch(customer, made["files"][0]["href"]))] == [
        keeping
    ] * 23
    assert [losing in path for path in blobs(api, customer)] == [False, False]
    assert len(made["files"]) == 1


def test_runs_leave_the_ledger_after_some_more_than_a_year(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    work(api)
    customer.days(point, SPRING + timedelta(days=1), 1)

    with api.using(replace(api.services, clock=Clock(datetime.now(UTC) + timedelta(days=401)))):
        api.services.begin_feeds()

    assert [each["status"] for each in runs(customer)] == ["building"]
    partition = ledger.partition_of(customer.principal, "daily")
    assert len(list(api.services.tables.range(tables.FILE_WORK, partition=partition))) == 1


def test_a_feed_that_goes_to_a_server_keeps_its_customer(customer: Customer, api: Api) -> None:
    customer.point(customer=4711)
    put(customer, customerNumber=4711)
    receiver = Receiver("sftp.example.com", 22, "us", "ssh-ed25519 AAAA")
    api.services.feeds.change(customer.principal, "daily", lambda stored: replace(stored, receiver=receiver))

    wider = put(customer)
    same = put(customer, name="Other", customerNumber=4711)

    assert (wider.status, wider.json["code"]) == (409, "sent-for-one-customer")
    assert (same.status, feed_of(customer).spec.customer_number) == (200, 4711)


def test_a_later_run_does_not_wait_for_one_that_failed(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    for day in range(2):
        deliver(customer, point, day)
    first, second = (stored(api, customer, each) for each in reversed(runs(customer)))
    waiting(api)
    api.services.build_files(second.message)
    assert status(api, second) is RunStatus.BUILDING

    api.services.run_workshop.fail(first.message)
    work(api)

    assert status(api, second) is RunStatus.READY


def status(api: Api, run: Run) -> RunStatus:
    found = api.services.ledger.get(run.principal, run.feed_id, run.span.through)
    assert found is not None
    return found.status
