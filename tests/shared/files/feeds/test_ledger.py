"""Runs that are handed out again, and how long their files are kept."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.files.feeds.ledger import KEPT, FileOfRun, Run, RunStatus
from tests.shared.files.feeds.test_contents import NOW, RUN

MADE = replace(
    RUN,
    status=RunStatus.READY,
    plan="plan",
    batches=1,
    manifest=FileOfRun("manifest.json", 300, 1, 0, 0, 0, 0, "hash"),
    finished_at=NOW,
)
USED = replace(
    MADE,
    status=RunStatus.FAILED,
    problem=("not-sent", "Your server has not accepted it for a day."),
    attempts=9,
    sent_files=1,
    next_attempt_at=NOW,
    taken_at=NOW,
    is_reported=True,
)


def test_a_run_is_handed_out_again_as_it_was_made() -> None:
    later = NOW + KEPT - timedelta(seconds=1)

    assert USED.reopened(now=later) == replace(MADE, handings=2, touched_at=later)


@pytest.mark.parametrize(
    ("run", "after"),
    [
        (USED, KEPT),
        (replace(USED, manifest=None), timedelta(0)),
        (replace(USED, finished_at=None), timedelta(0)),
    ],
    ids=["its files are deleted", "it has no files", "it was never finished"],
)
def test_a_run_without_files_is_made_again(run: Run, after: timedelta) -> None:
    again = run.reopened(now=NOW + after)

    assert (again.status, again.round, again.manifest) == (RunStatus.BUILDING, 2, None)


def test_files_are_kept_for_35_days() -> None:
    end = NOW + timedelta(days=35)

    assert MADE.is_kept(end - timedelta(seconds=1))
    assert not MADE.is_kept(end)
    assert not USED.is_kept(NOW)
    assert not replace(MADE, finished_at=None).is_kept(NOW)
