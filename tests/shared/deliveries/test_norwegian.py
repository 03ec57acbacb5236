"""The Norwegian dialect: semicolons, decimal commas, and times in Oslo, also when clocks are changed."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from shared.deliveries.faults import Rejected
from shared.deliveries.interval_values.intervals import HEADER
from shared.warehouse import supply
from shared.warehouse.engine import Warehouse
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, Clock, Deliverer, versions

AUTUMN = date(2025, 10, 26)
SPRING = date(2026, 3, 29)

HOURS = ["00:00", "01:00", "02:00", "02:00", "03:00"]
QUARTERS = [f"0{hour}:{minute}" for hour in (1, 2, 2, 3) for minute in ("00", "15", "30", "45")]


def write(path: Path, lines: Sequence[Sequence[str]], *, header: Sequence[str] = HEADER) -> Path:
    text = "\r\n".join(";".join(each) for each in [header, *lines])
    path.write_text(f"\ufeff{text}\r\n", encoding="utf-8")
    return path


def night(times: Sequence[str], *, resolution: str = "PT1H", id_: str = HOUSE) -> list[tuple[str, ...]]:
    """Lines of the night when clocks are set back, with the quantities 0,001, 0,002 and so on."""
    return [
        (id_, "consumption", f"26.10.2025 {time}", resolution, f"0,{number:03}", "measured")
        for number, time in enumerate(times, 1)
    ]


def load(deliverer: Deliverer, tmp_path: Path, lines: Sequence[Sequence[str]]) -> None:
    building.load(deliverer.warehouse, write(tmp_path / "norsk.csv", lines), clock=deliverer.clock)
    deliverer.publish()


def reasons(warehouse: Warehouse, path: Path, clock: Clock) -> list[tuple[int | None, str]]:
    with pytest.raises(Rejected) as caught:
        building.load(warehouse, path, clock=clock)
    return [(fault.line, fault.reason) for fault in caught.value.faults]


def test_a_local_time_and_a_decimal_comma_are_read(deliverer: Deliverer, tmp_path: Path) -> None:
    lines = [
        (HOUSE, "consumption", "1.7.2025 0:00", "PT1H", "1,25", "measured"),
        (HOUSE, "consumption", "01.07.2025 01:00:00", "PT60M", ",5", "measured"),
        (HOUSE, "consumption", "2025-07-01 02:00", "PT1H", "7", "measured"),
        (HOUSE, "consumption", "2025-07-01T01:00:00Z", "PT1H", "", "measured"),
    ]

    load(deliverer, tmp_path, lines)

    (day,) = versions(deliverer.warehouse, HOUSE, date(2025, 7, 1))
    assert day.quantities.startswith("1.250,0.500,7.000,null,")


@pytest.mark.parametrize("backwards", [False, True])
def test_the_doubled_hour_is_distinguished_by_the_order_of_its_lines(
    deliverer: Deliverer, tmp_path: Path, *, backwards: bool
) -> None:
    lines = night(HOURS)

    load(deliverer, tmp_path, lines[::-1] if backwards else lines)

    (day,) = versions(deliverer.warehouse, HOUSE, AUTUMN)
    assert day.quantities.startswith("0.001,0.002,0.003,0.004,0.005,null,")


@pytest.mark.parametrize("backwards", [False, True])
def test_doubled_quarters_are_distinguished_also_without_lines_around_them(
    deliverer: Deliverer, tmp_path: Path, *, backwards: bool
) -> None:
    lines = night(QUARTERS[4:12], resolution="PT15M")

    load(deliverer, tmp_path, lines[::-1] if backwards else lines)

    (day,) = versions(deliverer.warehouse, HOUSE, AUTUMN)
    assert day.quantities.split(",")[8:16] == [f"0.00{number}" for number in range(1, 9)]


def test_doubled_quarters_of_which_some_are_not_there_are_distinguished(
    deliverer: Deliverer, tmp_path: Path
) -> None:
    load(deliverer, tmp_path, night(["01:45", "02:00", "02:30", "02:15", "03:00"], resolution="PT15M"))

    (day,) = versions(deliverer.warehouse, HOUSE, AUTUMN)
    assert day.quantities.split(",")[7:17] == [
        *("0.001", "0.002", "null", "0.003", "null"),
        *("null", "0.004", "null", "null", "0.005"),
    ]


def test_series_that_take_turns_in_a_file_are_each_in_their_own_order(
    deliverer: Deliverer, tmp_path: Path
) -> None:
    house, cabin = night(HOURS), night(HOURS, id_=CABIN)

    load(deliverer, tmp_path, [line for pair in zip(house, cabin, strict=True) for line in pair])

    for id_ in (HOUSE, CABIN):
        (day,) = versions(deliverer.warehouse, id_, AUTUMN)
        assert day.quantities.startswith("0.001,0.002,0.003,0.004,0.005,")


@pytest.mark.parametrize(
    "times",
    [
        ["01:00", "02:00", "03:00"],
        ["02:00", "02:00"],
        ["02:00"],
        ["01:00", "02:00", "02:00", "02:00", "03:00"],
        ["03:00", "02:00", "02:00", "03:00"],
    ],
    ids=["one of the two", "no lines around them", "alone", "three", "neither forwards nor backwards"],
)
def test_a_doubled_hour_that_its_order_does_not_distinguish_is_refused(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, times: Sequence[str]
) -> None:
    found = reasons(warehouse, write(tmp_path / "norsk.csv", night(times)), clock)

    assert found == [
        (
            2 + times.index("02:00"),
            "start '26.10.2025 02:00' comes twice that night, and the order of the lines does not show "
            "which one it is: write 2025-10-26T02:00:00+02:00 or 2025-10-26T02:00:00+01:00.",
        )
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {2: "29.03.2026 02:30"},
            "start '29.03.2026 02:30' does not exist in Oslo: clocks go from 02:00 to 03:00 that night.",
        ),
        (
            {2: "31.02.2026 00:00"},
            "start '31.02.2026 00:00' is not an ISO 8601 time with an offset, such as "
            "2026-03-29T00:00:00+01:00.",
        ),
        (
            {2: "29.03.2026"},
            "start '29.03.2026' is a day and not a time. Write '2026-03-29T00:00:00+01:00' for the time in "
            "Oslo, or '2026-03-29T00:00:00Z' for UTC, which is another instant.",
        ),
        (
            {4: "1.250"},
            "quantity '1.250' is not a number with a decimal comma, as files with semicolons have it.",
        ),
        (
            {4: "1 250,5"},
            "quantity '1 250,5' is not a number with a decimal comma, as files with semicolons have it.",
        ),
        ({4: "1,2345"}, "quantity '1,2345' has more than three decimals."),
    ],
)
def test_a_bad_line_is_refused(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, changed: dict[int, str], reason: str
) -> None:
    line = list(night(["00:00"])[0])
    for place, text in changed.items():
        line[place] = text

    assert reasons(warehouse, write(tmp_path / "norsk.csv", [line]), clock) == [(2, reason)]


def test_the_day_of_23_hours_is_read_in_local_times(deliverer: Deliverer, tmp_path: Path) -> None:
    clock = [f"{hour:02}:00" for hour in range(24) if hour != 2]
    lines = [
        (HOUSE, "consumption", f"29.03.2026 {time}", "PT1H", f"{number}", "measured")
        for number, time in enumerate(clock)
    ]

    load(deliverer, tmp_path, lines)

    (day,) = versions(deliverer.warehouse, HOUSE, SPRING)
    assert day.quantities == ",".join(f"{number}.000" for number in range(23))


def test_supply_periods_have_dates_as_excel_writes_them(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    header = ("customer_number", "metering_point_id", "valid_from", "valid_to")
    lines = [("1001", HOUSE, "01.02.2020", "2024-05-01"), ("1002", HOUSE, "1.5.2024", "")]

    building.load(warehouse, write(tmp_path / "norsk.csv", lines, header=header), clock=clock)

    assert warehouse.fetch(supply.periods()) == [
        supply.SupplyPeriodRow(1001, HOUSE, date(2020, 2, 1), date(2024, 5, 1)),
        supply.SupplyPeriodRow(1002, HOUSE, date(2024, 5, 1), None),
    ]
