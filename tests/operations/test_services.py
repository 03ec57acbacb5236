"""Which services an operator's command works on."""

import pytest

from local import environment
from local.ports import Ports
from operations import services
from shared.settings import InvalidSettings


def test_without_settings_a_command_works_on_the_local_stack() -> None:
    chosen = services.configured({"PATH": "/bin"})

    assert chosen.warehouse.url == environment.stack(Ports())["WAREHOUSE"]
    assert chosen.table_storage == environment.stack(Ports())["TABLE_STORAGE"]


def test_services_that_somebody_named_are_never_completed_with_the_local_stack() -> None:
    with pytest.raises(InvalidSettings, match="TABLE_STORAGE is missing"):
        services.configured({"WAREHOUSE": "fabric://server/database"})


def test_a_command_on_the_warehouse_needs_no_settings_of_severa() -> None:
    chosen = services.configured(
        {"WAREHOUSE": "duckdb:x", "TABLE_STORAGE": "https://x.table.core.windows.net"}
    )

    assert chosen.warehouse.url == "duckdb:x"
