"""`python -m metering_api` keeps a store current, once or until it is stopped, and says what failed."""

import gzip
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import duckdb
import pytest

from local import demo, places
from metering_api import SqliteStore
from metering_api.__main__ import main
from shared.access.grant import Span
from tests.clients.vendor import Vendor, held

HOLDER = """
import sys
from metering_api import SqliteStore

with SqliteStore(sys.argv[1]).lock_for_run():
    print("locked", flush=True)
    sys.stdin.read()
"""
SOME = {each.metering_point_id: (Span(),) for each in demo.METERING_POINTS[:3]}
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", re.MULTILINE)


def answer_with_a_page(world: Vendor, folder: Path, status: int = 200) -> Callable[[], None]:
    """Answer with a page of somebody else's, once a run has gone well."""
    assert main(["sync", "--parquet", str(folder)], connect=world.client) == 0
    world.faults.page = (status, "<html>Welcome to the network</html>")
    return lambda: None


def hold_a_file(world: Vendor, folder: Path) -> Callable[[], None]:
    """Make the file of March one that cannot be replaced, as on Windows while a program reads it."""
    (folder / "values-2026-03.parquet" / "held").mkdir(parents=True)

    def release() -> None:
        (folder / "values-2026-03.parquet" / "held").rmdir()
        (folder / "values-2026-03.parquet").rmdir()

    return release


def fail_in_sqlite(world: Vendor, folder: Path) -> Callable[[], None]:
    """Let SQLite refuse days with an OperationalError, as it does when the disk is full."""
    folder.mkdir()
    path = folder / "metering.db"
    SqliteStore(path).close()
    execute(path, "CREATE TRIGGER fault BEFORE INSERT ON day BEGIN SELECT * FROM no_such_table; END")
    return lambda: execute(path, "DROP TRIGGER fault")


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)


PASSING = [
    pytest.param(answer_with_a_page, r"answered 200 without JSON\.", id="page"),
    pytest.param(
        partial(answer_with_a_page, status=302), r"answered 302 with another address", id="redirection"
    ),
    pytest.param(hold_a_file, r"values-2026-03\.parquet cannot be written now: .* close it there", id="file"),
    pytest.param(fail_in_sqlite, r"metering\.db cannot be used now: no such table", id="sqlite"),
]
Fault = Callable[[Vendor, Path], Callable[[], None]]
"""Brings a fault about in a store's folder; returns what ends the fault."""


