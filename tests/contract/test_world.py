"""The demo world that stands still looks up no name outside of this machine."""

import socket
from pathlib import Path
from typing import Any

import pytest

from contract import world

_getaddrinfo = socket.getaddrinfo


def test_a_webhook_of_an_example_domain_is_tested_without_looking_it_up(
    tmp_path: Path, table_storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups: list[object] = []

    def look_up(host: str, *arguments: Any, **named: Any) -> Any:
        lookups.append(host)
        return _getaddrinfo(host, *arguments, **named)

    made = world.open_services(tmp_path, table_storage=table_storage)
    notices = made.notices
    notices.registry.rotate(world.VENDOR, "main")
    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    tested = notices.registry.test(world.VENDOR, "main")
    made.warehouse.close()

    assert (tested.answer.status, tested.answer.fault) == (None, "no-such-host")
    assert [each for each in lookups if each != "127.0.0.1"] == []
