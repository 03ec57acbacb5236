"""Headers as policies see and change them."""

import pytest

from local.gateway.headers import Fields

PAIRS = [("Accept", "a"), ("X-One", "1"), ("accept", "b"), ("Set-Cookie", "c")]


def test_names_are_compared_without_regard_to_case_and_kept_as_written() -> None:
    fields = Fields(PAIRS)

    assert fields.values("ACCEPT") == ["a", "b"]
    assert fields.joined("accept") == "a,b"
    assert fields.joined("absent") is None
    assert "x-ONE" in fields
    assert fields.names() == ["Accept", "X-One", "Set-Cookie"]
    assert list(fields) == PAIRS


def test_deleting_takes_every_value() -> None:
    fields = Fields(PAIRS)

    fields.delete("ACCEPT")

    assert list(fields) == [("X-One", "1"), ("Set-Cookie", "c")]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("X-One", [("X-One", "a,b")]),
        ("Retry-After", [("Retry-After", "a"), ("Retry-After", "b")]),
        ("WWW-Authenticate", [("WWW-Authenticate", "a"), ("WWW-Authenticate", "b")]),
    ],
)
def test_several_values_become_one_except_where_that_is_not_possible(
    name: str, sent: list[tuple[str, str]]
) -> None:
    fields = Fields([(name.lower(), "before")])

    fields.set_header(name, ["a", "b"])

    assert list(fields) == sent


def test_what_belongs_to_one_connection_goes_no_further() -> None:
    fields = Fields(
        [
            ("Connection", "keep-alive, X-Secret"),
            ("X-Secret", "1"),
            ("Upgrade", "h2c"),
            ("TE", "x"),
            ("X-Kept", "2"),
        ]
    )

    fields.drop_hop_by_hop()

    assert list(fields) == [("X-Kept", "2")]


def test_bytes_come_through_unchanged() -> None:
    raw = [(b"X-Name", "blåbær".encode()), (b"x-name", b"\xff")]

    assert Fields.decoded(raw).encoded() == raw
