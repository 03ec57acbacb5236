"""Exports: asked for, built, fetched, deleted; what nobody may read any more is not handed out."""

import csv
import hashlib
import io
import json
import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest

from shared import tables
from shared.api.exports import requests
from shared.api.problems import InvalidRequest
from shared.files import making, outbox, reading
from shared.files.exports import building, keeping, store
from shared.files.exports.keeping import Keeper
from shared.files.exports.store import ExportStatus
from shared.files.forms.form import FileFormat, Form
from shared.metering import Resolution
from shared.periods import Period
from shared.queues import QueuesUnavailable, UnknownMessage
from shared.settings import OutboxSettings, Settings
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries.series_days import SizeRow
from tests.builders import queues
from tests.builders.api import Answer, Api
from tests.builders.warehouse import Clock
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import SPRING, Customer

CSV = {"format": "csv"}
PERIOD = {"from": "2026-03-29", "to": "2026-04-01"}


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller that has nothing yet."""
    return Customer(api, deliver)


def ask(customer: Customer, *, headers: Mapping[str, str] | None = None, **body: Any) -> Answer:
    """Ask for an export of consumption in CSV, unless said otherwise."""
    given = {name.rstrip("_"): value for name, value in body.items()}
    wanted = {"directions": ["consumption"], "form": CSV, **PERIOD, **given}
    return customer.api.send(
        "POST",
        "/v1/exports",
        principal=customer.principal,
        headers={"content-type": "application/json", **(headers or {})},
        body=json.dumps(wanted).encode(),
    )


def build(api: Api) -> None:
    """Do all the work that waits."""
    outbox = api.services.settings.outbox
    assert outbox is not None
    queues.drain(outbox.queues, "files", api.services.files.build)


def later(api: Api, after: timedelta) -> Keeper:
    """Return what sweeps, after some time."""
    now = api.services.clock()
    return replace(api.services.files.keeper, clock=lambda: now + after)


def stored(customer: Customer, export_id: str) -> store.Export:
    """Return an export as its row has it."""
    found = customer.api.services.files.exports.get(customer.principal, export_id)
    assert found is not None
    return found


def made(customer: Customer, **body: Any) -> Any:
    """Return a finished export."""
    answer = ask(customer, **body)
    assert answer.status == 202, answer.body
    build(customer.api)
    found = customer.get(answer.headers["Location"].removeprefix("/metering")).json
    assert found["status"] == "finished", found
    return found


def fetch(customer: Customer, href: str) -> bytes:
    """Follow the link of a file, without the caller's headers."""
    answer = customer.get(href.removeprefix("/metering"))
    assert answer.status == 302, answer.body
    found = httpx.get(answer.headers["Location"], trust_env=False)
    assert found.status_code == 200, found.text
    return found.content


def test_an_export_is_accepted_built_and_fetched(customer: Customer) -> None:
    points = sorted([customer.point(), customer.point()])
    for each in points:
        customer.days(each, SPRING, 3)

    accepted = ask(customer)
    export = made(customer)

    assert (accepted.status, accepted.json["status"]) == (202, "waiting")
    assert accepted.headers["Location"] == accepted.headers["Content-Location"]
    assert accepted.headers["Location"] == f"/metering/v1/exports/{export['exportId']}"
    assert int(accepted.headers["Retry-After"]) > 0
    assert export["progress"] == {"days": 6, "of": 6}
    (file,) = export["files"]
    content = fetch(customer, file["href"])
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert file["name"] == f"{export['exportId']}_2026-03-29_2026-04-01_1-of-1.csv"
    assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert len(rows) == file["rows"] == 2 * (23 + 24 + 24)
    assert [row["meteringPointId"] for row in rows[:: 23 + 24 + 24]] == points


