"""Packed days read as columns of whole Wh: sound ones only, and exact whatever their size."""

from collections.abc import Sequence
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.metering import Resolution
from shared.periods import ONE_DAY, Period, start_of
from shared.series import assembly, blocks, peaks, totals
from shared.series.blocks import Block, NotWhole
from shared.series.peaks import Of
from shared.warehouse.queries.insights import PackedRow

DAY = date(2026, 3, 1)
HOUSE, CABIN = "707057500000010017", "707057500000010024"

NUMBER = st.tuples(st.from_regex(r"[0-9]{1,15}\.[0-9]{3}", fullmatch=True), st.sampled_from("MEFTC"))
ODD = st.tuples(st.text("0159.,;-+nul x\n", max_size=6), st.sampled_from("MXm"))
VALUE = st.one_of(*[NUMBER] * 8, *[st.just(("null", "X"))] * 2, ODD)


def read(rows: Sequence[PackedRow], *, with_ids: bool) -> list[Block]:
    """Read days that are joined as the warehouse joins them."""
    return blocks.blocks(blocks.join(rows, with_ids=with_ids), with_ids=with_ids)


def packed(
    metering_point_id: str = HOUSE, quantities: str = "", qualities: str = "", resolution: str = "PT1H"
) -> PackedRow:
    """Return a day of which the first values are given; the others are 1.000."""
    left = (96 if resolution == "PT15M" else 24) - len(qualities)
    values = ",".join([*([quantities] if quantities else []), *["1.000"] * left])
    return PackedRow(metering_point_id, DAY, resolution, values, qualities + "M" * left)


@pytest.mark.parametrize(
    ("quantities", "qualities"),
    [
        ("1.00", "M"),
        ("-1.000", "M"),
        ("null", "M"),
        ("1.000", "X"),
        ("null,1.000", "MX"),
        ("1.0.00,2", "MM"),
        ("99999999999999999999.000", "M"),
        ("2.000,3.000", "M"),
        ("+1.000", "M"),
        (" 1.000", "M"),
        ('"1.000"', "M"),
        ("0x1.000", "M"),
        (".000", "M"),
        ("1000,1.0.000", "MM"),
        ("1.000\n1.000", "MM"),
        ("1null", "X"),
        ("null1", "X"),
        ("0000000000000001.000", "M"),
        (".", "M"),
        ("1,2.000", "MM"),
        ("1.000,1", "MM"),
        ("n.000", "M"),
        ("null.000", "M"),
        ("1.null", "X"),
        ("nul", "X"),
        ("null,", "X"),
        ("12345.6789", "M"),
        ("1.0.0,5", "MM"),
        ("1.00.,00", "MM"),
        ("1.000.,000", "MM"),
        ("1.00.,0.,00", "MMM"),
        ("1..00,,", "MMM"),
    ],
)
def test_a_day_of_another_form_is_refused(quantities: str, qualities: str) -> None:
    whole, other = packed(CABIN, "null,7.000", "XM"), packed(HOUSE, quantities, qualities)

    assert [each.rows for block in read([whole], with_ids=True) for each in block.groups] == [1]
    for with_ids in (False, True):
        with pytest.raises(NotWhole):
            read([whole, other], with_ids=with_ids)


@pytest.mark.parametrize(
    "changed",
    [
        {"resolution": "PT30M"},
        {"resolution": "PT1H "},
        {"resolution": "PT1H|"},
        {"resolution": ""},
        {"qualities": ""},
        {"qualities": "M" * 23},
        {"qualities": "M" * 23 + "m"},
        {"qualities": "M" * 24 + " "},
        {"qualities": "M" * 23 + "|"},
        {"quantities": ""},
        {"quantities": ";".join([packed().quantities] * 2)},
        {"quantities": f"{packed().quantities};"},
    ],
)
def test_a_day_of_an_unknown_resolution_length_or_letter_is_refused(changed: dict[str, Any]) -> None:
    row = packed()._replace(**changed)

    assert assembly.sound([row]) == []
    for with_ids in (False, True):
        with pytest.raises(NotWhole):
            read([row], with_ids=with_ids)


@pytest.mark.parametrize("shared", ["00.00.;00", "1.0.0;5", "1.000.;000"])
def test_a_value_has_its_own_decimal_point_and_not_that_of_the_day_before(shared: str) -> None:
    first, _, second = shared.partition(";")
    rows = [
        packed(CABIN)._replace(quantities="1.000," * 23 + first),
        packed()._replace(quantities=second + ",1.000" * 23),
    ]

    for with_ids in (False, True):
        with pytest.raises(NotWhole):
            read(rows, with_ids=with_ids)


def test_a_text_of_megabytes_is_read_row_by_row() -> None:
    """Arrow reads it in blocks, at whose edges rows begin and end anywhere."""
    count = 12_000
    rows = [
        packed(f"{place:018d}", f"{place / 1000:.3f},{place % 7}.000", "MM") for place in range(1, count + 1)
    ]
    (block,) = read(rows, with_ids=True)

    assert block.metering_point_ids is not None
    assert block.metering_point_ids.to_pylist() == list(range(1, count + 1))
    assert block.columns[0].to_pylist() == list(range(1, count + 1))
    assert block.columns[1].to_pylist() == [place % 7 * 1000 for place in range(1, count + 1)]
    assert {tuple(column.unique().to_pylist()) for column in block.columns[2:]} == {(1000,)}


