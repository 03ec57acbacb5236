"""Parquet files as text columns. Names of folders are not read as columns."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from shared.deliveries.batches import ROWS, Batch
from shared.deliveries.rules import shown

_BUFFER_BYTES = 1024 * 1024
_MOST_METADATA_BYTES = 16 * 1024 * 1024
_TEXT = pa.dictionary(pa.int32(), pa.string())


class NotParquet(ValueError):
    """The file is damaged, or a column cannot be read as text; the message says which."""


def header(path: Path) -> tuple[str, ...]:
    """Return the names of the columns.

    Raises:
        NotParquet: the file is damaged, or has a column that is a list or a structure.
    """
    with _open(path) as file:
        schema = file.schema_arrow
    for column in schema:
        if pa.types.is_nested(column.type):
            raise NotParquet(
                f"The column {shown(column.name)} holds {column.type}, and not one value in each row."
            )
    return tuple(schema.names)


def batches(path: Path) -> Iterator[Batch]:
    """Yield the rows: nulls as empty texts, times with a zone as ISO 8601 in UTC, others without a zone.

    Raises:
        NotParquet: the file is damaged.
    """
    with _open(path) as file:
        total = max(file.metadata.num_rows, 1)
        done = 0
        try:
            for some in file.iter_batches(batch_size=ROWS, use_threads=False):
                # Text that is not in UTF-8 would otherwise fail much later.
                some.validate(full=True)
                lines = pa.arange(done + 1, done + some.num_rows + 1)
                done += some.num_rows
                yield Batch([_texts(column) for column in some.columns], lines, [], done / total)
        except (pa.ArrowException, OSError) as error:
            raise _not_parquet(error) from error


def _open(path: Path) -> pyarrow.parquet.ParquetFile:
    try:
        return pyarrow.parquet.ParquetFile(
            path,
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            thrift_string_size_limit=_MOST_METADATA_BYTES,
            thrift_container_size_limit=_MOST_METADATA_BYTES,
        )
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(error) from error


def _not_parquet(error: Exception) -> NotParquet:
    return NotParquet(f"Not Parquet: {str(error).splitlines()[0][:200]}")


def _texts(column: pa.Array) -> pa.DictionaryArray:
    decoded = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_null(decoded.type):  # pandas writes a column without values like this.
        decoded = decoded.cast(pa.string())
    encoded = decoded.dictionary_encode()
    texts, indices = _text(encoded.dictionary), encoded.indices.cast(pa.int32())
    if indices.null_count:
        indices = pc.fill_null(indices, pa.scalar(len(texts), pa.int32()))
        texts = pa.concat_arrays([texts, pa.array([""])])
    return pa.DictionaryArray.from_arrays(indices, texts)


def _text(values: pa.Array) -> pa.StringArray:
    kind = values.type
    if not pa.types.is_timestamp(kind):
        return values.cast(pa.string())
    # Without its zone the time is in UTC, so no time zone database is needed.
    texts = pc.replace_substring_regex(
        values.cast(pa.timestamp(kind.unit)).cast(pa.string()), r"(\.\d*?)0+$", r"\1"
    )
    texts = pc.replace_substring_regex(texts, r"\.$", "")
    return pc.binary_join_element_wise(texts, pa.scalar("Z" if kind.tz else ""), "")
