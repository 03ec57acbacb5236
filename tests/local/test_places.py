"""Files are found where the caller is, and folders are made whole or not at all."""

from pathlib import Path

import pytest

from local import places


def test_a_relative_path_is_meant_from_where_the_caller_is(tmp_path: Path) -> None:
    inherited = {"CALLER_DIRECTORY": str(tmp_path)}

    assert places.named("x.csv", inherited=inherited) == tmp_path / "x.csv"
    assert places.named("/data/x.csv", inherited=inherited) == Path("/data/x.csv")


def test_a_path_stays_as_it_is_where_the_caller_is_here() -> None:
    assert places.named("x.csv", inherited={}) == Path("x.csv")
    assert places.named("x.csv", inherited={"CALLER_DIRECTORY": str(Path.cwd())}) == Path("x.csv")


def test_a_folder_is_there_once_it_is_whole(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "tool"

    with places.made_whole(place) as draft:
        (draft / "file").write_text("x", encoding="utf-8")
        before = place.exists()

    assert not before
    assert [path.name for path in place.iterdir()] == ["file"]
    assert list(place.parent.iterdir()) == [place]


def test_of_two_processes_that_make_a_folder_the_first_wins(tmp_path: Path) -> None:
    place = tmp_path / "tool"

    with places.made_whole(place) as slow:
        (slow / "slow").touch()
        with places.made_whole(place) as quick:
            (quick / "quick").touch()

    assert [path.name for path in place.iterdir()] == ["quick"]
    assert list(tmp_path.iterdir()) == [place]


def test_a_folder_that_cannot_be_filled_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the disk is full"), places.made_whole(tmp_path / "tool"):
        raise OSError("the disk is full")

    assert list(tmp_path.iterdir()) == []


def test_a_program_is_a_path_or_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLER_DIRECTORY", str(tmp_path))

    assert places.program("bin/python") == str(tmp_path / "bin" / "python")
    assert places.program("python3.13") == "python3.13"
