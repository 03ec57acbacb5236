"""What was put into the stand-ins, kept in files for their next start."""

import json
from pathlib import Path

from local.standins import data
from local.standins.data import InvalidData, Record

SEVERA, GRAPH = "severa", "graph"
_EMPTY = {SEVERA: data.EMPTY_SEVERA, GRAPH: data.EMPTY_GRAPH}


class Kept:
    """The data of each service in a folder, as it was put last; without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self, service: str) -> Record | None:
        """Return what was put last; None when nothing was.

        Raises:
            InvalidData: the file is not what was written; the message names it.
        """
        file = self._file(service)
        if file is None or not file.exists():
            return None
        try:
            return data.complete(json.loads(file.read_text(encoding="utf-8")), empty=_EMPTY[service])
        except (OSError, ValueError, InvalidData) as error:
            raise InvalidData(f"{file}: {error} Delete it to begin with the demo's data.") from error

    def write(self, service: str, content: Record) -> None:
        """Keep what was put; whole or not at all, as the process may be killed."""
        file = self._file(service)
        if file is None:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        new.replace(file)

    def forget(self) -> None:
        """Begin with the demo's data at the next start."""
        for service in _EMPTY:
            if file := self._file(service):
                file.unlink(missing_ok=True)

    def _file(self, service: str) -> Path | None:
        return self._folder / f"{service}.json" if self._folder else None
