"""Delivery files from the container: each once, in order, whatever happens on the way."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from shared.deliveries import intake, loading
from shared.deliveries.container import BEGUN, ArrivedFile, Container
from shared.deliveries.intake import Copying, DeliveryStays, Intake
from shared.deliveries.interval_values.intervals import HEADER
from shared.publishing import publish
from shared.settings import DeliverySettings
from shared.warehouse import opening, supply
from shared.warehouse.engine import Query, Row, Session, Warehouse, WarehouseUnavailable
from tests.builders import elsewhere
from tests.builders import warehouse as building
from tests.builders.container import MortalContainer, Outside, csv_of
from tests.builders.histories import Mortal
from tests.builders.warehouse import HOUSE, Clock, Recorded, values, versions

ROOT = Path(__file__).parents[3]
DAY = date(2026, 3, 29)
EVER = 10_000
WHILE_IT_IS_STAGED = 9
"""The step of a run at which its first file is loaded, and neither moved nor given up."""
EVERY = 1 if "HISTORIES" in os.environ else 3
"""How far the deaths are apart; where the histories are many, every step is one."""


@pytest.fixture
def outside(delivery_storage: DeliverySettings) -> Outside:
    return Outside(delivery_storage)


@pytest.fixture
def load_files(container: Container, warehouse: Warehouse, clock: Clock) -> Callable[[], Intake]:
    """A run."""
    return lambda: intake.load_files(container, warehouse, clock=clock)


def test_a_file_is_loaded_and_moved(
    outside: Outside, load_files: Callable[[], Intake], warehouse: Warehouse
) -> None:
    outside.put_lines("2026-11-22/values.csv", values(HOUSE, DAY, ["1"] * 23))

    done = load_files()

    assert [(each.rows, each.faults) for each in done.results] == [(23, ())]
    assert done.results[0].stored_as.endswith("Z/2026-11-22/values.csv")
    assert outside.names() == ["processed/2026-11-22/values.csv"]
    assert outside.text("processed/2026-11-22/values.csv").encode() == csv_of(values(HOUSE, DAY, ["1"] * 23))
    assert [each.source for each in publish.list_waiting(warehouse)] == ["2026-11-22/values.csv"]
    assert load_files() == Intake()


def test_a_faulty_file_is_moved_with_the_reasons_beside_it_and_the_next_is_loaded(
    outside: Outside, load_files: Callable[[], Intake], warehouse: Warehouse
) -> None:
    outside.put_lines("a.csv", values(HOUSE, DAY, ["1", "-2", "én"]))
    outside.put("b.csv", b"")
    outside.put_lines("c.csv", values(HOUSE, DAY, ["1"]))

    done = load_files()

    assert [len(each.faults) for each in done.rejected] == [2, 1]
    assert [each.rows for each in done.loaded] == [1]
    assert outside.names() == [
        "processed/c.csv",
        "rejected/a.csv",
        "rejected/a.csv.reasons.txt",
        "rejected/b.csv",
        "rejected/b.csv.reasons.txt",
    ]
    assert outside.text("rejected/a.csv.reasons.txt") == (
        "a.csv was rejected; nothing of it was loaded.\n"
        "line 3: quantity '-2' is negative.\n"
        "line 4: quantity 'én' is not a decimal number with a point.\n"
    )
    assert building.count(warehouse, "delivery") == 1


def test_equal_faults_are_one_line_of_the_reasons(outside: Outside, load_files: Callable[[], Intake]) -> None:
    outside.put_lines("a.csv", values(HOUSE, DAY, ["-1"] * 23))

    load_files()

    assert outside.text("rejected/a.csv.reasons.txt").splitlines()[1:] == [
        "line 2: quantity '-1' is negative. (Also in 3, 4 and 20 more.)"
    ]


def test_a_later_file_wins_over_an_earlier_one(
    outside: Outside, container: Container, warehouse: Warehouse, clock: Clock
) -> None:
    class Shuffled(Mine):
        """Two files whose names sort the other way round than they arrived."""

        def list_files(self) -> list[ArrivedFile]:
            first, second = sorted(super().list_files(), key=lambda each: each.name, reverse=True)
            assert (first.name, second.name) == ("b.csv", "a.csv")
            return sorted([replaced(first, at=0), replaced(second, at=1)])

    outside.put_lines("b.csv", values(HOUSE, DAY, ["1"]))
    outside.put_lines("a.csv", values(HOUSE, DAY, ["2"]))

    intake.load_files(Shuffled(container), warehouse, clock=clock)
    list(publish.publish_waiting(warehouse, clock=clock))

    assert [each.quantities[:5] for each in versions(warehouse, HOUSE, DAY)] == ["1.000", "2.000"]


def test_the_same_file_under_two_names_counts_once(
    outside: Outside, load_files: Callable[[], Intake], warehouse: Warehouse
) -> None:
    for name in ("a.csv", "b.csv"):
        outside.put_lines(name, values(HOUSE, DAY, ["1"]))

    done = load_files()

    assert len(done.loaded) == 2
    assert building.count(warehouse, "delivery") == 1
    assert outside.names() == ["processed/a.csv", "processed/b.csv"]


@pytest.mark.parametrize("name", ["æ ø.csv", "a'b%20c#?.csv", "folder/..csv", "x" * 300, "a\u2028b.csv"])
def test_a_file_may_have_any_name(outside: Outside, load_files: Callable[[], Intake], name: str) -> None:
    outside.put_lines(name, values(HOUSE, DAY, ["1"]))

    load_files().raise_for_failure()

    assert outside.names() == [f"processed/{name}"]


def test_a_warehouse_that_is_away_leaves_the_file_and_those_after_it_where_they_are(
    outside: Outside, container: Container, warehouse: Warehouse, clock: Clock
) -> None:
    class AwayForTheSecond(Recorded):
        """A warehouse that goes away when a second file is about to be loaded."""

        def fetch(self, query: Query[Row]) -> list[Row]:
            if query.name == "earlier_delivery" and building.count(self.inner, "delivery") == 1:
                raise WarehouseUnavailable("It is away.", retry_after=timedelta(seconds=1))
            return super().fetch(query)

    for number, name in enumerate(["a.csv", "b.csv", "c.csv"]):
        outside.put_lines(name, values(HOUSE, DAY, [str(number)]))

    away = intake.load_files(container, AwayForTheSecond(warehouse), clock=clock)
    names = outside.names()
    back = intake.load_files(container, warehouse, clock=clock)

    assert [each.rows for each in away.loaded] == [1]
    assert names == ["incoming/b.csv", "incoming/c.csv", "processed/a.csv"]
    with pytest.raises(DeliveryStays, match=r"^'b\.csv' stays in incoming: WarehouseUnavailable\.$"):
        away.raise_for_failure()
    back.raise_for_failure()
    assert outside.names() == ["processed/a.csv", "processed/b.csv", "processed/c.csv"]
    assert building.count(warehouse, "delivery") == 3


# --- files that the warehouse reads itself

COPYING = Copying(above=0, address=None)
"""Every file is large enough."""


def test_a_large_file_is_read_by_the_warehouse_and_moved(
    outside: Outside, container: Container, warehouse: Warehouse, clock: Clock
) -> None:
    recorded = Recorded(warehouse)
    outside.put_lines("2026-11-22/it's.csv", values(HOUSE, DAY, ["1"] * 23))

    done = intake.load_files(container, recorded, clock=clock, copying=COPYING)
    again = intake.load_files(container, recorded, clock=clock, copying=COPYING)

    done.raise_for_failure()
    assert [(each.rows, each.faults, each.is_new) for each in done.results] == [(23, (), True)]
    assert again == Intake()
    assert {"copy_lines", "stage_landed"} <= set(recorded.statements)
    assert "stage" not in recorded.statements
    assert outside.names() == ["processed/2026-11-22/it's.csv"]
    assert outside.text("processed/2026-11-22/it's.csv").encode() == csv_of(values(HOUSE, DAY, ["1"] * 23))
    assert [each.source for each in publish.list_waiting(warehouse)] == ["2026-11-22/it's.csv"]


def test_a_faulty_large_file_is_moved_with_the_reasons_by_content_and_the_next_is_loaded(
    outside: Outside, container: Container, warehouse: Warehouse, clock: Clock
) -> None:
    outside.put_lines("a.csv", values(HOUSE, DAY, ["1", "-2"]))
    outside.put("b.csv", b"")
    outside.put_lines("c.csv", values(HOUSE, DAY, ["1"]))

    intake.load_files(container, warehouse, clock=clock, copying=COPYING).raise_for_failure()

    assert outside.names() == [
        "processed/c.csv",
        "rejected/a.csv",
        "rejected/a.csv.reasons.txt",
        "rejected/b.csv",
        "rejected/b.csv.reasons.txt",
    ]
    assert outside.text("rejected/a.csv.reasons.txt") == (
        "a.csv was rejected; nothing of it was loaded.\n"
        "quantity '-2' is negative. In the row "
        f"'{HOUSE},consumption,2026-03-29T00:00:00+00:00,PT1H,-2,measured'.\n"
    )
    assert building.count(warehouse, "delivery") == 1


def test_only_the_start_of_a_file_in_storage_is_downloaded_and_the_warehouse_is_given_its_address(
    outside: Outside, container: Container, warehouse: Warehouse, clock: Clock
) -> None:
    class NeverWhole(Mine):
        def download(self, file: ArrivedFile, path: Path) -> None:
            raise AssertionError("The whole file is downloaded.")

    recorded = Recorded(warehouse)
    outside.put_lines("2026-11-22/a.csv", values(HOUSE, DAY, ["1"]))

    done = intake.load_files(
        NeverWhole(container),
        recorded,
        clock=clock,
        copying=Copying(above=0, address="https://account.blob.example/deliveries"),
    )

    # The embedded engine has no such file.
    assert done.failure is not None
    assert outside.names() == ["incoming/2026-11-22/a.csv"]
    (sql,) = recorded.statements["copy_lines"]
    assert "FROM 'https://account.blob.example/deliveries/incoming/2026-11-22/a.csv' WITH" in sql


@pytest.mark.parametrize("version", ["changed", "removed"])
def test_a_large_file_that_is_replaced_while_it_is_read_is_left_to_the_next_run(
    outside: Outside, container: Container, warehouse: Warehouse, clock: Clock, version: str
) -> None:
    class Replaced(Mine):
        def check_unchanged(self, file: ArrivedFile) -> None:
            if version == "removed":
                super().remove(file)
            else:
                outside.put_lines("a.csv", values(HOUSE, DAY, ["2"]))
            super().check_unchanged(file)

    outside.put_lines("a.csv", values(HOUSE, DAY, ["1"]))

    done = intake.load_files(Replaced(container), warehouse, clock=clock, copying=COPYING)

    assert done == Intake()
    assert building.count(warehouse, "delivery") == 0
    assert outside.names() == ([] if version == "removed" else ["incoming/a.csv"])


def test_a_large_file_that_is_replaced_after_it_was_read_is_loaded_as_both(
    outside: Outside, container: Container, warehouse: Warehouse, clock: Clock
) -> None:
    class Replaced(Mine):
        def copy(self, file: ArrivedFile, name: str) -> None:
            outside.put_lines("a.csv", values(HOUSE, DAY, ["2"]))
            super().copy(file, name)

    outside.put_lines("a.csv", values(HOUSE, DAY, ["1"]))

    first = intake.load_files(Replaced(container), warehouse, clock=clock, copying=COPYING)
    second = intake.load_files(container, warehouse, clock=clock, copying=COPYING)

    assert [each.rows for each in (*first.loaded, *second.loaded)] == [1, 1]
    assert building.count(warehouse, "delivery") == 2
    assert container.list_files() == []


SEMICOLONS = csv_of(values(HOUSE, DAY, ["1"])).replace(b",", b";")
POINTS = (
    b"metering_point_id,name,address,postal_code,city,price_area,grid_area,meter_serial\n"
    + HOUSE.encode()
    + b",,,,,NO1,,\n"
)


def parquet_of(content: bytes) -> bytes:
    buffer = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(pa.BufferReader(content)).cast(_TEXTS), buffer)
    return bytes(buffer.getvalue())


_TEXTS = pa.schema(dict.fromkeys(HEADER, pa.string()))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", SEMICOLONS, "its columns are not separated by commas"),
        ("a.csv", POINTS, "it holds metering points"),
        ("a.parquet", parquet_of(csv_of(values(HOUSE, DAY, ["1"]))), "it is Parquet"),
    ],
)
def test_what_the_warehouse_does_not_read_is_read_by_the_app_or_refused_when_it_is_too_large(
    outside: Outside,
    container: Container,
    warehouse: Warehouse,
    clock: Clock,
    name: str,
    content: bytes,
    reason: str,
) -> None:
    outside.put(name, content)
    too_large = intake.load_files(Large(container), warehouse, clock=clock, copying=COPYING)
    outside.put(name, content)
    small = intake.load_files(container, warehouse, clock=clock, copying=COPYING)

    assert [fault.sentence for each in too_large.rejected for fault in each.faults] == [
        "The file has more than the 524,288,000 bytes that the app reads, and the warehouse does not read it "
        f"either: {reason}. Deliver it in smaller files."
    ]
    assert [each.rows for each in small.loaded] == [1]
    assert outside.names() == [f"processed/{name}", f"rejected/{name}", f"rejected/{name}.reasons.txt"]


@pytest.mark.parametrize(
    ("name", "copying", "reason"),
    [
        ("a.csv", None, "it reads no files"),
        (
            "a*.csv",
            Copying(above=0, address="https://account.blob.example/deliveries"),
            "its name has other characters than letters from a to z, digits and . , + = @ / - _",
        ),
    ],
)
def test_a_file_that_is_too_large_for_the_app_and_has_no_address_is_refused(
    outside: Outside,
    container: Container,
    warehouse: Warehouse,
    clock: Clock,
    name: str,
    copying: Copying | None,
    reason: str,
) -> None:
    outside.put_lines(name, values(HOUSE, DAY, ["1"]))

    done = intake.load_files(Large(container), warehouse, clock=clock, copying=copying)

    ((fault,),) = (each.faults for each in done.rejected)
    assert fault.sentence.endswith(f"either: {reason}. Deliver it in smaller files.")
    assert building.count(warehouse, "delivery") == 0


def test_no_file_is_begun_after_a_quarter_of_an_hour_though_the_clock_is_set_back(
    container: Container, warehouse: Warehouse, clock: Clock, outside: Outside
) -> None:
    passed = Clock()

    class Slow(Mine):
        def download(self, file: ArrivedFile, path: Path) -> None:
            passed.forward(minutes=8)
            clock.forward(minutes=-8)
            super().download(file, path)

    for number, name in enumerate(["a.csv", "b.csv", "c.csv"]):
        outside.put_lines(name, values(HOUSE, DAY, [str(number)]))

    done = intake.load_files(Slow(container), warehouse, clock=clock, monotonic=passed.seconds)

    assert (len(done.results), done.failure) == (2, None)
    assert outside.names() == ["incoming/c.csv", "processed/a.csv", "processed/b.csv"]


def test_a_file_that_is_replaced_while_it_is_loaded_is_loaded_as_both(
    container: Container, warehouse: Warehouse, clock: Clock, outside: Outside
) -> None:
    class Replaced(Mine):
        def upload(self, name: str, path: Path) -> None:
            super().upload(name, path)
            outside.put_lines("a.csv", values(HOUSE, DAY, ["2"]))

    outside.put_lines("a.csv", values(HOUSE, DAY, ["1"]))

    first = intake.load_files(Replaced(container), warehouse, clock=clock)
    between = outside.names()
    second = intake.load_files(container, warehouse, clock=clock)

    assert [each.rows for each in (*first.loaded, *second.loaded)] == [1, 1]
    assert between == ["incoming/a.csv", "processed/a.csv"]
    assert building.count(warehouse, "delivery") == 2
    assert container.list_files() == []


def test_nothing_is_done_while_another_runner_has_the_turn(
    container: Container, outside: Outside, load_files: Callable[[], Intake]
) -> None:
    outside.put_lines("a.csv", values(HOUSE, DAY, ["1"]))

    with container.lease():
        done = load_files()

    assert done == Intake()
    assert outside.names() == ["incoming/a.csv"]


class Mine(MortalContainer):
    """A container that lives for ever, for tests that change one thing about it."""

    def __init__(self, inner: Container) -> None:
        super().__init__(inner, _Immortal())


class _Immortal(Mortal):
    def __init__(self) -> None:
        pass

    def step(self) -> None:
        pass


class Large(Mine):
    """A container whose files are said to be larger than what the app reads."""

    def list_files(self) -> list[ArrivedFile]:
        return [replaced(each, size=intake.MAX_BYTES + 1) for each in super().list_files()]


# --- a run that was frozen until another held the lease


def periods_of(customer: int) -> bytes:
    return f"customer_number,metering_point_id,valid_from,valid_to\n{customer},{HOUSE},2020-01-01,\n".encode()


def customers(warehouse: Warehouse) -> list[int]:
    return [each.customer_number for each in warehouse.fetch(supply.periods())]


class FrozenAtTheDownload(Mine):
    """A runner that is frozen after it has read its first file, until another has taken everything in."""

    def __init__(self, inner: Container, meanwhile: Callable[[], object]) -> None:
        super().__init__(inner)
        self.meanwhile = meanwhile

    def download(self, file: ArrivedFile, path: Path) -> None:
        super().download(file, path)
        self.meanwhile()


def test_a_runner_that_lost_its_turn_loads_nothing_more(
    container: Container,
    outside: Outside,
    warehouse: Warehouse,
    clock: Clock,
    load_files: Callable[[], Intake],
) -> None:
    def another_runs() -> None:
        outside.end_the_lease_of_the_dead()
        outside.put("later.csv", periods_of(1002))
        assert len(load_files().loaded) == 2

    outside.put("earlier.csv", periods_of(1001))

    done = intake.load_files(FrozenAtTheDownload(container, another_runs), warehouse, clock=clock)

    assert done.results == ()
    with pytest.raises(DeliveryStays, match=r"^'earlier\.csv' stays in incoming: LeaseLost\.$"):
        done.raise_for_failure()
    assert customers(warehouse) == [1002]
    assert building.count(warehouse, "register_delivery") == 2
    assert outside.names() == ["processed/earlier.csv", "processed/later.csv"]


def test_supply_periods_that_arrived_before_those_loaded_are_refused(
    container: Container, outside: Outside, warehouse: Warehouse, clock: Clock
) -> None:
    class At(Mine):
        """A container whose file arrived in a given second."""

        def __init__(self, second: int) -> None:
            super().__init__(container)
            self.second = second

        def list_files(self) -> list[ArrivedFile]:
            return [replaced(each, at=self.second) for each in super().list_files()]

    for second, customer in ((5, 1001), (5, 1002), (4, 1003)):
        outside.put("periods.csv", periods_of(customer))
        done = intake.load_files(At(second), warehouse, clock=clock)

    assert customers(warehouse) == [1002]
    assert [fault.reason for fault in done.rejected[0].faults] == [
        "a file of supply periods that arrived later was loaded before this one; "
        "deliver it again if it is still right."
    ]


def test_metering_points_may_arrive_before_supply_periods_that_were_taken_in(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    def load(content: bytes, *, arrived_at: datetime | None) -> None:
        (tmp_path / "file.csv").write_bytes(content)
        path = tmp_path / "file.csv"
        loading.load(warehouse, path, now=clock(), arrived_at=arrived_at, progress=lambda rows, share: None)

    points = b"metering_point_id,name,address,postal_code,city,price_area,grid_area,meter_serial\n"

    load(periods_of(1001), arrived_at=clock())
    load(points + HOUSE.encode() + b",,,,,NO1,,\n", arrived_at=clock() - timedelta(minutes=1))
    load(periods_of(1002), arrived_at=None)

    assert customers(warehouse) == [1002]
    assert building.count(warehouse, "metering_point") == 1


# --- deaths

FILES = {
    "a.csv": csv_of(values(HOUSE, DAY, ["1", "2"])),
    "b.csv": csv_of(values(HOUSE, DAY, ["-1"])),
}
ENDED = ["processed/a.csv", "rejected/b.csv", "rejected/b.csv.reasons.txt"]


def deliver_all(outside: Outside) -> None:
    for name, content in FILES.items():
        outside.put(name, content)


@pytest.mark.parametrize("copying", [None, COPYING], ids=["read by the app", "read by the warehouse"])
def test_a_run_that_dies_at_any_step_is_completed_by_the_next(
    container: Container,
    outside: Outside,
    warehouse_template: Path,
    tmp_path: Path,
    clock: Clock,
    copying: Copying | None,
) -> None:
    def after_a_life_of(steps: int) -> tuple[int, Exception | None, str]:
        """The steps that were left, what the first run ended with, and what is there after the second."""
        with elsewhere.address(warehouse_template, tmp_path / f"{steps}.duckdb") as url:
            warehouse = opening.open_warehouse(building.settings(url))
            deliver_all(outside)
            process = Mortal(warehouse, steps)

            died = intake.load_files(
                MortalContainer(container, process), process, clock=clock, copying=copying
            )
            intake.load_files(container, warehouse, clock=clock, copying=copying).raise_for_failure()
            list(publish.publish_waiting(warehouse, clock=clock))

            contents = building.contents(warehouse)
            warehouse.close()
        assert outside.names() == ENDED
        forget_everything(outside)
        return process.steps, died.failure, contents

    left, failure, undisturbed = after_a_life_of(EVER)
    assert failure is None
    needed = EVER - left
    assert needed > 25

    for steps in range(0, needed, EVERY):
        _, failure, contents = after_a_life_of(steps)
        assert failure is not None
        assert contents == undisturbed


def forget_everything(outside: Outside) -> None:
    with outside.client as client:
        for name in client.list_blob_names():
            client.delete_blob(name)


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """A folder in which temporary folders are made during the test, and no others."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    yield tmp_path
    tempfile.tempdir = before


