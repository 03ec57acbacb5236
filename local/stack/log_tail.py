"""Reads a log that another process writes."""

from collections.abc import Iterator
from pathlib import Path


class LogTail:
    """The lines of a growing file that begin with one of some words."""

    def __init__(self, file: Path, *, words: tuple[str, ...]) -> None:
        self._file = file
        self._words = words
        self._read = 0

    def new_lines(self) -> Iterator[str]:
        """Yield the lines that were completed since the last call."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            ended, line_end, _ = file.read().rpartition(b"\n")
        self._read += len(ended) + len(line_end)
        for line in ended.decode("utf-8", "replace").splitlines():
            if line.startswith(self._words):
                yield line
