"""Feeds: made by callers, run after publications, fetched, acknowledged, resent; nothing foreign in them."""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared import periods
from shared.files import planning
from shared.files.feeds.ledger import Batch
from shared.periods import Period
from shared.warehouse.engine import Query, Warehouse
from shared.warehouse.queries.published import Kind
from tests.builders import queues
from tests.builders import warehouse as delivering
from tests.builders.api import Answer, Api
from tests.builders.warehouse import Clock
from tests.function_app.test_series import SPRING, Customer

BODY = {"name": "Daily", "directions": ["consumption"], "form": {"format": "csv"}}


def send(customer: Customer, method: str, path: str, body: Any = None) -> Answer:
    return customer.api.send(
        method,
        f"/v1/feeds{path}",
        principal=customer.principal,
        headers={"content-type": "application/json", "x-request-id": "one-request"},
        body=b"" if body is None else json.dumps(body).encode(),
    )


def put(customer: Customer, feed_id: str = "daily", **body: Any) -> Answer:
    """Make a feed of consumption in CSV, unless said otherwise."""
    return send(customer, "PUT", f"/{feed_id}", {**BODY, **body})


def work(api: Api) -> None:
    """Begin what is due, and do all the work that waits."""
    api.services.files.begin_feeds()
    outbox = api.services.settings.outbox
    assert outbox is not None
    queues.drain(outbox.queues, "files", api.services.files.build)


def runs(customer: Customer, feed_id: str = "daily", **given: Any) -> list[Any]:
    """Return the ledger of a feed."""
    found: list[Any] = customer.get(f"/v1/feeds/{feed_id}/runs", **given).json["runs"]
    return found


def run(customer: Customer, feed_id: str = "daily") -> Any:
    """Do the work, and return the newest run."""
    work(customer.api)
    return runs(customer, feed_id)[0]


def link(customer: Customer, href: str) -> Answer:
    return customer.get(href.removeprefix("/metering"))


def fetch(customer: Customer, href: str) -> bytes:
    """Follow the link of a file, without the caller's headers."""
    answer = link(customer, href)
    assert answer.status == 302, answer.body
    found = httpx.get(answer.headers["Location"], trust_env=False)
    assert found.status_code == 200, found.text
    return found.content


def deliver_values(customer: Customer, point: str, day: date, quantities: Sequence[str]) -> None:
    """Deliver a day, or what there is of it."""
    customer.deliver(delivering.values(point, day, quantities))


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def blobs(api: Api, customer: Customer) -> list[str]:
    return list(api.services.files.outbox.paths(f"feeds/{customer.principal.replace(':', '-')}/"))


@pytest.mark.parametrize("feed_id", ["Daily", "bad_1"])
def test_an_id_that_cannot_be_chosen_is_refused(customer: Customer, feed_id: str) -> None:
    customer.point()

    answer = put(customer, feed_id)

    [fault] = answer.json["errors"]
    assert (answer.status, fault["parameter"], fault["code"]) == (400, "feedId", "not-as-expected")
    assert customer.get("/v1/feeds").json == {"feeds": []}


def test_a_feed_is_made_shown_changed_listed_and_deleted(customer: Customer) -> None:
    customer.point()

    made = put(customer, form={"format": "gs2", "gs2": {"gmtReference": 0}})
    changed = put(customer, name="Each day", content="last-days", when="09:30")
    listed = customer.get("/v1/feeds").json["feeds"]
    deleted = send(customer, "DELETE", "/daily")

    assert (made.status, made.headers["Location"]) == (201, "/metering/v1/feeds/daily")
    assert made.json["form"]["gs2"] == {"gmtReference": 0, "key": "Reference"}
    assert (made.json["gaps"], made.json["receiver"], made.json["lastRun"]) == ("hold", "links", None)
    assert (changed.status, changed.json["name"], changed.json["days"]) == (200, "Each day", 7)
    assert listed == [changed.json]
    assert deleted.status == 204
    assert customer.get("/v1/feeds/daily").status == 404
    assert customer.get("/v1/feeds").json == {"feeds": []}


