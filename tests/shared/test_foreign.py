"""Texts that others wrote, as messages and logs show them."""

import pytest

from shared import foreign


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\r\n two\tthree ", "one two three"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "…"),
        ("one\r\n two\t" + "x" * 1000, "one two " + "x" * 192 + "…"),
        (" " * 1000 + "x", "…"),
        ("bell \a, half a pair \ud83d", "bell \ufffd, half a pair \ufffd"),
    ],
)
def test_an_excerpt_is_one_storable_line_that_shows_where_it_was_cut(text: str, shown: str) -> None:
    assert foreign.excerpt(text) == shown


def test_an_excerpt_is_as_long_as_its_message_wants() -> None:
    assert foreign.excerpt("a metering point", at_most=10) == "a metering…"


def test_a_number_stands_with_its_noun() -> None:
    assert [foreign.counted(number, "supply periods") for number in (0, 1, 1234)] == [
        "0 supply periods",
        "1 supply period",
        "1,234 supply periods",
    ]
