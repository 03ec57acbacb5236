"""Sends of files in processes that are killed: `python -m tests.builders.processes.sending CONNECTION`.

Reads lines `<message> <key> <seconds>`: sends the runs of the feed that the message names, with the private
key in that file, and kills the process so many seconds after it began. Answers each with `done` or `killed`.
The imports are made once, so that a process begins in milliseconds.
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared import leases, queues, tables
from shared.access.grants import Grants
from shared.files import outbox
from shared.files.feeds.ledger import Ledger
from shared.files.feeds.runs import Runs
from shared.files.feeds.sending import Dispatcher
from shared.files.feeds.sftp import Sender
from shared.files.feeds.store import Feeds


def dispatcher(connection: str, *, key: str, ahead: timedelta) -> Dispatcher:
    """Return what sends, without a warehouse: nothing is made again.

    Args:
        ahead: of the time; the lease of a process that was killed must have ended.
    """
    storage = tables.open_tables(connection, credential=None)

    def clock() -> datetime:
        return datetime.now(UTC) + ahead

    runs = Runs(
        storage=storage,
        feeds=Feeds(storage),
        ledger=Ledger(storage),
        outbox=outbox.open_outbox(connection, credential=None),
        queue=queues.open_queues(connection, credential=None),
        grants=Grants(tables=storage, max_age=timedelta(days=3), clock=clock),
        clock=clock,
    )
    return Dispatcher(runs, Sender(key))


def send_and_kill(message: str, *, connection: str, key: str, seconds: float, ahead: timedelta) -> bool:
    """Send in a process that lives at most so long; return whether it came to its end."""
    process = os.fork()
    if process == 0:
        try:
            dispatcher(connection, key=key, ahead=ahead).handle(message)
        finally:
            os._exit(0)
    began = time.monotonic()
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if time.monotonic() - began >= seconds:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return False
        time.sleep(0.001)
    return True


def main() -> None:
    """Answer each line."""
    for number, line in enumerate(sys.stdin, start=1):
        message, key, seconds = line.split()
        is_done = send_and_kill(
            message,
            connection=sys.argv[1],
            key=Path(key).read_text("utf-8"),
            seconds=float(seconds),
            ahead=number * 2 * leases.LASTS,
        )
        sys.stdout.write("done\n" if is_done else "killed\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
