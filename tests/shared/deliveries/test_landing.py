"""Files that the warehouse reads itself are refused for the same reasons as files that the app reads."""

import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from shared.deliveries import loading
from shared.deliveries.container import ChangedMeanwhile
from shared.deliveries.faults import Rejected
from shared.deliveries.interval_values import landing
from shared.deliveries.interval_values.intervals import HEADER, RULES
from shared.deliveries.loading import Located
from shared.deliveries.loads import Loaded
from shared.publishing import publish
from shared.warehouse.engine import Query, Warehouse
from tests.builders import elsewhere
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, Clock, Deliverer, values, versions, write_csv

SPRING = date(2026, 3, 29)
GOOD = {
    "metering_point_id": HOUSE,
    "direction": "consumption",
    "start": "2026-03-28T23:00:00Z",
    "resolution": "PT1H",
    "quantity": "1.250",
    "quality": "measured",
}

_contents = count()


def copy(warehouse: Warehouse, path: Path, *, clock: Clock, content: str | None = None) -> Loaded:
    """Have the warehouse read a file, as a content of its own unless one is named."""
    return building.copy(warehouse, path, clock=clock, content=content or f"{next(_contents):056x}")


def reasons_of_copy(warehouse: Warehouse, path: Path, clock: Clock) -> list[str]:
    """Return the reasons for which a file that the warehouse reads is rejected; it leaves nothing behind."""
    with pytest.raises(Rejected) as caught:
        copy(warehouse, path, clock=clock)
    for table in ("landed_line", "delivery_line", "interval_value", "delivery"):
        assert building.count(warehouse, table) == 0
    assert caught.value.path == path
    assert {fault.line for fault in caught.value.faults} <= {None, 1}
    return [fault.sentence for fault in caught.value.faults]


def reasons_of_load(warehouse: Warehouse, path: Path, clock: Clock) -> list[str]:
    """Return the reasons for which a file that the app reads is rejected."""
    with pytest.raises(Rejected) as caught:
        building.load(warehouse, path, clock=clock)
    return [fault.reason for fault in caught.value.faults]


