"""Each SQL text that a test sends goes through Microsoft's parser for Fabric."""

import subprocess
import sys
from pathlib import Path

import pytest

from local import tools
from shared.warehouse.duckdb import warehouse as embedded
from shared.warehouse.engine import Query, Statement
from tests import sentsql
from tests.builders import microsoft
from tests.builders import warehouse as building


def send(folder: Path, *, kind: str = "varchar(20)", number: int = 1) -> None:
    """Send a question and changes to a warehouse that keeps their texts."""
    # Not by `opening`, which keeps texts for the whole run: the planted one is no fault of the product.
    opened = sentsql.keeping(lambda chosen, credential: embedded.open_embedded(chosen), folder=folder)
    warehouse = opened(building.settings(f"duckdb:{folder.parent / f'{number}.duckdb'}"))
    warehouse.fetch(Query("SELECT CAST(? AS int) + CAST(? AS int)", (number, 2), int, "a sum"))
    with warehouse.transaction() as session:
        session.fetch(Query("SELECT ?", (number,), int, "again"))
        session.run(Statement(f"CREATE TABLE metering.planted (name {kind})", (), "planted"))
    warehouse.define("CREATE TABLE metering.defined (number int)")
    warehouse.close()


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.sentsql", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_each_text_is_kept_once_with_its_name_and_numbered_marks(tmp_path: Path) -> None:
    send(tmp_path / "sent", number=1)
    send(tmp_path / "sent", number=2)

    kept = {path.name.rpartition("-")[0]: path.read_text("utf-8") for path in (tmp_path / "sent").iterdir()}

    assert len(list((tmp_path / "sent").iterdir())) == 4
    assert kept == {
        "a-sum": "SELECT CAST(@p1 AS int) + CAST(@p2 AS int)",
        "again": "SELECT @p1",
        "planted": "CREATE TABLE metering.planted (name varchar(20))",
        "define": "CREATE TABLE metering.defined (number int)",
    }


@pytest.mark.parametrize(("kind", "faults"), [("varchar(20)", 0), ("nvarchar(20)", 1)])
def test_a_type_that_fabric_does_not_have_is_found(tmp_path: Path, kind: str, faults: int) -> None:
    microsoft.needed(tools.HERE.azure_check)
    send(tmp_path / "sent", kind=kind)

    done = checked(tmp_path / "sent")

    assert done.returncode == faults, done.stdout
    assert ("planted-" in done.stdout and "nvarchar" in done.stdout) == bool(faults)


def test_a_run_that_kept_nothing_is_no_success(tmp_path: Path) -> None:
    done = checked(tmp_path)

    assert done.returncode == 1
    assert "kept no SQL text" in done.stdout


def test_marks_are_numbered_in_order() -> None:
    assert sentsql.marked("SELECT ?, ?") == "SELECT @p1, @p2"
