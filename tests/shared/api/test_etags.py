import pytest

from shared.api import responses
from shared.api.parameters import Seals
from shared.readable import Readable

READABLE = Readable("app:x", (), "1")


def test_a_tag_changes_with_the_caller_the_version_and_the_question() -> None:
    tags = {
        responses.etag_of(READABLE, "question", 1),
        responses.etag_of(READABLE, "question", 2),
        responses.etag_of(READABLE, "other", 1),
        responses.etag_of(Readable("app:y", (), "1"), "question", 1),
        responses.etag_of(Readable("app:x", (), "2"), "question", 1),
    }

    assert len(tags) == 5
    assert responses.etag_of(READABLE, "question", 1) in tags


def test_a_tag_changes_with_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    before = responses.etag_of(READABLE, "question")

    monkeypatch.setattr(responses, "CONTRACT", "1.1.0")

    assert responses.etag_of(READABLE, "question") != before


def test_a_tag_changes_with_the_key_that_seals_cursors() -> None:
    old, new = bytes(64), bytes(range(64))
    tags = [responses.etag_of(READABLE, Seals(keys).of("changes")) for keys in ([old], [new, old], [new])]

    assert tags[0] != tags[1] == tags[2]


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ('W/"abc"', True),
        ('"abc"', True),
        ('W/"x", W/"abc"', True),
        ("*", True),
        ("", False),
        ('W/"ab"', False),
        ("abc", False),
    ],
)
def test_if_none_match_is_compared_weakly(given: str, held: bool) -> None:
    assert responses.is_unchanged({"if-none-match": given}, 'W/"abc"') is held


def test_without_if_none_match_nothing_is_held() -> None:
    assert not responses.is_unchanged({}, 'W/"abc"')