def stored(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """Return the delivered values, the latest delivery first, without what differs between two deliveries."""
    return warehouse.fetch(
        Query(
            "SELECT metering_point_id, direction, start_utc, resolution, quantity, quality "
            "FROM metering.interval_value ORDER BY metering_point_id, direction, start_utc",
            (),
            lambda *row: row,
            "stored",
        )
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "values.csv"


def write(path: Path, *rows: Iterable[str], header: Sequence[str] = HEADER) -> Path:
    """Write rows as they are, without any quoting."""
    path.write_text("".join(",".join(row) + "\n" for row in (header, *rows)), encoding="utf-8")
    return path


# --- what is refused

FAULTY = [
    {"metering_point_id": "70705750000001001"},
    {"metering_point_id": "70705750000001001A"},
    {"metering_point_id": "٧07057500000010017"},
    {"metering_point_id": "707057500000010018"},
    {"metering_point_id": "707057500000100017"},
    {"metering_point_id": "7.0705750000001e17"},
    {"metering_point_id": f"{HOUSE} "},
    {"metering_point_id": "-70705750000001001"},
    {"metering_point_id": ""},
    {"direction": "in"},
    {"direction": "Consumption"},
    {"direction": "consumption "},
    {"direction": "førbruk"},
    {"direction": ""},
    {"resolution": "P1D"},
    {"resolution": "PT1H "},
    {"resolution": "pt1h"},
    {"resolution": ""},
    {"start": "x"},
    {"start": ""},
    {"start": "2026-03-29"},
    {"start": "2026-03-29T01:00:00"},
    {"start": "2026-03-29T01:00"},
    {"start": "2026-03-29T01:00:00Z "},
    {"start": " 2026-03-29T01:00:00Z"},
    {"start": "2026-03-29t01:00:00Z"},
    {"start": "2026-03-29T24:00:00Z"},
    {"start": "2026-02-29T01:00:00Z"},
    {"start": "2026-03-29T01:60:00Z"},
    {"start": "2026-03-29T01:00:00+24:00"},
    {"start": "2026-03-29T01:00:00+01:60"},
    {"start": "2026-03-29T01:00:00+1:00"},
    {"start": "2026-03-29T01:00:00.Z"},
    {"start": "2026-03-29T01:00:00+01:30"},
    {"start": "0001-01-01T00:00:00+05:00"},
    {"start": "0001-01-01T00:00:00"},
    {"start": "9999-12-31T23:00:00-05:00"},
    {"start": "2009-12-31T22:00:00Z"},
    {"start": "2010-01-01T00:00:00+02:00"},
    {"start": "2050-12-31T23:00:00Z"},
    {"start": "2050-12-31T22:00:00Z"},
    {"start": "2026-03-29T01:15:00Z"},
    {"start": "2026-03-29T01:00:01Z", "resolution": "PT15M"},
    {"start": "2026-03-29T01:20:00+01:00", "resolution": "PT15M"},
    {"start": "2026-03-29T01:00:00.001Z"},
    {"quantity": "1.2345"},
    {"quantity": "0.0001"},
    {"quantity": "-0.5"},
    {"quantity": "-1234567890123"},
    {"quantity": "1000000000000"},
    {"quantity": " 1"},
    {"quantity": "1 "},
    {"quantity": " "},
    {"quantity": "1 000"},
    {"quantity": "x"},
    {"quantity": "."},
    {"quantity": "-"},
    {"quantity": "+"},
    {"quantity": "1-"},
    {"quantity": "1.2.3"},
    {"quantity": "--1"},
    {"quantity": "+-1"},
    {"quantity": "e"},
    {"quantity": "NaN"},
    {"quantity": "inf"},
    {"quantity": "0x10"},
    {"quantity": "1_000"},
    {"quantity": "٣"},
    {"quantity": "1,5"},
    {"quantity": "1E1000000"},
    {"quality": "ok"},
    {"quality": "målt"},
    {"quality": "MEASURED"},
    {"quality": "measured "},
    {"quality": "measured\x1cmore"},
    {"quality": ""},
    {"quality": "", "quantity": ""},
    {"quality": "missing"},
    {"quality": "measured,"},
    {"quality": '"measured'},
    {"quality": 'mea"sured'},
    {"quality": '"measured""'},
    {"quality": '""'},
    {"quantity": '"-1"'},
]


@pytest.mark.parametrize("changed", FAULTY)
def test_a_faulty_row_is_refused_for_the_same_reason_by_app_and_warehouse(
    warehouse: Warehouse, clock: Clock, path: Path, changed: dict[str, str]
) -> None:
    write(path, {**GOOD, **changed}.values())

    (by_the_app,) = reasons_of_load(warehouse, path, clock)
    (by_the_warehouse,) = reasons_of_copy(warehouse, path, clock)

    row = repr(",".join({**GOOD, **changed}.values()))
    assert by_the_warehouse == f"{by_the_app} In the row {row}."


def test_each_rule_refuses_a_row_of_this_test_in_both_ways() -> None:
    refused = [named for changed in FAULTY for named in rules_that_refuse({**GOOD, **changed})]

    assert {rule.name for rule in RULES} <= set(refused)


def rules_that_refuse(row: dict[str, str]) -> list[str]:
    import pyarrow as pa

    from shared.deliveries.rules import Context

    context = Context(received_at=datetime(2026, 11, 1, tzinfo=UTC), is_norwegian=False)
    return [
        rule.name
        for rule in RULES
        if rule.refuses(context, *(pa.array([row[name]]) for name in rule.columns))[0].as_py()
    ]


@pytest.mark.parametrize("row", [["a"], [*GOOD.values(), "more"], [HOUSE, "consumption"], [" "], [","]])
def test_a_row_of_another_width_is_refused_for_the_same_reason(
    warehouse: Warehouse, clock: Clock, path: Path, row: list[str]
) -> None:
    write(path, row)

    (by_the_app,) = reasons_of_load(warehouse, path, clock)
    (by_the_warehouse,) = reasons_of_copy(warehouse, path, clock)

    assert by_the_warehouse == f"{by_the_app} In the row {','.join(row)!a}."


@pytest.mark.parametrize("last", ["quantity", "quality"])
def test_a_row_without_its_last_field_is_refused_though_a_quantity_may_be_empty(
    warehouse: Warehouse, clock: Clock, path: Path, last: str
) -> None:
    header = [*(name for name in HEADER if name != last), last]
    write(path, [GOOD[name] for name in header[:-1]], header=header)

    (reason,) = reasons_of_copy(warehouse, path, clock)

    assert reason.startswith("5 columns, where the header has 6. In the row ")


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": "1e3"},
        {"quantity": "0.100000000000000000000"},
        {"start": "20260329T000000Z"},
        {"start": "2026-03-29T00Z"},
    ],
)
def test_an_unusual_writing_that_only_the_app_reads_is_refused_by_the_warehouse(
    warehouse: Warehouse, clock: Clock, path: Path, changed: dict[str, str]
) -> None:
    write(path, {**GOOD, **changed}.values())

    (reason,) = reasons_of_copy(warehouse, path, clock)

    assert ", in the plain form that a file of this size must have. In the row " in reason
    assert building.load(warehouse, path, clock=clock).rows == 1


