"""Some rows of a delivered file, column by column."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

ROWS = 150_000
"""About how many rows are read, checked and staged at a time."""


@dataclass(frozen=True)
class Misfit:
    """Lines that are not rows, which a batch leaves out.

    Attributes:
        kind: the kind of fault of all these lines.
        reason: the fault as a sentence.
        lines: their numbers.
    """

    kind: str
    reason: str
    lines: Sequence[int]


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes:
        columns: the texts of each column, dictionary-encoded, in the order of the header.
        lines: the line of each row (in Parquet: the number of the row), as int64.
        misfits: lines that are not rows.
        share: the share of the file up to the end of the batch, 0 to 1.
    """

    columns: Sequence[pa.DictionaryArray]
    lines: pa.Int64Array
    misfits: Sequence[Misfit]
    share: float

    def named(self, header: Sequence[str], *, among: Collection[str]) -> dict[str, pa.DictionaryArray]:
        """Return the columns that are in `among`, by their names in the header."""
        pairs = zip(header, self.columns, strict=True)
        return {name: column for name, column in pairs if name in among}
