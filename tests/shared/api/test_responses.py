import gzip
from datetime import UTC, datetime

import pytest

from shared.api import responses

LONG = b'{"values":[' + b"0.123," * 1_000 + b"0]}"


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "GZIP"])
def test_a_long_body_is_compressed_for_who_accepts_it(accepted: str) -> None:
    response = responses.data(LONG, etag='W/"1"', last_modified=None)

    answer = responses.compressed(response, accepted)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["ETag"] == 'W/"1"'
    assert gzip.decompress(answer.get_body()) == LONG


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br"])
def test_a_body_is_left_alone_for_who_does_not(accepted: str) -> None:
    response = responses.data(LONG, etag='W/"1"', last_modified=None)

    assert responses.compressed(response, accepted) is response


def test_a_short_body_is_not_worth_compressing() -> None:
    response = responses.fresh({"status": "ready"})

    assert responses.compressed(response, "gzip") is response


def test_data_may_be_kept_by_the_caller_alone_and_is_asked_for_again() -> None:
    response = responses.data(b"{}", etag='W/"1"', last_modified=datetime(2026, 11, 22, 6, tzinfo=UTC))

    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["Last-Modified"] == "Sun, 22 Nov 2026 06:00:00 GMT"
    assert response.headers["Vary"] == "Accept-Encoding"


def test_not_modified_has_no_body_and_repeats_the_tag() -> None:
    response = responses.not_modified(etag='W/"1"', last_modified=None)

    assert (response.status_code, response.get_body(), response.headers["ETag"]) == (304, b"", 'W/"1"')
