"""How long one request may keep the others waiting for the interpreter."""

import sys

import pytest


@pytest.mark.usefixtures("api")
def test_who_writes_a_large_answer_hands_the_interpreter_on_after_a_millisecond() -> None:
    assert sys.getswitchinterval() == pytest.approx(0.001)
