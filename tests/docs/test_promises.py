"""Codes and limits in the guides are those of the code."""

import base64
import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from local import demo, places
from shared import limits
from shared.api import changes, exports, feeds, insights, problems
from shared.api.feeds import models
from shared.api.insights.sizes import MAX_WHOLE, MAX_WHOLE_DAYS
from shared.api.parameters import CHOSEN_ID, Seals
from shared.api.series import pages, requests
from shared.api.series.models import SeriesPart, Value
from shared.files.feeds import ledger
from shared.files.feeds.store import MAX_FEEDS
from shared.files.forms import xlsx
from shared.files.forms.form import MAX_COLUMNS
from shared.metering import Direction, Quality, Resolution
from shared.notices import schedule, webhooks
from shared.notices.store import LARGEST_HISTORY
from shared.publishing.watermark import DataState

DOCS = places.ROOT / "docs"


def rows_of(guide: str) -> list[list[str]]:
    """The cells of every row of a guide's tables."""
    lines = (DOCS / f"{guide}.md").read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def gateways_codes() -> dict[str, int]:
    """Every code in the policies, with its status."""
    found: dict[str, int] = {}
    for path in (places.ROOT / "infra/apim/policies").rglob("*.xml"):
        text = path.read_text(encoding="utf-8")
        pairs = re.findall(
            r'"problem-status" value="@\((\d+)\)" />\s*<set-variable name="problem-code" value="([\w-]+)"',
            text,
        )
        assert len(pairs) == text.count('name="problem-code"')
        found |= {code: int(status) for status, code in pairs}
    return found


def test_every_code_is_documented_with_its_status_and_no_other() -> None:
    documented = {
        row[0].strip("`"): row[1] for row in rows_of("errors") if len(row) == 3 and row[0].startswith("`")
    }

    app = {code: known.status for code, known in problems.CODES.items()}
    assert {code: int(status) for code, status in documented.items()} == {**gateways_codes(), **app}


def test_app_and_gateway_mean_the_same_by_a_code() -> None:
    gateway = gateways_codes()

    shared = problems.CODES.keys() & gateway.keys()
    assert shared == {
        "body-too-large",
        "internal-error",
        "method-not-allowed",
        "not-json",
        "unknown-path",
        "unsupported-media-type",
    }
    assert all(problems.CODES[code].status == gateway[code] for code in shared)


def test_every_code_of_a_fault_is_documented_and_no_other() -> None:
    documented = {row[0].strip("`") for row in rows_of("errors") if len(row) == 2 and row[0].startswith("`")}

    assert documented == problems.FAULTS


def test_every_code_of_a_fault_is_one_that_the_app_gives() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for room in ("shared/api", "shared/files")
        for path in (places.ROOT / room).rglob("*.py")
        if path.name != "problems.py"
    ]

    assert [code for code in problems.FAULTS if not any(f'"{code}"' in text for text in sources)] == []


def test_a_fault_with_another_code_is_refused() -> None:
    with pytest.raises(AssertionError, match="not among FAULTS"):
        problems.Fault("from", "made-up", "message", "hint")


def spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def test_calls_are_limited_as_the_products_say() -> None:
    products = json.loads((places.ROOT / "infra/apim/products.json").read_text(encoding="utf-8"))["products"]

    assert [row for row in rows_of("limits") if row[0] in ("Standard", "Partner")] == [
        [each["name"], spaced(each["callsPerMinute"]), spaced(each["callsPerDay"])] for each in products
    ]


def test_pages_and_requests_are_limited_as_the_code_says() -> None:
    documented = {row[0]: row[1] for row in rows_of("limits") if len(row) == 2}

    assert documented["`limit` left out"].startswith(f"JSON: {spaced(requests.DEFAULT_LIMIT)} market days")
    assert documented["`limit` at most"] == spaced(requests.MAX_LIMIT)
    assert documented["values written one by one on a page"].startswith(
        f"at most {spaced(pages.MAX_VALUES)}:"
    )
    assert documented["metering points named in one request"].startswith(f"{requests.MAX_NAMED};")
    text = (DOCS / "limits.md").read_text(encoding="utf-8")
    assert f"quarters, {spaced(pages.MAX_VALUES // 96)} days do" in text.replace("\n", " ")
    assert requests.MAX_LIMIT * 24 <= pages.MAX_VALUES
    assert f"up to {spaced(MAX_WHOLE_DAYS)} market days of them together" in text
    assert (
        f"peaks up to {spaced(pages.MAX_VALUES)} hours: {spaced(pages.MAX_VALUES // 3)} entries"
        in text.replace("\n", " ")
    )
    assert f"{spaced(MAX_WHOLE)} entries, and peaks up to {spaced(pages.MAX_VALUES)} hours" in text.replace(
        "\n", " "
    )


