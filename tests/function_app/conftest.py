"""The function app in this process, with a warehouse and tables of its own."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import demo
from shared.deliveries import loading
from shared.publishing.watermark import Publications
from shared.warehouse import schema
from tests.builders import api as building
from tests.builders import warehouse as delivering
from tests.builders.api import Api

Deliver = Callable[[Iterable[Sequence[str]]], None]


@pytest.fixture(scope="session")
def api(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Return the routes of function_app.py."""
    folder = tmp_path_factory.mktemp("function_app")
    environment = {
        "WAREHOUSE": f"duckdb:{folder / 'metering.duckdb'}",
        "TABLE_STORAGE": azurite,
        "OUTBOX_STORAGE": azurite,
        "QUEUE_STORAGE": azurite,
        "GATEWAY_PRINCIPAL_ID": building.GATEWAY,
        "WEBSITE_AUTH_ENABLED": "True",
        "SEALING_KEY": demo.SEALING_KEY,
        "SEVERA_CLIENT_ID": "unused",
        "SEVERA_CLIENT_SECRET": "unused",
        **demo.ACCESS_SETTINGS,
    }
    with pytest.MonkeyPatch.context() as setting:
        for name, value in environment.items():
            setting.setenv(name, value)
        app: Any = importlib.import_module("function_app")
    # There is one instance, which knows of a publication as soon as it is announced.
    publications = Publications(tables=app.services.tables, settled_after=timedelta(0))
    app.services = replace(app.services, publications=publications)
    ready = Api(app, building.indexed(app.app))
    ready.services.tables.create_missing()
    ready.services.queues.create_missing()
    ready.services.files.outbox.create_missing()
    schema.apply(ready.services.warehouse)
    ready.confirm_access()
    yield ready
    ready.services.warehouse.close()


@pytest.fixture(scope="session")
def deliver(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Deliver:
    """Loads and publishes lines of a delivery."""
    folder: Path = tmp_path_factory.mktemp("deliveries")
    names = (f"delivery-{number}.csv" for number in range(1_000_000))

    def load_and_publish(lines: Iterable[Sequence[str]]) -> None:
        path = delivering.write_csv(folder / next(names), lines)
        loading.load(api.services.warehouse, path, now=datetime.now(UTC), progress=lambda rows, share: None)
        api.services.publish_readings()

    return load_and_publish
