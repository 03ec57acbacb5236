"""The operator's commands on the warehouse, as real processes: what they print and how they end."""

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from shared import periods, tables
from shared.publishing import watermark
from shared.publishing.watermark import Publications
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, MORNING, values
from tests.operations.test_commands import ON_THE_ENVIRONMENT

ROOT = Path(__file__).parents[2]
DAY = date(2026, 3, 29)
NOWHERE = (
    "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=bm9ib2R5;"
    "TableEndpoint=http://127.0.0.1:1/nobody;"
)


class Operator:
    """Runs commands on one embedded warehouse."""

    def __init__(self, folder: Path, table_storage: str, *, encoding: str = "utf-8") -> None:
        self._environment = {
            **os.environ,
            "WAREHOUSE": f"duckdb:{folder / 'metering.duckdb'}",
            "TABLE_STORAGE": table_storage,
            "PYTHONIOENCODING": encoding,
        }

    def run(self, command: str, *arguments: object) -> tuple[int, list[str]]:
        """The exit code and the lines that were printed; stderr only says what they are about."""
        done = self.complete(command, *arguments)
        assert done.stderr == ON_THE_ENVIRONMENT
        return done.returncode, done.stdout.splitlines()

    def complete(self, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """The process of a command that may end in a traceback."""
        return subprocess.run(
            [sys.executable, "-m", "operations", command, *map(str, arguments)],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )


@pytest.fixture
def operator(tmp_path: Path, table_storage: str) -> Operator:
    return Operator(tmp_path, table_storage)


def test_a_file_is_loaded_published_and_announced(
    operator: Operator, tmp_path: Path, table_storage: str
) -> None:
    file = building.write_csv(tmp_path / "values.csv", values(HOUSE, DAY, ["1"] * 23))

    code, lines = operator.run("load", file)

    assert code == 0
    assert lines[0].startswith("values.csv: 23 interval values loaded in ")
    assert lines[1:] == ["Publication 1: 1 new or changed market day with 23 values."]
    storage = tables.open_tables(table_storage, credential=None)
    latest = Publications(tables=storage).latest()
    assert latest is not None
    assert (latest.sequence, latest.available_until) == (1, datetime(2026, 3, 29, 22, tzinfo=UTC))


def test_loading_a_file_again_changes_nothing(operator: Operator, tmp_path: Path) -> None:
    file = building.write_csv(tmp_path / "values.csv", values(HOUSE, DAY, ["1"] * 23))
    operator.run("load", file)

    code, lines = operator.run("load", file)

    assert code == 0
    assert lines == [
        "values.csv: skipped; it was loaded before (23 interval values), and nothing newer has come since.",
        "Nothing waited to be published.",
    ]


def test_a_rejected_file_is_reported_line_by_line_and_the_others_are_loaded(
    operator: Operator, tmp_path: Path
) -> None:
    good = building.write_csv(tmp_path / "good.csv", values(HOUSE, DAY, ["1"] * 23))
    bad = building.write_csv(tmp_path / "bad.csv", values(HOUSE, DAY, ["1", "-2", "x"]))

    code, lines = operator.run("load", bad, good, tmp_path / "none.csv")

    assert code == 1
    assert lines[:3] == [
        "bad.csv: rejected; nothing of it was loaded.",
        f"  {bad}:3: quantity '-2' is negative.",
        f"  {bad}:4: quantity 'x' is not a decimal number with a point.",
    ]
    assert lines[3].startswith("good.csv: 23 interval values loaded in ")
    assert lines[4:] == [
        f"{tmp_path / 'none.csv'}: cannot be read: No such file or directory.",
        "Publication 1: 1 new or changed market day with 23 values.",
    ]


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "målt"), ("ascii", r"m\xe5lt")])
def test_a_delivered_text_is_printed_as_far_as_the_terminal_can(
    tmp_path: Path, table_storage: str, encoding: str, shown: str
) -> None:
    operator = Operator(tmp_path, table_storage, encoding=encoding)
    file = building.write_csv(tmp_path / "bad.csv", values(HOUSE, DAY, ["målt"]))

    code, lines = operator.run("load", file)

    assert (code, lines[1]) == (1, f"  {file}:2: quantity '{shown}' is not a decimal number with a point.")


def test_metering_points_that_nothing_else_knows_are_warned_of(operator: Operator, tmp_path: Path) -> None:
    operator.run("load", building.write_csv(tmp_path / "values.csv", values(HOUSE, DAY, ["1"] * 23)))
    of_excel = building.write_csv(tmp_path / "excel.csv", values("707057500000010000", DAY, ["1"] * 23))

    code, lines = operator.run("load", of_excel)

    assert code == 0
    assert lines[1] == (
        "  Warning: new to the warehouse: 1 metering point, such as 707057500000010000. "
        "Ids that end in 000 may come from Excel, which keeps fifteen digits only."
    )


