"""Builds conditions on words from a fixed list, in T-SQL that means the same on every engine. Pure.

T-SQL's `=` and `IN` ignore trailing spaces, and letter case if the collation does: `PT1H ` would equal `PT1H`
and be stored with its space. Bytes are compared exactly.
"""

from collections.abc import Iterable

DIRECTIONS = ("consumption", "production")
STORED_RESOLUTIONS = ("PT15M", "PT1H")


def is_one_of(column: str, words: Iterable[str]) -> str:
    """Return the condition that a column of texts holds exactly one of the words."""
    listed = ", ".join(f"CAST('{word}' AS varbinary(100))" for word in words)
    return f"TRY_CAST({column} AS varbinary(100)) IN ({listed})"
