"""Sums in the warehouse leave out the same days as `assembly.sound` does."""

import random
from datetime import date, timedelta

from shared import periods
from shared.metering import Direction
from shared.series import assembly
from shared.warehouse.engine import Statement, Warehouse
from shared.warehouse.queries import insights
from shared.warehouse.queries.insights import PackedRow
from tests.builders.warehouse import HOUSE, MORNING, readable

FIRST, DAYS = date(2025, 10, 1), 1_500
"""With several nights when the clock changes."""
ODD = [
    "",
    ".",
    ",",
    ";",
    "0",
    "00",
    "7",
    "null",
    "n",
    "l",
    "x",
    "-",
    "#",
    " ",
    "0" * 16,
    "1.000,",
    ".000",
    "|",
]


def row(chance: random.Random, day: date) -> PackedRow:
    """Return a day that is whole, or nearly."""
    resolution = chance.choice(["PT1H", "PT1H", "PT15M"])
    minutes = 15 if resolution == "PT15M" else 60
    count = len(periods.starts(day, timedelta(minutes=minutes)))
    gaps = chance.choice([0, 0, 0.1, 1])
    letters = [
        "X" if chance.random() < gaps else "M" if gaps == 0 else chance.choice("MEFTC") for _ in range(count)
    ]
    quantities = [
        "null" if letter == "X" else f"{chance.choice(['0', '12', '9' * 15])}.{chance.randrange(1000):03d}"
        for letter in letters
    ]
    text, qualities = ",".join(quantities), "".join(letters)
    match chance.randrange(8):
        case 0 | 1 | 2:
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(ODD) + text[at + chance.randrange(3) :]
        case 3:
            at = chance.randrange(len(qualities) + 1)
            qualities = qualities[:at] + chance.choice("MXEm# -|") + qualities[at + chance.randrange(2) :]
        case 4:
            resolution = chance.choice(["PT1H", "PT15M", "PT30M", "pt1h", "PT1H ", ""])
        case _:
            pass
    return PackedRow(HOUSE, day, resolution, text, qualities)


def test_sums_leave_out_what_is_no_whole_market_day(warehouse: Warehouse) -> None:
    chance = random.Random(1)
    rows = [row(chance, FIRST + timedelta(days=count)) for count in range(DAYS)]
    with warehouse.transaction() as session:
        for each in rows:
            session.run(
                Statement(
                    "INSERT INTO metering.series_day (metering_point_id, direction, delivery_date, "
                    "resolution, quantities, qualities, total_kwh, missing, sequence, published_at) "
                    "VALUES (?, 'consumption', ?, ?, ?, ?, 1, 0, 1, CAST(? AS datetime2(6)))",
                    (*each[:5], MORNING),
                    "insert",
                )
            )
    end = FIRST + timedelta(days=DAYS)
    asked = {"direction": Direction.CONSUMPTION, "first": FIRST, "end": end, "as_of": MORNING}

    of_days = warehouse.fetch(insights.day_sums(readable((HOUSE, None, None)), **asked))  # type: ignore[arg-type]
    of_months = warehouse.fetch(insights.month_sums(readable((HOUSE, None, None)), **asked))  # type: ignore[arg-type]

    expected = [each.delivery_date for each in assembly.sound(rows)]
    assert DAYS / 4 < len(expected) < DAYS * 3 / 4
    assert [each.delivery_date for each in of_days if each.is_whole] == expected
    assert sum(each.days for each in of_months if each.is_whole) == len(expected)