def test_supply_periods_wait_for_a_sync_and_not_for_a_publication(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "supply.csv"
    file.write_text(f"customer_number,metering_point_id,valid_from,valid_to\n10001,{HOUSE},2020-01-01,\n")

    code, lines = operator.run("load", file)

    assert code == 0
    assert lines[0].startswith("supply.csv: 1 supply period loaded in ")
    assert lines[1:] == ["Supply periods take effect at the next sync: python3 dev.py sync"]


def test_after_a_rejected_file_nothing_is_said_of_publishing(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "letter.csv"
    file.write_bytes("Bjørnåsen".encode("latin-1"))

    assert operator.run("load", file) == (
        1,
        [
            "letter.csv: rejected; nothing of it was loaded.",
            f"  {file}:1: The text is not in UTF-8; Excel writes it as 'CSV UTF-8'.",
        ],
    )


def test_a_warehouse_without_tables_is_one_sentence(operator: Operator) -> None:
    assert operator.run("publish") == (
        1,
        ["The warehouse is not as the API needs it: `python3 dev.py check-warehouse` says what is wrong."],
    )


def test_while_table_storage_is_away_nothing_is_published_and_the_next_run_completes_it(
    operator: Operator, tmp_path: Path, table_storage: str
) -> None:
    file = building.write_csv(tmp_path / "values.csv", values(HOUSE, DAY, ["1"] * 23))

    code, lines = Operator(tmp_path, NOWHERE).run("load", file)

    assert code == 3
    assert lines[0].startswith("values.csv: 23 interval values loaded in ")
    assert lines[1].startswith("Not all is published and announced to the API yet: Table Storage did not ")
    assert lines[2:] == [
        "Run `python3 dev.py publish` again when Table Storage answers; on a laptop, start the stack first."
    ]
    assert operator.run("publish") == (0, ["Publication 1: 1 new or changed market day with 23 values."])
    storage = tables.open_tables(table_storage, credential=None)
    assert Publications(tables=storage).latest() is not None


def test_while_the_watermark_cannot_be_read_nothing_is_published(
    operator: Operator, tmp_path: Path, table_storage: str
) -> None:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    row = {"PartitionKey": watermark.PARTITION, "RowKey": watermark.ROW}
    storage.upsert(tables.SERVICE_STATE, {**row, "sequence": "40"})
    file = building.write_csv(tmp_path / "values.csv", values(HOUSE, DAY, ["1"] * 23))

    code, lines = operator.run("load", file)

    assert code == 3
    assert lines[1:] == [
        "Not all is published and announced to the API yet: "
        "The stored 'availableUntilByPriceArea' is not a text.",
        "A row of ServiceState is damaged. Repair it first: docs/operations.md, A damaged watermark.",
    ]
    repaired: dict[str, object] = {"availableUntilByPriceArea": "{}", "announced": "{}", "sequence": 40}
    repaired |= dict.fromkeys(("publishedAt", "availableUntil"), MORNING.isoformat())
    storage.upsert(tables.SERVICE_STATE, {**row, **repaired})
    assert operator.run("publish") == (0, ["Publication 41: 1 new or changed market day with 23 values."])


def test_a_publication_is_announced_though_the_one_after_it_fails(
    operator: Operator, tmp_path: Path, table_storage: str
) -> None:
    for id_ in (HOUSE, CABIN):
        file = building.write_csv(tmp_path / f"{id_}.csv", values(id_, DAY, ["1"] * 23))
        Operator(tmp_path, NOWHERE).run("load", file)
    with duckdb.connect(str(tmp_path / "metering.duckdb")) as warehouse:  # A sum that fits no column.
        largest = (
            "UPDATE metering.interval_value SET quantity = 999999999999999.999 WHERE metering_point_id = ?"
        )
        warehouse.execute(largest, [CABIN])

    done = operator.complete("publish")

    assert "ConversionException" in done.stderr
    assert done.stdout == "Publication 1: 1 new or changed market day with 23 values.\n"
    latest = Publications(tables=tables.open_tables(table_storage, credential=None)).latest()
    assert latest is not None
    assert latest.sequence == 1


def test_the_check_says_what_is_wrong_and_where(operator: Operator, tmp_path: Path) -> None:
    yesterday = datetime.now(periods.OSLO).date() - periods.ONE_DAY
    day = periods.market_day(yesterday)
    hours = (day.end - day.start) // timedelta(hours=1)
    file = building.write_csv(tmp_path / "values.csv", values(HOUSE, yesterday, ["1"] * hours))

    before = operator.run("check-warehouse")
    operator.run("load", file)
    after = operator.run("check-warehouse")

    assert before[0] == 1
    assert "metering.series_day: The table is missing. Run the scripts in infra/warehouse." in before[1]
    assert after[0] == 0
    assert after[1][0] == "The warehouse is as the API needs it."
    assert re.fullmatch(
        r"Last publication 20\d\d-\d\d-\d\d \d\d:\d\d UTC, \d minutes? ago; "
        rf"data until {re.escape(day.end.astimezone(periods.OSLO).isoformat())}\. "
        r"Series with that day: 1; with the day before: 0\.",
        after[1][1],
    )
    assert len(after[1]) == 2


def test_the_check_fails_when_the_data_ended_long_ago(operator: Operator, tmp_path: Path) -> None:
    operator.run("load", building.write_csv(tmp_path / "values.csv", values(HOUSE, DAY, ["1"] * 23)))

    code, lines = operator.run("check-warehouse")

    assert code == 1
    assert re.fullmatch(r"metering\.series_day: The data ends \d+ hours ago: .+", lines[0])