class EndedByHand(BaseException):
    """As Ctrl-C ends a run."""


@pytest.mark.parametrize("end", [None, RuntimeError("fails"), EndedByHand()])
def test_no_run_that_ends_leaves_a_temporary_folder(
    container: Container,
    outside: Outside,
    warehouse: Warehouse,
    clock: Clock,
    temporary: Path,
    end: BaseException | None,
) -> None:
    seen: list[Path] = []

    class Ending(Recorded):
        @contextmanager
        def transaction(self) -> Iterator[Session]:
            seen.extend(temporary.glob("metering-delivery-*"))
            if end is not None:
                raise end
            with super().transaction() as session:
                yield session

    outside.put_lines("values.csv", values(HOUSE, DAY, ["1"] * 23))

    with suppress(EndedByHand):
        intake.load_files(container, Ending(warehouse), clock=clock)

    assert seen
    assert list(temporary.glob("metering-delivery-*")) == []


def test_folders_of_runs_that_were_killed_are_removed_a_day_later(
    load_files: Callable[[], Intake], clock: Clock, temporary: Path
) -> None:
    for name, age in (("killed", timedelta(days=1, minutes=1)), ("running", timedelta(minutes=1))):
        folder = temporary / f"metering-delivery-{name}"
        folder.mkdir()
        (folder / "values.csv").touch()
        os.utime(folder, times=((clock() - age).timestamp(),) * 2)

    load_files().raise_for_failure()

    assert [each.name for each in temporary.glob("metering-delivery-*")] == ["metering-delivery-running"]


