"""Runs the access sync of a stack: the first one by an operator's command, later ones by the timer."""

import time
from collections.abc import Mapping

import httpx

from local.functionhost import admin
from local.stack import parts
from local.stack.supervision import Supervisor
from shared import tables
from shared.access import runs
from shared.access.sync.reports import Outcome

TIMER = "sync_access"
_LOOK_SECONDS = 0.2


def run(supervisor: Supervisor, *, host: str, app_settings: Mapping[str, str], seconds: float) -> bool:
    """Run the sync now, wait up to `seconds` for its result, and return whether it was complete.

    The first sync of a fresh state needs an operator's consent, which only the command can give: starting the
    demo world is that consent.

    Args:
        host: the base address of the function host.
        app_settings: the app's, with the storage in which the sync records its result.
    """
    stored = tables.open_tables(app_settings["TABLE_STORAGE"], credential=None)
    stored.create_missing()
    if runs.completed_at(stored) is None:
        return supervisor.run(parts.command("sync", ["--allow-grants"], settings=app_settings)) == 0
    before = runs.latest(stored)
    try:
        admin.start_timer(TIMER, host=host)
    except httpx.HTTPError:
        return False
    deadline = time.monotonic() + seconds
    while (latest := runs.latest(stored)) == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return latest is not None and latest.outcome == Outcome.COMPLETE
