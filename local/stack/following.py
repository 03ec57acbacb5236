"""Follows a log that somebody else writes."""

from collections.abc import Iterator
from pathlib import Path


class Following:
    """The lines of a growing file that begin with one of some words."""

    def __init__(self, file: Path, *, words: tuple[str, ...]) -> None:
        self._file = file
        self._words = words
        self._read = 0

    def new(self) -> Iterator[str]:
        """The lines that were ended since the last time."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            ended, line_end, _ = file.read().rpartition(b"\n")
        self._read += len(ended) + len(line_end)
        for line in ended.decode("utf-8", "replace").splitlines():
            if line.startswith(self._words):
                yield line
