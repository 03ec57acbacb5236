"""Commands on a deployed app decide by the app's own settings, read through the Azure CLI."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import demo, places
from local.standins import data
from operations import app_settings
from operations.app_settings import AppSettingsUnavailable, FunctionApp
from shared import settings, tables
from shared.access import runs
from tests.builders import standins
from tests.builders.standins import Service

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for az is a script")

APP = FunctionApp("func-metering", "rg-metering")
SECRET_URI = "https://kv.vault.azure.net/secrets/severa-client-secret"
SFTP_URI = "https://kv.vault.azure.net/secrets/sftp-key"
AZ = """#!{python}
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
with (folder / "called").open("a") as called:
    called.write(json.dumps(sys.argv[1:]) + "\\n")
for words, answer in json.loads((folder / "answers.json").read_text()):
    if all(word in sys.argv for word in words):
        print(json.dumps(answer))
        sys.exit(0)
print("ERROR: Please run 'az login'\\n to setup account.", file=sys.stderr)
sys.exit(1)
"""


@dataclass
class Az:
    """A stand-in of the Azure CLI on a path of its own."""

    folder: Path

    def answers(
        self, app: Mapping[str, str] | None = None, secret: str | None = None, *, uri: str = SECRET_URI
    ) -> None:
        """Say what it answers; without settings or a secret (at `uri`) it is not signed in."""
        known: list[tuple[list[str], object]] = []
        if app is not None:
            rows = [{"name": name, "slotSetting": False, "value": value} for name, value in app.items()]
            known.append((["appsettings", "list", APP.name, APP.resource_group], rows))
        if secret is not None:
            known.append((["keyvault", "secret", "show", uri], secret))
        (self.folder / "answers.json").write_text(json.dumps(known))

    @property
    def called(self) -> list[list[str]]:
        """The arguments of each call."""
        file = self.folder / "called"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Az:
    program = tmp_path / "az"
    program.write_text(AZ.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    made = Az(tmp_path)
    made.answers()
    return made


@pytest.fixture(scope="module")
def severa() -> Iterator[Service]:
    with standins.running() as service:
        # No time passes for its limit of requests: few are made where there are no customers.
        service.put_severa(customProperties=[data.custom_property(name=data.METERING_POINTS)])
        yield service


def settings_of_app(severa: Service, *, table_storage: str, warehouse: Path) -> dict[str, str]:
    """What the app in Azure would have, with the secret in Key Vault."""
    return {
        "AzureWebJobsStorage__credential": "managedidentity",
        "AZURE_CLIENT_ID": demo.FUNCTION_CLIENT_ID,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=x",
        "SEALING_KEY": f"@Microsoft.KeyVault(SecretUri={SECRET_URI}-of-cursors)",
        "SFTP_KEY": f"@Microsoft.KeyVault(SecretUri={SFTP_URI})",
        "WAREHOUSE": f"duckdb:{warehouse}",
        "TABLE_STORAGE": table_storage,
        "SEVERA_BASE_URL": f"{severa.url}/severa/rest-api",
        "SEVERA_CLIENT_ID": demo.SEVERA_CLIENT_ID,
        "SEVERA_CLIENT_SECRET": f"@Microsoft.KeyVault(SecretUri={SECRET_URI}/)",
        **demo.ACCESS_SETTINGS,
        "METERING_POINT_SOURCE": "severa",
        "ENTRA_PROVISIONING": "off",
    }


def run(*arguments: str, shell: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that names the app."""
    inherited = {name: value for name, value in os.environ.items() if name not in settings.names()}
    return subprocess.run(
        [sys.executable, "-m", "operations", *arguments],
        cwd=places.ROOT,
        env={**inherited, "FUNCTION_APP_NAME": APP.name, "RESOURCE_GROUP": APP.resource_group, **shell},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_sync_decides_by_the_apps_settings_whatever_stands_in_the_shell(
    az: Az, severa: Service, table_storage: str, tmp_path: Path
) -> None:
    storage = tables.open_tables(table_storage, credential=None)
    app = settings_of_app(severa, table_storage=table_storage, warehouse=tmp_path / "metering.duckdb")
    az.answers(app, secret=demo.SEVERA_CLIENT_SECRET)
    shell = {"METERING_POINT_SOURCE": "warehouse", "SEVERA_CONTACT_ROLE": "Everybody", "TABLE_STORAGE": "x"}

    synced = run("sync", "--allow-grants", shell=shell)

    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert "Working on the services of the function app func-metering, with its settings." in synced.stderr
    latest = runs.latest(storage)
    assert latest is not None
    assert latest.mode is not None
    assert (latest.mode.metering_point_source, latest.mode.severa_contact_role) == ("severa", "API")
    assert demo.SEVERA_CLIENT_SECRET not in synced.stdout + synced.stderr
    assert [call[0] for call in az.called] == ["functionapp", "keyvault"]


@pytest.mark.parametrize("arguments", [("access", "10001"), ("webhooks",), ("feeds",)])
def test_a_command_that_needs_no_secret_asks_for_none(
    az: Az, severa: Service, table_storage: str, tmp_path: Path, arguments: Sequence[str]
) -> None:
    tables.open_tables(table_storage, credential=None).create_missing()
    az.answers(settings_of_app(severa, table_storage=table_storage, warehouse=tmp_path / "none.duckdb"))

    called = run(*arguments, shell={})

    assert called.returncode == 0, called.stdout + called.stderr
    assert [call[0] for call in az.called] == ["functionapp"]


def test_our_public_key_is_printed_by_the_apps_own_key(
    az: Az, severa: Service, table_storage: str, tmp_path: Path
) -> None:
    app = settings_of_app(severa, table_storage=table_storage, warehouse=tmp_path / "none.duckdb")
    az.answers(app, secret=demo.SFTP_KEY, uri=SFTP_URI)

    called = run("feeds", "key", shell={})

    assert (called.returncode, called.stdout.split()[0]) == (0, "ssh-ed25519")
    assert [call[0] for call in az.called] == ["functionapp", "keyvault"]


def test_what_only_the_app_uses_is_left_out_and_the_driver_is_this_machines(az: Az) -> None:
    az.answers(
        {
            "AZURE_CLIENT_ID": "a",
            "SEALING_KEY": "b",
            "ODBC_DRIVER": "ODBC Driver 18 for SQL Server",
            "TABLE_STORAGE": "c",
        }
    )
    shell = {"PATH": os.environ["PATH"], "ODBC_DRIVER": "/here/lib.so", "WAREHOUSE": "of the shell"}

    read = app_settings.read(APP, environment=shell, secrets=["SEVERA_CLIENT_SECRET", "SFTP_KEY"])

    assert read == {"PATH": os.environ["PATH"], "ODBC_DRIVER": "/here/lib.so", "TABLE_STORAGE": "c"}


def test_a_reference_by_the_names_of_vault_and_secret_is_resolved(az: Az) -> None:
    (az.folder / "answers.json").write_text(
        json.dumps(
            [
                (
                    ["appsettings"],
                    [
                        {
                            "name": "SEVERA_CLIENT_SECRET",
                            "value": "@Microsoft.KeyVault(VaultName=kv;SecretName=severa)",
                        }
                    ],
                ),
                (["--vault-name", "kv", "--name", "severa"], "hush"),
            ]
        )
    )

    read = app_settings.read(APP, environment={}, secrets=["SEVERA_CLIENT_SECRET"])

    assert read == {"SEVERA_CLIENT_SECRET": "hush"}


def test_an_operator_who_is_not_signed_in_reads_what_az_says(az: Az) -> None:
    refused = run("access", "10001", shell={})

    assert refused.returncode == 1
    assert (
        "The settings of the function app func-metering cannot be read. "
        "az says: ERROR: Please run 'az login' to setup account." in refused.stderr
    )


@pytest.mark.parametrize(
    ("there", "missing"), [("FUNCTION_APP_NAME", "RESOURCE_GROUP"), ("RESOURCE_GROUP", "FUNCTION_APP_NAME")]
)
def test_an_app_of_which_half_is_named_is_refused_and_not_guessed(there: str, missing: str) -> None:
    assert app_settings.named({"PATH": "x", missing: " "}) is None
    with pytest.raises(
        AppSettingsUnavailable, match=f"{there} is set and {missing} is not: export both, or neither"
    ):
        app_settings.named({there: "x"})
