"""A change that loses against another is made again, however long each attempt takes."""

import pytest
import tenacity

from shared.warehouse import conflicts
from shared.warehouse.engine import WarehouseConflict


class Losing:
    """A change that meets a conflict a number of times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise WarehouseConflict("Somebody else was first.")
        return "done"


def after(*, attempts: int, seconds: float) -> tenacity.RetryCallState:
    """Return the state of a change after so many attempts in so long a time."""
    state = tenacity.RetryCallState(tenacity.Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = attempts
    state.outcome_timestamp = state.start_time + seconds
    return state


def test_a_change_that_loses_is_made_again() -> None:
    assert conflicts.retry(Losing(2)) == "done"


def test_another_fault_is_not_tried_again() -> None:
    losing = Losing(1)

    def change() -> str:
        if not losing.left:
            raise ZeroDivisionError
        return losing()

    with pytest.raises(ZeroDivisionError):
        conflicts.retry(change)


@pytest.mark.parametrize("seconds", [0.1, 900])
def test_only_the_number_of_attempts_counts_however_long_they_take(seconds: float) -> None:
    assert not conflicts.STOP(after(attempts=1, seconds=seconds))
    assert conflicts.STOP(after(attempts=conflicts.ATTEMPTS, seconds=seconds))