def test_reasons_count_the_rows_and_show_two_of_them(warehouse: Warehouse, clock: Clock, path: Path) -> None:
    write_csv(path, [*values(HOUSE, SPRING, ["-1", "-2", "-3", "1"]), *values(CABIN, SPRING, ["x"])])

    assert reasons_of_copy(warehouse, path, clock) == [
        "quantity '-1' is negative. In the row "
        f"'{HOUSE},consumption,2026-03-28T23:00:00+00:00,PT1H,-1,measured' and 2 more, such as "
        f"'{HOUSE},consumption,2026-03-29T01:00:00+00:00,PT1H,-3,measured'.",
        "quantity 'x' is not a decimal number with a point. In the row "
        f"'{CABIN},consumption,2026-03-28T23:00:00+00:00,PT1H,x,measured'.",
    ]


def test_a_long_row_is_shown_in_part(warehouse: Warehouse, clock: Clock, path: Path) -> None:
    write(path, [*GOOD.values(), "y" * 1000])

    (reason,) = reasons_of_copy(warehouse, path, clock)

    assert reason.endswith("yyy...'.")
    assert len(reason) < 300


@pytest.mark.parametrize("content", [b"x" * 8_100, b"\xff\xfe"], ids=["too long", "not UTF-8"])
def test_a_line_that_the_engine_cannot_read_is_a_fault_of_the_file(
    warehouse: Warehouse, clock: Clock, path: Path, content: bytes
) -> None:
    write(path, GOOD.values())
    path.write_bytes(path.read_bytes() + content + b"\n")

    (reason,) = reasons_of_copy(warehouse, path, clock)

    assert reason.startswith("The warehouse cannot read the file: ")


def test_a_header_that_does_not_fit_is_a_fault_before_the_warehouse_reads_the_file(
    warehouse: Warehouse, clock: Clock, path: Path
) -> None:
    write(path, GOOD.values(), header=[*HEADER[:-1], "kvalitet"])

    assert reasons_of_copy(warehouse, path, clock) == [
        "The header does not fit interval values: unknown column 'kvalitet', no column quality."
    ]


@pytest.mark.parametrize("rest", ["", "\n", "\r\n\r\n"])
def test_a_file_without_rows_is_refused(warehouse: Warehouse, clock: Clock, path: Path, rest: str) -> None:
    path.write_text(",".join(HEADER) + "\n" + rest, newline="")

    assert reasons_of_copy(warehouse, path, clock) == ["The file has a header and no rows."]


