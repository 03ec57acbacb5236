"""Builds the condition that a stored day is a whole market day, in T-SQL. Pure.

It is the condition of `shared.series.assembly.sound`, for sums that are made in the warehouse. Publishing
writes only whole days, but no engine enforces that on rows that are written in other ways.
"""

from shared.warehouse import words

MEASURED = ", ".join(f"'{'M' * intervals}'" for intervals in (24, 96, 23, 25, 92, 100))
"""The qualities of nearly all days: compared first, so that their letters need not be counted or replaced."""

_DIGIT, _OTHER = "[0-9]", "[^0-9]"
_NO_NUMBERS = (
    "[^0-9.,]",
    f"{_OTHER}.",
    *(f".{_DIGIT * count}{_OTHER}" for count in range(3)),
    f".{_DIGIT * 3}[^,]",
    *(f"{_OTHER}{_DIGIT * count}," for count in range(3)),
    f"[^.]{_DIGIT * 3},",
    _DIGIT * 16,
)
"""Patterns that never occur in a list of numbers with 1 to 15 digits and three decimals, with a comma before
and after it."""


def condition(day: str, market_day: str) -> str:
    """Return the condition on the aliases of a stored day and of its row in `metering.market_day`.

    Qualities of another kind are compared with the text of the values, in which each number becomes `#` and
    each null `-`.
    """
    has_odd = " OR ".join(f"CONCAT(',', {day}.quantities, ',') LIKE '%{each}%'" for each in _NO_NUMBERS)
    outline = f"CONCAT(TRANSLATE({day}.quantities, '123456789', '000000000'), ',')"
    places = f"REPLACE(REPLACE(REPLACE({outline}, '0.000,', '#'), 'null,', '-'), '0', '')"
    length = f"(LEN(CONCAT({day}.qualities, '|')) - 1)"
    return f"""(
        {words.is_one_of(f"{day}.resolution", words.STORED_RESOLUTIONS)}
        AND {length} * CASE {day}.resolution WHEN 'PT15M' THEN 15 ELSE 60 END
            = DATEDIFF(minute, {market_day}.start_utc, {market_day}.end_utc)
        AND CASE
            WHEN {day}.qualities IN ({MEASURED}) THEN
                CASE WHEN LEN({day}.quantities) - LEN(REPLACE({day}.quantities, ',', '')) + 1 <> {length}
                     THEN 0
                     WHEN {has_odd} THEN 0 ELSE 1 END
            WHEN {day}.qualities LIKE '%[^MEFTCX]%' OR {day}.quantities LIKE '%[0-9]n%'
              OR {day}.quantities LIKE '%{_DIGIT * 16}%' THEN 0
            WHEN CONCAT({places}, '|') = CONCAT(TRANSLATE({day}.qualities, 'MEFTCX', '#####-'), '|') THEN 1
            ELSE 0 END = 1)"""