@pytest.mark.parametrize(
    ("kills", "names"),
    [
        (1, ["processed/a.csv", "processed/b.csv"]),
        (2, ["processed/b.csv", "rejected/a.csv", "rejected/a.csv.reasons.txt"]),
    ],
)
def test_a_file_that_has_killed_two_runs_is_rejected_and_those_after_it_are_loaded(
    container: Container,
    outside: Outside,
    warehouse_template: Path,
    tmp_path: Path,
    clock: Clock,
    kills: int,
    names: list[str],
) -> None:
    outside.put_lines("a.csv", values(HOUSE, DAY, ["1", "2"]))
    with elsewhere.address(warehouse_template, tmp_path / "metering.duckdb") as url:
        arguments = ("load_files", url, outside.settings.storage, str(WHILE_IT_IS_STAGED))
        command = [sys.executable, "-m", "tests.builders.processes.warehouse", *arguments]
        own_folder = {**os.environ, "TMPDIR": str(tmp_path)}
        for _ in range(kills):
            assert subprocess.run(command, cwd=ROOT, timeout=60, env=own_folder).returncode == -9
            outside.end_the_lease_of_the_dead()
        outside.put_lines("b.csv", values(HOUSE, DAY, ["3"]))
        warehouse = opening.open_warehouse(building.settings(url))

        done = intake.load_files(container, warehouse, clock=clock)

        done.raise_for_failure()
        warehouse.close()
    assert outside.names() == names
    assert ["2 runs were killed" in fault.reason for each in done.rejected for fault in each.faults] == [
        True for _ in range(kills - 1)
    ]


