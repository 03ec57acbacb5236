"""Files are asked for, waited for and downloaded whole, also when the connection breaks in the middle."""

import csv
import gzip
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from local import demo
from local.sampledata.readings import Reading
from metering_api import Client, Credentials, Export, ExportFile, errors, read_days
from metering_api.models import Day
from shared import periods, queues
from shared.metering import Direction, Quality, Resolution
from tests.clients import place
from tests.clients.place import CONTENT, NAME, Place
from tests.clients.vendor import Vendor

BAKERY = demo.METERING_POINTS[0].metering_point_id
FOREIGN = demo.METERING_POINTS[9].metering_point_id
FROM, TO = "2026-03-01", date(2026, 4, 1)


@pytest.fixture
def api(standing: Vendor) -> Iterator[Client]:
    standing.catch_up()
    with standing.client() as made:
        yield made
        for each in list(made.exports.list()):
            made.exports.delete(each.export_id)


@pytest.fixture
def broken() -> Iterator[Place]:
    with place.running() as found:
        yield found


def values(days: Iterator[Day]) -> dict[tuple[str, str, date], tuple[object, ...]]:
    return {(day.metering_point_id, day.direction, day.date): day.quantities for day in days}


def test_an_export_has_what_pages_have(api: Client, tmp_path: Path) -> None:
    seen: list[Export] = []

    export = api.exports.wait(
        api.exports.create(form={"format": "ndjson", "compression": "gzip"}, from_=FROM, to=TO),
        progress=seen.append,
    )
    (path,) = [api.exports.download(each, tmp_path / "new" / "folder") for each in export.files]

    expected = values(api.consumption(from_=FROM, to=TO)) | values(api.production(from_=FROM, to=TO))
    assert values(read_days(path)) == expected
    assert path.suffix == ".gz"
    assert seen[-1] == export
    assert (export.status, export.days, export.of_days) == ("finished", len(expected), len(expected))
    assert (export.not_found, export.stored_coarser, export.problem) == ((), (), None)


def test_changes_follow_from_an_export(world: Vendor) -> None:
    with world.client() as api:
        export = api.exports.create(form="csv", from_=FROM, to=TO)
        before = api.changes(export.changes_cursor)
        world.forward(3600)
        world.confirm_access()
        world.publish(
            [
                Reading(BAKERY, Direction.CONSUMPTION, start, Resolution.PT1H, "1.5", Quality.MEASURED)
                for start in periods.starts(date(2026, 3, 30), timedelta(hours=1))
            ]
        )
        after = api.changes(export.changes_cursor)

    assert before is not None
    assert after is not None
    assert before.days == ()
    assert [(day.metering_point_id, day.date) for day in after.days] == [(BAKERY, date(2026, 3, 30))]


def test_what_is_asked_for_is_sent(api: Client, tmp_path: Path) -> None:
    export = api.exports.wait(
        api.exports.create(
            form="csv",
            directions=["consumption"],
            metering_points=[BAKERY, FOREIGN],
            resolution="P1D",
            as_of="2026-04-01T08:00:00+02:00",
            from_=FROM,
            to=TO,
        )
    )

    (file,) = export.files
    text = api.exports.download(file, tmp_path).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["meteringPointId"] for row in rows} == {BAKERY}
    assert {row["start"][10:19] for row in rows} == {"T00:00:00"}
    assert file.rows == len(rows)
    assert export.not_found == (FOREIGN,)


def test_exports_are_listed_and_deleted(standing: Vendor, api: Client) -> None:
    made = []
    for form in ("csv", "parquet"):
        made.append(api.exports.create(form=form, from_=FROM, to=TO).export_id)
        standing.forward(1)

    listed = [each.export_id for each in api.exports.list()]
    api.exports.delete(made[0])

    assert listed[:2] == made[::-1]
    assert made[0] not in [each.export_id for each in api.exports.list()]
    with pytest.raises(errors.NotFound):
        api.exports.get(made[0])


