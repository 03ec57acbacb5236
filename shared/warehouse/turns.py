"""Loading and publishing take turns: of two at the same time one wins, and the other tries again."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tenacity

from shared.warehouse.engine import Statement, WarehouseConflict

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

GIVE_UP_AFTER = 120
"""Seconds after which whoever always loses reports the conflict."""

_retrying = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(WarehouseConflict),
    wait=tenacity.wait_random(min=0.05, max=0.5),
    stop=tenacity.stop_after_delay(GIVE_UP_AFTER),
    reraise=True,
)


def take() -> Statement:
    """Makes a transaction the only one of its kind; a second one at the same time is refused.

    It comes first in the transaction, so that what is read after it cannot change any more.
    """
    return Statement("UPDATE metering.turn SET taken = taken + 1", (), "take_turn")


def retried(
    change: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Do a change in a transaction of its own, again from the start when somebody else was first.

    Raises:
        WarehouseConflict: others were first all the time, for two minutes.
    """
    return _retrying.copy()(change, *args, **kwargs)
