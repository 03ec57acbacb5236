"""`python -m local.stack`: starts the local stack and keeps it running until Ctrl-C."""

import argparse
import shutil
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import FrameType

import httpx

from local import environment, places
from local.azurite import installation
from local.functionhost import admin
from local.ports import LAST_PORT_BASE, Ports, address
from local.sampledata import deliveries
from local.stack import access_sync, clients, feeds, greeting, lock, parts, sample, storage
from local.stack.log_tail import LogTail
from local.stack.supervision import StackFailed, Supervisor, refuse_taken_ports
from shared import periods

SYNC_SECONDS = 60
FIRST_REQUEST_SECONDS = 30
WATCH_SECONDS = 0.5
TELEMETRY = ("span ", "metric ")
"""How spans and metrics begin in the function host's log; --telemetry makes the host write them."""
PUBLISHING = "publish_readings"
DATA = ("azurite-data", "logs", "metering.duckdb*", "microsofts-host", "sample", "sftp", "standins", "timers")
"""The stack's data in the state folder, beside installations; `--fresh` deletes it."""


def main() -> int:
    """Run the stack; return 0 if it was stopped, 1 if it could not run."""
    arguments = _parser().parse_args()
    _stop_on_signals()
    ports = Ports.from_base(arguments.port_base)
    try:
        with lock.hold(arguments.state, ports):
            return _run(ports, arguments)
    except (lock.AlreadyRunning, StackFailed, installation.NotInstallable) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 0


def _run(ports: Ports, arguments: argparse.Namespace) -> int:
    supervisor = Supervisor(state=arguments.state)
    started = time.monotonic()
    try:
        _start(supervisor, ports, arguments)
        seconds = time.monotonic() - started
        print(
            greeting.text(ports, yesterday=_yesterday(), seconds=seconds, state=arguments.state), flush=True
        )
        telemetry = LogTail(arguments.state / "logs" / "functionhost.log", words=TELEMETRY)
        while True:
            time.sleep(WATCH_SECONDS)
            for line in telemetry.new_lines():
                _say(line)
            supervisor.check()
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
        return 0
    finally:
        _ignore_signals()
        supervisor.stop()


def _start(supervisor: Supervisor, ports: Ports, arguments: argparse.Namespace) -> None:
    """Start the parts in the order in which they need each other."""
    state: Path = arguments.state
    if arguments.fresh:
        _delete_data(state)
    if not installation.is_installed():
        _say("Installing Azurite, once …")
    azurite = parts.azurite(environment.azurite_endpoints(ports), data=state / "azurite-data")
    outside = [
        azurite,
        parts.identity(ports),
        parts.standins(ports, state=state),
        parts.sftp(ports, state=state),
    ]
    telemetry = "console" if arguments.telemetry else "off"
    function_host = parts.function_host(
        ports, state=state, telemetry=telemetry, host=arguments.host, python=arguments.host_python
    )
    inside = [function_host, parts.gateway(ports)]
    refuse_taken_ports([*outside, *inside])
    for part in outside:
        _say(f"Starting {part.name} …")
        supervisor.start(part)
    supervisor.wait_ready("azurite")
    storage.create(ports, state=state)
    missing, loaded = sample.write_missing(state, yesterday=_yesterday(), days=arguments.sample_days)
    if missing:
        _say(f"Loading sample data up to {loaded.until} …")
    _load(supervisor, ports, missing[:1], state=state)
    for part in inside:
        _say(f"Starting {part.name} …")
        supervisor.start(part)
    supervisor.wait_ready(*(part.name for part in [*outside, *inside]))
    _refuse_an_app_that_was_not_loaded(supervisor, ports, state=state)
    _sync(supervisor, ports, state=state)
    _wait_for_an_answer(supervisor, ports, state=state)
    _make_feeds(supervisor, ports, state=state, is_first=len(missing) > 1)
    _load(supervisor, ports, missing[1:], state=state)
    sample.remember(state, loaded)
    if missing:
        with suppress(httpx.HTTPError):  # Runs of feeds begin with the timer: now, or within five minutes.
            admin.start_timer(PUBLISHING, host=address(ports.function_host))


