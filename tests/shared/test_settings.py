import base64
import traceback

import pytest

from local import demo, environment
from local.azurite import emulator
from local.ports import Ports
from shared import queues, settings, tables
from shared.api.changes import search
from shared.api.series import requests
from shared.deliveries import container
from shared.files import outbox
from shared.settings import DeliverySettings, InvalidSettings, SealingSettings

LEAST = {
    "WAREHOUSE": "duckdb:metering.duckdb",
    "TABLE_STORAGE": "https://account.table.core.windows.net",
    "SEVERA_CLIENT_ID": "severa",
    "SEVERA_CLIENT_SECRET": "hush",
    **demo.ACCESS_SETTINGS,
}


def test_what_is_left_out_has_the_documented_default() -> None:
    read = settings.from_environment(LEAST)

    assert read.access_max_age.total_seconds() == 72 * 3600
    assert read.sync.max_revoked_share == 0.10
    assert read.severa.base_url == "https://api.severa.visma.com/rest-api"
    assert read.gateway_principal_id is None


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as refused:
        settings.from_environment(
            {
                "WAREHOUSE": "postgres://somewhere",
                "GATEWAY_PRINCIPAL_ID": "the gateway",
                "SYNC_MAX_REVOKED_SHARE": "10 %",
                "ENTRA_PROVISIONING": "invite",
            }
        )

    faults = "\n".join(refused.value.faults)
    assert len(refused.value.faults) == 11
    for name in (
        "WAREHOUSE",
        "TABLE_STORAGE",
        "SEVERA_CLIENT_ID",
        "SEVERA_CLIENT_SECRET",
        "GATEWAY_PRINCIPAL_ID",
        "SYNC_MAX_REVOKED_SHARE",
        "ENTRA_INVITE_REDIRECT_URL",
        "METERING_POINT_SOURCE is missing.",
        "SEVERA_CLIENT_IDS_PROPERTY is missing.",
        "SEVERA_METERING_POINTS_PROPERTY is missing.",
        "SEVERA_CONTACT_ROLE is missing.",
    ):
        assert name in faults


@pytest.mark.parametrize("name", sorted(demo.ACCESS_SETTINGS))
def test_what_decides_access_has_no_default(name: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        settings.from_environment({**LEAST, name: ""})

    assert refused.value.faults == [f"{name} is missing."]


def test_commands_ask_only_for_what_they_need() -> None:
    tables = {"TABLE_STORAGE": LEAST["TABLE_STORAGE"]}
    data = {**tables, "WAREHOUSE": LEAST["WAREHOUSE"]}

    assert settings.tables_from_environment(tables).table_storage == tables["TABLE_STORAGE"]
    assert settings.data_from_environment(data).warehouse.url == data["WAREHOUSE"]
    with pytest.raises(InvalidSettings, match="WAREHOUSE is missing"):
        settings.data_from_environment(tables)


@pytest.mark.parametrize(
    "text",
    [
        emulator.connection_string(environment.azurite_endpoints(Ports())),
        "AccountName=a;AccountKey=aHVzaA==",
        "{Service}Endpoint=https://a.example;SharedAccessSignature=sv=2020&sig=hush",
        "UseDevelopmentStorage=true",
    ],
)
def test_a_connection_string_of_storage_is_taken_as_azures_libraries_do(text: str) -> None:
    read = settings.from_environment(
        {
            **LEAST,
            "TABLE_STORAGE": text.format(Service="Table"),
            "DELIVERY_STORAGE": text.format(Service="Blob"),
            "OUTBOX_STORAGE": text.format(Service="Blob"),
            "QUEUE_STORAGE": text.format(Service="Queue"),
        }
    )

    assert read.deliveries is not None
    assert read.outbox is not None
    assert tables.open_tables(read.table_storage, credential=None)
    assert container.open_container(read.deliveries, credential=None)
    assert outbox.open_outbox(read.outbox.storage, credential=None)
    assert queues.open_queues(read.outbox.queues, credential=None)


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("TABLE_STORAGE", "table"),
        ("DELIVERY_STORAGE", "blob"),
        ("OUTBOX_STORAGE", "blob"),
        ("QUEUE_STORAGE", "queue"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "hush",
        "AccountName=hush",
        "AccountName=a;AccountKey=",
        "AccountKey=hush;x",
        "UseDevelopmentStorage=false",
        "FileEndpoint=https://a.example;SharedAccessSignature=hush",
    ],
)
def test_a_storage_that_is_none_is_a_fault_and_not_repeated(name: str, service: str, text: str) -> None:
    outgoing = dict.fromkeys(("OUTBOX_STORAGE", "QUEUE_STORAGE"), "https://a.example")

    with pytest.raises(InvalidSettings) as refused:
        settings.from_environment({**LEAST, **outgoing, name: text})

    assert refused.value.faults == [
        f"{name} must be https://<account>.{service}.core.windows.net or a connection string, "
        f"but has a text of {len(text)} characters."
    ]


def test_the_gateway_is_compared_in_lower_case() -> None:
    read = settings.from_environment(
        {**LEAST, "GATEWAY_PRINCIPAL_ID": "5A5E0000-0000-4000-8000-0000000000A1"}
    )

    assert read.gateway_principal_id == "5a5e0000-0000-4000-8000-0000000000a1"