def test_a_run_holds_what_was_published_since_the_run_before(customer: Customer, api: Api) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    put(customer)
    customer.days(point, SPRING + timedelta(days=2), 1)
    customer.days(point, SPRING + timedelta(days=3), 1)

    first = run(customer)
    work(api)
    deliver_values(customer, point, SPRING, ["7.000"] * 23)
    second = run(customer)

    (file,) = first["files"]
    content = fetch(customer, file["href"])
    assert first["status"] == "ready"
    assert file["name"] == f"daily_{first['run']}_1-of-1.csv"
    assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert {row["start"][:10] for row in table(content)} == {"2026-03-31", "2026-04-01"}
    assert file["values"] == file["rows"] == 48
    assert second["sequences"][0] == first["sequences"][1] + 1
    assert [row["quantityKWh"] for row in table(fetch(customer, second["files"][0]["href"]))] == [
        "7.000"
    ] * 23
    assert len(runs(customer)) == 2


def test_the_manifest_lists_the_files_and_chains_the_runs(customer: Customer) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    first = run(customer)
    customer.days(point, SPRING + timedelta(days=1), 1)
    second = run(customer)

    manifests = [fetch(customer, each["manifest"]["href"]) for each in (first, second)]
    read = [json.loads(each) for each in manifests]
    later = customer.get("/v1/changes", cursor=read[0]["changesCursor"]).json

    assert [hashlib.sha256(each).hexdigest() for each in manifests] == [
        each["manifest"]["sha256"] for each in (first, second)
    ]
    assert read[0]["files"][0]["sha256"] == first["files"][0]["sha256"]
    assert read[0]["files"][0]["sumKWh"] == f"{sum(range(23))}.{23 * 29:03d}"
    assert read[0]["previousManifestSha256"] is None
    assert read[1]["previousManifestSha256"] == first["manifest"]["sha256"]
    assert [each["date"] for each in later["days"]] == ["2026-03-30"]


def test_a_run_made_twice_has_the_same_bytes(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer, form={"format": "gs2", "compression": "gzip"}, split="per-metering-point")
    customer.days(point, SPRING, 1)
    before = run(customer)
    deliver_values(customer, point, SPRING, ["9.000"] * 23)  # Published later: not in the run.

    api.services.files.runs.repeat(stored(api, customer, before))
    work(api)

    (again,) = [each for each in runs(customer) if each["run"] == before["run"]]
    assert again["files"][0]["sha256"] == before["files"][0]["sha256"]
    assert again["manifest"] == before["manifest"]
    assert fetch(customer, again["files"][0]["href"])
    assert len([each for each in blobs(api, customer) if before["run"] in each]) == 2


def stored(api: Api, customer: Customer, shown: Any) -> Any:
    found = api.services.files.ledger.get(customer.principal, "daily", shown["sequences"][1])
    assert found is not None
    return found


def test_each_split_names_its_files(customer: Customer) -> None:
    points = sorted([customer.point(customer=7001), customer.point(customer=7002)])
    put(customer, "points", split="per-metering-point")
    put(customer, "customers", split="per-customer")
    put(customer, "one-of-them", customerNumber=7002)
    for each in points:
        customer.days(each, SPRING, 1)

    by_point, by_customer, of_one = (run(customer, each) for each in ("points", "customers", "one-of-them"))

    name = by_point["run"]
    assert [each["name"] for each in by_point["files"]] == [f"points_{name}_{each}.csv" for each in points]
    assert [each["name"] for each in by_customer["files"]] == [
        f"customers_{name}_{number}_1-of-1.csv" for number in (7001, 7002)
    ]
    assert of_one["files"][0]["values"] == 23


