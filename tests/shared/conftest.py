"""A warehouse for each test: the embedded one, or the one that TEST_WAREHOUSE names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.deliveries import container as containers
from shared.deliveries.container import Container
from shared.settings import DeliverySettings
from shared.warehouse import opening, schema
from shared.warehouse.engine import Warehouse
from tests.builders import elsewhere
from tests.builders import warehouse as building
from tests.builders.warehouse import Clock, Deliverer
from tests.doubles.tds.server import Server


@pytest.fixture(scope="session")
def warehouse_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded warehouse with empty tables, closed: copying it is quicker than making it."""
    path = tmp_path_factory.mktemp("warehouse") / "template.duckdb"
    made = opening.open_warehouse(building.settings(f"duckdb:{path}"))
    schema.apply(made)
    made.close()
    return path


@pytest.fixture
def warehouse_url(warehouse_template: Path, tmp_path: Path) -> str:
    """The address of an embedded warehouse that nobody has open."""
    elsewhere.skip_unless_embedded()
    return building.copy_of(warehouse_template, tmp_path / "metering.duckdb")


@pytest.fixture
def warehouse(warehouse_template: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse with empty tables."""
    with elsewhere.address(warehouse_template, tmp_path / "metering.duckdb") as url:
        opened = opening.open_warehouse(building.settings(url))
        yield opened
        opened.close()


@pytest.fixture
def server(warehouse_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of an empty warehouse, which Microsoft's driver can reach."""
    with elsewhere.served(warehouse_template, tmp_path / "served.duckdb") as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test moves it."""
    return Clock()


@pytest.fixture
def deliverer(warehouse: Warehouse, tmp_path: Path, clock: Clock) -> Deliverer:
    """Delivers to the warehouse."""
    return Deliverer(warehouse, tmp_path, clock)


@pytest.fixture
def delivery_storage(table_storage: str) -> DeliverySettings:
    """A container in an account that this test has for itself."""
    chosen = DeliverySettings(table_storage, "deliveries")
    containers.open_container(chosen, credential=None).create_missing()
    return chosen


@pytest.fixture
def container(delivery_storage: DeliverySettings) -> Container:
    """An empty container of delivery files."""
    return containers.open_container(delivery_storage, credential=None)