@pytest.mark.parametrize("last", ["1.00.", "1.0..", "1.000.", "1..", "1.n", "1.000n", "1.0000", "1"])
def test_the_last_value_of_all_is_checked_like_the_others(last: str) -> None:
    for with_ids in (False, True):
        with pytest.raises(NotWhole):
            read([packed()._replace(quantities="1.000," * 23 + last)], with_ids=with_ids)


def test_an_empty_day_does_not_make_up_for_a_day_twice() -> None:
    twice = packed(CABIN)._replace(
        quantities=";".join([packed().quantities, f"{HOUSE},{packed().quantities}"])
    )

    for rows in ([packed()._replace(quantities=""), twice], [twice, packed()._replace(quantities="")]):
        for with_ids in (False, True):
            with pytest.raises(NotWhole):
                read(rows, with_ids=with_ids)


@pytest.mark.parametrize("metering_point_id", ["", "1", "70705750000001001", "7070575000000100177", "1.000"])
def test_an_id_of_another_length_is_refused(metering_point_id: str) -> None:
    for rows in ([packed(metering_point_id)], [packed(), packed(metering_point_id)]):
        assert len(read(rows, with_ids=False)) == 1
        with pytest.raises(NotWhole):
            read(rows, with_ids=True)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (DAY, 24)])
def test_a_day_has_as_many_values_as_it_is_long(day: date, hours: int) -> None:
    """Beside other days of its month, which are of the usual length."""
    others = [packed()._replace(delivery_date=day.replace(day=each)) for each in (2, 3)]

    for count in (23, 24, 25):
        row = PackedRow(HOUSE, day, "PT1H", ",".join(["1.000"] * count), "M" * count)
        for with_ids in (False, True):
            if count == hours:
                found = read([*others, row], with_ids=with_ids)
                assert sorted(len(each.columns) for each in found) == sorted({24, count})
            else:
                with pytest.raises(NotWhole):
                    read([*others, row], with_ids=with_ids)


@pytest.mark.parametrize("length", range(1, 7))
def test_of_all_short_texts_those_are_read_that_are_sound(length: int) -> None:
    for characters in product("0.,", repeat=length):
        text = "".join(characters)
        row = packed(quantities=text, qualities="M" * (text.count(",") + 1))
        for with_ids in (False, True):
            try:
                read([row], with_ids=with_ids)
            except NotWhole:
                assert assembly.sound([row]) == [], text
            else:
                assert assembly.sound([row]) == [row], text


@given(st.lists(st.lists(VALUE, min_size=24, max_size=24), min_size=1, max_size=5), st.booleans())
def test_what_is_sound_is_read_and_what_is_not_is_refused(
    days: list[list[tuple[str, str]]], with_ids: bool
) -> None:
    rows = [
        PackedRow(
            HOUSE, DAY + place * ONE_DAY, "PT1H", ",".join(q for q, _ in day), "".join(x for _, x in day)
        )
        for place, day in enumerate(days)
    ]

    if len(assembly.sound(rows)) < len(rows):
        with pytest.raises(NotWhole):
            read(rows, with_ids=with_ids)
        return
    found = {
        (each.day, hour): None if not added else int(added)
        for block in read(rows, with_ids=False)
        for at, each in enumerate(block.groups)
        for hour, added in enumerate(column[at].as_py() for column in block.columns)
    }
    assert found == {
        (DAY + place * ONE_DAY, hour): int(quantity.replace(".", "")) or None if quantity != "null" else None
        for place, day in enumerate(days)
        for hour, (quantity, _) in enumerate(day)
    }


def test_a_sum_that_no_column_can_hold_is_exact() -> None:
    most = "999999999999999.999"
    points = [f"7070575000000{number:05d}" for number in range(5_000)]
    rows = [packed(point, f"{most},null", "MX") for point in points]

    found = list(
        totals.of_blocks(
            read(rows, with_ids=False),
            resolution=Resolution.PT1H,
            period=Period(start_of(DAY), start_of(DAY + ONE_DAY)),
        )
    )

    assert [(each.watt_hours, each.missing, each.metering_points) for each in found[:3]] == [
        (5_000 * 999_999_999_999_999_999, 0, 5_000),
        (None, 5_000, 5_000),
        (5_000_000, 0, 5_000),
    ]


def test_an_hour_that_lacks_a_quarter_is_no_peak() -> None:
    row = packed(quantities="9.000,null,9.000,9.000,2.000", qualities="MXMMM", resolution="PT15M")

    (found,) = peaks.highest(read([row], with_ids=True), count=1, of=Of.HOURS)

    assert [hour.watt_hours for hour in found.hours] == [5_000]
    assert found.provisional
