"""What counts as a right answer."""

import pytest

from bench.apparatus import questions
from bench.apparatus.connections import Answer
from bench.apparatus.questions import Question

BODY = b'{"values":[1,2]}'
DATA = Question("a day", b"", digest=questions.digest(BODY))
PROBLEM = Question("not found", b"", status=404, code="not-found")
STATUS = Question("status", b"", is_steady=False)


@pytest.mark.parametrize(
    ("question", "status", "body"),
    [
        (DATA, 200, BODY),
        (PROBLEM, 404, b'{"code":"not-found","requestId":"1"}'),
        (PROBLEM, 404, b'{"code":"not-found","requestId":"2"}'),
        (STATUS, 200, b'{"dataAvailableUntil":null}'),
    ],
)
def test_a_right_answer_has_no_fault(question: Question, status: int, body: bytes) -> None:
    assert question.fault(Answer(status, {}, body)) is None


@pytest.mark.parametrize(
    ("question", "status", "body"),
    [
        (DATA, 500, BODY),
        (DATA, 200, BODY[:-1]),
        (DATA, 200, b'{"values":[1,3]}'),
        (PROBLEM, 200, BODY),
        (PROBLEM, 404, b'{"code":"unknown-path"}'),
        (STATUS, 200, b"{}"),
    ],
)
def test_any_other_answer_has_one(question: Question, status: int, body: bytes) -> None:
    assert question.fault(Answer(status, {}, body)) is not None