@pytest.mark.parametrize(
    ("answers", "is_deleted"),
    [
        ([204], True),
        ([httpx.ReadError("broken"), 404], True),
        ([504, 404], True),
        ([504, 429, 404], True),
        ([404], False),
        ([429, 404], False),
        ([httpx.ConnectError("refused"), 404], False),
    ],
)
def test_a_delete_that_is_not_found_is_done_if_an_earlier_try_may_have_done_it(
    answers: list[int | httpx.RequestError], is_deleted: bool
) -> None:
    expected: AbstractContextManager[object] = nullcontext() if is_deleted else pytest.raises(errors.NotFound)

    with deleting(answers) as api, expected:
        api.exports.delete("ex_1")

    assert answers == []


def deleting(answers: list[int | httpx.RequestError]) -> Client:
    """Return a client whose tries of DELETE have these answers."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"access_token": "token", "expires_in": 3600})
        given = answers.pop(0)
        if isinstance(given, httpx.RequestError):
            raise given
        return httpx.Response(given, json=None if given == 204 else {"status": given, "code": "not-found"})

    credentials = Credentials("key", "https://login.example/token", "id", "secret", "scope")
    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Client("https://api.example/v1", credentials, sleep=lambda seconds: None, http=http)


def test_every_fault_of_a_request_is_named(api: Client) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        api.exports.create(form="pdf", from_="2026-03-01", to="2026-02-01", resolution="hour")

    assert {each.parameter for each in refused.value.faults} == {"form.format", "to", "resolution"}


def test_a_fourth_export_waits_for_the_first(standing: Vendor, api: Client) -> None:
    standing.slept.clear()

    for form in ("csv", "ndjson", "parquet", "gs2"):
        api.exports.create(form=form, directions=["consumption"], resolution="PT1H", from_=FROM, to=TO)

    assert len(standing.slept) == 1


def test_an_export_that_failed_says_why(standing: Vendor, api: Client) -> None:
    export = api.exports.create(form="csv", from_=FROM, to=TO)
    standing.services.queues.send(queues.FILES_POISON, export.export_id)
    standing.services.files.fail_poisoned()

    with pytest.raises(errors.ExportFailed, match=r"not-built: It could not be made"):
        api.exports.wait(export)


def test_waiting_has_an_end(broken: Place) -> None:
    broken.status = "a-word-that-came-later"

    with broken.client() as api, pytest.raises(errors.ExportFailed, match="not finished after 20 seconds"):
        api.exports.wait(place.export(api), patience=20)

    assert broken.slept == [5.0] * 4


def test_an_export_that_expired_is_said(broken: Place) -> None:
    broken.status = "expired"

    with broken.client() as api, pytest.raises(errors.ExportFailed, match="ex_1: expired"):
        api.exports.wait(place.export(api))


def test_a_download_goes_on_where_another_was_cut(standing: Vendor, api: Client, tmp_path: Path) -> None:
    export = api.exports.wait(api.exports.create(form="parquet", from_=FROM, to=TO))
    (file,) = export.files
    whole = api.exports.download(file, tmp_path / "whole").read_bytes()
    (tmp_path / f"{file.name}.part").write_bytes(whole[:1000])
    sizes: list[int] = []

    path = api.exports.download(file, tmp_path, progress=sizes.append)

    assert path.read_bytes() == whole
    assert sizes[0] > 1000
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [file.name]


def test_a_file_that_is_there_is_not_fetched_again(broken: Place, tmp_path: Path) -> None:
    with broken.client() as api:
        (file,) = place.export(api).files
        first = api.exports.download(file, tmp_path)
        broken.seen.clear()

        again = api.exports.download(file, tmp_path)

    assert first == again == tmp_path / NAME
    assert broken.seen == []


def test_a_connection_that_breaks_is_taken_up_again(broken: Place, tmp_path: Path) -> None:
    broken.cuts = [300_000, 100_000, 0]
    broken.errors = [503]

    with broken.client() as api:
        (file,) = place.export(api).files
        broken.seen.clear()
        path = api.exports.download(file, tmp_path)

    assert path.read_bytes() == CONTENT
    blobs = [each.removeprefix("/blob/file").strip() for each in broken.seen if each.startswith("/blob")]
    assert blobs[:2] == ["", ""]
    assert len(broken.slept) == 4
    begun = [int(each.removeprefix("bytes=").rstrip("-")) for each in blobs[2:]]
    assert begun == sorted(begun)
    assert begun[0] > 0


def test_a_place_without_ranges_sends_the_whole_file(broken: Place, tmp_path: Path) -> None:
    broken.cuts, broken.knows_ranges = [300_000], False

    with broken.client() as api:
        path = api.exports.download(place.export(api).files[0], tmp_path)

    assert path.read_bytes() == CONTENT


def test_key_and_token_do_not_go_to_the_place_of_the_file(broken: Place, tmp_path: Path) -> None:
    with broken.client() as api:
        api.exports.download(place.export(api).files[0], tmp_path)

    (sent,) = broken.headers
    assert not {"authorization", "ocp-apim-subscription-key"} & sent.keys()


def test_a_place_that_stays_away_is_said_without_its_secret(broken: Place, tmp_path: Path) -> None:
    broken.errors = [503] * 100

    with broken.client(patience=3) as api, pytest.raises(errors.Unreachable, match="status 503") as raised:
        api.exports.download(place.export(api).files[0], tmp_path)

    assert "secret" not in str(raised.value)


def test_wrong_bytes_are_not_kept(broken: Place, tmp_path: Path) -> None:
    broken.content = b"x" + CONTENT[1:]

    with broken.client() as api, pytest.raises(errors.DamagedFile, match="another SHA-256"):
        api.exports.download(place.export(api).files[0], tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rest", [b"not the beginning of it", CONTENT + b"too long"])
def test_a_rest_that_does_not_fit_is_fetched_from_the_start(
    broken: Place, tmp_path: Path, rest: bytes
) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(rest)
    (tmp_path / NAME).write_bytes(b"of another time")

    with broken.client() as api:
        path = api.exports.download(place.export(api).files[0], tmp_path)

    assert path.read_bytes() == CONTENT


def test_an_answer_without_a_link_is_said(broken: Place, tmp_path: Path) -> None:
    broken.location = None

    with broken.client() as api, pytest.raises(errors.UnexpectedAnswer, match="has no link: status 200"):
        api.exports.download(place.export(api).files[0], tmp_path)


def test_a_name_that_leads_out_of_the_folder_is_refused(broken: Place, tmp_path: Path) -> None:
    broken.name = "../../elsewhere.csv"

    with broken.client() as api, pytest.raises(errors.UnexpectedAnswer, match="no name of a file"):
        api.exports.download(place.export(api).files[0], tmp_path)


def test_days_are_read_of_lines_and_of_lines_in_gzip(tmp_path: Path) -> None:
    line = (
        b'{"meteringPointId":"707057500000000018","direction":"consumption","date":"2026-03-30",'
        b'"start":"2026-03-30T00:00:00+02:00","resolution":"PT1H","quality":"measured","exceptions":[],'
        b'"quantities":[0.412,null],"publishedAt":"2026-04-01T07:00:00+02:00"}\n'
    )
    (tmp_path / "days.ndjson").write_bytes(line)
    (tmp_path / "days.ndjson.gz").write_bytes(gzip.compress(line))

    found = [list(read_days(tmp_path / name)) for name in ("days.ndjson", "days.ndjson.gz")]

    assert found[0] == found[1]
    assert [str(each) for each in found[0][0].quantities] == ["0.412", "None"]


def test_a_file_is_named_with_its_export() -> None:
    content = {"name": "a b.csv", "bytes": 1, "rows": 0, "sha256": "", "href": "https://elsewhere.example"}

    assert ExportFile.of(content, export_id="ex_1").path == "/exports/ex_1/files/a%20b.csv"
