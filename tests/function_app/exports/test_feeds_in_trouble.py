"""Feeds after deaths, failures, races and broken rows: no day is lost, nothing is half deleted."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import pytest

from shared import leases, periods, tables
from shared import queues as names
from shared.files import making
from shared.files.feeds import ledger
from shared.files.feeds.feeding import Feeder
from shared.files.feeds.ledger import Ledger, Run, RunStatus
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.store import Feed, Feeds, Span
from shared.files.outbox import Outbox
from shared.queues import UnknownMessage
from tests.builders import queues
from tests.builders import warehouse as delivering
from tests.builders.api import Api
from tests.builders.warehouse import Clock
from tests.function_app.exports.test_feeds import (
    blobs,
    fetch,
    link,
    put,
    run,
    runs,
    send,
    stored,
    table,
    work,
)
from tests.function_app.test_series import SPRING, Customer
from tests.shared.files.feeds.test_contents import NOW, SPEC


def feed_of(customer: Customer) -> Feed:
    found = customer.api.services.files.feeds.get(customer.principal, "daily")
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


def make_two_runs(customer: Customer, api: Api) -> None:
    """Make a feed, and have a day delivered and its run made, twice."""
    point = customer.point()
    put(customer)
    for day in range(2):
        deliver(customer, point, day)
        work(api)


def deliver(customer: Customer, point: str, days: int) -> None:
    """Deliver one more day, and begin a run of it."""
    customer.days(point, SPRING + timedelta(days=days), 1)
    customer.api.services.files.begin_feeds()


def test_the_days_of_a_run_that_fails_after_the_next_was_decided_are_in_a_later_one(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    deliver(customer, point, 1)
    first, second = (stored(api, customer, each) for each in reversed(runs(customer)))

    api.services.files.run_workshop.fail(first.message)
    work(api)
    deliver(customer, point, 2)
    work(api)

    third, *_ = shown = runs(customer)
    assert [each["status"] for each in shown] == ["ready", "ready", "failed"]
    assert third["sequences"] == [first.span.first, second.span.through + 1]
    assert days_in(customer, third) == {"2026-03-29", "2026-03-30", "2026-03-31"}
    assert feed_of(customer).owed is None


@pytest.mark.parametrize("order", [1, -1], ids=["the newer one first", "the older one first"])
def test_runs_that_fail_one_after_the_other_are_all_owed(customer: Customer, api: Api, order: int) -> None:
    point = customer.point()
    put(customer)
    for day in range(2):
        deliver(customer, point, day)
    for each in runs(customer)[::order]:
        api.services.files.run_workshop.fail(stored(api, customer, each).message)

    deliver(customer, point, 2)

    assert days_in(customer, run(customer)) == {"2026-03-29", "2026-03-30", "2026-03-31"}


def test_a_run_whose_row_a_death_left_out_is_added_before_the_next_is_decided(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    waiting(api)
    api.services.files.ledger.delete(customer.principal, "daily")

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

    api.services.files.begin_feeds()
    api.services.sweep_files()

    assert f"The stored feed {row} is unreadable and left out." in caplog.messages
    assert len(runs(other)) == 1
    api.services.tables.upsert(tables.FILE_WORK, found)


def damage(api: Api, customer: Customer, row: str, **values: Any) -> None:
    """Overwrite values in a row of the ledger."""
    partition = ledger.partition_of(customer.principal, "daily")
    api.services.tables.upsert(
        tables.FILE_WORK,
        {
            **(api.services.tables.get(tables.FILE_WORK, partition=partition, row=row) or {}),
            "PartitionKey": partition,
            "RowKey": row,
            **values,
        },
    )


def rows_of_ledger(api: Api, customer: Customer) -> list[str]:
    """Return the keys of the runs, the newest first, and then of their batches."""
    partition = ledger.partition_of(customer.principal, "daily")
    return [row["RowKey"] for row in api.services.tables.range(tables.FILE_WORK, partition=partition)]


def test_a_run_that_cannot_be_read_is_left_out_of_the_list_and_passed_over_by_nobody(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    make_two_runs(customer, api)
    newest, oldest = (stored(api, customer, each) for each in runs(customer))
    send(customer, "POST", f"/daily/runs/{newest.id}/acknowledgement")
    row = rows_of_ledger(api, customer)[1]
    damage(api, customer, row, status="lost", spec="{")
    receiver = Receiver("127.0.0.1", 22, "metering", "ssh-ed25519 AAAA", "in", after=0)

    listed = runs(customer)
    api.services.sweep_files()

    what = f"run of feed daily of {customer.principal} {row}"
    assert f"The stored {what} is unreadable and left out." in caplog.messages
    assert [each["run"] for each in listed] == [newest.id]
    assert f"Skipped after an error: feed daily of {customer.principal}." in caplog.messages
    assert feed_of(customer).settled < oldest.span.through
    with pytest.raises(tables.UnreadableValue):
        api.services.files.runs.before(newest)
    with pytest.raises(tables.UnreadableValue):
        api.services.files.runs.oldest_to_send(feed_of(customer), receiver)


@pytest.mark.parametrize("damaged", [{"files": b"no JSON"}, {"permitted": b"no JSON"}])
def test_a_batch_that_cannot_be_read_keeps_no_other_run_from_being_withdrawn(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture, damaged: Mapping[str, bytes]
) -> None:
    keeping, losing = customer.point(), customer.point()
    put(customer)
    for day in range(2):
        customer.deliver(
            [
                line
                for each in (keeping, losing)
                for line in delivering.values(each, SPRING + timedelta(days=day), ["1.000"] * (23 + day))
            ]
        )
        api.services.files.begin_feeds()
        work(api)
    newest, oldest = (stored(api, customer, each) for each in runs(customer))
    batch = [row for row in rows_of_ledger(api, customer) if row.startswith("b")][-1]
    damage(api, customer, batch, **damaged)
    listed = [each["run"] for each in runs(customer)]
    api.revoke(customer.principal, losing)

    api.services.revoke_files()
    work(api)

    assert f"Skipped after an error: the feeds of {customer.principal}." in caplog.messages
    remade = api.services.files.ledger.get(customer.principal, "daily", oldest.span.through)
    assert remade is not None
    assert (remade.round, [file.values for file in api.services.files.ledger.files(remade)]) == (2, [23])
    assert listed == ([oldest.id] if "files" in damaged else [newest.id, oldest.id])


def test_a_feed_that_cannot_be_begun_or_tended_is_logged_and_holds_up_no_other(
    customer: Customer, other: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = sorted((customer, other), key=lambda each: each.principal)
    for each in (first, second):
        point = each.point()
        put(each)
        each.days(point, SPRING, 1)
    api.services.files.begin_feeds()
    partition = ledger.partition_of(first.principal, "daily")
    (row,) = api.services.tables.range(tables.FILE_WORK, partition=partition)
    api.services.tables.upsert(tables.FILE_WORK, {**row, "status": "lost"})

    for each in (first, second):
        each.days(each.point(), SPRING + timedelta(days=1), 1)
    api.services.files.begin_feeds()
    api.services.sweep_files()

    assert f"Skipped after an error: feed daily of {first.principal}." in caplog.text
    assert f"Skipped after an error: the next run of feed daily of {first.principal}." in caplog.text
    assert f"feed daily of {second.principal}" not in caplog.text
    assert len(runs(second)) == 2


@pytest.mark.parametrize(
    "message", ["feed/", "feed/app:1/daily", "feed/app:1/daily/x", "feed/app:1/daily/7/1"]
)
def test_a_message_that_names_no_run_is_refused(api: Api, message: str) -> None:
    with pytest.raises(UnknownMessage):
        api.services.files.build(message)


def begin_deletion(customer: Customer) -> str:
    """Mark a feed with one run as deleted, and leave the rest undone; return its metering point."""
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    run(customer)
    feeds = customer.api.services.files.feeds
    feeds.change(customer.principal, "daily", lambda stored: replace(stored, is_deleted=True))
    return point


def test_a_deletion_that_was_cut_is_finished_and_seen_by_nobody(customer: Customer, api: Api) -> None:
    begin_deletion(customer)

    answers = [customer.get(f"/v1/feeds/daily{path}").status for path in ("", "/runs")]
    listed = customer.get("/v1/feeds").json
    api.services.sweep_files()
    work(api)

    assert answers == [404, 404]
    assert listed == {"feeds": []}
    assert blobs(api, customer) == []
    assert list(api.services.files.feeds.deleted()) == []


def test_a_new_feed_inherits_nothing_of_one_whose_deletion_was_cut(customer: Customer, api: Api) -> None:
    begin_deletion(customer)

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
    api.services.files.ledger.add(
        decided, begun.span
    )  # As the process that decided it would, a moment too late.

    api.services.files.build(begun.message)

    assert list(api.services.files.ledger.of(customer.principal, "daily")) == []
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

    assert waiting(api).count(begun.message) == 1


def test_a_run_that_is_handed_out_again_is_not_settled_by_a_sweep_at_the_same_time(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    found = stored(api, customer, run(customer))
    read_by_sweep = feed_of(customer)

    api.services.files.feeder.resend(found)

    with pytest.raises(tables.ChangedMeanwhile):
        api.services.files.feeds.write(replace(read_by_sweep, settled=found.span.through))


def test_access_that_ends_between_two_batches_leaves_nothing_of_it(customer: Customer, api: Api) -> None:
    keeping, losing = sorted(customer.point() for _ in range(2))[::-1]
    put(customer)
    for each in (keeping, losing):
        customer.days(each, SPRING, 1)
    api.services.files.begin_feeds()
    workshop = replace(api.services.files.run_workshop, max_values=24)
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


@pytest.mark.parametrize("is_last", [False, True])
def test_access_that_ends_while_a_run_is_finished_leaves_nothing_of_it(
    customer: Customer, api: Api, monkeypatch: pytest.MonkeyPatch, *, is_last: bool
) -> None:
    keeping, losing = customer.point(), customer.point()
    put(customer)
    for each in (keeping, losing):
        customer.days(each, SPRING, 1)
    store_file = Outbox.put
    ended: list[str] = []

    def end_access(outbox: Outbox, path: str, content: IO[bytes], *, media_type: str) -> None:
        if path.endswith("manifest.json") and not ended:
            ended.append(path)
            for each in (keeping, losing) if is_last else (losing,):
                api.revoke(customer.principal, each)
            api.services.revoke_files()
        store_file(outbox, path, content, media_type=media_type)

    monkeypatch.setattr(Outbox, "put", end_access)
    made = run(customer)

    assert made["status"] == ("empty" if is_last else "ready")
    assert [each["values"] for each in made["files"]] == ([] if is_last else [23])
    assert len(blobs(api, customer)) == (0 if is_last else 2)


def test_runs_leave_the_ledger_after_some_more_than_a_year(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    work(api)
    customer.days(point, SPRING + timedelta(days=1), 1)

    with api.using(replace(api.services, clock=Clock(datetime.now(UTC) + timedelta(days=401)))):
        api.services.files.begin_feeds()

    assert [each["status"] for each in runs(customer)] == ["building"]
    partition = ledger.partition_of(customer.principal, "daily")
    assert len(list(api.services.tables.range(tables.FILE_WORK, partition=partition))) == 1


def test_a_feed_that_goes_to_a_server_keeps_its_customer(customer: Customer, api: Api) -> None:
    customer.point(customer=4711)
    put(customer, customerNumber=4711)
    receiver = Receiver("sftp.example.com", 22, "us", "ssh-ed25519 AAAA")
    api.services.files.feeds.change(
        customer.principal, "daily", lambda stored: replace(stored, receiver=receiver)
    )

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
    api.services.files.build(second.message)
    assert status(api, second) is RunStatus.BUILDING

    api.services.files.run_workshop.fail(first.message)
    work(api)

    assert status(api, second) is RunStatus.READY


def status(api: Api, run: Run) -> RunStatus:
    found = api.services.files.ledger.get(run.principal, run.feed_id, run.span.through)
    assert found is not None
    return found.status


def test_a_run_whose_plan_has_lost_rows_is_made_again(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    begun = stored(api, customer, runs(customer)[0])
    api.services.files.ledger.change(begun, lambda now: replace(now, plan="lost", batches=1))

    work(api)

    assert days_in(customer, runs(customer)[0]) == {"2026-03-29"}


def test_a_message_that_failed_does_not_take_the_files_of_a_run_that_was_finished(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    made = run(customer)

    api.services.files.runs.give_up(
        stored(api, customer, made), RunStatus.BUILDING, ("not-built", "It came late.")
    )

    assert days_in(customer, made) == {"2026-03-29"}
    assert feed_of(customer).owed is None


def test_a_metering_point_that_moved_to_another_customer_is_not_the_runs_any_more(
    customer: Customer, api: Api
) -> None:
    moving, staying = customer.point(customer=1), customer.point(customer=1)
    put(customer, customerNumber=1)
    for each in (moving, staying):
        customer.days(each, SPRING, 1)
    made = run(customer)

    customer.granted = [each for each in customer.granted if each.metering_point_id != moving]
    customer.grant(moving, customer=2)
    refused = link(customer, made["files"][0]["href"])
    (remade,) = run(customer)["files"]

    assert (refused.status, refused.json["code"]) == (410, "gone")
    assert {row["meteringPointId"] for row in table(fetch(customer, remade["href"]))} == {staying}


def test_a_file_of_one_customer_ends_with_that_customers_access(customer: Customer, api: Api) -> None:
    moving, staying = customer.point(customer=1), customer.point(customer=2)
    put(customer, split="per-customer")
    for each in (moving, staying):
        customer.days(each, SPRING, 1)
    first, second = run(customer)["files"]

    customer.granted = [each for each in customer.granted if each.metering_point_id != moving]
    customer.grant(moving, customer=2)

    assert link(customer, second["href"]).status == 302
    assert link(customer, first["href"]).status == 410


@pytest.mark.parametrize("when", ["23:58", "00:01", "09:30"])
def test_a_run_at_any_time_of_day_is_due_once_a_day(when: str) -> None:
    feed = replace(
        Feed("app:1", "daily", SPEC, created_at=datetime(2026, 3, 27, 12, tzinfo=UTC), covered=0),
        spec=replace(SPEC, when=when),
    )
    found = []
    now = feed.created_at
    for step in range(4 * 24 * 12):  # The timer runs every five minutes, over a change of the clock.
        now = feed.created_at + step * timedelta(minutes=5)
        if feed.is_due(through=step + 1, now=now):
            feed = replace(feed, covered=step + 1, latest=Span(step, step + 1, now, now, now))
            found.append(now.astimezone(periods.OSLO).date())

    assert found == sorted(set(found))
    assert len(found) == 4


def test_a_run_that_is_handed_out_again_is_reported_only_days_later(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    made = run(customer)
    later = Clock(datetime.now(UTC) + timedelta(days=10))

    with api.at(later):
        send(customer, "POST", f"/daily/runs/{made['run']}/resend")
        api.services.sweep_files()
        at_once = "Feed not taken" in caplog.text
        later.now += timedelta(days=4)
        api.confirm_access(later())
        api.services.sweep_files()

    assert not at_once
    assert f"Feed not taken: daily of {customer.principal}" in caplog.text


def test_looking_at_a_link_does_not_take_a_file(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    made = run(customer)
    path = made["files"][0]["href"].removeprefix("/metering")

    looked = api.send("HEAD", path, principal=customer.principal)
    before = stored(api, customer, made).taken_at
    link(customer, made["files"][0]["href"])

    assert (looked.status, before) == (302, None)
    assert stored(api, customer, made).taken_at is not None


def test_each_handing_out_of_a_run_is_a_notice_of_its_own(customer: Customer, api: Api) -> None:
    keys: list[tuple[int, int]] = []
    noting = replace(api.services.files.runs, ready=lambda run: keys.append((run.round, run.handings)))
    workshop = replace(api.services.files.run_workshop, runs=noting)
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    found = stored(api, customer, run(customer))

    again = Feeder(noting).resend(found)
    workshop.handle(again.message)  # As after a death: the same notice.
    noting.repeat(again)
    for message in waiting(api):
        workshop.handle(message)

    assert list(dict.fromkeys(keys)) == [(1, 2), (2, 1)]


def test_a_principal_whose_files_cannot_be_compared_holds_up_no_other(
    customer: Customer, other: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = sorted((customer, other), key=lambda each: each.principal)
    points = {each: each.point() for each in (first, second)}
    for each, point in points.items():
        put(each)
        each.days(point, SPRING, 1)
        run(each)
    api.services.revoke_files()
    damage(api, first, rows_of_ledger(api, first)[-1], files=b"no JSON")

    for each, point in points.items():
        api.revoke(each.principal, point)
    api.services.revoke_files()

    assert f"Skipped after an error: the feeds of {first.principal}." in caplog.text
    assert blobs(api, second) == []


def test_of_two_requests_that_make_a_feed_at_once_the_later_one_counts(api: Api, customer: Customer) -> None:
    class Racing(Feeds):
        """Another request makes the feed after this one has looked."""

        raced = False

        def of(self, principal: str) -> Iterator[Feed]:
            if not self.raced:
                self.raced = True
                Feeds(api.services.tables).put(principal, "daily", SPEC, sequence=1, now=NOW)
            return super().of(principal)

    racing = Racing(api.services.tables)

    found, is_new = racing.put(customer.principal, "daily", replace(SPEC, name="Later"), sequence=1, now=NOW)

    assert (is_new, found.spec.name) == (False, "Later")
    assert feed_of(customer).spec.name == "Later"


def test_a_feed_that_is_being_deleted_by_another_process_cannot_be_made_yet(
    customer: Customer, api: Api
) -> None:
    customer.point()
    put(customer)
    work_of = ledger.work_of(customer.principal, "daily")
    lease = leases.take(api.services.tables, work_of, holder="another", now=api.services.clock())
    with lease.held(api.services.clock):
        send(customer, "DELETE", "/daily")
        work(api)
        refused = put(customer)
        work(api)
    api.services.sweep_files()
    work(api)

    assert (refused.status, refused.json["code"]) == (409, "feed-being-deleted")
    assert put(customer).status == 201


def test_a_withdrawal_that_comes_late_leaves_the_next_round_alone(customer: Customer, api: Api) -> None:
    keeping, losing = customer.point(), customer.point()
    put(customer)
    for each in (keeping, losing):
        customer.days(each, SPRING, 1)
    made = run(customer)
    send(customer, "POST", f"/daily/runs/{made['run']}/acknowledgement")
    before = stored(api, customer, made)
    api.revoke(customer.principal, losing)

    api.services.files.feeder.resend(before)  # Begins the next round, without what was lost.
    api.services.files.runs.withdraw(before)

    assert run(customer)["files"][0]["values"] == 23


def test_a_run_is_reported_once_while_others_are_open(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    make_two_runs(customer, api)
    older = runs(customer)[1]

    with api.at(Clock(datetime.now(UTC) + timedelta(days=10))):
        api.services.sweep_files()
        send(customer, "POST", f"/daily/runs/{older['run']}/resend")
        for _ in range(3):
            api.services.sweep_files()

    assert caplog.text.count(f"Feed not taken: daily of {customer.principal}") == 2


def test_files_of_an_old_run_that_was_made_again_end_with_access_too(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    made = run(customer)
    later = Clock(datetime.now(UTC) + timedelta(days=80))

    with api.at(later):
        send(customer, "POST", f"/daily/runs/{made['run']}/resend")
        work(api)
        send(customer, "POST", f"/daily/runs/{made['run']}/acknowledgement")
        kept = blobs(api, customer)
        api.revoke(customer.principal, point)
        api.services.revoke_files()
        ended = blobs(api, customer)

    assert (len(kept), ended) == (2, [])


@pytest.mark.parametrize("look", [1, 2])
def test_a_feed_whose_deletion_ends_while_it_is_made_again_is_made(
    api: Api, customer: Customer, look: int
) -> None:
    class Ending(Feeds):
        """The row of the deleted feed is forgotten at the first or the second look of this request."""

        looks = 0

        def _stored(self, principal: str, feed_id: str) -> Feed | None:
            found = super()._stored(principal, feed_id)
            if found is None or not found.is_deleted:
                return found
            self.looks += 1
            if self.looks < look:
                return found
            Feeds(api.services.tables).forget(principal, feed_id)
            return None

    feeds = Ending(api.services.tables)
    feeds.put(customer.principal, "daily", SPEC, sequence=1, now=NOW)
    feeds.change(customer.principal, "daily", lambda stored: replace(stored, is_deleted=True))

    _, is_new = feeds.put(customer.principal, "daily", SPEC, sequence=1, now=NOW)

    assert is_new
    assert feed_of(customer).spec == SPEC


def test_a_feed_that_was_made_again_keeps_what_it_has(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    run(customer)
    files = api.services.files

    is_done = files.runs.clear(customer.principal, "daily")  # As a sweep that found the one before deleted.
    files.feeds.forget(customer.principal, "daily")

    assert not is_done
    assert (len(blobs(api, customer)), len(runs(customer))) == (2, 1)
    assert list(files.feeds.deleted()) == []


@pytest.mark.parametrize(("lost_at", "runs_left"), [("the files", 1), ("the runs", 0)])
def test_a_deletion_that_lost_its_lease_goes_no_further(
    customer: Customer, api: Api, lost_at: str, runs_left: int
) -> None:
    begin_deletion(customer)
    files, storage = api.services.files, api.services.tables
    clock = Clock(api.services.clock())

    def let_another_take_over() -> None:
        clock.now += 2 * leases.LASTS
        leases.take(storage, ledger.work_of(customer.principal, "daily"), holder="another", now=clock())

    class LosingAtFiles(Feeds):
        def get(self, principal: str, feed_id: str) -> Feed | None:
            let_another_take_over()
            return super().get(principal, feed_id)

    class LosingAtRuns(Ledger):
        def delete(self, principal: str, feed_id: str) -> None:
            super().delete(principal, feed_id)
            let_another_take_over()

    losing = (
        replace(files.runs, feeds=LosingAtFiles(storage), clock=clock)
        if lost_at == "the files"
        else replace(files.runs, ledger=LosingAtRuns(storage), clock=clock)
    )

    with pytest.raises(leases.HeldByAnother):
        losing.clear(customer.principal, "daily")

    assert len(list(files.ledger.of(customer.principal, "daily"))) == runs_left
    assert [each.id for each in files.feeds.deleted()] == ["daily"]


def test_of_a_plan_that_does_not_count_no_row_is_left(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    deliver(customer, point, 0)
    begun = stored(api, customer, runs(customer)[0])
    work(api)

    api.services.files.runs.repeat(stored(api, customer, runs(customer)[0]))
    (message,) = waiting(api)
    stale = replace(api.services.files.runs, ledger=_Stale(api.services.tables, begun))
    replace(api.services.files.run_workshop, runs=stale).handle(message)
    work(api)

    partition = ledger.partition_of(customer.principal, "daily")
    rows = [row["RowKey"] for row in api.services.tables.range(tables.FILE_WORK, partition=partition)]
    assert len([row for row in rows if row.startswith("b")]) == 1  # That of the first round.


class _Stale(Ledger):
    """Reads the run once as it was before another process planned it."""

    def __init__(self, storage: tables.Tables, run: Run) -> None:
        super().__init__(storage)
        self._run: Run | None = run

    def get(self, principal: str, feed_id: str, through: int) -> Run | None:
        stale, self._run = self._run, None
        return stale or super().get(principal, feed_id, through)


def test_a_feed_with_many_files_is_not_deleted_while_a_caller_waits(customer: Customer, api: Api) -> None:
    begin_deletion(customer)

    is_done = api.services.files.runs.clear(customer.principal, "daily", most_files=1)

    assert not is_done
    assert len(blobs(api, customer)) == 2


def test_a_run_that_an_operator_hands_out_again_is_announced_by_the_next_sweep(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    made = stored(api, customer, run(customer))
    files = api.services.files
    heard: list[str] = []
    feeder = Feeder(replace(files.runs, ready=lambda each: heard.append(each.id)))
    reopened = replace(made.reopened(now=api.services.clock()), touched_at=ledger.LONG_AGO)
    ledger.reopen(files.feeds, files.ledger, made, lambda run: reopened)

    for _ in range(2):
        feeder.sweep(not_taken_after=timedelta(days=3))

    assert heard == [made.id]
    assert "Feed not taken" not in caplog.text


def test_a_run_lists_its_first_files_and_says_how_many_there_are(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    made = stored(api, customer, run(customer))
    batch = next(iter(api.services.files.ledger.batches(made)))
    (file,) = batch.files or ()
    many = tuple(replace(file, name=f"{number:06d}.csv") for number in range(3_000))
    for number in (1, 2):
        damage(
            api,
            customer,
            f"b{made.span.through:012d}-{made.round:03d}-{made.plan}-{number:05d}",
            **ledger._batch_entity(made, replace(batch, number=number, files=many)),
        )
    counted = replace(made.manifest, rows=6_000)
    api.services.files.ledger.change(made, lambda run: replace(run, batches=2, manifest=counted))

    (shown,) = runs(customer)

    assert (shown["fileCount"], len(shown["files"])) == (6_000, 5_000)
    assert link(customer, shown["files"][-1]["href"]).status == 302


def test_a_run_of_many_files_is_withdrawn_by_a_message(customer: Customer, api: Api) -> None:
    losing, keeping = customer.point(), customer.point()
    put(customer)
    for each in (losing, keeping):
        customer.days(each, SPRING, 1)
    shown = run(customer)
    made = stored(api, customer, shown)
    counted = replace(made.manifest, rows=making.FEW_FILES + 1)
    api.services.files.ledger.change(made, lambda each: replace(each, manifest=counted))
    api.revoke(customer.principal, losing)

    answer = link(customer, shown["files"][0]["href"])
    at_once = (stored(api, customer, shown).status, len(blobs(api, customer)))
    work(api)

    assert (answer.status, at_once) == (410, (RunStatus.READY, 2))
    assert [file.values for file in api.services.files.ledger.files(stored(api, customer, shown))] == [23]
