"""How much one statement and one answer of insights may hold."""

MAX_ROWS = 100_000
"""Rows that one statement returns: WAREHOUSE_MAX_ROWS cannot be less."""

MAX_WHOLE = 100_000
"""Entries of peaks or completeness that are returned whole; the hours of peaks have a limit as well."""

MAX_WHOLE_DAYS = 40 * MAX_ROWS
"""Market days, over all metering points, whose totals are returned whole. They take some 40 statements, which
can be read within the time of an answer."""
