"""The same values in every format, as the programs of our callers read them."""

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pandas as pd
import pytest

from tests.builders import warehouse as delivering
from tests.builders.api import Answer, Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import AUTUMN, SPRING, Customer

CSV = {"format": "csv"}
NDJSON = {"format": "ndjson"}


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller that has nothing yet."""
    return Customer(api, deliver)


def rows_of(answer: Answer, *, delimiter: str = ",", encoding: str = "utf-8") -> list[dict[str, str]]:
    assert answer.status == 200, answer.body
    text = io.StringIO(answer.body.decode(encoding), newline="")
    return list(csv.DictReader(text, delimiter=delimiter))


def lines_of(answer: Answer) -> list[Any]:
    assert answer.status == 200, answer.body
    assert answer.body.endswith(b"\n") or not answer.body
    return [json.loads(line, parse_float=Decimal) for line in answer.body.splitlines()]


def test_csv_is_written_as_documented(customer: Customer) -> None:
    point = customer.point()
    customer.deliver(delivering.values(point, SPRING, ["1.250", ""], first=0))

    answer = customer.get(f"/v1/metering-points/{point}/consumption", date=SPRING, **CSV)

    first, second, third, *_ = answer.body.decode().split("\r\n")
    assert first == "meteringPointId,direction,start,end,quantityKWh,quality"
    assert second == (
        f"{point},consumption,2026-03-29T00:00:00+01:00,2026-03-29T01:00:00+01:00,1.250,measured"
    )
    assert third == f"{point},consumption,2026-03-29T01:00:00+01:00,2026-03-29T03:00:00+02:00,,missing"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="consumption.csv"'


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_every_format_holds_the_same_values(customer: Customer, day: date) -> None:
    point = customer.point()
    customer.days(point, day, 2)
    parameters = {"from_": day, "to": date(day.year, day.month, day.day + 2)}
    path = f"/v1/metering-points/{point}/consumption"

    values = customer.get(path, **parameters).json["values"]
    rows = rows_of(customer.get(path, **parameters, **CSV))
    norwegian = rows_of(
        customer.get(path, **parameters, **CSV, csv="norwegian"), delimiter=";", encoding="utf-8-sig"
    )
    lines = lines_of(customer.get(path, **parameters, **NDJSON))

    assert [(row["start"], row["end"], Decimal(row["quantityKWh"]), row["quality"]) for row in rows] == [
        (value["start"], value["end"], value["quantity"], value["quality"]) for value in values
    ]
    assert [row["quantityKWh"].replace(",", ".") for row in norwegian] == [row["quantityKWh"] for row in rows]
    assert {row["meteringPointId"] for row in norwegian} == {f'="{point}"'}
    flat = customer.get(path, **parameters, layout="rows").json["rows"]
    assert lines == flat
    assert flat == [
        {"meteringPointId": point, "direction": "consumption", "resolution": "PT1H", **value}
        for value in values
    ]


def test_excel_with_norwegian_settings_gets_times_as_clocks_show_them(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, AUTUMN, 1)
    parameters = {"date": AUTUMN, **CSV, "csv": "norwegian"}
    path = f"/v1/metering-points/{point}/consumption"

    local = rows_of(customer.get(path, **parameters), delimiter=";", encoding="utf-8-sig")
    iso = rows_of(customer.get(path, **parameters, time="iso"), delimiter=";", encoding="utf-8-sig")
    refused = customer.get(path, date=AUTUMN, **CSV, time="iso")

    assert list(local[0]) == [
        *("meteringPointId", "direction", "start", "startOffset", "end", "endOffset"),
        *("quantityKWh", "quality"),
    ]
    assert [(row["start"], row["startOffset"]) for row in local[2:4]] == [
        ("25.10.2026 02:00", '="+02:00"'),
        ("25.10.2026 02:00", '="+01:00"'),
    ]
    assert (local[-1]["end"], local[-1]["endOffset"]) == ("26.10.2026 00:00", '="+01:00"')
    assert [iso_text(row, "start") for row in local] == [row["start"] for row in iso]
    assert [iso_text(row, "end") for row in local] == [row["end"] for row in iso]
    assert [fault["code"] for fault in refused.json["errors"]] == ["only-with-csv"]


def iso_text(row: dict[str, str], edge: str) -> str:
    local = datetime.strptime(row[edge], "%d.%m.%Y %H:%M")  # noqa: DTZ007 - the offset stands beside it
    return local.isoformat() + row[f"{edge}Offset"].strip('="')


def test_norwegian_sums_and_changes_have_times_as_clocks_show_them(customer: Customer) -> None:
    point = customer.point()
    cursor = customer.get("/v1/changes").json["cursor"]
    customer.days(point, SPRING, 1)
    path = f"/v1/metering-points/{point}/consumption"
    written = {**CSV, "csv": "norwegian"}

    [month] = rows_of(
        customer.get(path, date=SPRING, resolution="P1M", **written), delimiter=";", encoding="utf-8-sig"
    )
    changed = rows_of(
        customer.get("/v1/changes", cursor=cursor, **written), delimiter=";", encoding="utf-8-sig"
    )

    assert (month["start"], month["startOffset"]) == ("29.03.2026 00:00", '="+01:00"')
    assert (month["end"], month["endOffset"]) == ("30.03.2026 00:00", '="+02:00"')
    assert (changed[1]["start"], changed[1]["end"]) == ("29.03.2026 01:00", "29.03.2026 03:00")


@pytest.mark.parametrize("dialect", ["standard", "norwegian"])
def test_pandas_reads_equal_numbers_and_times(customer: Customer, dialect: str) -> None:
    point = customer.point()
    customer.deliver(delivering.values(point, AUTUMN, ["1.250", "", *["0.001"] * 23]))
    path = f"/v1/metering-points/{point}/consumption"
    values = customer.get(path, date=AUTUMN).json["values"]

    more = {"time": "iso"} if dialect == "norwegian" else {}
    body = customer.get(path, date=AUTUMN, **CSV, csv=dialect, **more).body
    marks = {"sep": ";", "decimal": ","} if dialect == "norwegian" else {}
    frame = pd.read_csv(io.BytesIO(body), dtype={"meteringPointId": str}, **marks)

    assert list(frame.columns)[:2] == ["meteringPointId", "direction"]
    assert set(frame["meteringPointId"].str.strip('="')) == {point}
    assert frame["quantityKWh"].isna().tolist() == [value["quantity"] is None for value in values]
    assert frame["quantityKWh"].sum() == pytest.approx(1.250 + 23 * 0.001)
    starts = pd.to_datetime(frame["start"], utc=True)
    assert (starts.diff().dropna() == pd.Timedelta(hours=1)).all()
    assert starts[0] == pd.Timestamp("2026-10-25T00:00:00+02:00")


def test_sums_say_in_every_format_whether_they_are_complete(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    parameters = {"from_": "2026-03-01", "to": "2026-04-01", "resolution": "P1M"}
    path = f"/v1/metering-points/{point}/consumption"

    [value] = customer.get(path, **parameters).json["values"]
    [row] = rows_of(customer.get(path, **parameters, **CSV))
    [line] = lines_of(customer.get(path, **parameters, **NDJSON))

    assert (row["complete"], row["missing"]) == ("false", str(value["missing"]))
    assert Decimal(row["quantityKWh"]) == value["quantity"]
    assert line == {"meteringPointId": point, "direction": "consumption", "resolution": "P1M", **value}


def test_packed_days_are_lines_of_ndjson(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    path = f"/v1/metering-points/{point}/consumption"
    parameters = {"from_": SPRING, "to": "2026-03-31", "layout": "days"}

    lines = lines_of(customer.get(path, **parameters, **NDJSON))

    days = customer.get(path, **parameters).json["days"]
    assert lines == [{"meteringPointId": point, "direction": "consumption", **day} for day in days]


@pytest.mark.parametrize(
    ("layout", "format_", "remedy"),
    [
        ("days", "csv", "format=json or format=ndjson"),
        ("days", "xlsx", "format=json or format=ndjson"),
        ("wide", "json", "format=csv or format=xlsx"),
        ("wide", "ndjson", "format=csv or format=xlsx"),
    ],
)
def test_a_layout_that_a_format_has_no_place_for_is_refused_with_the_remedy(
    customer: Customer, layout: str, format_: str, remedy: str
) -> None:
    path = f"/v1/metering-points/{customer.point()}/consumption"

    refused = customer.get(path, from_=SPRING, layout=layout, format=format_)

    [fault] = refused.json["errors"]
    assert (refused.status, fault["parameter"], fault["code"]) == (400, "layout", "not-in-format")
    assert remedy in fault["hint"]


def test_a_wide_table_has_a_column_for_each_metering_point(customer: Customer) -> None:
    points = one, other, _ = sorted(customer.point() for _ in range(3))
    customer.deliver(delivering.values(one, SPRING, ["1.250", "2.000"], first=0))
    customer.deliver(delivering.values(other, SPRING, ["0.100", ""], first=0))
    parameters = {"meteringPointId": points, "date": SPRING, "layout": "wide"}

    standard = customer.get("/v1/consumption", **parameters, **CSV)
    norwegian = customer.get("/v1/consumption", **parameters, **CSV, csv="norwegian")

    assert [row.split(",") for row in standard.body.decode().split("\r\n")[:3]] == [
        ["start", "end", *points],
        ["2026-03-29T00:00:00+01:00", "2026-03-29T01:00:00+01:00", "1.250", "0.100", ""],
        ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2.000", "", ""],
    ]
    assert len(rows_of(standard)) == 23
    assert norwegian.body.decode().split("\r\n")[:2] == [
        ";".join(["\ufeffstart", "startOffset", "end", "endOffset", *(f'"=""{each}"""' for each in points)]),
        '29.03.2026 00:00;"=""+01:00""";29.03.2026 01:00;"=""+01:00""";1,250;0,100;',
    ]


