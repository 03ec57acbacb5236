"""Exports while others publish, without the outbox, after access ended, and with very many files."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import tables
from shared.files import making
from shared.files.exports import store
from shared.files.exports.store import Export, ExportStatus
from shared.files.outbox import OutboxUnavailable
from shared.publishing.watermark import DataState, Publication, Publications
from tests.builders.api import Api
from tests.function_app.exports.test_exports import ask, build, files_of, lose_messages, made, stored
from tests.function_app.test_series import SPRING, Customer


@dataclass
class Overtaken:
    """A watermark that others move on after it was read once."""

    publications: Publications
    move: Callable[[], object]

    def state(
        self, *, now: datetime, available_before: Callable[[datetime], datetime | None] | None = None
    ) -> DataState:
        """Return the state, and have something published right afterwards."""
        found = self.publications.state(now=now, available_before=available_before)
        self.move()
        return found

    def latest(self) -> Publication | None:
        """Return the newest publication."""
        return self.publications.stored()


@dataclass
class Broken:
    """An outbox that cannot delete."""

    def delete(self, below: str) -> None:
        """Fail."""
        raise OutboxUnavailable(f"{below} cannot be deleted now")


@dataclass
class Ended:
    """Exports whose end was reported."""

    ended: list[tuple[str, ExportStatus]] = field(default_factory=list)

    def __call__(self, export: Export) -> None:
        """Note an export."""
        self.ended.append((export.id, export.status))


def test_a_publication_while_an_export_is_requested_is_in_the_changes_after_it(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    usual = api.services

    def publish() -> None:
        with api.using(usual):
            customer.days(point, SPRING + timedelta(days=1), 1)

    overtaken: Any = Overtaken(usual.publications, move=publish)

    with api.using(replace(usual, publications=overtaken)):
        accepted = ask(customer, to=None)
    build(api)

    export = customer.get(f"/v1/exports/{accepted.json['exportId']}").json
    after = customer.get("/v1/changes", cursor=export["changesCursor"]).json
    assert export["progress"] == {"days": 1, "of": 1}
    assert [day["date"] for day in after["days"]] == ["2026-03-30"]


def test_a_failure_is_reported_and_notified_of_though_its_files_cannot_be_deleted(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = ask(customer).json["exportId"]
    lose_messages(api)
    outbox: Any = Broken()
    notified = Ended()
    keeper = replace(api.services.files.keeper, outbox=outbox, ended=notified)
    workshop = replace(api.services.files.workshop, keeper=keeper)

    with pytest.raises(OutboxUnavailable), caplog.at_level(logging.ERROR):
        workshop.fail(export_id)

    assert stored(customer, export_id).status is ExportStatus.FAILED
    assert caplog.messages == [f"Files failed: export {export_id}."]
    assert notified.ended == [(export_id, ExportStatus.FAILED)]


@pytest.mark.parametrize("again", ["message", "sweep"])
def test_the_end_of_an_export_is_notified_of_though_a_process_died_there_and_only_once(
    customer: Customer, api: Api, again: str
) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = ask(customer).json["exportId"]
    lose_messages(api)
    notified = Ended()
    keeper = replace(api.services.files.keeper, ended=notified)
    workshop = replace(api.services.files.workshop, keeper=keeper)
    keeper.exports.change(
        customer.principal, export_id, lambda export: replace(export, status=ExportStatus.FAILED)
    )

    for _ in range(3):
        if again == "message":
            workshop.handle(f"{export_id}/1")
        else:
            keeper.sweep()

    assert [each for each in notified.ended if each[0] == export_id] == [(export_id, ExportStatus.FAILED)]


def test_an_export_whose_access_ended_before_it_was_planned_fails(customer: Customer, api: Api) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    export_id = ask(customer).json["exportId"]

    api.revoke(customer.principal, point)
    build(api)

    export = stored(customer, export_id)
    assert (export.status, export.problem and export.problem[0]) == (ExportStatus.FAILED, "access-changed")


def test_an_export_of_named_metering_points_of_which_none_can_be_read_is_empty(
    customer: Customer, other: Customer
) -> None:
    customer.days(customer.point(), SPRING, 1)
    theirs = other.point()

    export = made(customer, meteringPointIds=[theirs])

    assert (export["notFound"], export["files"]) == ([theirs], [])


def test_a_request_repeated_while_its_parts_are_built_does_no_work_again(
    customer: Customer, api: Api
) -> None:
    customer.days(customer.point(), SPRING, 1)
    first = ask(customer, headers={"idempotency-key": "once"}).json["exportId"]
    lose_messages(api)
    api.services.files.build(first)  # Planned, and not built.
    lose_messages(api)

    again = ask(customer, headers={"idempotency-key": "once"}).json["exportId"]
    build(api)

    assert again == first
    assert stored(customer, first).status is ExportStatus.RUNNING


@pytest.mark.parametrize(("minutes", "same"), [(4, True), (120, False)])
def test_the_id_of_a_request_whose_process_died_is_used_again_for_minutes_alone(
    customer: Customer, api: Api, minutes: int, same: bool
) -> None:
    customer.point()
    headers = {"idempotency-key": "late"}
    first = ask(customer, headers=headers).json["exportId"]
    lose_messages(api)
    api.services.tables.delete(tables.FILE_WORK, partition=customer.principal, row=first)
    later = api.services.clock() + timedelta(minutes=minutes)

    with api.using(replace(api.services, clock=lambda: later)):
        again = ask(customer, headers=headers).json["exportId"]

    assert (again == first) is same
    age = later - store.Entry(again, customer.principal).made_at
    assert round(age / timedelta(minutes=1)) == (minutes if same else 0)


def test_a_refused_request_leaves_nothing_that_a_later_one_takes_up(customer: Customer, api: Api) -> None:
    customer.point()
    running = [ask(customer, from_=f"2026-03-{day}").json["exportId"] for day in (10, 11, 12)]
    headers = {"idempotency-key": "late"}
    refused = ask(customer, headers=headers, from_="2026-03-13")
    lose_messages(api)
    for each in running:
        api.services.files.keeper.end(customer.principal, each, ("not-built", "Given up."))

    accepted = ask(customer, headers=headers, from_="2026-03-14")

    assert (refused.status, accepted.status) == (429, 202)


def test_a_file_is_found_by_the_number_in_its_name_alone(customer: Customer, api: Api) -> None:
    customer.days(customer.point(), SPRING, 1)
    export = made(customer)
    (name,) = [file["name"] for file in export["files"]]
    found = stored(customer, export["exportId"])

    names = [name, name.replace("_1-of-1", "_2-of-1"), name.replace(".csv", ".gs2"), "_1-of-1.csv", "nothing"]

    parts = [api.services.files.exports.part_named(found, each) for each in names]
    assert [part and part.number for part in parts] == [1, None, None, None, None]


@pytest.mark.parametrize("parts", [making.FEW_FILES, making.FEW_FILES + 1])
def test_a_caller_waits_for_the_deletion_of_few_files_alone(customer: Customer, api: Api, parts: int) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = made(customer)["exportId"]
    files = api.services.files
    files.exports.change(customer.principal, export_id, lambda export: replace(export, parts=parts))

    files.keeper.delete(stored(customer, export_id))
    at_once = files_of(api, customer, export_id)
    build(api)

    assert len(at_once) == (parts > making.FEW_FILES)
    assert files_of(api, customer, export_id) == []
    (entry,) = [each for each in files.exports.register() if each.export_id == export_id]
    assert entry.is_deleted


def test_files_of_which_access_ended_are_deleted_by_a_message_if_they_are_many(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    export = made(customer)
    files = api.services.files
    files.exports.change(
        customer.principal, export["exportId"], lambda each: replace(each, parts=making.FEW_FILES + 1)
    )
    api.revoke(customer.principal, point)

    answer = customer.get(export["files"][0]["href"].removeprefix("/metering"))
    at_once = files_of(api, customer, export["exportId"])
    build(api)

    assert (answer.status, len(at_once)) == (410, 1)
    assert files_of(api, customer, export["exportId"]) == []
