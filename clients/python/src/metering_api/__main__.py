"""`python -m metering_api`: keep a store current, or fetch files, without writing code.

The variables METERING_API_URL, _KEY, _TOKEN_URL, _CLIENT_ID, _CLIENT_SECRET and _SCOPE say where and who.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from metering_api import errors
from metering_api.client import Client
from metering_api.exports import BOTH, Export
from metering_api.following import Follower
from metering_api.parquet import ParquetStore
from metering_api.store import SqliteStore

Say = Callable[[str], None]
_PASSING = (
    errors.AccessUnsettled,
    errors.StoreFailed,
    errors.StoreInUse,
    errors.TooManyRequests,
    errors.Unavailable,
    errors.UnexpectedAnswer,
    errors.Unreachable,
)
"""Failures that may be over at the next poll."""
_INTERRUPTED = 130
"""The exit code of shells for a program that Ctrl-C ended."""


class _Terminated(BaseException):
    """SIGTERM arrived; like KeyboardInterrupt it is no Exception, so that nothing handles it on its way."""


def main(
    arguments: Sequence[str] | None = None, *, connect: Callable[[], Client] = Client.from_environment
) -> int:
    """Run a command.

    Returns:
        0 when it succeeded or SIGTERM ended `watch`, 1 when API, network or store failed, 2 for wrong
        arguments, 130 after Ctrl-C.
    """
    given = _parser().parse_args(arguments)
    try:
        with connect() as api:
            return int(given.run(api, given))
    except (errors.MeteringError, OSError) as error:
        # An OSError is of the folder for the files: full, or not to be written.
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return _INTERRUPTED
    except _Terminated:
        return 0


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
    export = commands.add_parser("export", help="have files made, wait for them, and download them")
    export.set_defaults(run=_export)
    export.add_argument("--from", dest="from_", required=True, metavar="DAY", help="the first market day")
    export.add_argument("--to", metavar="DAY", help="exclusive; without it all that is available")
    export.add_argument("--direction", choices=BOTH, help="without it both")
    export.add_argument("--customer", type=int, metavar="NUMBER", help="only this customer's metering points")
    export.add_argument("--metering-point", action="append", default=[], metavar="ID", help="may be repeated")
    export.add_argument(
        "--resolution", metavar="WORD", help="PT15M, PT1H, P1D, P1M or P1Y; without it as stored"
    )
    export.add_argument(
        "--format", default="csv", metavar="WORD", help="csv (default), ndjson, parquet, xlsx, gs2"
    )
    export.add_argument("--gzip", action="store_true", help="compressed: csv, ndjson and gs2")
    export.add_argument("folder", help="where the files go; made when missing")
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


def _watch(api: Client, given: argparse.Namespace) -> NoReturn:
    # Ctrl-C and SIGTERM may end a run anywhere: the store loses nothing, and the next run continues.
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell's background jobs ignore it.
    follower = _follower(api, given)
    while True:
        try:
            _run(follower)
        except _PASSING as error:
            if isinstance(error, errors.UnexpectedAnswer) and not follower.has_begun:
                raise  # It never worked: an address is more likely to be wrong than a proxy to be in between.
            print(f"{_now()} {error}; trying again later", file=sys.stderr, flush=True)
        except errors.NotPermitted as error:
            if error.retry_after is None:
                raise
            print(f"{_now()} {error}; trying again when it is allowed", file=sys.stderr, flush=True)
            _wait(error.retry_after)
        _wait(given.every * 60)


def _terminate(number: int, frame: object) -> NoReturn:
    raise _Terminated


def _wait(seconds: float) -> None:
    """Wait in slices of a second at most: not every wait of Windows ends at Ctrl-C."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 1.0))


def _export(api: Client, given: argparse.Namespace) -> int:
    show = _progress(sys.stderr.isatty())
    made = api.exports.create(
        form={"format": given.format, **({"compression": "gzip"} if given.gzip else {})},
        from_=given.from_,
        to=given.to,
        directions=[given.direction] if given.direction else BOTH,
        metering_points=given.metering_point,
        customer_number=given.customer,
        resolution=given.resolution,
    )
    show("waiting for the files")
    export = api.exports.wait(made, progress=lambda each: show(_bar("days", each.days, each.of_days or 0)))
    for file in export.files:
        path = api.exports.download(
            file,
            given.folder,
            progress=lambda size, file=file: show(_bar(file.name, size, file.bytes)),  # type: ignore[misc]
        )
        show("")
        print(path, flush=True)
    _print_left_out(export)
    return 0


def _print_left_out(export: Export) -> None:
    if export.not_found:
        print(f"Not found, or not yours: {', '.join(export.not_found)}", file=sys.stderr)
    if export.stored_coarser:
        points = ", ".join(export.stored_coarser)
        print(f"Days left out, as they are stored coarser than asked for: {points}", file=sys.stderr)
    if not export.files:
        print("No values in this period, so there are no files.", file=sys.stderr)


def _bar(name: str, done: int, of: int) -> str:
    filled = 30 * done // of if of else 0
    return f"[{'#' * filled:30}] {done} of {of or '?'} {name}"


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
