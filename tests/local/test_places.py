"""Files are found where the caller is."""

from pathlib import Path

from local import places


def test_a_relative_path_is_meant_from_where_the_caller_is(tmp_path: Path) -> None:
    inherited = {"CALLER_DIRECTORY": str(tmp_path)}

    assert places.named("x.csv", inherited=inherited) == tmp_path / "x.csv"
    assert places.named("/data/x.csv", inherited=inherited) == Path("/data/x.csv")


def test_a_path_stays_as_it_is_where_the_caller_is_here() -> None:
    assert places.named("x.csv", inherited={}) == Path("x.csv")
    assert places.named("x.csv", inherited={"CALLER_DIRECTORY": str(Path.cwd())}) == Path("x.csv")
