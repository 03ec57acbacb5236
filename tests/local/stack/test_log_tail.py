"""Reading a log that another process writes."""

from pathlib import Path

from local.stack.log_tail import LogTail


def test_only_ended_lines_with_a_known_beginning_are_returned_and_each_once(tmp_path: Path) -> None:
    log = tmp_path / "functionhost.log"
    log.write_text("INFO before\nspan SERVER GET /v1/status\nmetric metering.da")
    tail = LogTail(log, words=("span ", "metric "))

    first = list(tail.new_lines())
    with log.open("a") as file:
        file.write("ta.age 60 s\nINFO after, metric no\n")
    second = list(tail.new_lines())

    assert first == ["span SERVER GET /v1/status"]
    assert second == ["metric metering.data.age 60 s"]
    assert list(tail.new_lines()) == []