@pytest.mark.parametrize("note", [b"", b"\xff", b"[]", b"{}", b'{"name": "a.csv"}'])
def test_a_note_of_a_begun_file_that_cannot_be_read_holds_up_nothing(
    outside: Outside, load_files: Callable[[], Intake], caplog: pytest.LogCaptureFixture, note: bytes
) -> None:
    outside.put_lines("a.csv", values(HOUSE, DAY, ["1"]))
    with outside.client as client:
        client.upload_blob(BEGUN, note)

    load_files().raise_for_failure()

    assert outside.names() == ["processed/a.csv"]
    assert "The note of the file in progress is unreadable; no file counts as in progress." in caplog.messages


def test_a_file_that_stays_for_another_reason_is_not_counted_as_killed(
    container: Container, outside: Outside, warehouse: Warehouse, clock: Clock
) -> None:
    class Away(Recorded):
        def fetch(self, query: Query[Row]) -> list[Row]:
            raise WarehouseUnavailable("It is away.", retry_after=timedelta(seconds=1))

    outside.put_lines("a.csv", values(HOUSE, DAY, ["1"]))

    for _ in range(4):
        intake.load_files(container, Away(warehouse), clock=clock)
    intake.load_files(container, warehouse, clock=clock).raise_for_failure()

    assert outside.names() == ["processed/a.csv"]


