"""Libraries log warnings only: no address of theirs, with the ids in it, gets into the log."""

import logging
from collections.abc import Iterator

import pytest

from local import places
from shared import limits, tables
from shared.outside import httpx_client
from shared.tables import SERVICE_STATE
from shared.telemetry import log_levels
from tests.doubles.faulty import Faulty


@pytest.fixture(autouse=True)
def _levels_as_before() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in log_levels.LIBRARIES}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def use_libraries(table_storage: str) -> None:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    storage.get(SERVICE_STATE, partition="publication", row="app:secret")
    with Faulty() as service, service.misbehaving("nonsense"), httpx_client.open_client(limits.GRAPH) as http:
        http.get(f"http://127.0.0.1:{service.port}/users?$filter=secret")


def test_libraries_would_write_what_nobody_may_read(
    table_storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in log_levels.LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    caplog.set_level("INFO")

    use_libraries(table_storage)

    assert "secret" in caplog.text


def test_with_their_levels_set_they_write_nothing(
    table_storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    log_levels.quieten_libraries()

    use_libraries(table_storage)

    assert caplog.records == []


def test_levels_are_set_in_one_place() -> None:
    setting = [
        path.relative_to(places.ROOT).as_posix()
        for folder in ("shared", "local", "operations", "contract")
        for path in (places.ROOT / folder).rglob("*.py")
        if ".setLevel(" in path.read_text(encoding="utf-8")
    ]

    assert setting == ["shared/telemetry/log_levels.py"]
