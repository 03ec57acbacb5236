"""The check runs every step and fails when one of them does."""

from collections.abc import Sequence

import pytest

from local import audit, check, places
from local.check import Step


def test_a_line_for_each_step_and_no_failure_when_all_succeed() -> None:
    times = iter([0.0, 2.0, 2.0, 62.4])

    lines, failed = check.results(
        [Step("lint", ("ruff",)), Step("tests", ("pytest",))], run=lambda _: 0, clock=lambda: next(times)
    )

    assert (lines, failed) == (["ok       lint  (2 s)", "ok       tests  (60 s)"], False)


def test_a_failed_step_does_not_hide_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[Sequence[str]] = []

    def run(step: Step) -> int:
        ran.append(step.command)
        return 1 if step.name == "lint" else 0

    lines, failed = check.results(
        [Step("lint", ("ruff",)), Step("tests", ("pytest",))], run=run, clock=lambda: 0
    )

    assert (lines, failed) == (["FAILED   lint  (0 s)", "ok       tests  (0 s)"], True)
    assert ran == [("ruff",), ("pytest",)]
    assert capsys.readouterr().out == "── lint\n── tests\n"


def test_a_step_that_could_not_reach_its_source_is_no_failure_and_is_named() -> None:
    step = Step("known vulnerabilities", ("local.audit",))

    lines, failed = check.results([step], run=lambda _: audit.NOT_REACHED, clock=lambda: 0)

    assert (lines, failed) == (["NOT RUN  known vulnerabilities  (0 s)"], False)


def test_every_path_that_a_step_names_exists() -> None:
    paths = {
        word.removeprefix("--ignore=")
        for step in check.STEPS
        for word in step.command
        if word.removeprefix("--ignore=").startswith("tests/")
    }

    assert paths
    assert all((places.ROOT / path).exists() for path in paths)