def test_exports_and_bodies_are_limited_as_the_code_says() -> None:
    documented = {row[0]: row[1] for row in rows_of("limits") if len(row) == 2}
    count = insights.requests

    assert documented["list of exports"] == (
        f"{exports.requests.DEFAULT_LIMIT} on a page, at most {exports.requests.MAX_LIMIT}"
    )
    assert documented["columns of a profile"].startswith(f"{MAX_COLUMNS},")
    workbook = documented["metering points side by side in a workbook (`layout: wide`)"]
    assert workbook.startswith(f"{spaced(xlsx.MAX_COLUMNS)},")
    assert documented["`count` of peaks"] == f"1 to {count.MAX_COUNT}; left out: {count.DEFAULT_COUNT}"
    assert CHOSEN_ID.fullmatch("a" * 64)
    assert not CHOSEN_ID.fullmatch("a" * 65)
    assert documented["id of a feed or webhook"].startswith("64 ")


def test_webhooks_are_limited_as_the_code_says() -> None:
    documented = {row[0]: row[1] for row in rows_of("limits") if len(row) == 2}

    assert documented["webhooks of a caller"].startswith(f"{webhooks.MOST_WEBHOOKS};")
    assert documented["time for the receiver to answer"] == f"{limits.WEBHOOKS.in_all} seconds"
    assert documented["attempts to send a notice"].startswith(f"{len(schedule.PAUSES)},")
    assert documented["list of notices"] == (
        f"the last {webhooks.KEPT.days} days, at most the newest {spaced(LARGEST_HISTORY)}"
    )
    assert timedelta(hours=24) == webhooks.BOTH_SIGN
    assert documented["time in which a previous secret still signs"] == "24 hours"


def test_feeds_are_limited_as_the_code_says() -> None:
    documented = {row[0]: row[1] for row in rows_of("limits") if len(row) == 2}

    assert documented["feeds of a caller"].startswith(f"{MAX_FEEDS};")
    assert documented["`days` with `last-days`"] == f"1 to {models.MAX_DAYS}; left out: {models.USUAL_DAYS}"
    assert documented["the ledger"].startswith(
        f"{feeds.requests.DEFAULT_LIMIT} runs on a page, at most {feeds.requests.MAX_LIMIT};"
    )
    assert f"{spaced(feeds.rendering.MAX_FILES)} files" in documented["the ledger"]
    assert documented["files are kept"] == f"{ledger.KEPT.days} days"
    assert sum(limits.SFTP_WAITS, timedelta()) == pytest.approx(timedelta(days=1), abs=timedelta(hours=1))


def test_the_time_for_an_answer_is_the_gateways() -> None:
    policy = (places.ROOT / "infra/apim/policies/global.xml").read_text(encoding="utf-8")
    documented = {row[0]: row[1] for row in rows_of("limits") if len(row) == 2}

    assert re.findall(r'forward-request timeout="(\d+)"', policy) == ["150"]
    reading = f"{limits.ANSWER.total_seconds():g} seconds to read the data"
    assert documented["time for an answer"].startswith(f"{reading}, 150 in all; then 503")


def test_every_quality_and_resolution_is_explained() -> None:
    documented = {row[0].strip("`") for row in rows_of("quality") if len(row) == 3}
    times = (DOCS / "times.md").read_text(encoding="utf-8")

    assert set(Quality) <= documented
    assert all(f"`{each}`" in times for each in Resolution)


def test_columns_of_csv_are_names_of_json() -> None:
    header = (
        (DOCS / "examples/get-consumption-of-metering-point.night.csv").read_text("utf-8").splitlines()[0]
    )
    known = {field.alias for model in (SeriesPart, Value) for field in model.model_fields.values()}

    assert {column.removesuffix("KWh") for column in header.split(",")} <= known


def test_cursors_that_were_given_once_go_on_working() -> None:
    now = datetime(2026, 4, 1, 10, tzinfo=UTC)
    seals = Seals([base64.b64decode(demo.SEALING_KEY)])
    of_a_series = "TTF5CQjkbp5UjAYK1NrPwU8ZSv-0zeopiJ6yrqw2qgtkI58vokaiiHtpj3o"
    of_changes = "HFCar1neJgRE2OFS2EnJHNwpibB0IgQd8l1e-DJKxIxOkeHYCw"

    series = requests.of_many(
        direction=Direction.CONSUMPTION,
        given={"from": ["2026-03-01"], "resolution": ["PT1H"], "cursor": [of_a_series]},
        state=DataState(now, now, now),
        seals=seals,
    )
    following = changes.requests.read({"cursor": [of_changes]}, state=DataState(now, None, None), seals=seals)

    assert series.cursor is not None
    assert (series.cursor.metering_point_id, series.cursor.day) == ("707057500000010017", date(2026, 3, 29))
    assert following.after == (3, "707057500000010017", "consumption", date(2026, 3, 29))


def test_the_reference_has_the_changelogs_version() -> None:
    version = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))["info"]["version"]
    changelog = (places.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.findall(r"^## \[([\d.]+)\]", changelog, re.MULTILINE)[0] == version
