"""The deployed package: the files of the checkout that `.funcignore` does not exclude."""

import shutil
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from local import places


def files(checkout: Path = places.ROOT) -> Iterator[Path]:
    """Yield the deployed files of a checkout, relative to it."""
    patterns = _patterns((checkout / ".funcignore").read_text(encoding="utf-8"))
    yield from _included(checkout, PurePosixPath(), patterns)


def copy_to(folder: Path, *, checkout: Path = places.ROOT) -> None:
    """Copy the deployed files into a folder, in place of its content."""
    shutil.rmtree(folder, ignore_errors=True)
    for file in files(checkout):
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkout / file, target)


def _included(checkout: Path, folder: PurePosixPath, patterns: Sequence[str]) -> Iterator[Path]:
    for entry in sorted((checkout / folder).iterdir()):
        path = folder / entry.name
        if any(_matches(path, pattern, is_folder=entry.is_dir()) for pattern in patterns):
            continue
        if entry.is_dir():
            yield from _included(checkout, path, patterns)
        else:
            yield Path(path)


def _matches(path: PurePosixPath, pattern: str, *, is_folder: bool) -> bool:
    """Return whether a line of the file matches a path, as in .gitignore, without `!` and `**`."""
    if pattern.endswith("/") and not is_folder:
        return False
    bare = pattern.rstrip("/")
    return fnmatch(str(path) if "/" in bare else path.name, bare.lstrip("/"))


def _patterns(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
