"""Following a log that somebody else writes."""

from pathlib import Path

from local.stack.following import Following


def test_only_ended_lines_with_a_known_beginning_are_told_and_each_once(tmp_path: Path) -> None:
    log = tmp_path / "functionhost.log"
    log.write_text("INFO before\nspan SERVER GET /v1/status\nmetric metering.da")
    following = Following(log, words=("span ", "metric "))

    first = list(following.new())
    with log.open("a") as file:
        file.write("ta.age 60 s\nINFO after, metric no\n")
    second = list(following.new())

    assert first == ["span SERVER GET /v1/status"]
    assert second == ["metric metering.data.age 60 s"]
    assert list(following.new()) == []
