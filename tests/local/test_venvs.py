"""Environments are made once, and again when what they are made from changes."""

import sys
from pathlib import Path

import pytest

from local import venvs

NOW = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """Empty requirements, which need no registry."""
    path = tmp_path / "requirements.txt"
    path.write_text("# nothing\n")
    return path


def test_an_environment_is_made_once_and_kept(
    tmp_path: Path, requirements: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "venv"
    assert venvs.made(folder, requirements=requirements) is None

    first = venvs.ready(folder, python=sys.executable, requirements=requirements)
    assert "Making venv with Python" in capsys.readouterr().err
    again = venvs.ready(folder, python=sys.executable, requirements=requirements)

    assert capsys.readouterr().err == ""
    assert first == again == venvs.made(folder, requirements=requirements)

    requirements.write_text("# changed\n")

    assert venvs.made(folder, requirements=requirements) is None


def test_an_environment_that_cannot_be_made_says_why(tmp_path: Path, requirements: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = -c ] && echo 3.11 && exit\necho "no module named venv" >&2\nexit 1\n'
    )
    broken.chmod(0o755)

    with pytest.raises(venvs.NotMade, match="no module named venv"):
        venvs.ready(tmp_path / "venv", python=str(broken), requirements=requirements)


def test_a_python_that_does_not_work_is_named(tmp_path: Path, requirements: Path) -> None:
    with pytest.raises(venvs.NotMade, match="nowhere/python does not work"):
        venvs.ready(tmp_path / "venv", python="nowhere/python", requirements=requirements)


def test_the_running_python_is_found_by_its_version() -> None:
    assert venvs.find(NOW) == sys.executable


def test_a_version_that_nobody_has_is_not_found() -> None:
    assert venvs.find("2.3") is None
