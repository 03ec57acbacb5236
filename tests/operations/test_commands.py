"""The commands as operators start them."""

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from local import demo, places
from shared import leases, tables
from shared.access.sync import stages

SETTINGS = {
    "WAREHOUSE": "duckdb:unused",
    "SEVERA_BASE_URL": "http://127.0.0.1:9",
    "SEVERA_CLIENT_ID": "unused",
    "SEVERA_CLIENT_SECRET": "unused",
    **demo.ACCESS_SETTINGS,
}
ON_THE_ENVIRONMENT = "Working on the services in WAREHOUSE and TABLE_STORAGE: FUNCTION_APP_NAME is not set.\n"
"""What stderr has where the environment names the services."""


def command(*arguments: str, table_storage: str) -> subprocess.CompletedProcess[str]:
    """Run a command with settings of its own, and return what it printed."""
    environment = {**os.environ, **SETTINGS, "TABLE_STORAGE": table_storage}
    return subprocess.run(
        [sys.executable, "-m", "operations", *arguments],
        cwd=places.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_question_is_answered(table_storage: str) -> None:
    tables.open_tables(table_storage, credential=None).create_missing()

    done = command("access", "10001", table_storage=table_storage)

    assert (done.returncode, done.stdout) == (
        0,
        "Nothing that is stored matches '10001'.\nAccess has never been synchronised.\n",
    )


def test_a_question_about_access_needs_nothing_but_table_storage(table_storage: str) -> None:
    tables.open_tables(table_storage, credential=None).create_missing()
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}

    done = subprocess.run(
        [sys.executable, "-m", "operations", "access", "10001"],
        cwd=places.ROOT,
        env={**inherited, "TABLE_STORAGE": table_storage},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (
        0,
        "Working on the services in TABLE_STORAGE: FUNCTION_APP_NAME is not set.\n",
    )


@pytest.mark.parametrize("name", sorted(demo.ACCESS_SETTINGS))
def test_a_sync_without_a_setting_that_decides_access_is_refused_by_its_name(
    name: str, table_storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, name, "")

    synced = command("sync", table_storage=table_storage)

    assert synced.returncode == 1
    assert f"- {name} is missing." in synced.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent in another way there")
def test_a_command_that_is_interrupted_says_so_in_one_line() -> None:
    # A shell starts background jobs with SIGINT ignored, and these tests may be one.
    code = (
        "import runpy, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "runpy.run_module('operations', run_name='__main__')\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        storage = (
            "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=bm9ib2R5;"
            f"TableEndpoint=http://127.0.0.1:{silent.getsockname()[1]}/nobody;"
        )
        started = subprocess.Popen(
            [sys.executable, "-c", code, "access", "10001"],
            cwd=places.ROOT,
            env={**os.environ, **SETTINGS, "TABLE_STORAGE": storage},
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.settimeout(30)
        with silent.accept()[0]:
            started.send_signal(signal.SIGINT)
            _, printed = started.communicate(timeout=30)

    assert (started.returncode, printed) == (130, f"{ON_THE_ENVIRONMENT}Interrupted.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end in another way there")
def test_a_command_whose_reader_has_ended_ends_without_a_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "w") as unread:
        done = subprocess.run(
            [sys.executable, "-m", "operations", "cost", "--format", "csv"],
            cwd=places.ROOT,
            stdout=unread,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("arguments", [(), ("",), ("10001", " "), ("10001", "--compare", "portal.csv")])
def test_a_question_and_a_list_are_not_asked_together_and_one_of_them_is(
    arguments: tuple[str, ...], table_storage: str
) -> None:
    done = command("access", *arguments, table_storage=table_storage)

    assert done.returncode == 2
    assert "give either WHO, or --compare with a file" in done.stderr


def test_a_missing_list_is_one_sentence(table_storage: str) -> None:
    tables.open_tables(table_storage, credential=None).create_missing()

    done = command("access", "--compare", "missing.csv", table_storage=table_storage)

    assert done.returncode == 2
    assert done.stdout == "There is no file missing.csv.\n"


def test_a_sync_that_finds_another_one_says_so_and_fails(table_storage: str) -> None:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    leases.take(storage, stages.LEASED, holder="the timer's", now=datetime.now(UTC))

    synced = command("sync", table_storage=table_storage)

    assert synced.returncode == 3
    assert "not begun" in synced.stdout
    assert "run the timer's is under way" in synced.stdout
