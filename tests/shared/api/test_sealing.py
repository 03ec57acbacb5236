"""Only what was sealed is opened, and only for its own request."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared.api.parameters import LONGEST, NotSealed, Seals
from shared.api.problems import Refused
from tests.builders.sealing import SEALS

SEAL = SEALS.of("consumption", 10001)
TEXT = SEAL.seal(b"the second page")


def test_what_was_sealed_is_opened() -> None:
    assert SEAL.open(TEXT) == b"the second page"


def test_the_same_place_has_the_same_text() -> None:
    assert SEALS.of("consumption", 10001).seal(b"the second page") == TEXT


def test_a_sealed_text_cannot_be_read_and_fits_into_an_address() -> None:
    assert b"second" not in TEXT.encode()
    assert TEXT.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("question", [("consumption", 10002), ("production", 10001), ("consumption",), ()])
def test_another_question_does_not_open_it(question: tuple[object, ...]) -> None:
    with pytest.raises(NotSealed):
        SEALS.of(*question).open(TEXT)


@given(some.data())
def test_no_changed_text_is_opened(data: some.DataObject) -> None:
    place = data.draw(some.integers(0, len(TEXT) - 1))
    letter = data.draw(some.characters(codec="utf-8").filter(lambda each: each != TEXT[place]))

    with pytest.raises(NotSealed):
        SEAL.open(TEXT[:place] + letter + TEXT[place + 1 :])


@given(some.text(max_size=2 * LONGEST) | some.text("AZaz09-_", min_size=22, max_size=LONGEST))
def test_no_other_text_is_opened(text: str) -> None:
    with pytest.raises(NotSealed):
        SEAL.open(text)


@pytest.mark.parametrize("text", [TEXT + "=", TEXT + "\n", " " + TEXT, TEXT * 4, TEXT[:-1], TEXT + "A"])
def test_a_text_is_opened_whole_or_not_at_all(text: str) -> None:
    with pytest.raises(NotSealed):
        SEAL.open(text)


def test_the_key_before_still_opens_and_the_new_one_seals() -> None:
    old, new = bytes(32), bytes([1]) * 32
    text = Seals([old]).of("changes").seal(b"here")

    both = Seals([new, old]).of("changes")

    assert both.open(text) == b"here"
    assert both.seal(b"here") == Seals([new]).of("changes").seal(b"here")
    with pytest.raises(NotSealed):
        Seals([new]).of("changes").open(text)


def test_without_a_key_nothing_is_answered() -> None:
    with pytest.raises(Refused) as refused:
        Seals([]).of("changes")

    assert refused.value.code == "cursors-not-configured"
    assert refused.value.headers == {"Retry-After": "300"}