@pytest.fixture
def _handlers() -> Iterator[None]:
    """Put the handlers of signals back that a command has replaced."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def contents(path: Path) -> object:
    with closing(SqliteStore(path)) as store:
        return held(store)


def test_sync_writes_parquet_files(world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.permit(SOME)
    folder = tmp_path / "parquet"

    code = main(["sync", "--parquet", str(folder)], connect=world.client)

    stored = world.stored(SOME)
    [(count, last)] = (
        duckdb.connect()
        .execute(f"SELECT count(*), max(strftime(start, '%Y-%m')) FROM '{folder}/values-2026-03.parquet'")
        .fetchall()
    )
    assert code == 0
    assert count == sum(len(quantities) for _, quantities, _ in stored.values())
    assert last == "2026-03"
    assert _TIME.sub("", capsys.readouterr().out) == (
        f"0 changed days, {len(stored)} days of history, 3 metering points gained, 0 ended\n"
    )


def test_a_refusal_is_said_in_a_line_and_is_a_failure(
    world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.permit({})
    world.forward(60)

    code = main(["sync", "--sqlite", str(tmp_path / "metering.db")], connect=world.client)

    assert code == 1
    assert capsys.readouterr().err.startswith("403 no-access: ")


def test_export_downloads_files(world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.permit(SOME)
    world.catch_up()
    point, foreign = demo.METERING_POINTS[0].metering_point_id, demo.METERING_POINTS[9].metering_point_id
    options = ["--from", "2026-03-30", "--to", "2026-03-31", "--direction", "consumption", "--gzip"]
    named = ["--metering-point", point, "--metering-point", foreign, "--resolution", "P1D"]

    code = main(["export", *options, *named, str(tmp_path / "files")], connect=world.client)

    printed = capsys.readouterr()
    (path,) = (tmp_path / "files").iterdir()
    _, row = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert (code, printed.out) == (0, f"{path}\n")
    assert f"{point},consumption," in row
    assert ",710.675," in row
    assert printed.err == f"Not found, or not yours: {foreign}\n"


def test_export_reports_what_is_stored_coarser_and_that_there_are_no_files(
    world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    point = demo.METERING_POINTS[0].metering_point_id
    world.permit({point: SOME[point]})
    world.catch_up()
    quarters = ["--from", "2026-03-30", "--direction", "consumption", "--resolution", "PT15M"]

    codes = [
        main(["export", *quarters, str(tmp_path)], connect=world.client),
        main(["export", "--from", "2030-01-01", "--format", "gs2", str(tmp_path)], connect=world.client),
    ]

    printed = capsys.readouterr()
    no_files = "No values in this period, so there are no files."
    assert (codes, printed.out) == ([0, 0], "")
    assert printed.err.splitlines() == [
        f"Days left out, as they are stored coarser than asked for: {point}",
        no_files,
        no_files,
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudoterminal in Python")
def test_a_terminal_shows_how_far_it_is(standing: Vendor, tmp_path: Path) -> None:
    import pty

    standing.catch_up()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "metering_api", "export", "--from", "2026-03-30", str(tmp_path)]
    path = {"PYTHONPATH": str(places.ROOT / "clients" / "python" / "src")}
    process = subprocess.Popen(
        command, env={**os.environ, **path, **standing.environment}, stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    printed = ""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        standing.build_files()
        try:
            printed += os.read(ours, 65536).decode() if select.select([ours], [], [], 0.1)[0] else ""
        except OSError:  # The other end is closed.
            break
    os.close(ours)

    assert process.wait(10) == 0
    assert "waiting for the files" in printed
    assert f"[{'#' * 30}] 18 of 18 days" in printed
    assert re.search(r"\[#{30}\] (\d+) of \1 ex_", printed)


def test_a_store_that_cannot_be_opened_is_said(
    standing: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("Not a database, but long enough to look like one." * 20)

    for path in (tmp_path / "no-such-folder" / "metering.db", tmp_path / "letter.txt"):
        assert main(["sync", "--sqlite", str(path)], connect=standing.client) == 1

    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path}/no-such-folder/metering.db cannot be opened: unable to open database file.",
        f"{tmp_path}/letter.txt cannot be used: file is not a database.",
    ]


def test_a_second_run_is_refused_until_the_first_ends_or_is_killed(
    world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.permit(SOME)
    path = tmp_path / "metering.db"
    command = [sys.executable, "-c", HOLDER, str(path)]
    package = {"PYTHONPATH": str(places.ROOT / "clients" / "python" / "src")}
    first = subprocess.Popen(
        command, env={**os.environ, **package}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with first:
        assert first.stdout is not None
        assert first.stdout.readline().strip() == b"locked"
        while_it_runs = main(["sync", "--sqlite", str(path)], connect=world.client)
        first.kill()
    after_it = main(["sync", "--sqlite", str(path)], connect=world.client)

    assert (while_it_runs, after_it) == (1, 0)
    assert capsys.readouterr().err == (
        f"{path} is being updated by another run, so this run did nothing. "
        "Run again when the other has ended.\n"
    )
    assert contents(path) == world.stored(SOME)


@pytest.mark.parametrize(("fault", "message"), PASSING)
def test_a_passing_fault_ends_a_single_run_with_a_message(
    world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Fault, message: str
) -> None:
    world.permit(SOME)
    fault(world, tmp_path / "store")

    code = main(["sync", "--parquet", str(tmp_path / "store")], connect=world.client)

    assert code == 1
    assert re.search(message, capsys.readouterr().err)


def test_a_folder_that_cannot_be_written_is_said(
    standing: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    standing.catch_up()
    (tmp_path / "file").touch()

    code = main(["export", "--from", "2026-03-30", str(tmp_path / "file")], connect=standing.client)

    assert code == 1
    assert "exists" in capsys.readouterr().err


def test_watch_ends_if_an_address_has_never_answered_as_the_api(
    world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.permit(SOME)
    world.faults.page = (200, "<html>Welcome to somebody else</html>")

    code = main(["watch", "--parquet", str(tmp_path / "store")], connect=world.client)

    assert code == 1
    assert "answered 200 without JSON" in capsys.readouterr().err


@pytest.mark.parametrize("every", ["0", "-1", "soon"])
def test_watch_wants_a_time_between_runs(every: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["watch", "--sqlite", "metering.db", "--every", every])

    assert ended.value.code == 2
    assert "--every" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
@pytest.mark.usefixtures("_handlers")
def test_watch_runs_until_sigterm_and_outlives_an_api_that_is_away(
    world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.permit(SOME)
    path = tmp_path / "metering.db"

    def end(number: int) -> None:
        """End it at a run that finds nothing new: a run that does asks for other things between."""
        if world.faults.seen[-5:] == ["/v1/changes"] * 5:
            os.kill(os.getpid(), signal.SIGTERM)

    world.faults.unavailable = 1
    world.faults.kill = end
    code = main(
        ["watch", "--sqlite", str(path), "--every", "0.001"], connect=lambda: world.client(patience=0)
    )

    printed = capsys.readouterr()
    first, *others = _TIME.sub("", printed.out).splitlines()
    assert code == 0
    assert "503 warehouse-unavailable: Try again later.; trying again later" in printed.err
    assert first.endswith("days of history, 3 metering points gained, 0 ended")
    assert set(others) == {"0 changed days, 0 days of history, 0 metering points gained, 0 ended"}
    assert contents(path) == world.stored(SOME)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize(("fault", "message"), PASSING)
def test_watch_reports_a_passing_fault_and_tries_again(
    world: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Fault, message: str
) -> None:
    world.permit(SOME)
    folder = tmp_path / "store"
    release = fault(world, folder)

    def go_on(number: int) -> None:
        if number == 12:
            release()
        if number > 20 and world.faults.seen[-5:] == ["/v1/changes"] * 5:
            os.kill(os.getpid(), signal.SIGTERM)

    world.faults.kill = go_on
    code = main(["watch", "--parquet", str(folder), "--every", "0.001"], connect=world.client)

    printed = capsys.readouterr()
    assert code == 0
    assert re.search(f"{message}.*; trying again later", printed.err)
    assert contents(folder / "metering.db") == world.stored(SOME)
    assert (folder / "values-2026-03.parquet").is_file()
    assert printed.out.endswith(" 0 changed days, 0 days of history, 0 metering points gained, 0 ended\n")


ENDED = [
    pytest.param("watch", signal.SIGINT, 130, id="ctrl-c"),
    pytest.param("watch", signal.SIGTERM, 0, id="sigterm"),
    pytest.param("sync", signal.SIGINT, 130, id="sync"),
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to the own process")
@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize(("command", "number", "expected"), ENDED)
def test_a_signal_ends_the_first_history_and_the_next_run_continues(
    world: Vendor, tmp_path: Path, command: str, number: int, expected: int
) -> None:
    world.permit(SOME)
    path = tmp_path / "metering.db"

    def end(_: int) -> None:
        if world.faults.seen[-1] == "/v1/consumption":
            os.kill(os.getpid(), number)

    world.faults.kill = end
    code = main([command, "--sqlite", str(path)], connect=world.client)
    asked_for = set(world.faults.seen)
    world.faults.kill = lambda _: None
    next_code = main(["sync", "--sqlite", str(path)], connect=world.client)

    assert (code, next_code) == (expected, 0)
    assert "/v1/production" not in asked_for
    assert contents(path) == world.stored(SOME)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to the own process")
@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize(("command", "number", "expected"), ENDED[:2])
def test_a_signal_ends_the_wait_for_the_next_run(
    world: Vendor, tmp_path: Path, command: str, number: int, expected: int
) -> None:
    world.permit(SOME)
    path = tmp_path / "metering.db"
    main(["sync", "--sqlite", str(path)], connect=world.client)
    timer = threading.Timer(1.5, os.kill, (os.getpid(), number))
    timer.start()
    began = time.monotonic()

    try:
        code = main([command, "--sqlite", str(path)], connect=world.client)
    finally:
        timer.cancel()  # A signal after the handlers are back would end all tests.

    assert code == expected
    assert time.monotonic() - began < 10
