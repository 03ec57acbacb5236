"""What the command sync prints and returns, by what becomes of the run."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from operations import sync
from shared.access.severa.client import SeveraUnavailable
from shared.access.sync.reports import Outcome, SyncReport
from shared.leases import HeldByAnother
from tests.builders.access import NOW


def printed(run: Callable[[], SyncReport]) -> tuple[int, str]:
    """Return the exit code, and what was printed."""
    out = Console(file=io.StringIO(), width=250)
    code = sync.print_report(run, out=out)
    return code, out.file.getvalue()  # type: ignore[attr-defined]


def report(outcome: Outcome, *, error: str = "") -> SyncReport:
    return SyncReport("20261122T050000Z-abcdef", outcome, NOW, NOW, error=error)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (report(Outcome.COMPLETE), 0),
        (report(Outcome.DRY_RUN), 0),
        (report(Outcome.COMPLETE, error="Access was applied; inviting failed: no right"), 1),
        (report(Outcome.REFUSED), 3),
        (report(Outcome.BUSY, error="run another is under way"), 3),
    ],
)
def test_a_report_is_printed_and_decides_the_exit_code(ended: SyncReport, code: int) -> None:
    assert printed(lambda: ended) == (code, f"{ended.text()}\n")


def test_a_source_that_does_not_answer_is_one_sentence() -> None:
    def unavailable() -> SyncReport:
        raise SeveraUnavailable("Severa did not answer.")

    assert printed(unavailable) == (1, "Access was not brought up to date. Severa did not answer.\n")


def test_a_run_that_loses_its_lease_says_that_part_of_it_may_be_written() -> None:
    def lost() -> SyncReport:
        raise HeldByAnother("another run took over")

    assert printed(lost) == (
        3,
        "The sync stopped: another run took over. Part of the changes may be written; "
        "the next sync writes the rest.\n",
    )