def test_a_file_that_twice_needed_more_memory_than_there_is_is_rejected(
    container: Container, outside: Outside, warehouse: Warehouse, clock: Clock
) -> None:
    class TooLarge(Recorded):
        def fetch(self, query: Query[Row]) -> list[Row]:
            raise MemoryError

    outside.put_lines("a.csv", values(HOUSE, DAY, ["1"]))

    for _ in range(2):
        intake.load_files(container, TooLarge(warehouse), clock=clock)
    (rejected,) = intake.load_files(container, warehouse, clock=clock).rejected

    assert "2 runs were killed" in rejected.faults[0].reason


def test_a_content_that_comes_again_after_another_counts_again_and_else_is_skipped(
    outside: Outside, container: Container, warehouse: Warehouse, clock: Clock
) -> None:
    class InSeconds(Mine):
        """A container whose files arrived one second after the other, by name."""

        def list_files(self) -> list[ArrivedFile]:
            return [replaced(each, at=second) for second, each in enumerate(super().list_files())]

    for name, quantity in (("1.csv", "1"), ("2.csv", "2"), ("3.csv", "1"), ("4.csv", "1")):
        outside.put_lines(name, values(HOUSE, DAY, [quantity]))

    done = intake.load_files(InSeconds(container), warehouse, clock=clock)
    list(publish.publish_waiting(warehouse, clock=clock))

    assert [each.is_new for each in done.results] == [True, True, True, False]
    assert [each.quantities[:5] for each in versions(warehouse, HOUSE, DAY)] == ["1.000", "2.000", "1.000"]


