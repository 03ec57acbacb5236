"""The wheel, built and installed into an empty environment, does what its README says."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local import places
from tests.clients.vendor import Vendor

PACKAGE = places.ROOT / "clients" / "python"
CONSUMER = """
from decimal import Decimal

from pathlib import Path

from metering_api import Client, Day, MeteringError, Problem, SqliteStore, Store, Value, verify_webhook


def total(api: Client) -> Decimal:
    days: list[Day] = list(api.consumption(from_="2026-03-30"))
    values: list[Value] = [value for day in days for value in day.values]
    return sum((value.quantity for value in values if value.quantity is not None), Decimal())


def follow(api: Client, store: Store) -> int:
    try:
        return api.follow(store).run_once().changed
    except Problem as problem:
        print(problem.code, problem.parameter, problem.hint)
        raise
    except MeteringError:
        return 0


def files(api: Client) -> list[Path]:
    export = api.exports.wait(api.exports.create(form={"format": "csv"}, from_="2026-03-30"))
    return [api.exports.download(file, "folder", progress=print) for file in export.files]


store: Store = SqliteStore("metering.db")
notice: str = verify_webhook(b"", {}, "whsec_QUJD").type
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done([sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, PACKAGE], folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel, and what the wheel needs."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    done([sys.executable, "-m", "venv", folder], folder.parent)
    program = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done([program, "-m", "pip", "install", "--quiet", wheel], folder.parent)
    return program


def done(command: list[str | Path], folder: Path, **variables: str) -> str:
    """Run a program to its end without this checkout on its path; what it printed."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **variables},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_the_wheel_has_the_package_and_needs_httpx_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        (metadata,) = (opened.read(name).decode() for name in names if name.endswith("METADATA"))

    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert needed == ["Requires-Dist: httpx<1,>=0.27", "Requires-Dist: pyarrow>=15; extra == 'parquet'"]
    assert "metering_api/py.typed" in names
    assert {name.partition("/")[0] for name in names} == {
        "metering_api",
        "metering_api_client-0.1.0.dist-info",
    }


def test_the_lines_of_the_readme_run(standing: Vendor, python: Path, tmp_path: Path) -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(program.splitlines()) <= 10

    printed = done([python, "-c", program], tmp_path, **standing.environment).splitlines()

    assert printed[0] == "707057500000000018 2026-03-30 710.675 measured"
    assert printed[-1] == "126 days of history, 0 changed"


def test_the_command_line_keeps_a_store_current(standing: Vendor, python: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [python, "-m", "metering_api", "sync", "--sqlite", "metering.db"]

    first = done(command, tmp_path, **standing.environment)
    second = done(command, tmp_path, **standing.environment)

    assert "0 changed days, 126 days of history, 9 metering points gained, 0 ended" in first
    assert "0 changed days, 0 days of history, 0 metering points gained, 0 ended" in second


def test_what_is_missing_is_said(python: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [python, "-m", "metering_api", "sync", "--parquet", "folder"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
    )

    assert found.returncode == 1
    assert found.stderr.startswith("Set METERING_API_URL, METERING_API_KEY")


def test_parquet_without_pyarrow_is_said(standing: Vendor, python: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [python, "-m", "metering_api", "sync", "--parquet", "folder"],
        cwd=tmp_path,
        env=standing.environment,
        capture_output=True,
        text=True,
    )

    assert (found.returncode, found.stderr) == (1, "Parquet needs pyarrow: pip install pyarrow\n")


def test_a_consumer_is_typed_strictly(python: Path, tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(CONSUMER)

    found = done(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "consumer.py"], tmp_path
    )

    assert "Success" in found
