"""What an app that cannot load says."""

from datetime import UTC, datetime

import pytest

from local import demo
from shared import services, settings
from shared.deliveries.intake import Copying
from shared.settings import InvalidSettings


def test_an_app_with_a_wrong_setting_says_what_happens_and_where_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAREHOUSE_POOL_SIZE", "abc")

    with pytest.raises(InvalidSettings) as caught:
        services.load(clock=lambda: datetime.now(UTC))

    assert "- WAREHOUSE_POOL_SIZE must be a number" in str(caught.value)
    assert "every path is answered with 404: docs/deploy.md, step 8." in str(caught.value)


@pytest.mark.parametrize(
    ("warehouse", "storage", "copying"),
    [
        (
            "fabric://server/database",
            "https://account.blob.core.windows.net/",
            Copying(20 * 1024 * 1024, "https://account.blob.core.windows.net/deliveries"),
        ),
        ("duckdb:metering.duckdb", "UseDevelopmentStorage=true", Copying(20 * 1024 * 1024, None)),
        ("fabric://server/database", "UseDevelopmentStorage=true", None),
        ("mssql://user:password@host:1433/database", "https://account.blob.core.windows.net", None),
        ("duckdb:metering.duckdb", "", None),
    ],
)
def test_a_warehouse_reads_large_files_where_it_can_reach_them(
    warehouse: str, storage: str, copying: Copying | None
) -> None:
    chosen = settings.from_environment(
        {
            "WAREHOUSE": warehouse,
            "TABLE_STORAGE": "https://account.table.core.windows.net",
            "SEVERA_CLIENT_ID": "severa",
            "SEVERA_CLIENT_SECRET": "hush",
            "DELIVERY_STORAGE": storage,
            "DELIVERY_COPY_ABOVE_MB": "20",
            **demo.ACCESS_SETTINGS,
        }
    )

    assert services.copying(chosen) == copying
