"""Sums of packed quantities, exact in whole Wh."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.files.forms import energy

WATT_HOURS = st.one_of(st.integers(0, 5_000), st.integers(0, 10**9), st.integers(0, 10**18 - 1))


@given(st.lists(st.none() | WATT_HOURS, min_size=1, max_size=200))
def test_a_sum_is_exact(values: list[int | None]) -> None:
    packed = ",".join("null" if each is None else f"{each // 1000}.{each % 1000:03d}" for each in values)

    assert energy.watt_hours(packed) == sum(each or 0 for each in values)


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        ("null", 0),
        ("0.412,null,1.000", 1_412),
        ("007.500,0.001", 7_501),
        ("999999999999999.999,0.001", 10**18),
        (",".join(["8333333.333"] * 100), 833_333_333_300),
        (",".join(["99999999.999"] * 100), 9_999_999_999_900),
    ],
)
def test_missing_and_large_quantities_are_summed(packed: str, expected: int) -> None:
    assert energy.watt_hours(packed) == expected