def test_a_file_for_each_customer_takes_no_statement_for_each(customer: Customer, api: Api) -> None:
    points = [customer.point(customer=7000 + number) for number in range(4)]
    put(customer, split="per-customer")
    customer.deliver([line for each in points for line in delivering.values(each, SPRING, ["1.000"] * 23)])
    api.services.files.begin_feeds()
    counted = CountingWarehouse(api.services.warehouse)
    (begun,) = api.services.files.ledger.of(customer.principal, "daily")

    replace(api.services.files.run_workshop, warehouse=counted).handle(begun.message)

    assert counted.names.count("sizes_published") == 1
    work(api)
    assert len(runs(customer)[0]["files"]) == 4


class CountingWarehouse:
    """Keeps the names of the queries."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.names: list[str] = []

    def fetch(self, query: Query[Any], **given: Any) -> list[Any]:
        self.names.append(query.name)
        return self._warehouse.fetch(query, **given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)


def test_corrections_have_a_file_of_their_own_where_it_is_asked_for(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    put(customer, corrections="own-file")
    customer.days(point, SPRING + timedelta(days=1), 1)
    deliver_values(customer, point, SPRING, ["5.000"] * 23)

    found = run(customer)

    new, corrected = (table(fetch(customer, each["href"])) for each in found["files"])
    assert [each["name"].removeprefix(f"daily_{found['run']}") for each in found["files"]] == [
        "_1-of-1.csv",
        "_corrections_1-of-1.csv",
    ]
    assert {row["start"][:10] for row in new} == {"2026-03-30"}
    assert {row["start"][:10] for row in corrected} == {"2026-03-29"}


def test_the_last_days_are_sent_whole(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer, content="last-days", days=2)
    latest = api.services.publications.stored()
    newest = SPRING if latest is None else periods.day_of(latest.available_until)
    customer.days(point, newest - timedelta(days=3), 5)

    (file,) = run(customer)["files"]

    last = api.services.publications.stored()
    assert last is not None
    days = [periods.day_of(last.available_until) - timedelta(days=number) for number in (2, 1)]
    assert {row["start"][:10] for row in table(fetch(customer, file["href"]))} == {str(day) for day in days}


def test_a_day_with_a_gap_is_held_until_it_is_complete(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer, gaps="hold")
    put(customer, "sending")
    deliver_values(customer, point, SPRING, ["1.000"] * 22 + [""])

    work(api)
    held, sent = runs(customer)[0], runs(customer, "sending")[0]
    deliver_values(customer, point, SPRING, ["1.000"] * 23)
    complete = run(customer)

    assert (held["status"], held["files"], "manifest" in held) == ("empty", [], False)
    assert sent["files"][0]["missing"] == 1
    assert (complete["files"][0]["values"], complete["files"][0]["missing"]) == (23, 0)


def test_nothing_new_of_ones_own_is_an_empty_run(customer: Customer, other: Customer) -> None:
    customer.point()
    put(customer)
    other.days(other.point(), SPRING, 1)

    assert run(customer)["status"] == "empty"


def test_a_run_at_a_time_of_day_is_made_once_a_day(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer, when="09:30")
    morning = datetime.now(UTC).replace(hour=3, minute=0)
    api.services.files.feeds.change(
        customer.principal, "daily", lambda stored: replace(stored, created_at=morning - timedelta(hours=1))
    )

    def runs_at(**later: float) -> int:
        with api.using(replace(api.services, clock=Clock(morning + timedelta(**later)))):
            work(api)
        return len(runs(customer))

    customer.days(point, SPRING, 1)
    early, on_time = runs_at(), runs_at(hours=7)
    customer.days(point, SPRING + timedelta(days=1), 1)

    assert (early, on_time, runs_at(hours=8), runs_at(days=1, hours=7)) == (0, 1, 1, 2)


def test_every_fault_of_a_feed_is_named_at_once(customer: Customer) -> None:
    answer = put(
        customer,
        name="",
        directions=["in", "consumption"],
        form={"format": "parquet", "compression": "gzip"},
        resolution="P1D",
        split="each",
        days=3,
        when="9:30",
        gap="hold",
    )

    assert (answer.status, answer.json["code"]) == (400, "invalid-parameter")
    assert {(each["parameter"], each["code"]) for each in answer.json["errors"]} == {
        ("name", "required"),
        ("directions[0]", "not-a-choice"),
        ("form.compression", "not-in-format"),
        ("resolution", "not-a-choice"),
        ("split", "not-a-choice"),
        ("days", "not-as-expected"),
        ("when", "not-as-expected"),
        ("gap", "unknown-parameter"),
    }


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"name": "a\nb"}, "name"),
        ({"directions": ["consumption", "consumption"]}, "directions"),
        ({"content": "last-days", "corrections": "own-file"}, "corrections"),
        ({"content": "last-days", "days": 36}, "days"),
    ],
)
def test_what_does_not_fit_together_is_a_fault(customer: Customer, body: Any, place: str) -> None:
    customer.point()

    assert [each["parameter"] for each in put(customer, **body).json["errors"]] == [place]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/runs"),
        ("GET", "/runs/{run}/files/{file}"),
        ("POST", "/runs/{run}/acknowledgement"),
        ("POST", "/runs/{run}/resend"),
    ],
)
def test_anothers_feed_is_answered_like_one_that_does_not_exist(
    customer: Customer, other: Customer, method: str, path: str
) -> None:
    customer.point()
    point = other.point()
    put(other, "theirs")
    other.days(point, SPRING, 1)
    found = run(other, "theirs")
    path = path.format(run=found["run"], file=found["files"][0]["name"])

    answers = [send(customer, method, f"/{each}{path}") for each in ("theirs", "absent")]

    assert [each.status for each in answers] == [404, 404]
    bodies = [
        each.body.replace(b"/feeds/" + name, b"")
        for each, name in zip(answers, (b"theirs", b"absent"), strict=True)
    ]
    assert bodies[0] == bodies[1]
    assert dict(answers[0].headers) == dict(answers[1].headers)
    assert runs(other, "theirs")[0]["status"] == "ready"


@pytest.mark.parametrize("path", ["/daily/runs/000007-000008/files/a.csv", "/daily/runs/x/files/a.csv"])
def test_what_does_not_exist_is_not_found(customer: Customer, path: str) -> None:
    customer.point()
    put(customer)

    assert send(customer, "GET", path).status == 404


def test_a_customer_that_cannot_be_read_has_no_feed(customer: Customer) -> None:
    customer.point()

    assert put(customer, customerNumber=2).status == 404


def test_a_caller_has_a_bounded_number_of_feeds(customer: Customer) -> None:
    customer.point()
    answers = [put(customer, f"feed-{number}") for number in range(51)]

    assert {each.status for each in answers[:50]} == {201}
    assert (answers[50].status, answers[50].json["code"]) == (409, "too-many-feeds")
    assert put(customer, "feed-1").status == 200


def test_parallel_requests_make_no_more_feeds_than_allowed(customer: Customer) -> None:
    customer.point()
    for number in range(47):
        put(customer, f"feed-{number}")

    with ThreadPoolExecutor(12) as requests:
        answers = list(requests.map(lambda number: put(customer, f"more-{number}"), range(12)))

    assert Counter(each.status for each in answers) == {201: 3, 409: 9}
    assert len(customer.get("/v1/feeds").json["feeds"]) == 50


def test_access_that_ended_after_a_run_gives_no_byte_and_the_rest_again(customer: Customer, api: Api) -> None:
    keeping, losing = customer.point(), customer.point()
    put(customer)
    for each in (keeping, losing):
        customer.days(each, SPRING, 1)
    before = run(customer)
    assert before["files"][0]["values"] == 46

    api.revoke(customer.principal, losing)
    refused = link(customer, before["files"][0]["href"])
    after = run(customer)

    assert (refused.status, refused.json["code"]) == (410, "gone")
    assert "Location" not in refused.headers
    assert {row["meteringPointId"] for row in table(fetch(customer, after["files"][0]["href"]))} == {keeping}


def test_a_sync_deletes_the_files_of_a_principal_that_lost_something(
    customer: Customer, other: Customer, api: Api
) -> None:
    points = [customer.point(), customer.point(), other.point()]
    for each in (customer, other):
        put(each)
    for each, point in zip((customer, customer, other), points, strict=True):
        each.days(point, SPRING, 1)
    lost, kept = run(customer), run(other)
    send(customer, "POST", f"/daily/runs/{lost['run']}/acknowledgement")
    api.services.revoke_files()
    assert len(blobs(api, customer)) == 2

    api.revoke(customer.principal, points[0])
    api.services.revoke_files()

    assert blobs(api, customer) == []
    assert link(customer, lost["files"][0]["href"]).status == 404
    assert fetch(other, kept["files"][0]["href"])
    resent = send(customer, "POST", f"/daily/runs/{lost['run']}/resend")
    assert (resent.status, resent.json["status"]) == (202, "building")
    assert run(customer)["files"][0]["values"] == 23


def test_access_that_ended_altogether_leaves_an_empty_run(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    api.services.files.begin_feeds()

    api.revoke(customer.principal, point)

    assert run(customer)["status"] == "empty"
    assert blobs(api, customer) == []


def test_a_run_is_acknowledged_and_handed_out_again(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    found = run(customer)

    acknowledged = send(customer, "POST", f"/daily/runs/{found['run']}/acknowledgement")
    after = runs(customer)[0]["status"]
    resent = send(customer, "POST", f"/daily/runs/{found['run']}/resend")

    assert (acknowledged.status, after) == (204, "acknowledged")
    assert (resent.status, resent.json["status"]) == (202, "ready")
    assert resent.json["files"] == found["files"]


def test_a_run_that_is_being_made_is_not_acknowledged_or_resent(customer: Customer, api: Api) -> None:
    customer.days(customer.point(), SPRING, 1)
    put(customer)
    customer.days(customer.point(), SPRING, 1)
    api.services.files.begin_feeds()
    found = runs(customer)[0]

    answers = [
        send(customer, "POST", f"/daily/runs/{found['run']}/{each}") for each in ("acknowledgement", "resend")
    ]

    assert [(each.status, each.json["code"]) for each in answers] == [(409, "run-not-ready")] * 2


def test_a_run_that_could_not_be_made_is_made_with_the_next(
    customer: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    api.services.files.begin_feeds()
    failed = runs(customer)[0]
    api.services.files.run_workshop.fail(stored(api, customer, failed).message)

    customer.days(point, SPRING + timedelta(days=1), 1)
    found = run(customer)

    assert runs(customer)[1]["problem"]["code"] == "not-built"
    assert f"run {failed['run']}: not-built" in caplog.text
    assert found["sequences"][0] == failed["sequences"][0]
    assert found["files"][0]["values"] == 47


def test_a_series_that_the_form_cannot_hold_fails_the_run_with_the_remedy(customer: Customer) -> None:
    point = customer.point()
    put(customer, form={"format": "gs2"})
    customer.days(point, SPRING, 1)
    customer.days(point, SPRING + timedelta(days=1), 1, resolution="PT15M")
    failed = run(customer)

    put(customer, form={"format": "gs2"}, resolution="PT1H")
    customer.days(point, SPRING + timedelta(days=2), 1)
    found = run(customer)

    assert (failed["status"], failed["problem"]["code"]) == ("failed", "form-does-not-fit")
    assert "PT1H" in failed["problem"]["detail"]
    assert found["files"][0]["values"] == 23 + 24 + 24


def test_the_ledger_is_paged_the_newest_first(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    for number in range(3):
        customer.days(point, SPRING + timedelta(days=number), 1)
        work(api)

    first = customer.get("/v1/feeds/daily/runs", limit=2).json
    second = customer.get("/v1/feeds/daily/runs", limit=2, cursor=first["nextCursor"]).json

    assert [each["run"] for each in first["runs"] + second["runs"]] == [
        each["run"] for each in runs(customer)
    ]
    assert (len(first["runs"]), second["nextCursor"]) == (2, None)


def test_files_expire(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    found = run(customer)
    later = Clock(datetime.now(UTC) + timedelta(days=36))

    with api.at(later):
        answer = link(customer, found["files"][0]["href"])
        shown = runs(customer)[0]
        resent = send(customer, "POST", f"/daily/runs/{found['run']}/resend")

    assert answer.status == 410
    assert (shown["status"], shown["files"]) == ("ready", [])
    assert resent.json["status"] == "building"


def test_a_run_that_nobody_takes_is_reported_once(
    customer: Customer, other: Customer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    for each in (customer, other):
        point = each.point()
        put(each)
        each.days(point, SPRING, 1)
    run(customer)
    fetch(other, run(other)["files"][0]["href"])

    def sweep(*, days: int) -> int:
        caplog.clear()
        with api.at(Clock(datetime.now(UTC) + timedelta(days=days))):
            api.services.sweep_files()
        return caplog.text.count(f"Feed not taken: daily of {customer.principal}")

    counted = [sweep(days=days) for days in (1, 4, 4)]

    assert counted == [0, 1, 0]
    assert f"Feed not taken: daily of {other.principal}" not in caplog.text


def test_silent_work_is_taken_up_again(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    api.services.files.begin_feeds()
    found = api.services.files.feeds.get(customer.principal, "daily")
    assert found is not None
    assert found.latest is not None
    outbox = api.services.settings.outbox
    assert outbox is not None
    queues.drain(
        outbox.queues, "files", lambda message: None
    )  # All messages are lost, and the row of one run.
    api.services.files.ledger.delete(customer.principal, "daily")

    api.services.sweep_files()
    queues.drain(outbox.queues, "files", lambda message: None)
    with api.using(replace(api.services, clock=Clock(datetime.now(UTC) + timedelta(minutes=21)))):
        api.services.sweep_files()
        work(api)

    assert runs(customer)[0]["status"] == "ready"


def test_of_two_plans_of_a_run_one_counts(customer: Customer, api: Api) -> None:
    points = [customer.point(), customer.point()]
    put(customer)
    for point in points:
        customer.days(point, SPRING, 1)
    api.services.files.begin_feeds()
    (begun,) = api.services.files.ledger.of(customer.principal, "daily")
    readable = api.services.grants.read_uncached(customer.principal).only(points[:1])
    day = Period(periods.start_of(SPRING), periods.start_of(SPRING + timedelta(days=1)))
    permitted = planning.pack(planning.within(readable, day))
    # Of a process that planned with other grants, and died before its plan counted.
    api.services.files.ledger.plan(
        replace(begun, plan="other"), [Batch(1, "", Kind.ALL, place=1, of=1, permitted=permitted)]
    )

    made = run(customer)

    (file,) = made["files"]
    assert {row["meteringPointId"] for row in table(fetch(customer, file["href"]))} == set(points)


def test_a_deleted_feed_leaves_nothing(customer: Customer, api: Api) -> None:
    point = customer.point()
    put(customer)
    customer.days(point, SPRING, 1)
    run(customer)
    customer.days(point, SPRING + timedelta(days=1), 1)
    api.services.files.begin_feeds()

    send(customer, "DELETE", "/daily")
    work(api)

    assert blobs(api, customer) == []
    assert list(api.services.files.ledger.of(customer.principal, "daily")) == []
