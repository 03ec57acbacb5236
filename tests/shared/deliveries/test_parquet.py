"""Parquet files as columns of text, whatever their types."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from shared.deliveries import files, parquet
from shared.deliveries.faults import Rejected

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def texts(path: Path, column: Any) -> list[str]:
    """What a file with this column says."""
    pyarrow.parquet.write_table(pa.table({"column": column}), path)
    return [text for batch in files.open_file(path).batches() for text in batch.columns[0].to_pylist()]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", None, ""]), ["a", "", ""]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array(["a"], pa.large_string()), ["a"]),
        (pa.array([None, None]), ["", ""]),
        (pa.array([Decimal("0.735000")], pa.decimal128(18, 6)), ["0.735000"]),
        (pa.array([0.1, 2.0, None]), ["0.1", "2", ""]),
        (pa.array([707057500000010017]), ["707057500000010017"]),
        (pa.array([NOON], pa.timestamp("us", "Europe/Oslo")), ["2026-03-29 12:00:00Z"]),
        (pa.array([NOON], pa.timestamp("ns", "UTC")), ["2026-03-29 12:00:00Z"]),
        (pa.array([NOON.replace(microsecond=500)], pa.timestamp("ns", "UTC")), ["2026-03-29 12:00:00.0005Z"]),
        (pa.array([NOON.replace(tzinfo=None), None], pa.timestamp("ms")), ["2026-03-29 12:00:00", ""]),
        (pa.array([NOON.date()]), ["2026-03-29"]),
    ],
    ids=str,
)
def test_values_of_a_type_have_these_texts(tmp_path: Path, column: Any, expected: list[str]) -> None:
    assert texts(tmp_path / "some.parquet", column) == expected


def test_rows_have_their_numbers_also_after_many(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    pyarrow.parquet.write_table(pa.table({"column": pa.array(range(120_000))}), path, row_group_size=30_000)

    found = list(files.open_file(path).batches())

    assert [number for batch in found for number in batch.lines.to_pylist()] == list(range(1, 120_001))
    assert found[-1].share == 1.0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PAR1 and nothing of it", "Not Parquet: "),
        (b"PAR1", "Not Parquet: "),
    ],
)
def test_a_damaged_file_is_rejected(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "some.parquet"
    path.write_bytes(content)

    with pytest.raises(Rejected) as caught:
        files.open_file(path)

    assert caught.value.faults[0].reason.startswith(reason)


def test_a_column_of_lists_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        texts(tmp_path / "some.parquet", pa.array([[1, 2]]))

    assert caught.value.faults[0].reason == (
        "The column 'column' holds list<element: int64>, and not one value in each row."
    )


def test_text_that_is_not_in_utf_8_is_rejected(tmp_path: Path) -> None:
    invalid = pa.StringArray.from_buffers(
        1, pa.py_buffer(b"\x00\x00\x00\x00\x01\x00\x00\x00"), pa.py_buffer(b"\xe5")
    )

    with pytest.raises(parquet.NotParquet):
        texts(tmp_path / "some.parquet", invalid)
