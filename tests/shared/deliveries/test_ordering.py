"""A strict order of staged rows is found across batches, and means that no interval comes twice."""

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.deliveries.interval_values.ordering import StrictOrder
from tests.builders.warehouse import CABIN, HOUSE

Row = tuple[str, str, int]
_WORD = pa.dictionary(pa.int32(), pa.string())
ROWS = st.tuples(
    st.sampled_from([HOUSE, CABIN]), st.sampled_from(["consumption", "production"]), st.integers(0, 3)
)
A, B, C = (HOUSE, "consumption", 0), (HOUSE, "consumption", 1), (CABIN, "consumption", 0)


def holds(*batches: list[Row]) -> bool:
    order = StrictOrder()
    for rows in batches:
        ids, directions, starts = ([row[place] for row in rows] for place in range(3))
        order.follow(
            pa.record_batch(
                {
                    "metering_point_id": pa.array(ids, _WORD),
                    "direction": pa.array(directions, _WORD),
                    "start_utc": pa.array(starts, pa.timestamp("s")),
                }
            )
        )
    return order.holds


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([[A, B, C]], True),
        ([[A], [], [B, C]], True),
        ([[A, C, B]], True),  # By time.
        ([[A, C], [B]], True),
        ([[A, A]], False),
        ([[A, B], [B, C]], False),
        ([[B, A, C]], False),
        ([[A, B, C], [A]], False),
    ],
)
def test_rows_are_in_order_of_series_and_time_or_of_time_and_series(
    batches: list[list[Row]], expected: bool
) -> None:
    assert holds(*batches) is expected


@given(first=st.lists(ROWS, max_size=5), second=st.lists(ROWS, max_size=5))
def test_no_interval_comes_twice_in_a_strict_order(first: list[Row], second: list[Row]) -> None:
    rows = first + second
    by_time = [(start, id_, direction) for id_, direction, start in rows]

    expected = any(all(one < other for one, other in pairwise(each)) for each in (rows, by_time))

    assert holds(first, second) is expected
    assert not expected or len(set(rows)) == len(rows)