def _load(supervisor: Supervisor, ports: Ports, missing: list[list[Path]], *, state: Path) -> None:
    for files in missing:
        command = parts.command("load", map(str, files), settings=environment.stack(ports, state=state))
        if supervisor.run(command) != 0:
            raise StackFailed(
                "The sample data could not be loaded; `python3 dev.py run --fresh` starts over."
            )


def _make_feeds(supervisor: Supervisor, ports: Ports, *, state: Path, is_first: bool) -> None:
    """Make the demo vendor's feeds at a first start, and send one to the stand-in at its current port."""
    if is_first:
        _say("Making the vendor's feeds …")
        feeds.make(ports)
    feeds.connect(supervisor, ports, app_settings=environment.stack(ports, state=state))


def _sync(supervisor: Supervisor, ports: Ports, *, state: Path) -> None:
    """Run the access sync now. If it fails, access stays as it was and the stack runs on."""
    _say("Syncing access …")
    app_settings = environment.stack(ports, state=state)
    host = address(ports.function_host)
    if not access_sync.run(supervisor, host=host, app_settings=app_settings, seconds=SYNC_SECONDS):
        _say(
            "The access sync failed or was held back, so access stays as it was: "
            f"{state / 'logs/functionhost.log'} says why."
        )


def _refuse_an_app_that_was_not_loaded(supervisor: Supervisor, ports: Ports, *, state: Path) -> None:
    """Raise StackFailed if the host could not load the app: then every address answers 404, as in Azure."""
    health = f"{address(ports.function_host)}{environment.HEALTH_PATH}"
    if httpx.get(health, timeout=30, trust_env=False).status_code == httpx.codes.NOT_FOUND:
        log = supervisor.end_of_log("functionhost")
        raise StackFailed(f"The function host could not load the app. {log}")


def _wait_for_an_answer(supervisor: Supervisor, ports: Ports, *, state: Path) -> None:
    """Wait until a caller with a token and a key gets metering points through the gateway."""
    deadline = time.monotonic() + FIRST_REQUEST_SECONDS
    while (answer := _ask(ports)) != httpx.codes.OK:
        supervisor.check()
        if time.monotonic() > deadline:
            raise StackFailed(
                f"The first request through the gateway still gets {answer}: "
                f"look at {state / 'logs'} and at {address(ports.gateway)}/trace."
            )
        time.sleep(WATCH_SECONDS)


def _ask(ports: Ports) -> int | str:
    url = f"{address(ports.gateway)}{greeting.API}/metering-points"
    try:
        headers = clients.vendor_headers(greeting.token_url(ports))
        return httpx.get(url, headers=headers, timeout=10, trust_env=False).status_code
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return f"no answer ({type(error).__name__})"


def _delete_data(state: Path) -> None:
    """Delete the stack's data."""
    for pattern in DATA:
        for entry in state.glob(pattern):
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _yesterday() -> date:
    return periods.day_of(datetime.now(UTC)) - timedelta(days=1)


def _say(line: str) -> None:
    print(line, flush=True)


def _stop_on_signals() -> None:
    # A shell starts background jobs with SIGINT ignored; one that is sent all the same must stop the stack.
    stopping = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        stopping.append(hang_up)  # Unless nohup started the stack.
    for one in stopping:
        signal.signal(one, _interrupt)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Ignore further signals: a second Ctrl-C must not leave half of the parts running."""
    ignored: list[str] = ["SIGINT", "SIGTERM", "SIGHUP"]
    for name in ignored:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _port_base(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LAST_PORT_BASE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to {LAST_PORT_BASE}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py run", description="The local stack.", allow_abbrev=False)
    parser.add_argument("--fresh", action="store_true", help="delete its data and start over")
    parser.add_argument("--port-base", type=_port_base, help="ports from here on instead of the usual ones")
    parser.add_argument("--telemetry", action="store_true", help="print the app's spans and metrics")
    parser.add_argument(
        "--host",
        type=places.program,
        help="Microsoft's Functions host to run the app on: its folder, or `func` for Core Tools",
    )
    parser.add_argument(
        "--host-python", type=places.program, help="the Python that runs the app on it; this one unless named"
    )
    parser.add_argument("--state", type=places.named, default=places.STATE, help="where it keeps its data")
    parser.add_argument(
        "--sample-days", type=int, default=deliveries.DAYS, help="market days of sample data at a first start"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
