import base64
from datetime import UTC, date, datetime

import pytest

from shared.api import cursors
from shared.api.cursors import Cursor, InvalidCursor

CURSOR = Cursor(
    "707057500000010017",
    date(2026, 3, 29),
    until=datetime(2026, 4, 1, tzinfo=UTC),
    as_of=datetime(2026, 11, 22, 6, 0, 0, 123456, tzinfo=UTC),
)


def test_a_cursor_comes_back_as_it_went_out_and_fits_into_an_address() -> None:
    text = CURSOR.encode(query="q")

    assert cursors.decode(text, query="q") == CURSOR
    assert text.replace("-", "").replace("_", "").isalnum()


def test_a_cursor_of_another_query_is_refused() -> None:
    with pytest.raises(InvalidCursor, match="another query"):
        cursors.decode(CURSOR.encode(query="q"), query="other")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "%",
        "æøå",
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b'["q",1,2,3,4]').decode(),
        base64.urlsafe_b64encode(b'["q","1","2026-03-29","2026-03-29","2026-03-29"]').decode(),
        cursors.seal("q", "æøå", "2026-03-29", "2026-04-01T00:00:00Z", "2026-11-22T00:00:00Z"),
        cursors.seal("q", "707057500000010017", "0001-01-01", "2026-04-01T00:00:00Z", "2026-11-22T00:00:00Z"),
        cursors.seal("q", "707057500000010017", "2026-03-29", "9999-12-31T23:59:59Z", "2026-11-22T00:00:00Z"),
        cursors.seal("q", "707057500000010017", "2026-03-29", "2026-04-01T00:00:00", "2026-11-22T00:00:00Z"),
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        cursors.decode(text, query="q")


def test_a_fingerprint_tells_questions_apart() -> None:
    assert cursors.fingerprint(("a", "b")) != cursors.fingerprint(("ab",))
    assert cursors.fingerprint(("a", None)) == cursors.fingerprint(("a", None))
