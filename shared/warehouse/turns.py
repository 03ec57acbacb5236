"""Loading and publishing take turns: of two at the same time one wins, and the other tries again."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tenacity

from shared.warehouse.engine import Statement, WarehouseConflict

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

ATTEMPTS = 400
"""After so many, whoever always loses reports the conflict: two minutes where a conflict is told at once.

A number and not a time, since it may be told only at the commit, after a publication of minutes.
"""

GIVING_UP = tenacity.stop_after_attempt(ATTEMPTS)

_retrying = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(WarehouseConflict),
    wait=tenacity.wait_random(min=0.05, max=0.5),
    stop=GIVING_UP,
    reraise=True,
)


def take() -> Statement:
    """Makes a transaction the only one of its kind: of two at the same time only one is committed.

    The embedded engine refuses the second one here. Fabric finds out when the second one is committed, so
    all of its work may be in vain (https://blog.fabric.microsoft.com/en-us/blog/
    concurrency-control-and-conflict-resolution-in-microsoft-fabric-data-warehouse).
    Either way it comes first in the transaction: what is read after it still holds if it is committed.
    """
    return Statement("UPDATE metering.turn SET taken = taken + 1", (), "take_turn")


def retried(
    change: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Do a change in a transaction of its own, again from the start when somebody else was first.

    Raises:
        WarehouseConflict: others were first every time.
    """
    return _retrying.copy()(change, *args, **kwargs)
