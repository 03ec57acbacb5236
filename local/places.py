"""Where the local stack reads and keeps its things."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

STATE = ROOT / ".local"
"""Everything that the local stack makes; ignored by git, safe to delete while nothing runs."""


def named(path: str, *, inherited: Mapping[str, str] = os.environ) -> Path:
    """Return a path that was named on the command line: dev.py runs its modules from the checkout."""
    caller = inherited.get("CALLER_DIRECTORY")
    return Path(path) if caller is None or caller == os.getcwd() else Path(caller, path)


def program(name: str) -> str:
    """Return a program that was named on the command line, by a path or as it is found on `PATH`."""
    return str(named(name).absolute()) if os.path.dirname(name) else name


@contextmanager
def made_whole(place: Path) -> Iterator[Path]:
    """Yield an empty folder beside `place` to fill, which is moved there when the block has ended.

    Several processes may do this at once: the first one there wins, and the other folders are deleted.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
    try:
        yield draft
        draft.rename(place)
    except OSError:
        if not place.exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