# --- what is accepted


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"quantity": ""},
        {"quantity": "0", "quality": "estimated"},
        {"quantity": "", "quality": "missing"},
        {"quantity": "+1"},
        {"quantity": ".5"},
        {"quantity": "1."},
        {"quantity": "-0"},
        {"quantity": "007.10"},
        {"quantity": "1.2500000"},
        {"quantity": "999999999999.999"},
        {"resolution": "PT15M", "start": "2026-03-28T23:45:00Z"},
        {"resolution": "PT60M"},
        {"direction": "production"},
        {"metering_point_id": CABIN},
        {"start": "2026-03-29T00:00:00+01:00"},
        {"start": "2026-03-29 00:00:00+0100"},
        {"start": "2026-03-29T00:00+01"},
        {"start": "2026-03-28T18:00:00-05:00"},
        {"start": "2026-03-29T05:15:00+05:15"},
        {"start": "2026-03-28T23:00:00z"},
        {"start": "2026-03-28T23:00:00.000000Z"},
        {"start": "2026-03-28T22:00:00Z"},
        {"start": "2009-12-31T23:00:00Z"},
        {"quantity": '"1.5"', "quality": '"measured"'},
        {"metering_point_id": f'"{HOUSE}"', "quantity": '""'},
    ],
)
def test_a_good_row_is_stored_as_the_same_value_by_app_and_warehouse(
    warehouse: Warehouse, clock: Clock, path: Path, changed: dict[str, str]
) -> None:
    write(path, {**GOOD, **changed}.values())

    copied = copy(warehouse, path, clock=clock)
    by_the_warehouse = stored(warehouse)
    building.load(warehouse, path, clock=clock)

    assert (copied.rows, copied.is_new, copied.kind) == (1, True, "interval values")
    assert stored(warehouse) == [*by_the_warehouse, *by_the_warehouse]
    assert building.count(warehouse, "landed_line") == 0


