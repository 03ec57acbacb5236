"""The energy in packed quantities.

Every form counts it, so the numbers are read by orjson: four times as fast as by `int`.
"""

import orjson

_EXACT_UP_TO = 1e12
"""Sum of kWh times the number of values, up to which a sum of floats is exact when rounded to Wh: each number
and each addition is wrong by at most 2^-53 of the sum, so all together by less than a quarter of a Wh."""


def watt_hours(packed: str) -> int:
    """Return the sum of packed quantities in whole Wh; missing ones count as nothing."""
    plain = packed.replace("null", "0.000")
    try:
        values: list[float] = orjson.loads(f"[{plain}]")
    except orjson.JSONDecodeError:  # A number with leading zeros, such as 007.500.
        return _exactly(plain)
    total = sum(values)
    return round(total * 1000) if total * len(values) < _EXACT_UP_TO else _exactly(plain)


def _exactly(plain: str) -> int:
    return sum(map(int, plain.replace(".", "").split(",")))