def test_changes_from_its_cursor_are_what_came_after_it(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    export = made(customer)

    before = customer.get("/v1/changes", cursor=export["changesCursor"]).json
    customer.days(point, SPRING + timedelta(days=5), 1)
    after = customer.get("/v1/changes", cursor=export["changesCursor"]).json

    assert (before["days"], before["upToDate"]) == ([], True)
    assert [day["date"] for day in after["days"]] == ["2026-04-03"]


def test_named_metering_points_that_cannot_be_read_are_listed(
    customer: Customer, api: Api, deliver: Deliver
) -> None:
    own, foreign = customer.point(), Customer(api, deliver).point()
    customer.days(own, SPRING, 1)

    export = made(customer, meteringPointIds=[own, foreign])

    assert export["notFound"] == [foreign]
    assert export["progress"]["of"] == 1


def test_both_directions_are_in_one_file_in_order(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    customer.days(point, SPRING, 1, direction="production")

    export = made(customer, directions=["production", "consumption"], form={"format": "ndjson"})

    lines = [json.loads(line) for line in fetch(customer, export["files"][0]["href"]).splitlines()]
    assert [line["direction"] for line in lines] == ["consumption", "production"]


def test_days_stored_coarser_are_left_out_and_listed(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    customer.days(point, SPRING + timedelta(days=1), 1, resolution="PT15M")

    export = made(customer, resolution="PT15M")

    assert export["storedCoarser"] == [
        {"meteringPointId": point, "resolution": "PT1H", "from": "2026-03-29", "to": "2026-03-30"}
    ]
    assert export["progress"]["of"] == 1


def test_an_export_of_nothing_is_finished_without_files(customer: Customer) -> None:
    customer.point()

    assert made(customer)["files"] == []


def test_the_same_key_gives_the_same_export_and_another_body_a_conflict(customer: Customer) -> None:
    customer.point()
    key = {"idempotency-key": "one"}

    first = ask(customer, headers=key).json["exportId"]
    again = ask(customer, headers=key).json["exportId"]
    other = ask(customer, headers=key, resolution="P1D")

    assert first == again
    assert (other.status, other.json["code"]) == (409, "idempotency-conflict")


def test_a_repeated_request_for_a_finished_export_lists_its_files(customer: Customer) -> None:
    customer.days(customer.point(), SPRING, 1)
    key = {"idempotency-key": "lost-answer"}
    first = ask(customer, headers=key).json
    build(customer.api)

    again = ask(customer, headers=key)

    assert again.json == customer.get(f"/v1/exports/{first['exportId']}").json
    assert (again.status, again.json["status"], len(again.json["files"])) == (202, "finished", 1)


@pytest.mark.parametrize("resolution", ["P1D", "P1M", "P1Y"])
def test_sums_go_as_far_as_those_of_the_api(customer: Customer, resolution: str) -> None:
    point = customer.point()
    customer.days(point, SPRING - timedelta(days=4), 10)
    period = {"from_": "2026-03-20", "to": "2027-01-01", "resolution": resolution}

    export = made(customer, **period)
    answer = customer.get("/v1/consumption", format="csv", **period)

    assert b"2026-04-04" in answer.body
    assert fetch(customer, export["files"][0]["href"]) == answer.body


def test_gs2_takes_directions_in_different_resolutions(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1, resolution="PT15M")
    customer.days(point, SPRING, 1, direction="production")

    export = made(customer, form={"format": "gs2"}, directions=["consumption", "production"])

    assert export["status"] == "finished"
    assert len(export["files"]) == 1


def test_the_same_body_within_a_minute_gives_the_same_export(customer: Customer) -> None:
    customer.point()

    assert ask(customer).json["exportId"] == ask(customer).json["exportId"]


def test_a_fourth_running_export_is_refused(customer: Customer) -> None:
    customer.point()
    answers = [ask(customer, headers={"idempotency-key": str(number)}) for number in range(4)]

    assert [each.status for each in answers] == [202, 202, 202, 429]
    assert answers[3].json["code"] == "too-many-exports"
    assert int(answers[3].headers["Retry-After"]) > 0
    build(customer.api)
    assert ask(customer, headers={"idempotency-key": "5"}).status == 202


def test_parallel_requests_make_no_more_running_exports_than_allowed(customer: Customer) -> None:
    customer.point()

    with ThreadPoolExecutor(12) as requests:
        answers = list(
            requests.map(lambda number: ask(customer, headers={"idempotency-key": str(number)}), range(12))
        )

    made = {each.json["exportId"] for each in answers if each.status == 202}
    assert {each.status for each in answers} == {202, 429}
    assert len(made) == 3
    assert {each["exportId"] for each in customer.get("/v1/exports").json["exports"]} == made


def test_every_fault_of_a_body_is_named_at_once(customer: Customer) -> None:
    answer = ask(
        customer,
        directions=["in"],
        meteringPointIds=["707057500000000018", "1"],
        from_="2026-03-29T00:00",
        to="x",
        asOf="2099-01-01",
        form={"format": "pdf"},
        direction="consumption",
    )

    assert (answer.status, answer.json["code"]) == (400, "invalid-parameter")
    assert {(each["parameter"], each["code"]) for each in answer.json["errors"]} == {
        ("directions[0]", "not-a-choice"),
        ("meteringPointIds[1]", "not-a-metering-point-id"),
        ("from", "time-without-offset"),
        ("to", "not-a-time"),
        ("asOf", "in-the-future"),
        ("form.format", "not-a-choice"),
        ("direction", "unknown-parameter"),
    }


def test_an_export_of_the_last_publication_is_made_while_its_clock_is_ahead(customer: Customer) -> None:
    customer.days(customer.point(), SPRING, 1)
    behind = datetime.now(UTC) - timedelta(minutes=4)

    with customer.api.at(lambda: behind):
        answer = ask(customer, asOf=customer.get("/v1/status").json["lastPublishedAt"])

    assert answer.status == 202


def test_gs2_refuses_a_series_in_two_resolutions_before_any_work(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    customer.days(point, SPRING + timedelta(days=1), 1, resolution="PT15M")

    answer = ask(customer, form={"format": "gs2"})

    assert [(each["parameter"], each["code"]) for each in answer.json["errors"]] == [
        ("resolution", "not-in-format")
    ]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/files/a.csv"), ("DELETE", "")])
def test_anothers_export_is_answered_like_one_that_does_not_exist(
    customer: Customer, api: Api, deliver: Deliver, method: str, path: str
) -> None:
    other = Customer(api, deliver)
    other.point()
    customer.point()
    foreign = made(other)["exportId"]
    absent = foreign[:-4] + "0000"

    answers = [
        api.send(
            method, f"/v1/exports/{each}{path}", principal=customer.principal, headers={"x-request-id": "one"}
        )
        for each in (foreign, absent)
    ]

    assert [each.status for each in answers] == [404, 404]
    bodies = [
        each.body.replace(name.encode(), b"") for each, name in zip(answers, (foreign, absent), strict=True)
    ]
    assert bodies[0] == bodies[1]
    assert dict(answers[0].headers) == dict(answers[1].headers)
    assert other.get(f"/v1/exports/{foreign}").status == 200


def test_access_that_ended_before_the_build_fails_the_export(customer: Customer, api: Api) -> None:
    keeping, losing = customer.point(), customer.point()
    customer.days(keeping, SPRING, 1)
    customer.days(losing, SPRING, 1)
    export_id = ask(customer).json["exportId"]
    api.services.files.build(export_id)  # Planned, and not built.

    api.revoke(customer.principal, losing)
    build(api)

    found = customer.get(f"/v1/exports/{export_id}").json
    assert (found["status"], found["problem"]["code"], found["files"]) == ("failed", "access-changed", [])
    assert files_of(api, customer, export_id) == []


def test_access_that_ended_after_the_build_gives_no_byte(customer: Customer, api: Api) -> None:
    keeping, losing = customer.point(), customer.point()
    customer.days(keeping, SPRING, 1)
    customer.days(losing, SPRING, 1)
    export = made(customer)
    assert len(files_of(api, customer, export["exportId"])) == 1

    api.revoke(customer.principal, losing)
    answer = customer.get(export["files"][0]["href"].removeprefix("/metering"))

    assert (answer.status, answer.json["code"]) == (410, "gone")
    assert "Location" not in answer.headers
    assert files_of(api, customer, export["exportId"]) == []


def test_a_link_given_before_access_ended_gives_no_byte_after_the_sync(customer: Customer, api: Api) -> None:
    losing = customer.point()
    customer.point()
    customer.days(losing, SPRING, 1)
    export = made(customer)
    api.services.revoke_files()
    link = customer.get(export["files"][0]["href"].removeprefix("/metering")).headers["Location"]
    before = httpx.get(link, trust_env=False)

    api.revoke(customer.principal, losing)
    api.services.revoke_files()
    after = httpx.get(link, trust_env=False)

    assert (before.status_code, after.status_code) == (200, 404)
    assert b"meteringPointId" in before.content
    assert b"meteringPointId" not in after.content


def test_a_sync_deletes_the_files_of_a_principal_that_lost_something_and_keeps_others(
    customer: Customer, api: Api, deliver: Deliver
) -> None:
    other = Customer(api, deliver)
    losing = customer.point()
    customer.point()
    for each, point in ((customer, losing), (other, other.point())):
        each.days(point, SPRING, 1)
    lost, kept = made(customer), made(other)
    api.services.revoke_files()
    assert len(files_of(api, customer, lost["exportId"])) == 1

    api.revoke(customer.principal, losing)
    other.point()  # Gains change the version too, and take nothing away.
    api.services.revoke_files()

    assert files_of(api, customer, lost["exportId"]) == []
    assert customer.get(f"/v1/exports/{lost['exportId']}").json["problem"] == {
        "code": "access-changed",
        "detail": "Access to some of it has ended, so its files were deleted; request it again.",
    }
    assert len(fetch(other, kept["files"][0]["href"])) == kept["files"][0]["bytes"]


def test_a_deleted_export_leaves_nothing(customer: Customer, api: Api) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = made(customer)["exportId"]

    deleted = api.send("DELETE", f"/v1/exports/{export_id}", principal=customer.principal)

    assert (deleted.status, deleted.body) == (204, b"")
    assert customer.get(f"/v1/exports/{export_id}").status == 404
    assert files_of(api, customer, export_id) == []
    assert ask(customer).json["exportId"] != export_id


def test_a_caller_lists_its_own_exports_the_newest_first_in_pages(customer: Customer, api: Api) -> None:
    customer.point()
    ids = [ask(customer, headers={"idempotency-key": str(number)}).json["exportId"] for number in range(3)]

    first = customer.get("/v1/exports", limit=2).json
    second = customer.get("/v1/exports", limit=2, cursor=first["nextCursor"]).json

    assert [each["exportId"] for each in first["exports"] + second["exports"]] == ids[::-1]
    assert second["nextCursor"] is None


def test_what_failed_five_times_is_failed_in_the_row(customer: Customer, api: Api) -> None:
    customer.point()
    export_id = ask(customer).json["exportId"]

    give_up(api, export_id)
    api.services.sweep_files()
    build(api)

    found = customer.get(f"/v1/exports/{export_id}").json
    assert (found["status"], found["problem"]["code"]) == ("failed", "not-built")


@pytest.mark.parametrize("headers", [{}, {"idempotency-key": "a"}], ids=["the body", "a key"])
def test_the_request_of_a_failed_export_makes_another_one(
    customer: Customer, api: Api, headers: dict[str, str]
) -> None:
    customer.point()
    failed = ask(customer, headers=headers).json["exportId"]
    give_up(api, failed)
    api.services.sweep_files()

    again = ask(customer, headers=headers).json
    build(api)

    assert again["exportId"] != failed
    assert customer.get(f"/v1/exports/{again['exportId']}").json["status"] == "finished"


def test_an_export_that_is_too_large_for_one_file_has_parts_of_whole_metering_points(
    customer: Customer, api: Api
) -> None:
    points = sorted([customer.point() for _ in range(5)])
    for each in points:
        customer.days(each, SPRING, 2)
    export_id = ask(customer).json["exportId"]
    # Two metering points have 96 values in a file.
    workshop = replace(api.services.files.workshop, max_values=100)
    outbox = api.services.settings.outbox
    assert outbox is not None

    handled = queues.drain(outbox.queues, "files", workshop.handle)

    found = customer.get(f"/v1/exports/{export_id}").json
    contents = [fetch(customer, each["href"]) for each in found["files"]]
    assert handled >= 1 + 3
    assert [each["name"] for each in found["files"]] == [
        f"{export_id}_2026-03-29_2026-04-01_{number}-of-3.csv" for number in (1, 2, 3)
    ]
    assert [sorted({row["meteringPointId"] for row in rows_of(each)}) for each in contents] == [
        points[:2],
        points[2:4],
        points[4:],
    ]
    assert found["progress"] == {"days": 10, "of": 10}
    assert [hashlib.sha256(each).hexdigest() for each in contents] == [
        each["sha256"] for each in found["files"]
    ]


def test_files_expire_after_a_week_and_the_export_is_forgotten_after_two(
    customer: Customer, api: Api
) -> None:
    customer.days(customer.point(), SPRING, 1)
    export = made(customer)
    path, href = f"/v1/exports/{export['exportId']}", export["files"][0]["href"].removeprefix("/metering")
    week = api.services.clock() + timedelta(days=7)

    later(api, timedelta(days=7) - timedelta(minutes=1)).sweep()
    assert len(files_of(api, customer, export["exportId"])) == 1
    with api.at(lambda: week):
        expired, link = customer.get(path).json, customer.get(href)
    later(api, timedelta(days=7)).sweep()
    left = files_of(api, customer, export["exportId"])
    later(api, timedelta(days=14)).sweep()
    later(api, timedelta(days=14, minutes=10)).sweep()

    assert (expired["status"], expired["files"]) == ("expired", [])
    assert (link.status, link.json["code"]) == (410, "gone")
    assert left == []
    assert customer.get(path).status == 404
    assert export["exportId"] not in registered(api)


def test_work_that_is_silent_is_sent_again(customer: Customer, api: Api) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = ask(customer).json["exportId"]
    lose_messages(api)

    later(api, making.SILENT - timedelta(minutes=1)).sweep()
    build(api)
    before = stored(customer, export_id).status
    later(api, making.SILENT).sweep()
    planned = stored(customer, export_id).status
    build(api)

    assert (before, planned) == (ExportStatus.WAITING, ExportStatus.WAITING)
    assert customer.get(f"/v1/exports/{export_id}").json["status"] == "finished"


def test_parts_whose_messages_are_lost_are_built_when_the_export_is_swept(
    customer: Customer, api: Api
) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = ask(customer).json["exportId"]
    api.services.files.build(export_id)  # Planned, and not built.
    lose_messages(api)

    later(api, making.SILENT).sweep()
    build(api)

    assert customer.get(f"/v1/exports/{export_id}").json["status"] == "finished"


def test_an_export_that_was_killed_before_it_was_finished_is_finished_by_a_sweep(
    customer: Customer, api: Api
) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = made(customer)["exportId"]
    # As a process leaves it that dies between the last part and the export.
    api.services.files.exports.write(
        replace(stored(customer, export_id), status=ExportStatus.RUNNING, days=0)
    )

    later(api, making.SILENT).sweep()
    build(api)

    found = customer.get(f"/v1/exports/{export_id}").json
    assert (found["status"], found["progress"]) == ("finished", {"days": 1, "of": 1})


def damage(api: Api, partition: str, row: str, **values: object) -> None:
    """Write something into a row that the app does not write there."""
    entity = api.services.tables.get(tables.FILE_WORK, partition=partition, row=row)
    assert entity is not None
    api.services.tables.upsert(tables.FILE_WORK, {**entity, **values})


def part_of(api: Api, customer: Customer, export_id: str) -> str:
    """Return the row of an export's first part."""
    return f"{stored(customer, export_id).plan}-000001"


@pytest.mark.parametrize(
    "damaged", [{"status": "paused"}, {"createdAt": "yesterday"}, {"wanted": b"{}"}, {"parts": "many"}]
)
def test_an_unreadable_export_stops_no_other_and_is_deleted_after_two_weeks(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture, damaged: dict[str, object]
) -> None:
    customer.days(customer.point(), SPRING, 2)
    sound, unreadable = (made(customer, to=to)["exportId"] for to in ("2026-03-30", "2026-03-31"))
    damage(api, customer.principal, unreadable, **damaged)

    listed = customer.get("/v1/exports").json["exports"]
    later(api, timedelta(days=7)).sweep()
    after_a_week = [len(files_of(api, customer, each)) for each in (sound, unreadable)]
    later(api, timedelta(days=14)).sweep()
    later(api, timedelta(days=14, minutes=10)).sweep()

    assert [each["exportId"] for each in listed] == [sound]
    assert f"The stored export {unreadable} is unreadable and left out." in caplog.messages
    assert after_a_week == [0, 1]
    assert files_of(api, customer, unreadable) == []
    assert unreadable not in registered(api)
    assert customer.get(f"/v1/exports/{unreadable}").status == 404


def test_a_part_that_cannot_be_read_keeps_no_other_export_of_a_caller(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    oldest, newest = (made(customer, to=to)["exportId"] for to in ("2026-03-30", "2026-03-31"))
    damage(api, newest, part_of(api, customer, newest), permitted=b"no JSON")
    api.revoke(customer.principal, point)

    api.services.revoke_files()

    assert f"Skipped after an error: the exports of {customer.principal}." in caplog.messages
    assert stored(customer, oldest).problem == keeping.ACCESS_CHANGED
    api.services.files.keeper.delete(stored(customer, newest))


def test_an_export_that_cannot_be_swept_stops_no_other(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    customer.days(customer.point(), SPRING, 2)
    silent, damaged = (ask(customer, to=to).json["exportId"] for to in ("2026-03-30", "2026-03-31"))
    api.services.files.build(damaged)  # Planned, and not built.
    damage(api, damaged, part_of(api, customer, damaged), days="many")
    lose_messages(api)

    later(api, making.SILENT).sweep()
    build(api)

    assert f"Skipped after an error: {damaged}." in caplog.messages
    assert customer.get(f"/v1/exports/{silent}").json["status"] == "finished"
    api.services.files.keeper.delete(stored(customer, damaged))


def test_a_service_that_is_away_ends_the_sweep(customer: Customer, api: Api, free_port: int) -> None:
    customer.point()
    export_id = ask(customer).json["exportId"]
    lose_messages(api)
    settings = api.services.settings
    changed = replace(api.services, settings=replace(settings, outbox=without_queues(settings, free_port)))

    with pytest.raises(QueuesUnavailable):
        replace(later(api, making.SILENT), queue=changed.queues).sweep()

    assert stored(customer, export_id).status is ExportStatus.WAITING


def test_files_of_one_principal_that_cannot_be_compared_stop_no_other(
    customer: Customer, api: Api, deliver: Deliver
) -> None:
    callers = sorted([customer, Customer(api, deliver)], key=lambda each: each.principal)
    lost = []
    for each in callers:
        losing, _ = each.point(), each.point()
        each.days(losing, SPRING, 1)
        lost.append((losing, made(each)["exportId"]))
    api.services.revoke_files()
    (unreadable, other), damaged = callers, lost[0][1]
    part = part_of(api, unreadable, damaged)
    kept = api.services.tables.get(tables.FILE_WORK, partition=damaged, row=part)
    assert kept is not None
    damage(api, damaged, part, permitted=b"nothing")
    for each, (losing, _) in zip(callers, lost, strict=True):
        api.revoke(each.principal, losing)

    api.services.revoke_files()
    left = [len(files_of(api, each, export_id)) for each, (_, export_id) in zip(callers, lost, strict=True)]
    damage(api, damaged, part, permitted=kept["permitted"])
    api.services.revoke_files()

    assert left == [1, 0]
    assert files_of(api, unreadable, damaged) == []
    assert other.principal > unreadable.principal


def test_a_failed_message_of_an_unreadable_export_stays_and_keeps_back_no_other(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    customer.days(customer.point(), SPRING, 2)
    unreadable, failed = (ask(customer, to=to).json["exportId"] for to in ("2026-03-30", "2026-03-31"))
    damage(api, customer.principal, unreadable, status="paused")
    lose_messages(api)
    before = given_up(api)

    for message in (unreadable, failed, "another"):
        give_up(api, message)
    api.services.files.fail_poisoned()

    assert stored(customer, failed).status is ExportStatus.FAILED
    assert f"Skipped after an error: the failed message {unreadable}." in caplog.messages
    assert given_up(api) == before + 1
    damage(api, customer.principal, unreadable, status="failed")


def test_a_plan_that_a_kill_has_cut_leaves_no_part_in_the_next_one(customer: Customer, api: Api) -> None:
    losing, keeping = customer.point(), customer.point()
    customer.days(losing, SPRING, 1)
    customer.days(keeping, SPRING, 1)
    export_id = ask(customer).json["exportId"]
    # As a process leaves it that dies after its parts and before the export, when access to some ends then.
    waiting = stored(customer, export_id)
    workshop = replace(api.services.files.workshop, max_values=1)
    workshop.handle(export_id)
    planned = stored(customer, export_id)
    api.services.files.exports.write(replace(waiting, etag=planned.etag))
    api.revoke(customer.principal, losing)

    build(api)

    found = customer.get(f"/v1/exports/{export_id}").json
    assert found["status"] == "finished", found
    assert {row["meteringPointId"] for row in rows_of(fetch(customer, found["files"][0]["href"]))} == {
        keeping
    }


def test_a_deletion_that_a_kill_has_cut_is_finished_by_a_sweep(customer: Customer, api: Api) -> None:
    customer.days(customer.point(), SPRING, 1)
    export = stored(customer, made(customer)["exportId"])
    api.services.files.exports.delete(export)  # The row alone.

    later(api, timedelta(minutes=1)).sweep()
    early = files_of(api, customer, export.id)
    later(api, making.SILENT + timedelta(minutes=1)).sweep()

    assert len(early) == 1
    assert files_of(api, customer, export.id) == []
    assert list(api.services.files.exports.parts(export)) == []


@pytest.mark.parametrize("end", ["delete", "revoke"])
def test_a_file_that_a_dying_process_left_is_deleted_when_its_message_comes_again(
    customer: Customer, api: Api, end: str
) -> None:
    point = customer.point()
    customer.point()
    customer.days(point, SPRING, 1)
    export_id = ask(customer).json["exportId"]
    api.services.files.build(export_id)
    if end == "delete":
        api.services.files.keeper.delete(stored(customer, export_id))
    else:
        api.revoke(customer.principal, point)
        api.services.revoke_files()
    left = store.folder(customer.principal, export_id) + "left.csv"
    api.services.files.outbox.put(left, io.BytesIO(b"left"), media_type="text/csv")

    build(api)

    assert files_of(api, customer, export_id) == []


def test_a_later_failure_of_a_repeated_message_leaves_a_finished_export_alone(
    customer: Customer, api: Api
) -> None:
    customer.days(customer.point(), SPRING, 1)
    export = made(customer)

    give_up(api, f"{export['exportId']}/1")
    api.services.sweep_files()

    assert len(fetch(customer, export["files"][0]["href"])) == export["files"][0]["bytes"]


def test_what_cannot_be_built_is_logged_for_the_alert(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    customer.point()
    export_id = ask(customer).json["exportId"]

    with caplog.at_level(logging.ERROR, logger="metering.files"):
        give_up(api, export_id)
        give_up(api, "another")
        api.services.sweep_files()

    assert [each for each in caplog.messages if each.startswith("Files failed: ")] == [
        f"Files failed: export {export_id}.",
        "Files failed: a message that names no work of the app.",
    ]


def test_a_message_of_nothing_that_is_known_does_no_work(api: Api) -> None:
    api.services.files.build(f"{store.new_id(api.services.clock())}/1")
    give_up(api, store.new_id(api.services.clock()))
    api.services.files.fail_poisoned()
    with pytest.raises(UnknownMessage):
        api.services.files.build("another")


def test_queues_that_are_away_do_not_stop_the_sweep(customer: Customer, api: Api, free_port: int) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = made(customer)["exportId"]
    settings = api.services.settings
    changed = replace(settings, outbox=without_queues(settings, free_port))
    later = Clock(datetime.now(UTC) + store.LIVES)

    with api.using(replace(api.services, settings=changed, clock=later)):
        api.services.sweep_files()

    assert files_of(api, customer, export_id) == []


def test_without_an_outbox_there_are_neither_files_nor_webhooks(customer: Customer, api: Api) -> None:
    customer.point()

    with api.answer_as_if(outbox=None):
        answers = [ask(customer), *(customer.get(f"/v1/{path}") for path in ("exports", "feeds", "webhooks"))]
        api.services.sweep_files()
        api.services.revoke_files()

    assert {(each.status, each.json["code"]) for each in answers} == {(503, "outbox-not-configured")}
    assert {each.headers["Retry-After"] for each in answers} == {"300"}
    assert customer.get("/v1/exports").json["exports"] == []


@pytest.mark.parametrize("path", ["nothing", "nothing/files/a.csv", "{id}/files/.hidden", "{id}/files/a.csv"])
def test_ids_and_names_that_none_can_have_are_not_found(customer: Customer, path: str) -> None:
    customer.days(customer.point(), SPRING, 1)
    export_id = made(customer)["exportId"]

    answer = customer.get(f"/v1/exports/{path.format(id=export_id)}")

    assert (answer.status, answer.json["code"]) == (404, "not-found")


def test_an_export_may_show_an_earlier_moment_and_its_changes_follow_from_there(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    shown = customer.get("/v1/status").json["lastPublishedAt"]
    customer.days(point, SPRING + timedelta(days=1), 1)

    export = made(customer, asOf=shown)

    after = customer.get("/v1/changes", cursor=export["changesCursor"]).json
    assert (export["asOf"], export["progress"]["of"]) == (shown, 1)
    assert [day["date"] for day in after["days"]] == ["2026-03-30"]


def test_an_export_of_a_customer_has_its_metering_points_alone(customer: Customer) -> None:
    wanted, other = customer.point(customer=1), customer.point(customer=2)
    for each in (wanted, other):
        customer.days(each, SPRING, 1)

    export = made(customer, customerNumber=1)

    rows = rows_of(fetch(customer, export["files"][0]["href"]))
    assert {row["meteringPointId"] for row in rows} == {wanted}


def test_what_contradicts_itself_in_a_body_is_named(customer: Customer) -> None:
    answer = ask(customer, directions=["production"] * 2, from_="2026-03-30", to="2026-03-30")

    assert {(each["parameter"], each["code"]) for each in answer.json["errors"]} == {
        ("directions", "given-twice"),
        ("to", "to-not-after-from"),
    }


def test_gs2_refuses_sums_and_takes_hours(customer: Customer) -> None:
    customer.days(customer.point(), SPRING, 1)

    sums = ask(customer, form={"format": "gs2"}, resolution="P1D")
    hours = ask(customer, form={"format": "gs2"}, resolution="PT1H")
    stored_ones = ask(customer, form={"format": "gs2"})

    assert (sums.status, hours.status, stored_ones.status) == (400, 202, 202)
    assert [(each["parameter"], each["code"]) for each in sums.json["errors"]] == [
        ("resolution", "not-in-format")
    ]


def test_a_workbook_takes_what_has_room_and_refuses_the_rest_with_the_remedy(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    readable = customer.api.services.grants.read_uncached(customer.principal)
    export = made(customer, form={"format": "xlsx"})
    wanted = stored(customer, export["exportId"]).wanted
    large = Counted([SizeRow(point, "PT1H", 50_000)])

    with pytest.raises(InvalidRequest) as refused:
        requests.refuse_unfit(
            wanted, form=Form(format=FileFormat.XLSX), readable=readable, warehouse=cast(Warehouse, large)
        )

    assert export["files"][0]["rows"] > 0
    assert [(each.parameter, each.code) for each in refused.value.faults] == [
        ("form.format", "not-in-format")
    ]


@dataclass
class Counted:
    """A warehouse that has as many days as a test wants, and none of them."""

    sizes: list[SizeRow]

    def fetch(self, query: object) -> list[SizeRow]:
        return self.sizes


def test_what_the_form_turns_out_not_to_hold_fails_the_export(customer: Customer, api: Api) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    export_id = ask(customer, form={"format": "gs2"}).json["exportId"]
    customer.days(point, SPRING + timedelta(days=1), 1, resolution="PT15M")
    found = stored(customer, export_id)
    later_moment = replace(found.wanted, as_of=api.services.clock() + timedelta(days=1))
    api.services.files.exports.write(replace(found, wanted=later_moment))

    build(api)

    ended = customer.get(f"/v1/exports/{export_id}").json
    assert (ended["status"], ended["problem"]["code"]) == ("failed", "form-does-not-fit")


def test_all_access_that_ended_fails_what_was_built(customer: Customer, api: Api) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    export_id = made(customer)["exportId"]

    api.revoke(customer.principal, point)
    api.services.revoke_files()

    assert stored(customer, export_id).problem == keeping.ACCESS_CHANGED
    assert files_of(api, customer, export_id) == []


def test_series_are_the_same_however_small_the_pages_are(customer: Customer, api: Api) -> None:
    for _ in range(2):
        customer.days(customer.point(), SPRING, 5)
    readable = api.services.grants.read_uncached(customer.principal)
    question = building.question_of(stored(customer, made(customer)["exportId"]))

    whole, paged = (
        list(reading.series(api.services.warehouse, readable=readable, question=question, page=page))
        for page in (5_000, 2)
    )

    assert len(whole) == 2
    assert paged == whole


def test_a_period_without_a_day_has_nothing(customer: Customer, api: Api) -> None:
    customer.days(customer.point(), SPRING, 1)
    readable = api.services.grants.read_uncached(customer.principal)
    usual = building.question_of(stored(customer, made(customer)["exportId"]))
    question = replace(usual, period=Period(usual.period.start, usual.period.start))

    warehouse = api.services.warehouse
    assert list(reading.series(warehouse, readable=readable, question=question)) == []
    assert list(reading.sizes(warehouse, readable, question)) == []
    assert building.left_out(warehouse, readable, replace(question, resolution=Resolution.PT15M)) == []


def test_the_same_body_after_a_minute_gives_another_export(customer: Customer, api: Api) -> None:
    customer.point()
    first = ask(customer).json["exportId"]
    now = api.services.clock() + timedelta(minutes=2)

    with api.using(replace(api.services, clock=lambda: now)):
        second = ask(customer).json["exportId"]
    api.services.files.keeper.delete(stored(customer, first))
    with api.using(replace(api.services, clock=lambda: now)):
        again = ask(customer).json["exportId"]

    # Deleting the first one leaves the mark of the second.
    assert first != second
    assert again == second


def test_an_outbox_that_is_away_is_reported_without_an_address(customer: Customer, api: Api) -> None:
    customer.days(customer.point(), SPRING, 1)
    href = made(customer)["files"][0]["href"].removeprefix("/metering")
    settings = api.services.settings
    assert settings.outbox is not None
    away = outbox.open_outbox(settings.outbox.storage, container="there-is-none", credential=None)

    with pytest.raises(outbox.OutboxUnavailable, match=r"as expected: ContainerNotFound$"):
        list(away.paths("exports/"))
    assert away.link("exports/a.csv", now=api.services.clock()).startswith("http")
    assert customer.get(href).status == 302


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def registered(api: Api) -> set[str]:
    return {each.export_id for each in api.services.files.exports.register()}


def give_up(api: Api, message: str) -> None:
    """Move a message to the poison queue, as the host does after five failures."""
    api.services.queues.send("files-poison", message)


def given_up(api: Api) -> int:
    """Return how many messages the poison queue has, with those that were tried minutes ago."""
    outbox = api.services.settings.outbox
    assert outbox is not None
    return queues.count(outbox.queues, "files-poison")


def lose_messages(api: Api) -> None:
    """Take all messages out of the queue."""
    outbox = api.services.settings.outbox
    assert outbox is not None
    queues.drain(outbox.queues, "files", lambda message: None)


def without_queues(settings: Settings, free_port: int) -> OutboxSettings:
    """Return the outbox of an app whose queues are away."""
    assert settings.outbox is not None
    away = f"QueueEndpoint=http://127.0.0.1:{free_port}/away"
    return replace(settings.outbox, queues=re.sub("QueueEndpoint=[^;]+", away, settings.outbox.queues))


def files_of(api: Api, customer: Customer, export_id: str) -> list[str]:
    folder = f"exports/{customer.principal.replace(':', '-')}/{export_id}/"
    return list(api.services.files.outbox.paths(folder))


def test_a_period_before_any_data_is_empty(customer: Customer) -> None:
    customer.days(customer.point(), SPRING, 1)

    found = made(customer, from_="2020-01-01", to="2020-02-01")

    assert (found["progress"], found["files"]) == ({"days": 0, "of": 0}, [])
