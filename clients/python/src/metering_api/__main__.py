"""`python -m metering_api`: keep a store current without writing code.

The variables METERING_API_URL, _KEY, _TOKEN_URL, _CLIENT_ID, _CLIENT_SECRET and _SCOPE say where and who.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from metering_api import errors
from metering_api.client import Client
from metering_api.following import Follower
from metering_api.parquet import ParquetStore
from metering_api.store import SqliteStore

Say = Callable[[str], None]


def main(
    arguments: Sequence[str] | None = None, *, connect: Callable[[], Client] = Client.from_environment
) -> int:
    """Run a command; 0 when it succeeded, 1 when the API or the network failed, 2 for wrong arguments."""
    given = _parser().parse_args(arguments)
    try:
        with connect() as api:
            return int(given.run(api, given))
    except errors.MeteringError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m metering_api", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    sync = commands.add_parser("sync", help="bring a store up to date once: for a cron job")
    sync.set_defaults(run=_sync)
    watch = commands.add_parser("watch", help="keep a store up to date until Ctrl-C or SIGTERM")
    watch.set_defaults(run=_watch)
    watch.add_argument("--every", type=_minutes, default=15, metavar="MINUTES", help="default 15")
    for command in (sync, watch):
        place = command.add_mutually_exclusive_group(required=True)
        place.add_argument("--sqlite", metavar="FILE", help="a SQLite file; made when missing")
        place.add_argument("--parquet", metavar="FOLDER", help="Parquet files, one for each month")
    return parser


def _minutes(text: str) -> float:
    minutes = float(text)
    if minutes <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return minutes


def _sync(api: Client, given: argparse.Namespace) -> int:
    follower = _follower(api, given)
    _run(follower)
    return 0


def _watch(api: Client, given: argparse.Namespace) -> int:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    follower = _follower(api, given)
    while not ended.is_set():
        try:
            _run(follower)
        except (
            errors.Unreachable,
            errors.Unavailable,
            errors.TooManyRequests,
            errors.AccessUnsettled,
        ) as error:
            print(f"{_now()} {error}; trying again later", file=sys.stderr, flush=True)
        ended.wait(given.every * 60)
    return 0


def _follower(api: Client, given: argparse.Namespace) -> Follower:
    store = SqliteStore(given.sqlite) if given.sqlite else ParquetStore(given.parquet)
    return Follower(api, store, progress=_progress(sys.stderr.isatty()))


def _progress(is_terminal: bool) -> Say:
    if not is_terminal:
        return lambda line: None
    return lambda line: print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def _run(follower: Follower) -> None:
    done = follower.run_once()
    follower.progress("")
    print(
        f"{_now()} {done.changed} changed days, {done.history} days of history, "
        f"{done.gained} metering points gained, {done.ended} ended",
        flush=True,
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    raise SystemExit(main())
