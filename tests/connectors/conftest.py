"""The world that the guide's configurations load from."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract import hosting, stack, world
from local.stack import free, parts
from local.stack.supervision import Supervisor
from tests.builders.serving import listening, served
from tests.connectors.guide import Living


@pytest.fixture
def living(table_storage: str, tmp_path: Path) -> Iterator[Living]:
    services = world.open_services(tmp_path, table_storage=table_storage)
    host = hosting.host(services, tmp_path)
    app = listening()
    ports = replace(free.ports(), function_host=app.getsockname()[1])
    with (
        served((host.asgi(follow_schedules=False), app)),
        Supervisor(state=tmp_path) as supervisor,
    ):
        gateway = parts.gateway_with_limits(ports, state=tmp_path, calls_a_minute=parts.FAR_AWAY)
        supervisor.start_ready(parts.identity(ports), gateway)
        running = stack.of(ports, log=parts.log_of(gateway, state=tmp_path))
        yield Living(running, services, tmp_path)
    host.pool.shutdown()
    services.warehouse.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tool"
    made.mkdir()
    return made