@pytest.mark.parametrize(
    ("value", "enabled"), [("True", True), ("true", True), ("False", False), ("", False)]
)
def test_authentication_is_on_where_the_platform_says_so(value: str, enabled: bool) -> None:
    read = settings.from_environment({**LEAST, "WEBSITE_AUTH_ENABLED": value})

    assert read.authentication_enabled is enabled
    assert settings.from_environment(LEAST).authentication_enabled is False


def test_the_keys_of_cursors_are_32_bytes_in_base64() -> None:
    key, previous = bytes(range(32)), bytes(32)
    texts = [base64.b64encode(each).decode() for each in (key, previous)]

    read = settings.from_environment({**LEAST, "SEALING_KEY": texts[0], "SEALING_KEY_PREVIOUS": texts[1]})

    assert read.sealing == SealingSettings(key=key, previous=previous)
    assert settings.from_environment(LEAST).sealing == SealingSettings(key=None, previous=None)
    assert texts[0] not in repr(read)


@pytest.mark.parametrize("text", ["short", "A" * 43, "@Microsoft.KeyVault(SecretUri=…)", "A" * 44])
def test_a_key_of_cursors_that_is_none_is_a_fault(text: str) -> None:
    with pytest.raises(InvalidSettings, match="SEALING_KEY must be 32 bytes in base64"):
        settings.from_environment({**LEAST, "SEALING_KEY": text})


def test_a_secret_that_the_vault_did_not_give_is_named_as_such() -> None:
    with pytest.raises(InvalidSettings) as refused:
        settings.from_environment({**LEAST, "SEALING_KEY": "@Microsoft.KeyVault(SecretUri=…)"})

    assert refused.value.faults == [
        "SEALING_KEY must be 32 bytes in base64 (openssl rand -base64 32), but has a Key Vault reference "
        "that was not resolved: look at the secret in the vault, and at the rights of the app's identity."
    ]


def test_a_wrong_value_is_quoted_short_and_on_one_line() -> None:
    with pytest.raises(InvalidSettings) as refused:
        settings.from_environment(
            {
                **LEAST,
                "SYNC_MAX_REVOKED_SHARE": "a\nb",
                "METERING_POINT_SOURCE": "x" * 1_000,
                "SYNC_ALLOW_REVOCATIONS": "a\nb",
            }
        )

    assert sorted(refused.value.faults) == [
        f"METERING_POINT_SOURCE must be one of 'severa' or 'warehouse', not '{'x' * 60}…'.",
        "SYNC_ALLOW_REVOCATIONS must be one of true, false, not 'a b'.",
        "SYNC_MAX_REVOKED_SHARE must be a number from 0 to 1, not 'a b'.",
    ]


def test_the_traceback_of_a_wrong_setting_has_no_secret() -> None:
    secrets = {
        "SEVERA_CLIENT_SECRET": "hush-severa",
        "SEALING_KEY": "hush-key",
        "TABLE_STORAGE": "AccountName=a;hush-storage",
        "WAREHOUSE": "postgres://user:hush-password@host",
    }

    with pytest.raises(InvalidSettings) as refused:
        settings.from_environment(secrets)

    logged = "".join(traceback.format_exception(refused.value))
    assert "hush" not in logged


def test_deliveries_are_taken_from_storage_only_where_it_is_named() -> None:
    without = settings.from_environment(LEAST)
    named = settings.from_environment({**LEAST, "DELIVERY_STORAGE": "https://account.blob.core.windows.net"})

    assert without.deliveries is None
    assert named.deliveries == DeliverySettings("https://account.blob.core.windows.net", "deliveries", 500)


def test_the_warehouse_may_be_kept_from_reading_files() -> None:
    named = {**LEAST, "DELIVERY_STORAGE": "https://a.example", "DELIVERY_COPY_ABOVE_MB": "never"}

    deliveries = settings.from_environment(named).deliveries

    assert deliveries is not None
    assert deliveries.copy_above_mb is None


@pytest.mark.parametrize("megabytes", ["-1", "501", "many"])
def test_the_app_reads_no_file_that_its_disk_may_be_too_small_for(megabytes: str) -> None:
    with pytest.raises(InvalidSettings, match="COPY_ABOVE_MB must be a number from 0 to 500 or never"):
        settings.from_environment(
            {**LEAST, "DELIVERY_STORAGE": "https://a.example", "DELIVERY_COPY_ABOVE_MB": megabytes}
        )


def test_a_statement_may_give_as_many_rows_as_the_largest_does() -> None:
    largest = max(search.MOST_NAMED, requests.MAX_LIMIT + 1)

    read = settings.from_environment({**LEAST, "WAREHOUSE_MAX_ROWS": str(largest)})
    with pytest.raises(InvalidSettings, match="WAREHOUSE_MAX_ROWS must be a number from"):
        settings.from_environment({**LEAST, "WAREHOUSE_MAX_ROWS": str(largest - 1)})

    assert read.warehouse.max_rows == largest


def test_no_secret_is_in_the_text_of_the_settings() -> None:
    read = settings.from_environment(
        {
            **LEAST,
            "TABLE_STORAGE": "AccountName=a;AccountKey=hush",
            "DELIVERY_STORAGE": "AccountName=a;AccountKey=hush",
            "WAREHOUSE": "mssql://sa:hush@host/db",
        }
    )

    assert "hush" not in repr(read)


def test_the_names_are_all_that_is_read() -> None:
    assert {"WAREHOUSE", "SYNC_SCHEDULE", "ENTRA_API_APP_ID", "AZURE_CLIENT_ID"} <= set(settings.names())
