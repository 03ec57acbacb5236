"""One gateway for the tests that only ask it, and a place to make others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.gateway.assembly import Files
from tests.builders import gateway
from tests.builders.gateway import World


@pytest.fixture(scope="package")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A gateway whose limits are far away."""
    folder = tmp_path_factory.mktemp("gateway")
    files = gateway.copied_files(folder, limits={"standard": (100_000, 10**9), "partner": (100_000, 10**9)})
    with gateway.world(files) as world:
        yield world


@pytest.fixture
def calm_world(shared_world: World) -> World:
    """The shared gateway, with a backend that has seen nothing and answers an empty object."""
    shared_world.backend.seen.clear()
    shared_world.backend.answers(200, b"{}", Content_Type="application/json")
    return shared_world


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The deployed configuration, to be changed by a test."""
    return gateway.copied_files(tmp_path)
