"""The demo world that stands still looks up no name outside of this machine."""

from dataclasses import replace
from pathlib import Path

from contract import world


def test_a_webhook_of_an_example_domain_is_tested_without_looking_it_up(
    tmp_path: Path, table_storage: str
) -> None:
    made = world.open_services(tmp_path, table_storage=table_storage)
    lookups: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        lookups.append(host)
        return world.resolve_only_this_machine(host, port)

    registry = replace(made, resolve=resolve).notices.registry
    registry.rotate(world.VENDOR, "main")

    tested = registry.test(world.VENDOR, "main")
    made.warehouse.close()

    assert (tested.answer.status, tested.answer.fault) == (None, "no-such-host")
    assert lookups == ["hooks.example.com"]
    assert made.resolve is world.resolve_only_this_machine
