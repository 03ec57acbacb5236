"""Bodies: every fault at once, with the codes that query parameters have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import Field

from shared.api import bodies
from shared.api.bodies import Body
from shared.api.exports.models import ExportRequest
from shared.api.feeds.models import FeedRequest
from shared.api.problems import InvalidRequest, Refused
from shared.api.webhooks.models import WebhookBody

JSON = {"content-type": "application/json"}
POINT = "707057500000010017"


class Colour(StrEnum):
    """A closed list."""

    RED = "red"
    BLUE = "blue"


class Inner(Body):
    """A part of a body."""

    colour: Colour


class Example(Body):
    """A body with a field of each kind."""

    metering_point_ids: list[bodies.MeteringPointIdText] | None = None
    from_: bodies.MomentText | None = Field(default=None, alias="from")
    customer_number: bodies.CustomerNumber | None = None
    inner: Inner | None = None
    colours: Annotated[list[Colour], Field(min_length=1)] | None = None
    days: Annotated[int, Field(ge=1, le=35)] | None = None
    when: str = Field(
        default="always", pattern="^always$|^[0-9]{2}:[0-9]{2}$", description="`always`, or a time.",
        examples=["09:30"],
    )  # fmt: skip
    codes: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Sent:
    """A request as the worker has it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)

    def get_body(self) -> bytes:
        return self.body


def faults(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as refused:
        bodies.read(Sent(body), Example)
    return [(each.parameter, each.code) for each in refused.value.faults]


def test_a_body_is_read() -> None:
    read = bodies.read(
        Sent(b'{"meteringPointIds": ["707057500000010017"], "inner": {"colour": "red"}}'), Example
    )

    assert read.metering_point_ids == [POINT]
    assert read.inner == Inner(colour=Colour.RED)


def test_all_faults_are_named_at_once_with_their_places() -> None:
    body = (
        b'{"meteringPointIds": ["707057500000010017", "707057500000010018"], "from": "2026-03-29T00:00",'
        b' "customerNumber": -1, "inner": {"colour": "green", "size": 1}, "metringPoint": 1}'
    )

    assert faults(body) == [
        ("meteringPointIds[1]", "not-a-metering-point-id"),
        ("from", "time-without-offset"),
        ("customerNumber", "not-in-range"),
        ("inner.colour", "not-a-choice"),
        ("inner.size", "unknown-parameter"),
        ("metringPoint", "unknown-parameter"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"customerNumber": "1"}', "not-as-expected"),
        (b'{"customerNumber": 1.5}', "not-as-expected"),
        (b'{"customerNumber": true}', "not-as-expected"),
        (b'{"meteringPointIds": 1}', "not-as-expected"),
        (b'{"inner": {}}', "required"),
        (b"[]", "not-as-expected"),
        (b"null", "not-as-expected"),
    ],
)
def test_a_value_of_another_type_is_a_fault(body: bytes, code: str) -> None:
    assert [each for _, each in faults(body)] == [code]


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        (b'{"colours": "red"}', "'colours': Input should be a valid array.", 'Give a list, such as ["red"].'),
        (b'{"colours": {}}', "'colours': Input should be a valid array.", 'Give a list, such as ["red"].'),
        (
            b'{"inner": "red"}',
            "'inner': Input should be an object.",
            'Give an object, such as {"colour": "red"}.',
        ),
        (b"[]", "'body': Input should be an object.", "Give an object."),
        (b'{"days": 0}', "'days' is out of range.", "Use a whole number from 1 to 35."),
        (b'{"days": 40}', "'days' is out of range.", "Use a whole number from 1 to 35."),
        (
            b'{"days": "7"}',
            "'days': Input should be a valid integer.",
            "Give a whole number without quotation marks.",
        ),
        (
            b'{"when": "9:30"}',
            "'when' is not written as expected.",
            "'always', or a time. For example: 09:30.",
        ),
        (
            b'{"when": 930}',
            "'when': Input should be a valid string.",
            'Give a text in quotation marks, such as "09:30".',
        ),
        (
            b'{"codes": {"a": 1}}',
            "'codes.a': Input should be a valid string.",
            "Give a text in quotation marks.",
        ),
        (
            b'{"meteringPointIds": ["707057500000010017,707057500000010024"]}',
            "'707057500000010017,707057500000010024' is not a metering point id: "
            "a metering point id has exactly 18 digits.",
            "Give each id as an item of the list.",
        ),
    ],
)
def test_a_fault_says_what_to_write_instead(body: bytes, message: str, hint: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.read(Sent(body), Example)

    [fault] = refused.value.faults
    assert (fault.message, fault.hint) == (message, hint)


@pytest.mark.parametrize("model", [ExportRequest, FeedRequest, WebhookBody])
def test_a_list_in_place_of_a_body_is_answered_with_what_it_needs(model: type[Body]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.read(Sent(b"[]"), model)

    [fault] = refused.value.faults
    assert fault.hint.startswith('Give an object, such as {"')
    example = fault.hint.removeprefix("Give an object, such as ").removesuffix(".")
    assert bodies.read(Sent(example.encode()), model)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"a": 1}}', b"nope", b"[" * 10_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        bodies.read(Sent(body), Example)

    assert refused.value.code == "not-json"


@pytest.mark.parametrize("depth", [300, 1_000])
def test_a_body_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    nested = b'{"inner": ' + b"[" * depth + b"]" * depth + b"}"

    with pytest.raises(Refused) as refused:
        bodies.read(Sent(nested), Example)

    assert refused.value.code == "not-json"


def test_a_body_that_is_too_long_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        bodies.read(Sent(b" " * 65_535 + b"{}"), Example)

    assert refused.value.code == "body-too-large"
    assert bodies.read(Sent(b" " * 65_534 + b"{}"), Example) == Example()


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/jsonp"])
def test_a_body_that_is_not_sent_as_json_is_refused(content_type: str) -> None:
    with pytest.raises(Refused) as refused:
        bodies.read(Sent(b"{}", {"content-type": content_type}), Example)

    assert refused.value.code == "unsupported-media-type"


@pytest.mark.parametrize("key", ["a" * 65, "with space", "æ", ""])
def test_an_idempotency_key_that_is_not_well_formed_is_a_fault(key: str) -> None:
    with pytest.raises(InvalidRequest):
        bodies.idempotency_key(Sent(b"", {"idempotency-key": key}))


def test_an_idempotency_key_may_be_left_out() -> None:
    assert bodies.idempotency_key(Sent(b"", {})) is None
    assert bodies.idempotency_key(Sent(b"", {"idempotency-key": "a-1"})) == "a-1"
