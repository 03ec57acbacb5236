"""Rows that COPY INTO lands are checked in SQL as strictly as the loader checks them in Python."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from shared.deliveries import rules
from shared.deliveries.faults import Faults
from shared.deliveries.intervals import RULES
from shared.deliveries.rules import Context
from shared.warehouse import schema
from shared.warehouse.engine import Query, Statement, Warehouse
from tests.builders.warehouse import HOUSE, Deliverer, values

GOOD = {
    "metering_point_id": "707057500000010017",
    "direction": "consumption",
    "start": "2026-03-28T23:00:00Z",
    "resolution": "PT1H",
    "quantity": "1.250",
    "quality": "measured",
}


def land(warehouse: Warehouse, **changed: str | None) -> None:
    with warehouse.transaction() as session:
        session.run(
            Statement(
                "INSERT INTO metering.landed_row SELECT ?, ?, ?, ?, ?, ?",
                (*{**GOOD, **changed}.values(),),
                "land",
            )
        )


def reasons(warehouse: Warehouse) -> list[str | None]:
    return warehouse.fetch(
        Query("SELECT reason FROM metering.landed_fault", (), lambda reason: reason, "landed_faults")
    )


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"quantity": ""},
        {"quantity": None},
        {"quantity": "0", "quality": "estimated"},
        {"quantity": "", "quality": "missing"},
        {"resolution": "PT15M", "start": "2026-03-28T23:45:00Z"},
        {"direction": "production"},
        {"metering_point_id": "707057500000010024"},
    ],
)
def test_a_good_row_has_no_fault(warehouse: Warehouse, changed: dict[str, str | None]) -> None:
    land(warehouse, **changed)

    assert reasons(warehouse) == [None]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"metering_point_id": "70705750000001001"}, "metering_point_id has not exactly 18 digits"),
        ({"metering_point_id": "70705750000001001A"}, "metering_point_id has not exactly 18 digits"),
        ({"metering_point_id": None}, "metering_point_id has not exactly 18 digits"),
        ({"metering_point_id": "707057500000010018"}, "metering_point_id has another check digit"),
        ({"metering_point_id": "707057500000100017"}, "metering_point_id has another check digit"),
        ({"direction": "in"}, "direction is unknown"),
        ({"direction": None}, "direction is unknown"),
        ({"resolution": "P1D"}, "resolution is not PT15M or PT1H"),
        ({"start": "2026-03-29T01:00:00"}, "start is not a time in UTC such as 2026-03-29T01:00:00Z"),
        ({"start": "2026-03-29T01:00:00+01:00"}, "start is not a time in UTC such as 2026-03-29T01:00:00Z"),
        ({"start": "2026-02-29T01:00:00Z"}, "start is not a time in UTC such as 2026-03-29T01:00:00Z"),
        ({"start": "2009-12-31T22:00:00Z"}, "start is outside the market days"),
        ({"start": "2050-12-31T23:00:00Z"}, "start is outside the market days"),
        ({"start": "2050-12-31T22:00:00Z"}, "start lies more than two days in the future"),
        ({"start": "2026-03-29T01:15:00Z"}, "start is not the start of an interval"),
        ({"start": "2026-03-29T01:00:01Z", "resolution": "PT15M"}, "start is not the start of an interval"),
        ({"quantity": "1.2500"}, "quantity has more than three decimals"),
        ({"quantity": "-0.5"}, "quantity is negative"),
        ({"quantity": "1e3"}, "quantity is not a decimal number with a point"),
        ({"quantity": " 1"}, "quantity is not a decimal number with a point"),
        ({"quantity": "+1"}, "quantity is not a decimal number with a point"),
        ({"quantity": "x"}, "quantity is not a decimal number with a point"),
        ({"quantity": "1234567890123"}, "quantity has more than 12 digits before the point"),
        ({"quality": "ok"}, "quality is unknown"),
        ({"direction": "consumption "}, "direction is unknown"),
        ({"direction": "Consumption"}, "direction is unknown"),
        ({"direction": "førbruk"}, "direction is unknown"),
        ({"resolution": "PT1H "}, "resolution is not PT15M or PT1H"),
        ({"resolution": "pt1h"}, "resolution is not PT15M or PT1H"),
        ({"quality": "measured "}, "quality is unknown"),
        ({"quality": "Missing", "quantity": ""}, "quality is unknown"),
        ({"metering_point_id": "707057500000010017 "}, "metering_point_id has not exactly 18 digits"),
        ({"metering_point_id": "7.0705750000001e17"}, "metering_point_id has not exactly 18 digits"),
        ({"start": "2026-03-29T01:00:00Z "}, "start is not a time in UTC such as 2026-03-29T01:00:00Z"),
        ({"start": "2026-03-29t01:00:00z"}, "start is not a time in UTC such as 2026-03-29T01:00:00Z"),
        ({"start": "2026-03-29 01:00:00Z"}, "start is not a time in UTC such as 2026-03-29T01:00:00Z"),
        ({"quantity": "1 "}, "quantity is not a decimal number with a point"),
        ({"quantity": " "}, "quantity is not a decimal number with a point"),
        ({"quantity": "1E3"}, "quantity is not a decimal number with a point"),
        ({"quality": "missing"}, "a quantity has the quality missing"),
    ],
)
def test_a_bad_row_has_a_reason(warehouse: Warehouse, changed: dict[str, str | None], reason: str) -> None:
    land(warehouse, **changed)

    assert reasons(warehouse) == [reason]


def test_the_rules_of_the_loader_are_those_of_the_view_in_the_same_order() -> None:
    script = (schema.SCRIPTS / "004_views.sql").read_text(encoding="utf-8")
    (view,) = (batch for batch in schema.batches(script) if "VIEW metering.landed_fault" in batch)

    stated = re.findall(
        r"WHEN (v\..*?|\(3 \*.*?|DATEDIFF.*?|CONCAT.*?) THEN '([^']*)'", " ".join(view.split())
    )

    assert stated == [(rule.sql, rule.name) for rule in RULES if rule.sql is not None]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"quantity": ""},
        {"quantity": "0", "quality": "estimated"},
        {"quantity": "", "quality": "missing"},
        {"resolution": "PT15M", "start": "2026-03-28T23:45:00Z"},
        {"metering_point_id": "70705750000001001"},
        {"metering_point_id": "70705750000001001A"},
        {"metering_point_id": "٧07057500000010017"},
        {"metering_point_id": "707057500000010018"},
        {"metering_point_id": "707057500000100017"},
        {"metering_point_id": ""},
        {"direction": "in"},
        {"direction": "Consumption"},
        {"direction": "consumption "},
        {"direction": ""},
        {"resolution": "P1D"},
        {"resolution": "PT1H "},
        {"resolution": "pt1h"},
        {"start": "2026-02-29T01:00:00Z"},
        {"start": "x"},
        {"start": ""},
        {"start": "2009-12-31T22:00:00Z"},
        {"start": "2050-12-31T23:00:00Z"},
        {"start": "2050-12-31T22:00:00Z"},
        {"start": "2026-03-29T01:15:00Z"},
        {"start": "2026-03-29T01:00:01Z", "resolution": "PT15M"},
        {"quantity": "1.2345"},
        {"quantity": "-0.5"},
        {"quantity": " 1"},
        {"quantity": "1 "},
        {"quantity": "x"},
        {"quantity": "1,5"},
        {"quantity": "1234567890123"},
        {"quality": "ok"},
        {"quality": "MEASURED"},
        {"quality": "measured "},
        {"quality": ""},
        {"quality": "missing"},
    ],
)
def test_the_loader_refuses_what_the_view_refuses_and_for_the_same_reason(
    warehouse: Warehouse, changed: dict[str, str]
) -> None:
    land(warehouse, **changed)

    assert reasons(warehouse) == [refused_by_loader({**GOOD, **changed})]


def refused_by_loader(row: dict[str, str]) -> str | None:
    """The first rule of the loader that refuses a row."""
    columns = {name: pa.array([text]).dictionary_encode() for name, text in row.items()}
    context = Context(received_at=datetime.now(UTC), is_norwegian=False)
    for rule in RULES:
        faults = Faults()
        rules.apply([rule], columns, lines=pa.array([1], pa.int64()), context=context, faults=faults)
        if faults:
            return rule.name
    return None


def test_a_landed_row_may_start_up_to_two_days_ahead(warehouse: Warehouse) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0)
    for hours in (47, 49):
        land(warehouse, start=f"{hour + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}")

    assert sorted(reasons(warehouse), key=str) == [None, "start lies more than two days in the future"]


def test_a_landed_row_becomes_a_value_of_its_market_day(warehouse: Warehouse) -> None:
    land(warehouse)
    land(warehouse, start="2026-03-28T22:00:00Z", quantity="")

    values = warehouse.fetch(
        Query(
            "SELECT start_utc, quantity, quality FROM metering.landed_value ORDER BY start_utc",
            (),
            lambda *row: row,
            "landed_values",
        )
    )
    days = warehouse.fetch(
        Query(
            "SELECT delivery_date FROM metering.landed_day ORDER BY delivery_date",
            (),
            lambda day: day,
            "landed_days",
        )
    )

    assert values == [
        (datetime.fromisoformat("2026-03-28T22:00:00"), None, "missing"),
        (datetime.fromisoformat("2026-03-28T23:00:00"), Decimal("1.250"), "measured"),
    ]
    assert days == [date(2026, 3, 28), date(2026, 3, 29)]


# --- days in another resolution

SPRING = date(2026, 3, 29)


def contradictions(warehouse: Warehouse) -> list[tuple[str, str]]:
    return warehouse.fetch(
        Query(
            "SELECT resolution, other_resolution FROM metering.landed_contradiction ORDER BY resolution",
            (),
            lambda *row: row,
            "landed_contradictions",
        )
    )


@pytest.mark.parametrize("published", [True, False])
def test_a_landed_day_that_is_stored_or_waits_in_another_resolution_is_found(
    deliverer: Deliverer, *, published: bool
) -> None:
    deliverer.load(values(HOUSE, SPRING, ["1"] * 23))
    if published:
        deliverer.publish()

    land(deliverer.warehouse, resolution="PT15M")
    land(deliverer.warehouse, start="2026-03-29T22:00:00Z", resolution="PT15M")

    assert contradictions(deliverer.warehouse) == [("PT15M", "PT1H")]


def test_a_landed_day_that_is_whole_replaces_the_day_whatever_its_resolution(deliverer: Deliverer) -> None:
    deliverer.deliver(values(HOUSE, SPRING, ["1"] * 23))

    first = datetime(2026, 3, 28, 23, tzinfo=UTC)
    for place in range(92):
        start = first + timedelta(minutes=15 * place)
        assert contradictions(deliverer.warehouse) == ([("PT15M", "PT1H")] if place else [])
        land(deliverer.warehouse, resolution="PT15M", start=f"{start:%Y-%m-%dT%H:%M:%SZ}")

    assert contradictions(deliverer.warehouse) == []


def test_a_landed_day_in_two_resolutions_is_found(warehouse: Warehouse) -> None:
    land(warehouse)
    land(warehouse, start="2026-03-29T00:15:00Z", resolution="PT15M")

    assert contradictions(warehouse) == [("PT15M", "PT1H"), ("PT1H", "PT15M")]


def test_a_landed_day_in_the_resolution_that_it_has_is_taken_in(deliverer: Deliverer) -> None:
    deliverer.load(values(HOUSE, SPRING, ["1"] * 23))

    land(deliverer.warehouse)
    land(deliverer.warehouse, direction="production", resolution="PT15M")

    assert contradictions(deliverer.warehouse) == []


def test_copy_into_looks_for_contradictions_once_it_has_the_turn_and_before_it_takes_anything_in() -> None:
    script = (schema.SCRIPTS / "copy_into.sql").read_text(encoding="utf-8")
    (transaction,) = (batch for batch in schema.batches(script) if "BEGIN TRANSACTION" in batch)

    places = [
        transaction.index(text)
        for text in (
            "BEGIN TRANSACTION",
            "UPDATE metering.write_lock",
            "FROM metering.landed_contradiction",
            "ROLLBACK TRANSACTION",
            "THROW 50003",
            "INSERT INTO metering.interval_value",
            "COMMIT TRANSACTION",
        )
    ]

    assert places == sorted(places)


def test_each_word_of_a_list_is_compared_with_its_blanks_and_its_case() -> None:
    """T-SQL's `=` ignores both, which the embedded engine never shows."""
    raw = r"\b(?:r\.\[?(?:direction|resolution|quantity|quality)|\w+_text)\b"
    compared = re.compile(rf"{raw}(?:, ''\))? (?:(?:NOT )?IN \(|=|<>) ?'", re.IGNORECASE)

    views = (schema.SCRIPTS / "004_views.sql").read_text("utf-8")

    assert compared.findall(views) == []
    assert (
        compared.findall("r.resolution IN ('PT1H') OR COALESCE(v.quality_text, '') NOT IN ('missing')") != []
    )


def test_copy_into_stores_nothing_once_its_transaction_was_undone() -> None:
    script = (schema.SCRIPTS / "copy_into.sql").read_text(encoding="utf-8")
    (transaction,) = (batch for batch in schema.batches(script) if "BEGIN TRANSACTION" in batch)

    steps = re.findall(r"IF @@TRANCOUNT = 0\s+THROW|INSERT INTO metering\.\w+", transaction)

    assert [re.sub(r"\s+", " ", step) for step in steps] == [
        "IF @@TRANCOUNT = 0 THROW",
        "INSERT INTO metering.interval_value",
        "IF @@TRANCOUNT = 0 THROW",
        "INSERT INTO metering.delivery",
    ]
