"""Python environments with pinned requirements, made when missing or stale. Standard library only."""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local import places

_MARK = "installed-requirements"


class NotMade(Exception):
    """An environment could not be made; the message says what to do."""


def ready(folder: Path, *, python: str, requirements: Path, within: Sequence[Path] = ()) -> Path:
    """Return the environment's Python, with what the requirements pin; says on stderr when that takes time.

    Args:
        folder: where the environment is or will be.
        python: the Python to make it with; one of another version there is replaced.
        requirements: pinned, so that the file's text decides whether there is anything to do.
        within: larger files that pin the same and more; if one of them is installed, nothing is done.

    Raises:
        NotMade: with the reason.
    """
    program = _program(folder)
    version = _version(python)
    if version is None:
        raise NotMade(f"{python} does not work: install Python from https://www.python.org/downloads/.")
    if _version(str(program)) != version:
        _say(f"Making {folder.name} with Python {version} …")
        _run([python, "-m", "venv", "--clear", str(folder)], advice=_without_venv())
    if not any(_is_current(folder, requirements=each) for each in (requirements, *within)):
        _say(f"Installing {requirements.name} into {folder.name}; the first time takes a minute or two …")
        pip = [str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "-r", str(requirements)], advice="Look at the connection to the package registry.")
        (folder / _MARK).write_text(_digest(requirements), encoding="ascii")
    return program


def packages(folder: Path, *, python: str, requirements: Path) -> Path:
    """Return a folder with exactly the packages that the requirements pin, for the path of a Python.

    They lie in `folder`, apart from every environment, once for each version of Python.

    Raises:
        NotMade: with the reason.
    """
    version = _version(python)
    if version is None:
        raise NotMade(f"{python} does not work: install Python from https://www.python.org/downloads/.")
    place = folder / f"{version}-{_digest(requirements)[:12]}"
    if not place.exists():
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        with places.made_whole(place) as draft:
            command = [*pip, "--target", str(draft), "-r", str(requirements)]
            _run(command, advice="Look at the connection to the package registry.")
    return place


def made(folder: Path, *, requirements: Path) -> Path | None:
    """Return the Python of an environment that `ready` has made for these requirements; None without one."""
    return _program(folder) if _is_current(folder, requirements=requirements) else None


def find(version: str) -> str | None:
    """Return a Python of a version (`3.13`) that works: the running one, one on the path, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        sys.executable,
        f"python{version}",
        *(str(path / "bin" / "python") for path in sorted(pyenv.glob(f"{version}.*"), reverse=True)),
    ]
    return next((python for python in candidates if _version(python) == version), None)


def _program(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _is_current(folder: Path, *, requirements: Path) -> bool:
    mark = folder / _MARK
    return mark.exists() and mark.read_text(encoding="ascii") == _digest(requirements)


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def _version(python: str) -> str | None:
    """Return a version such as `3.13`; None for a program that does not work."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _run(command: list[str], *, advice: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise NotMade(f"This failed: {' '.join(command)}\n{reason}\n{advice}")


def _without_venv() -> str:
    if platform.system() == "Linux":
        return (
            "Some Linux distributions keep venv in a package of its own: install python3-venv and try again."
        )
    return "Install Python from https://www.python.org/downloads/ and try again."


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
