"""Long texts in parts: nothing lost, nothing longer than a store or log takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry import long_texts


@given(text=st.text(alphabet="ab\n🙂\ud800", max_size=300), at_most=st.integers(2, 40))
def test_the_parts_joined_are_the_text_and_none_is_too_long(text: str, at_most: int) -> None:
    parts = long_texts.parts(text, at_most=at_most)

    assert "".join(parts) == text
    assert all(len(part.encode("utf-16-le", "surrogatepass")) <= 2 * at_most for part in parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", [""]), ("aa\nbb\ncc\n", ["aa\nbb\n", "cc\n"]), ("aaaaaaaaaa\nb", ["aaaaaa", "aaaa\nb"])],
)
def test_a_part_ends_where_a_line_ends_if_it_can(text: str, parts: list[str]) -> None:
    assert long_texts.parts(text, at_most=6) == parts