def workbook(answer: Answer) -> openpyxl.Workbook:
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Disposition"] == 'attachment; filename="consumption.xlsx"'
    return openpyxl.load_workbook(io.BytesIO(answer.body))


def rows_in(sheet: Any) -> list[Any]:
    return list(sheet.iter_rows(values_only=True))


def test_a_workbook_has_the_values_of_csv_as_dates_numbers_and_texts(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, AUTUMN, 2)
    parameters = {"from_": AUTUMN, "to": date(2026, 10, 27)}
    path = f"/v1/metering-points/{point}/consumption"
    expected = rows_of(customer.get(path, **parameters, **CSV))

    answer = customer.get(path, **parameters, format="xlsx")

    book = workbook(answer)
    heading, *rows = rows_in(book["Values"])
    assert heading[:7] == (
        "meteringPointId",
        "direction",
        "start",
        "startOffset",
        "end",
        "endOffset",
        "quantityKWh",
    )
    assert [(row[0], f"{row[2].isoformat()}{row[3]}", Decimal(str(row[6])), row[7]) for row in rows] == [
        (row["meteringPointId"], row["start"], Decimal(row["quantityKWh"]), row["quality"])
        for row in expected
    ]
    assert rows_in(book["Metering points"]) == [("meteringPointId", "direction"), (point, "consumption")]
    total = sum(Decimal(row["quantityKWh"]) for row in expected)
    assert rows_in(book["Months"])[1][:2] == (datetime(2026, 10, 1), float(total))  # noqa: DTZ001 - Excel's
    assert answer.body == customer.get(path, **parameters, format="xlsx").body
    assert (
        "Content-Encoding"
        not in customer.get(path, **parameters, format="xlsx", headers={"Accept-Encoding": "gzip"}).headers
    )