@pytest.mark.parametrize("step", [3, 9, 14, 20])
def test_a_process_that_is_killed_while_it_takes_deliveries_in_is_completed_by_the_next(
    container: Container,
    outside: Outside,
    warehouse_template: Path,
    tmp_path: Path,
    clock: Clock,
    step: int,
) -> None:
    deliver_all(outside)
    with elsewhere.address(warehouse_template, tmp_path / "metering.duckdb") as url:
        arguments = ("load_files", url, outside.settings.storage, str(step))
        command = [sys.executable, "-m", "tests.builders.processes.warehouse", *arguments]

        own_folder = {**os.environ, "TMPDIR": str(tmp_path)}
        assert subprocess.run(command, cwd=ROOT, timeout=60, env=own_folder).returncode == -9
        outside.end_the_lease_of_the_dead()
        warehouse = opening.open_warehouse(building.settings(url))
        intake.load_files(container, warehouse, clock=clock).raise_for_failure()
        list(publish.publish_waiting(warehouse, clock=clock))

        assert outside.names() == ENDED
        assert building.count(warehouse, "delivery") == 1
        assert [each.quantities[:11] for each in versions(warehouse, HOUSE, DAY)] == ["1.000,2.000"]
        warehouse.close()


def replaced(file: ArrivedFile, *, at: int | None = None, size: int | None = None) -> ArrivedFile:
    moment = file.at if at is None else datetime(2026, 11, 22, 6, 0, at, tzinfo=UTC)
    return ArrivedFile(moment, file.name, file.size if size is None else size, file.etag)