def test_a_row_may_start_up_to_two_days_ahead(warehouse: Warehouse, clock: Clock, path: Path) -> None:
    hour = clock().replace(minute=0, second=0, microsecond=0)
    ahead = [f"{hour + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (48, 49)]
    write(path, *({**GOOD, "start": start}.values() for start in ahead))

    (reason,) = reasons_of_copy(warehouse, path, clock)

    assert reason.startswith(f"start '{ahead[1]}' lies more than 2 days in the future.")
    assert "more, such as" not in reason


def all_kinds_of_lines(lines: Iterable[Sequence[str]]) -> bytes:
    """Return lines in an order of their own, in quotes, with blank lines, CRLF and a byte order mark."""
    header = ["quality", "start", "metering_point_id", "quantity", "resolution", "direction"]
    places = [HEADER.index(name) for name in header]
    rows = [f'"{line[places[0]]}",' + ",".join(line[place] for place in places[1:]) for line in lines]
    titles = "Quality,START,metering point id,quantity,resolution,direction"
    return ("\ufeff" + "\r\n".join([titles, *rows[:3], "", *rows[3:]])).encode()


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_any_form_becomes_the_same_days(deliverer: Deliverer, path: Path, *, packed: bool) -> None:
    lines = [*values(HOUSE, SPRING, ["1", "", "3"] * 7 + ["2", "2"]), *values(CABIN, SPRING, ["4"] * 23)]
    content = all_kinds_of_lines(lines)
    path.write_bytes(gzip.compress(content) if packed else content)

    copied = copy(deliverer.warehouse, path, clock=deliverer.clock)
    (published,) = deliverer.publish()

    assert copied.rows == 46
    assert (published.days, published.values) == (2, 46)
    (day,) = versions(deliverer.warehouse, HOUSE, SPRING)
    assert day.quantities == ",".join(["1.000,null,3.000"] * 7 + ["2.000,2.000"])
    assert day.qualities == "MXM" * 7 + "MM"


def test_a_packed_file_that_ends_early_is_rejected(warehouse: Warehouse, clock: Clock, path: Path) -> None:
    elsewhere.skip_unless_embedded()  # What Fabric says of such a file is not known.
    write_csv(path, values(HOUSE, SPRING, [f"{number}.5" for number in range(23)]))
    start, whole = path.with_name("start.csv"), gzip.compress(path.read_bytes())
    start.write_bytes(whole)
    path.write_bytes(whole[:-30])

    with pytest.raises(Rejected) as caught:
        loading.load_copied(
            warehouse,
            loading.Located(start, str(path), "a content"),
            now=clock(),
            arrived_at=None,
            check_unchanged=lambda: None,
        )

    (fault,) = caught.value.faults
    assert fault.reason.startswith("The warehouse cannot read the file: IO Error: ")
    assert building.count(warehouse, "landed_line") == 0


# --- rows against each other, and against what is stored


def test_an_interval_with_two_values_is_refused_and_an_equal_repeat_counts_once(
    warehouse: Warehouse, clock: Clock, path: Path
) -> None:
    write_csv(path, [*values(HOUSE, SPRING, ["1", "2"]), *values(HOUSE, SPRING, ["1", "3"])])
    reasons = reasons_of_copy(warehouse, path, clock)
    write_csv(path, values(HOUSE, SPRING, ["1", "2"]) * 2)
    copied = copy(warehouse, path, clock=clock)

    assert reasons == [f"the interval (consumption of {HOUSE} at 2026-03-29T00:00:00Z) has two values."]
    assert copied.rows == 4
    assert len(stored(warehouse)) == 2


def test_a_day_in_two_resolutions_is_refused(warehouse: Warehouse, clock: Clock, path: Path) -> None:
    quarter = values(HOUSE, SPRING, ["1"], resolution="PT15M", first=8)
    write_csv(path, [*values(HOUSE, SPRING, ["1"]), *quarter])

    assert reasons_of_copy(warehouse, path, clock) == [f"the day 2026-03-29 of {HOUSE} has two resolutions."]


@pytest.mark.parametrize("published", [True, False])
def test_a_part_of_a_day_in_another_resolution_than_it_has_is_refused_and_a_whole_day_replaces_it(
    deliverer: Deliverer, path: Path, *, published: bool
) -> None:
    deliverer.load(values(HOUSE, SPRING, ["1"] * 23))
    if published:
        deliverer.publish()
    quarters = values(HOUSE, SPRING, ["2"] * 92, resolution="PT15M")

    with pytest.raises(Rejected) as caught:
        copy(deliverer.warehouse, write_csv(path, quarters[:-1]), clock=deliverer.clock)
    copy(deliverer.warehouse, write_csv(path, quarters), clock=deliverer.clock)
    deliverer.publish()

    assert [(fault.line, fault.reason) for fault in caught.value.faults] == [
        (
            None,
            f"the day 2026-03-29 of {HOUSE} is stored in PT1H, and here in PT15M; "
            "deliver the whole day to change it.",
        )
    ]
    assert versions(deliverer.warehouse, HOUSE, SPRING)[-1].quantities == ",".join(["2.000"] * 92)


# --- once, and all or nothing


def test_the_same_version_of_a_file_is_loaded_once(deliverer: Deliverer, path: Path) -> None:
    write_csv(path, values(HOUSE, SPRING, ["1"]))

    first, again = (
        copy(deliverer.warehouse, path, clock=deliverer.clock, content="a" * 64) for _ in range(2)
    )

    assert (first.is_new, again.is_new, again.rows) == (True, False, 1)
    assert len(publish.list_waiting(deliverer.warehouse)) == 1


def test_nothing_is_loaded_of_a_file_that_was_replaced_while_it_was_read(
    warehouse: Warehouse, clock: Clock, path: Path
) -> None:
    def replaced() -> None:
        raise ChangedMeanwhile("the file was replaced")

    with pytest.raises(ChangedMeanwhile):
        loading.load_copied(
            warehouse,
            Located(write(path, list(GOOD.values())), str(path), "a" * 64),
            now=clock(),
            arrived_at=None,
            check_unchanged=replaced,
        )

    assert [building.count(warehouse, table) for table in ("landed_line", "delivery_line", "delivery")] == [
        0
    ] * 3


def test_an_address_with_an_apostrophe_is_one_text(clock: Clock) -> None:
    assert (
        "FROM 'https://a.example/it''s.csv' WITH"
        in landing.copy_lines("https://a.example/it's.csv", is_packed=False).sql
    )