def test_a_wide_workbook_has_a_column_for_each_metering_point(customer: Customer) -> None:
    one, other = sorted(customer.point() for _ in range(2))
    customer.deliver(delivering.values(one, SPRING, ["1.250", "2.000"], first=0))
    customer.deliver(delivering.values(other, SPRING, ["0.100", ""], first=0))

    book = workbook(customer.get("/v1/consumption", date=SPRING, layout="wide", format="xlsx"))

    heading, first, second, *others = rows_in(book["Values"])
    assert heading[4:] == (one, other)
    assert (first[4:], second[4:], len(others)) == ((1.25, 0.1), (2.0, None), 21)


def test_sums_in_a_workbook_say_whether_they_are_complete(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    parameters = {"from_": "2026-03-01", "to": "2026-04-01", "resolution": "P1M"}
    path = f"/v1/metering-points/{point}/consumption"
    [value] = customer.get(path, **parameters).json["values"]

    heading, row = rows_in(workbook(customer.get(path, **parameters, format="xlsx"))["Values"])

    assert heading[8:] == ("complete", "missing")
    assert row[8:] == (False, value["missing"])


def test_a_workbook_is_chosen_by_accept_and_held_by_its_tag(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    accept = {"Accept": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    path = f"/v1/metering-points/{point}/consumption"

    answer = customer.get(path, date=SPRING, headers=accept)
    again = customer.get(path, date=SPRING, headers={**accept, "If-None-Match": answer.headers["ETag"]})
    json_tag = customer.get(path, date=SPRING).headers["ETag"]

    assert rows_in(workbook(answer)["Values"])[1][0] == point
    assert (again.status, again.body) == (304, b"")
    assert json_tag != answer.headers["ETag"]
    assert customer.get("/v1/customers", headers=accept).status == 406


@pytest.mark.parametrize("format_", ["csv", "ndjson"])
def test_pages_in_lines_are_followed_by_header(customer: Customer, format_: str) -> None:
    one, other = customer.point(), customer.point()
    customer.days(one, SPRING, 3)
    customer.days(other, SPRING, 3)
    url = f"/v1/consumption?from=2026-03-29&to=2026-04-01&format={format_}"
    whole = customer.api.get_url(url, principal=customer.principal)

    bodies, link = [], f"</metering{url}&limit=2>"
    while link:
        page = customer.api.get_url(
            link[1 : link.index(">")].removeprefix("/metering"), principal=customer.principal
        )
        bodies.append(page.body)
        link = page.headers.get("Link", "")

    header = whole.body.split(b"\r\n")[0] + b"\r\n" if format_ == "csv" else b""
    assert len(bodies) == 3
    assert header + b"".join(body.removeprefix(header) for body in bodies) == whole.body
    assert "X-Next-Cursor" not in whole.headers


def test_what_is_not_found_is_listed_in_a_header_where_the_body_has_no_place(customer: Customer) -> None:
    mine = customer.point()
    customer.days(mine, SPRING, 1)
    unknown = "707057500000010031"

    answer = customer.get("/v1/consumption", date=SPRING, meteringPointId=[unknown, mine], **CSV)

    assert {row["meteringPointId"] for row in rows_of(answer)} == {mine}
    assert answer.headers["X-Not-Found"] == unknown


def test_changes_come_in_every_format(customer: Customer) -> None:
    point = customer.point()
    cursor = customer.get("/v1/changes").json["cursor"]
    customer.days(point, SPRING, 2)

    days = customer.get("/v1/changes", cursor=cursor).json["days"]
    lines = customer.get("/v1/changes", cursor=cursor, limit=1, **NDJSON)
    rows = rows_of(customer.get("/v1/changes", cursor=cursor, **CSV))

    assert lines_of(lines) == days[:1]
    assert f"cursor={lines.headers['X-Next-Cursor']}>" in lines.headers["Link"]
    assert [Decimal(row["quantityKWh"]) for row in rows] == [
        each for day in days for each in day["quantities"]
    ]
    assert rows[0]["start"] == "2026-03-29T00:00:00+01:00"
    assert {(row["sequence"], row["publishedAt"]) for row in rows} == {
        (str(day["sequence"]), day["publishedAt"]) for day in days
    }


def test_the_last_page_of_changes_has_a_cursor_to_keep_and_no_link(customer: Customer) -> None:
    customer.point()
    answer = customer.get("/v1/changes", **NDJSON)
    same = customer.get("/v1/changes").json

    assert answer.headers["X-Cursor"] == same["cursor"]
    assert answer.headers.keys().isdisjoint({"Link", "X-Next-Cursor"})
    assert (same["nextCursor"], same["upToDate"]) == (None, True)


def test_metering_points_are_a_row_for_each_permitted_period(customer: Customer) -> None:
    point = customer.point(valid_to=date(2026, 3, 30), customer=1)
    customer.grant(point, valid_from=date(2026, 3, 30), customer=2)
    customer.days(point, SPRING, 1)
    customer.days(point, SPRING, 1, direction="production")

    rows = rows_of(customer.get("/v1/metering-points", **CSV))
    [line] = lines_of(customer.get("/v1/metering-points", **NDJSON))

    assert [
        (row["meteringPointId"], row["customerNumber"], row["permittedFrom"], row["permittedTo"])
        for row in rows
    ] == [(point, "1", "", "2026-03-30"), (point, "2", "2026-03-30", "")]
    assert rows[0]["directions"] == "consumption production"
    assert line == customer.get(f"/v1/metering-points/{point}").json


def test_customers_come_in_every_format(customer: Customer) -> None:
    customer.point(customer=7)

    expected = [{"customerNumber": 7, "name": "Customer 7", "meteringPointCount": 1}]
    assert customer.get("/v1/customers").json == {"customers": expected}
    assert lines_of(customer.get("/v1/customers", **NDJSON)) == expected
    assert rows_of(customer.get("/v1/customers", **CSV)) == [
        {name: str(value) for name, value in expected[0].items()}
    ]


def test_accept_decides_where_format_is_left_out(customer: Customer) -> None:
    customer.point()

    answer = customer.get("/v1/customers", headers={"accept": "text/csv"})
    refused = customer.get("/v1/status", headers={"accept": "text/csv"})

    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.body.startswith(b"customerNumber,name,")
    assert (refused.status, refused.json["code"]) == (406, "not-acceptable")
    assert refused.json["detail"] == "Available formats: application/json (format=json)."


def test_the_same_question_in_another_format_has_another_tag(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    path = f"/v1/metering-points/{point}/consumption"
    given: list[dict[str, str]] = [{}, CSV, {**CSV, "csv": "norwegian"}, NDJSON]

    tags = {customer.get(path, date=SPRING, **each).headers["ETag"] for each in given}

    assert len(tags) == 4
