"""Retries changes that conflict with another one: loads and publications are committed one at a time."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tenacity

from shared.warehouse.engine import WarehouseConflict

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

ATTEMPTS = 400
"""After this many the conflict is raised: two minutes if each conflict is raised at once.

A number and not a time, since a conflict may appear only at the commit, minutes after the change began.
"""

STOP = tenacity.stop_after_attempt(ATTEMPTS)

_retrying = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(WarehouseConflict),
    wait=tenacity.wait_random(min=0.05, max=0.5),
    stop=STOP,
    reraise=True,
)


def retry(
    change: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Run a change, and run it again from the start each time it meets a conflict.

    Args:
        change: opens a transaction of its own. If what it reads decides what it writes, its first statement
            is `engine.lock_writes()`.

    Raises:
        WarehouseConflict: there was a conflict every time.
    """
    return _retrying.copy()(change, *args, **kwargs)
