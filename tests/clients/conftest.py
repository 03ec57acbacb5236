"""The vendor's world for the tests of the client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import vendor
from tests.clients.vendor import Vendor


@pytest.fixture
def world(table_storage: str, tmp_path: Path) -> Iterator[Vendor]:
    """A world of this test's own, to publish and change access in."""
    folder = tmp_path / "world"
    folder.mkdir()
    with vendor.running(folder, table_storage=table_storage) as found:
        yield found


@pytest.fixture(scope="module")
def standing(_azurite_accounts: Iterator[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """A world that the tests of a module only read from; its clock moves."""
    with vendor.running(tmp_path_factory.mktemp("standing"), table_storage=next(_azurite_accounts)) as found:
        yield found
