"""Operators' commands find the services to work on."""

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from local.stack import lock, parts
from operations import app_settings, run
from operations.commands import COMMANDS
from operations.cost import prices


@pytest.mark.parametrize("arguments", [[], ["drop-everything"]])
def test_an_unknown_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(arguments) == 2
    assert "load, publish, sync, access, webhooks, feeds, check-warehouse" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_needs_no_services(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "run_on_stack", None)

    with pytest.raises(SystemExit, match="0"):
        run.main([name, "--help"])

    printed = capsys.readouterr()
    assert name in printed.out
    assert printed.err == ""


def test_a_file_is_loaded_and_published_while_no_stack_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = tmp_path / "delivery.csv"
    delivery.write_text(
        "metering_point_id,direction,start,resolution,quantity,quality\n"
        "707057500000000018,consumption,2026-11-21T00:00:00+01:00,PT1H,1.250,measured\n"
    )
    state = tmp_path / "state"

    assert run.run_on_stack("load", [str(delivery)], state=state) == 0

    printed = capsys.readouterr()
    assert printed.err == "Working on the local stack's data: FUNCTION_APP_NAME is not set.\n"
    assert printed.out.startswith("delivery.csv: 1 interval value loaded in ")
    with duckdb.connect(str(state / "metering.duckdb")) as warehouse:
        days = warehouse.execute("SELECT delivery_date::text, total_kwh::text FROM metering.series_day")
        assert days.fetchall() == [("2026-11-21", "1.250")]
    assert (state / "azurite-data").is_dir()
    assert lock.running_ports(state) is None


def test_the_exit_code_of_the_command_is_kept(tmp_path: Path) -> None:
    assert run.run_on_stack("load", [str(tmp_path / "missing.csv")], state=tmp_path) == 1


def test_the_environment_of_this_process_is_as_before(tmp_path: Path) -> None:
    before = dict(os.environ)

    run.run_on_stack("load", [str(tmp_path / "missing.csv")], state=tmp_path)

    assert dict(os.environ) == before


def test_a_command_without_services_finds_its_file_from_where_the_caller_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(prices.FILE, tmp_path / "mine.json")
    monkeypatch.setenv("CALLER_DIRECTORY", str(tmp_path))

    assert run.main(["prices", "--file", "mine.json"]) == 0
    assert "gateway-standard-v2" in capsys.readouterr().out


def test_a_command_of_the_stack_works_on_the_stack_in_a_shell_that_names_an_app() -> None:
    shell = {app_settings.APP: "func-metering", app_settings.GROUP: "rg-metering"}

    part = parts.command("load", ["values.csv"], settings={"WAREHOUSE": "duckdb:x"})

    assert app_settings.named(shell) is not None
    assert app_settings.named({**shell, **part.settings}) is None


@pytest.mark.parametrize(
    ("content", "fault"),
    [('{"Regions":', "is not JSON"), ("[]", "is no list of prices"), ("{}", "is no list of prices")],
)
def test_a_file_without_prices_is_refused_by_its_name(
    content: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(content)

    assert run.main(["prices", "--file", str(file)]) == 1
    assert f"{file} {fault}" in capsys.readouterr().err
