import gzip
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.api import responses
from shared.api.formats import Kind, LeftOut, Rendered
from shared.api.responses import Response

URL = "http://app.example/v1/consumption?date=2026-03-29&asOf=2026-03-30T06:00:00%2B02:00"
LONG = b'{"values":[' + b"0.123," * 1_000 + b"0]}"


def data(body: bytes = b"{}", *, kind: Kind = Kind.JSON, url: str = URL, **content: Any) -> Response:
    return responses.data(
        Rendered(body, kind=kind, rows=1, **content),
        url=url,
        etag='W/"1"',
        last_modified=datetime(2026, 11, 22, 6, tzinfo=UTC),
    )


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "GZIP"])
def test_a_long_body_is_compressed_for_who_accepts_it(accepted: str) -> None:
    answer = responses.compress(data(LONG), accepted)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["ETag"] == 'W/"1"'
    assert gzip.decompress(answer.body) == LONG


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br"])
def test_a_body_is_left_alone_for_who_does_not(accepted: str) -> None:
    response = data(LONG)

    assert responses.compress(response, accepted) is response


def test_a_workbook_is_packed_already() -> None:
    response = data(LONG, kind=Kind.XLSX)

    assert responses.compress(response, "gzip") is response


def test_a_short_body_is_not_worth_compressing() -> None:
    response = responses.uncached({"status": "ready"})

    assert responses.compress(response, "gzip") is response


def test_data_may_be_kept_by_the_caller_alone_and_is_asked_for_again() -> None:
    response = data()

    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["Last-Modified"] == "Sun, 22 Nov 2026 06:00:00 GMT"
    assert response.headers["Vary"] == "Accept, Accept-Encoding"


def test_not_modified_has_no_body_and_repeats_the_tag() -> None:
    response = responses.not_modified(etag='W/"1"', last_modified=None)

    assert (response.status, response.body, response.headers["ETag"]) == (304, b"", 'W/"1"')


def test_the_next_page_is_named_as_the_caller_sees_it_behind_the_gateway() -> None:
    answer = data(next_cursor="next", url=f"{URL}&cursor=before")

    assert answer.headers["Link"] == (
        '</metering/v1/consumption?date=2026-03-29&asOf=2026-03-30T06:00:00%2B02:00&cursor=next>; rel="next"'
    )
    assert answer.headers["X-Next-Cursor"] == "next"


def test_where_nothing_follows_at_once_there_is_a_cursor_to_keep_and_no_next_page() -> None:
    headers = data(cursor="later").headers

    assert headers["X-Cursor"] == "later"
    assert headers.keys().isdisjoint({"Link", "X-Next-Cursor"})


def test_an_address_cannot_break_out_of_the_link() -> None:
    answer = data(next_cursor="next", url='http://app.example/v1/x>;y?a=1>; rel="evil"')

    assert answer.headers["Link"].count(">") == 1


def test_csv_is_saved_under_the_name_of_its_resource() -> None:
    assert data(kind=Kind.CSV).headers["Content-Disposition"] == 'attachment; filename="consumption.csv"'
    assert responses.as_http(data(kind=Kind.CSV)).mimetype == "text/csv"


def test_what_is_left_out_is_counted_and_the_first_are_named() -> None:
    left_out = LeftOut(not_found=["a", "b", "c"], stored_coarser=["d"], stored_coarser_count=7, listed=2)

    headers = data(kind=Kind.CSV, left_out=left_out).headers

    assert (headers["X-Not-Found"], headers["X-Not-Found-Count"]) == ("a,b", "3")
    assert (headers["X-Stored-Coarser"], headers["X-Stored-Coarser-Count"]) == ("d", "7")
