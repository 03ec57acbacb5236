"""The demo world that stands still looks up no name outside of this machine."""

import sys
from pathlib import Path

from contract import world


def test_a_webhook_of_an_example_domain_is_tested_without_looking_it_up(
    tmp_path: Path, table_storage: str
) -> None:
    lookups: list[object] = []
    made = world.open_services(tmp_path, table_storage=table_storage)
    notices = made.notices
    notices.registry.rotate(world.VENDOR, "main")
    sys.addaudithook(lambda event, given: lookups.append(given[0]) if event == "socket.getaddrinfo" else None)

    tested = notices.registry.test(world.VENDOR, "main")
    made.warehouse.close()

    assert (tested.answer.status, tested.answer.fault) == (None, "no-such-host")
    assert [each for each in lookups if each != "127.0.0.1"] == []
