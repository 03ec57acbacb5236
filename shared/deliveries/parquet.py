"""Parquet files as text columns, read with DuckDB, which the deployed app does not have."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

_CONFIG: dict[str, Any] = {"autoinstall_known_extensions": False}


class NotParquet(ValueError):
    """The file is not whole, or no Parquet at all."""


def header(path: Path) -> tuple[str, ...]:
    """The names of the columns, or NotParquet."""
    with duckdb.connect(config=_CONFIG) as connection:
        try:
            return tuple(name for name, _ in _columns(connection, path))
        except duckdb.Error as error:
            raise NotParquet(str(error).splitlines()[0]) from error


def chunks(path: Path, *, size: int) -> Iterator[tuple[Sequence[Sequence[str]], float]]:
    """Up to `size` rows at a time as one sequence of texts for each column, with the share read so far.

    Nulls become empty texts, times with a zone ISO 8601 in UTC, times without one stay without.
    """
    with duckdb.connect(config=_CONFIG) as connection:
        columns = _columns(connection, path)
        (total,) = connection.execute("SELECT COUNT(*) FROM read_parquet(?)", [str(path)]).fetchone() or (0,)
        texts = ", ".join(_as_text(name, kind) for name, kind in columns)
        connection.execute(f"SELECT {texts} FROM read_parquet(?)", [str(path)])  # noqa: S608 - quoted names
        done = 0
        while rows := connection.fetchmany(size):
            done += len(rows)
            yield tuple(zip(*rows, strict=True)), done / total


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[str, str]]:
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return [(name, kind) for name, kind, *_ in described]


def _as_text(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        # By its microseconds since 1970: time zones are an extension of DuckDB that need not be there.
        return f"COALESCE(strftime(make_timestamp(epoch_us({quoted})), '%Y-%m-%dT%H:%M:%S.%fZ'), '')"
    return f"COALESCE(CAST({quoted} AS VARCHAR), '')"
