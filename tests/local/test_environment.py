"""Which services a command works on, and the local stack's settings."""

import json
from pathlib import Path

import pytest

from local import environment, places
from local.environment import Configured, UnreadableSettingsFile
from local.ports import Ports
from shared import settings

SAMPLE = places.ROOT / "local.settings.sample.json"


def test_the_stacks_settings_are_complete() -> None:
    read = settings.from_environment(environment.stack(Ports()))

    assert read.severa.base_url == "http://127.0.0.1:8086/severa/rest-api"
    assert read.warehouse.url.startswith("duckdb:")


def test_settings_follow_the_ports() -> None:
    settings = environment.stack(Ports.from_base(9000))

    assert settings["GRAPH_BASE_URL"] == "http://127.0.0.1:9003/graph/v1.0"
    assert settings["IDENTITY_ENDPOINT"] == "http://127.0.0.1:9002/msi/token"
    assert "TableEndpoint=http://127.0.0.1:9012/devstoreaccount1;" in settings["TABLE_STORAGE"]


@pytest.mark.parametrize("name", ["WAREHOUSE", "TABLE_STORAGE"])
def test_an_environment_that_names_a_service_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text('{"Values": {"WAREHOUSE": "duckdb:other"}}', encoding="utf-8")

    assert environment.configured({name: "mine"}, settings_file=file) == Configured(name, {})


def test_local_settings_are_taken_where_the_environment_names_nothing(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text('{"IsEncrypted": false, "Values": {"WAREHOUSE": "duckdb:x"}}', encoding="utf-8")

    assert environment.configured({"PATH": "/bin"}, settings_file=file) == Configured(
        "local.settings.json", {"WAREHOUSE": "duckdb:x"}
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b'{"Values": {\n  "WAREHOUSE": "duckdb:x" // mine\n}}',
            r"is not JSON \(it may not have comments\): .* line 2",
        ),
        (b"\xff", "is not JSON"),
        (b'{"IsEncrypted": false}', "has no object 'Values'"),
        (b'{"Values": ["WAREHOUSE"]}', "has no object 'Values'"),
        (b"[]", "has no object 'Values'"),
    ],
)
def test_local_settings_that_cannot_be_read_are_one_sentence(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "local.settings.json"
    file.write_bytes(content)

    with pytest.raises(UnreadableSettingsFile, match=reason) as refused:
        environment.configured({"PATH": "/bin"}, settings_file=file)

    assert len(str(refused.value).splitlines()) == 1


def test_nothing_is_configured_on_a_new_machine(tmp_path: Path) -> None:
    assert environment.configured({"PATH": "/bin"}, settings_file=tmp_path / "none.json") is None


def test_the_stack_inherits_no_settings_and_no_sign_in() -> None:
    inherited = {
        "PATH": "/bin",
        "WAREHOUSE": "fabric://production/db",
        "ENTRA_API_APP_ID": "x",
        "SYNC_SCHEDULE": "0 0 0 1 1 *",
        "AZURE_CLIENT_SECRET": "s",
        "IDENTITY_ENDPOINT": "http://real",
    }

    assert environment.without_settings(inherited) == {"PATH": "/bin"}


def test_the_settings_sample_is_the_stacks_settings_and_works_with_the_core_tools() -> None:
    values = json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"]

    assert values == environment.sample()
    assert settings.from_environment(values)


def test_the_settings_sample_names_every_setting() -> None:
    values = json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"]

    assert set(settings.names()) <= set(values)
