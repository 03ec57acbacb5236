"""Prints callers' feeds, and lets operators act on them: `python -m operations feeds [ACTION …]`.

Without an action, all feeds are listed with their last run. `show` prints a feed's ledger. `pause` stops a
feed until `resume`. `resend` hands a run out again. `key` prints our public key for customers' SFTP servers.
`add-sftp` sends a feed's files to such a server, whose host key the operator has checked. `compare` compares
a file of the old system with what the feed would send.

Exit code 0: done, and nothing differs. 1: there are differences. 2: there is no such feed or run, the file or
a stored run cannot be read, or a service did not answer.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from rich.console import Console

from local import places
from operations import printing, services
from operations.feed_files import report
from operations.feed_files.old_file import Unreadable
from shared import settings
from shared.access.grants import AccessTooOld, Grants, NoGrants
from shared.files.feeds import ledger
from shared.files.feeds.ledger import LONG_AGO, Ledger, Run, RunStatus
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.store import Feed, Feeds
from shared.settings import DataSettings, InvalidSettings
from shared.tables import Tables, TablesUnavailable, UnreadableValue
from shared.telemetry import log_levels
from shared.warehouse.engine import WarehouseError

DIFFERENT, TROUBLE = 1, 2
UNREADABLE = "unreadable"
WIDE = 250
SHOWN = 20
"""The most runs of a ledger that are printed."""


@dataclass(frozen=True)
class Desk:
    """What the actions work on."""

    feeds: Feeds
    ledger: Ledger
    now: Callable[[], datetime]
    out: Console


def main(arguments: Sequence[str]) -> int:
    """Run the action and return the exit code."""
    chosen = _parser().parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
    log_levels.quieten_libraries()
    try:
        if chosen.action == "key":
            return print_key(out=out)
        storage = services.storage(settings.tables_from_environment())
        desk = Desk(Feeds(storage), Ledger(storage), services.now, out)
        if chosen.action is None:
            return show_all(desk)
        feed = desk.feeds.get(chosen.principal, chosen.feed)
        if feed is None:
            out.print(f"{chosen.principal} has no feed '{chosen.feed}'.", markup=False)
            return TROUBLE
        if chosen.action == "compare":
            return _compare(chosen, feed, storage, out=out)
        return _ACTIONS[chosen.action](desk, feed, chosen)
    except (InvalidSettings, TablesUnavailable, WarehouseError, Unreadable, OSError) as error:
        out.print(str(error), markup=False)
        return TROUBLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="feeds", description="Show the feeds of callers, and act on them.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("key", help="print our public key for customers' SFTP servers")
    of_feed = {
        "show": "print a feed's ledger",
        "pause": "make no runs until the feed is resumed",
        "resume": "make runs again; the next one holds everything since the last one",
        "resend": "hand a run out again, within ten minutes or when the paused feed is resumed",
        "add-sftp": "send a feed's files to a customer's SFTP server",
        "compare": "compare a file of the old system with what the feed would send",
    }
    made = {name: actions.add_parser(name, help=text) for name, text in of_feed.items()}
    for each in made.values():
        each.add_argument("principal", help="app:… or user:…")
        each.add_argument("feed", help="the feed's id")
    made["resend"].add_argument("run", help="the run's name, such as 000184-000187")
    made["compare"].add_argument(
        "--part",
        action="store_true",
        help="do not list series that the file lacks: it has only some on purpose",
    )
    made["compare"].add_argument("file", type=places.named, metavar="OLDFILE", help="GS2, or CSV")
    sftp = made["add-sftp"]
    sftp.add_argument("--host", required=True)
    sftp.add_argument("--port", type=_port, default=22)
    sftp.add_argument("--user", required=True)
    sftp.add_argument("--host-key", required=True, help="the server's public key: ssh-ed25519 AAAA…")
    sftp.add_argument("--folder", default=".")
    sftp.add_argument(
        "--unchecked",
        action="store_true",
        help="do not check the server's key, if this machine cannot reach the server",
    )
    sftp.add_argument("--without-manifest", action="store_true", help="send only the files")
    return parser


def show_all(desk: Desk) -> int:
    """Print all feeds with their last run, and return the exit code."""
    table = printing.table(
        "Principal", "Feed", "Form", "When", "To", "Last run", "Status", "Files", "Finished"
    )
    found = list(desk.feeds.everything())
    code = 0
    for feed in found:
        cells = _latest(desk, feed)
        code = TROUBLE if UNREADABLE in cells else code
        table.add_row(
            feed.principal,
            feed.id,
            feed.spec.form["format"],
            "paused" if feed.is_paused else feed.spec.when,
            feed.receiver.host if feed.receiver else "links",
            *cells,
        )
    if found:
        desk.out.print(table)
    else:
        desk.out.print("There are no feeds.")
    return code


def _latest(desk: Desk, feed: Feed) -> tuple[str, str, str, str]:
    if feed.latest is None:
        return "none", "", "", ""
    try:
        run = desk.ledger.get(feed.principal, feed.id, feed.latest.through)
    except UnreadableValue:
        return feed.latest.name, UNREADABLE, "", ""
    return _cells(run) if run else ("none", "", "", "")


def _cells(run: Run) -> tuple[str, str, str, str]:
    return run.id, run.status.value, str(run.file_count), printing.minute(run.finished_at)


def show(desk: Desk, feed: Feed, _: Any) -> int:
    """Print the newest runs of a feed, and return the exit code."""
    table = printing.table("Run", "Status", "Files", "Finished", "Tries", "Taken", "Problem")
    code = 0
    for through, run in islice(desk.ledger.listed(feed.principal, feed.id), SHOWN):
        if run is None:
            table.add_row(f"…-{through:06d}", UNREADABLE, "", "", "", "", "It is not as the app writes it.")
            code = TROUBLE
            continue
        problem = ": ".join(run.problem) if run.problem else ""
        table.add_row(*_cells(run), str(run.attempts), printing.minute(run.taken_at), problem)
    desk.out.print(table)
    return code


def pause(desk: Desk, feed: Feed, chosen: Any) -> int:
    """Pause or resume a feed, and return the exit code."""
    is_paused = chosen.action == "pause"
    desk.feeds.change(feed.principal, feed.id, lambda stored: replace(stored, is_paused=is_paused))
    desk.out.print(f"{feed.id} is {'paused' if is_paused else 'on'}.", markup=False)
    return 0


def resend(desk: Desk, feed: Feed, chosen: Any) -> int:
    """Have the app hand a run out again, and return the exit code."""
    runs = (run for _, run in desk.ledger.listed(feed.principal, feed.id))
    run = next((each for each in runs if each and each.id == chosen.run), None)
    if run is None:
        desk.out.print(f"{feed.id} has no run '{chosen.run}'.", markup=False)
        return TROUBLE
    if run.status in (RunStatus.BUILDING, RunStatus.EMPTY):
        desk.out.print(f"The run is {run.status.value}: there is nothing to send.", markup=False)
        return TROUBLE
    now = desk.now()
    ledger.reopen(
        desk.feeds,
        desk.ledger,
        run,
        lambda stored: replace(stored.reopened(now=now), touched_at=LONG_AGO),
    )
    is_held = feed.is_paused and feed.receiver_of(run.span.through) is not None
    when = "when the feed is resumed" if is_held else "within ten minutes"
    desk.out.print(f"The app hands {run.id} out again {when}.", markup=False)
    return 0


def add_sftp(desk: Desk, feed: Feed, chosen: Any) -> int:
    """Send a feed's next runs to an SFTP server whose host key was checked, and return the exit code.

    If the feed had another server, the runs that were not sent to it go to the new one.
    """
    from shared.files.feeds import sftp

    receiver = Receiver(
        chosen.host,
        chosen.port,
        chosen.user,
        chosen.host_key,
        chosen.folder,
        with_manifest=not chosen.without_manifest,
    )
    others = (each for each in desk.feeds.everything() if each.id == feed.id)
    sharing = [each for each in others if each.receiver and each.receiver.place == receiver.place]
    if any(each.principal != feed.principal for each in sharing):
        desk.out.print(
            "Nothing is changed. Another owner's feed with this id sends to the same folder, and its files "
            "would be overwritten: choose another --folder."
        )
        return TROUBLE
    try:
        if chosen.unchecked:
            sftp.parse_host_key(chosen.host_key)
        else:
            sftp.check_host(chosen.host, chosen.port, host_key=chosen.host_key)
    except sftp.NotSent as error:
        desk.out.print(f"Nothing is changed. {error}", markup=False)
        return TROUBLE

    def connect(stored: Feed) -> Feed:
        # Read `covered` now: a run may have been decided while the server was asked for its key.
        after = stored.receiver.after if stored.receiver else stored.covered
        return replace(stored, receiver=replace(receiver, after=after))

    changed = desk.feeds.change(feed.principal, feed.id, connect)
    if changed is None or changed.receiver is None:
        desk.out.print(f"{feed.id} was deleted meanwhile.", markup=False)
        return TROUBLE
    for run in list(desk.ledger.of(feed.principal, feed.id, after=changed.receiver.after)):
        if run.status is RunStatus.READY:
            ledger.reopen(desk.feeds, desk.ledger, run, lambda stored: _begun_again(stored, now=desk.now()))
    desk.out.print(f"The next run of {feed.id} goes to {receiver.user}@{receiver.host}.", markup=False)
    return 0


def _begun_again(run: Run, *, now: datetime) -> Run:
    """Return a run that will be sent again from its first file; unchanged if it was sent meanwhile."""
    return replace(run.reopened(now=now), touched_at=LONG_AGO) if run.status is RunStatus.READY else run


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65_535:
        raise ValueError(text)
    return port


def print_key(*, out: Console) -> int:
    """Print our public key, and return the exit code."""
    from shared.files.feeds import sftp

    seed = settings.sftp_seed(os.environ.get("SFTP_KEY"))
    out.print(f"{sftp.public_key(seed)} metering", markup=False)
    return 0


_ACTIONS: Mapping[str, Callable[[Desk, Feed, Any], int]] = {
    "show": show,
    "pause": pause,
    "resume": pause,
    "resend": resend,
    "add-sftp": add_sftp,
}


def _compare(chosen: Any, feed: Feed, storage: Tables, *, out: Console) -> int:
    data: DataSettings = settings.data_from_environment()
    grants = Grants(tables=storage, max_age=timedelta(days=36_500), clock=services.now)
    try:
        readable = grants.read_uncached(feed.principal)
    except NoGrants:
        out.print(
            f"{feed.principal} may read no metering point, so there is nothing to compare.", markup=False
        )
        return TROUBLE
    except AccessTooOld as error:
        out.print(f"It is not known what {feed.principal} may read: {error}.", markup=False)
        return TROUBLE
    with services.warehouse(data) as warehouse:
        differences = report.compare(
            chosen.file.read_bytes(),
            feed,
            readable,
            warehouse,
            now=services.now(),
            out=out,
            is_part=chosen.part,
        )
    return DIFFERENT if differences else 0
