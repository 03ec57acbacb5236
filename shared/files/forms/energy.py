"""The energy in packed quantities.

Every form sums it, so the numbers are parsed by orjson, which is four times as fast as `int`.
"""

import orjson

_EXACT_UP_TO = 1e12
"""Below this product of the sum in kWh and the number of values, a sum of floats is exact when rounded to Wh.
Each number and each addition is wrong by at most 2^-53 of the sum, so all together by less than 0.25 Wh."""


def watt_hours(packed: str) -> int:
    """Return the sum of packed quantities in whole Wh; missing ones count as 0."""
    plain = packed.replace("null", "0.000")
    try:
        values: list[float] = orjson.loads(f"[{plain}]")
    except orjson.JSONDecodeError:  # A number with leading zeros, such as 007.500.
        return _exactly(plain)
    total = sum(values)
    return round(total * 1000) if total * len(values) < _EXACT_UP_TO else _exactly(plain)


def _exactly(plain: str) -> int:
    return sum(map(int, plain.replace(".", "").split(",")))
