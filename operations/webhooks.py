"""Prints callers' webhooks and the results of their notices: `python -m operations webhooks [WHO [ID]]`.

Without WHO, all webhooks are listed, and why a webhook is disabled. WHO is a principal (`app:…`, `user:…`).
With an ID, its notices are listed too, each with the number of attempts and the last answer. `--enable` lets
a disabled webhook get notices again; if it was never confirmed, it has to be confirmed first.

Exit code 0: printed. 2: there is no such webhook, or Table Storage did not answer. No secret is printed, and
only the host of an address: its path may hold a token of the receiver.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from rich.console import Console

from operations import printing, services
from shared import settings
from shared.notices.store import Store
from shared.notices.webhooks import KEPT, Notice, State, Webhook
from shared.settings import InvalidSettings
from shared.tables import TablesUnavailable
from shared.telemetry import log_levels

TROUBLE = 2
WIDE = 250


def main(arguments: Sequence[str]) -> int:
    """Print webhooks, or enable one, and return the exit code."""
    parser = argparse.ArgumentParser(prog="webhooks", description="Show the webhooks of callers.")
    parser.add_argument("who", nargs="?", help="app:… or user:…; without it, all are listed")
    parser.add_argument("id", nargs="?", help="the id of one webhook, to list its notices too")
    parser.add_argument("--enable", action="store_true", help="let a disabled webhook get notices again")
    chosen = parser.parse_args(arguments)
    if chosen.enable and not chosen.id:
        parser.error("--enable needs WHO and ID")
    if any(word is not None and not word.strip() for word in (chosen.who, chosen.id)):
        parser.error("WHO or ID is blank")
    # A file or a pipe has no width: a table in 80 columns would break every id.
    out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
    log_levels.quieten_libraries()
    try:
        kept = Store(services.storage(settings.tables_from_environment()))
        if chosen.enable:
            return enable(kept, chosen.who, chosen.id, out=out)
        if chosen.id:
            return show(kept, chosen.who, chosen.id, now=services.now(), out=out)
        return show_all(kept, chosen.who, out=out)
    except (InvalidSettings, TablesUnavailable) as error:
        out.print(str(error), markup=False)
        return TROUBLE


def show_all(kept: Store, who: str | None, *, out: Console) -> int:
    """Print the webhooks of a principal, or of all, and return the exit code."""
    listed = kept.webhooks_of(who) if who else list(kept.every_webhook())
    if not listed:
        out.print(f"{who} has no webhooks." if who else "There are no webhooks.", markup=False)
        return 0
    _print_webhooks(listed, out=out)
    return 0


def show(kept: Store, who: str, webhook_id: str, *, now: datetime, out: Console) -> int:
    """Print one webhook and its notices of the last 30 days, and return the exit code."""
    found = kept.webhook(who, webhook_id)
    if found is None:
        return _unknown(who, webhook_id, out=out)
    _print_webhooks([found], out=out)
    _print_notices(kept.notices_of(found, since=now - KEPT), out=out)
    return 0


def enable(kept: Store, who: str, webhook_id: str, *, out: Console) -> int:
    """Let a webhook get notices again, and return the exit code."""
    changed = kept.change_webhook(who, webhook_id, enabled)
    if changed is None:
        return _unknown(who, webhook_id, out=out)
    _print_webhooks([changed], out=out)
    if changed.state is State.UNCONFIRMED:
        out.print("Its owner has to confirm it first: POST /webhooks/{webhookId}/test.")
    return 0


def enabled(webhook: Webhook) -> Webhook:
    """Return the webhook enabled: active if its receiver had confirmed it, else unconfirmed."""
    if webhook.state is not State.DISABLED:
        return webhook
    return replace(
        webhook,
        state=State.ACTIVE if webhook.confirmed_at else State.UNCONFIRMED,
        disabled_at=None,
        disabled_reason=None,
        failing_since=None,
    )


def _unknown(who: str, webhook_id: str, *, out: Console) -> int:
    out.print(f"{who} has no webhook '{webhook_id}'.", markup=False)
    return TROUBLE


def _print_webhooks(listed: Iterable[Webhook], *, out: Console) -> None:
    table = printing.table("Principal", "Webhook", "Host", "Events", "State", "Since", "Why")
    for each in listed:
        is_failing = each.state is State.ACTIVE and each.failing_since is not None
        table.add_row(
            each.principal,
            each.webhook_id,
            urlsplit(each.url).hostname,
            ", ".join(each.events),
            "failing" if is_failing else each.state.value,
            printing.minute(each.disabled_at or each.failing_since or each.confirmed_at or each.created_at),
            each.disabled_reason or "",
        )
    out.print(table)


def _print_notices(notices: Sequence[Notice], *, out: Console) -> None:
    if not notices:
        out.print("It has had no notices in the last 30 days.")
        return
    table = printing.table(
        "Notice", "Event", "Made", "Status", "Attempts", "Last attempt", "Answer", "Next attempt"
    )
    for each in notices:
        table.add_row(
            each.notice_id,
            each.event,
            printing.minute(each.created_at),
            each.status.value,
            str(each.attempts),
            printing.minute(each.last_attempt_at),
            each.last_fault or str(each.last_status or ""),
            printing.minute(each.next_attempt_at),
        )
    out.print(table)
