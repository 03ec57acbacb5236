"""The settings of a deployed function app, read as the operator who is signed in to Azure.

An operator's command uses the app's own services and settings, whatever the shell's environment has. Secrets
stay in Key Vault: a reference is resolved with the operator's own rights, and only for a command that needs
the secret.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shared import foreign, settings

APP, GROUP = "FUNCTION_APP_NAME", "RESOURCE_GROUP"
"""The environment variables that name the app; `azd env get-values` prints both."""

SECONDS = 120
"""How long the Azure CLI may take for one answer."""

NOT_FOR_COMMANDS = frozenset(
    {
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "AZURE_CLIENT_ID",
        "GATEWAY_PRINCIPAL_ID",
        "SEALING_KEY",
        "SEALING_KEY_PREVIOUS",
    }
)
"""Settings that only the deployed app uses, for telemetry, identity, gateway and cursors."""

ODBC_DRIVER = "ODBC_DRIVER"
"""The path of the driver, which differs from machine to machine."""

_REFERENCE = re.compile(r"@Microsoft\.KeyVault\((.+)\)")


class AppSettingsUnavailable(Exception):
    """The settings of the app cannot be read; the message says what to do."""


@dataclass(frozen=True)
class FunctionApp:
    """A function app in the subscription that the operator is signed in to."""

    name: str
    resource_group: str


def named(environment: Mapping[str, str]) -> FunctionApp | None:
    """Return the app that the environment names; None if it names none.

    Raises:
        AppSettingsUnavailable: one of the two variables is missing.
    """
    name, group = (environment.get(variable, "").strip() for variable in (APP, GROUP))
    if not name and not group:
        return None
    if not name or not group:
        there, missing = (APP, GROUP) if name else (GROUP, APP)
        raise AppSettingsUnavailable(f"{there} is set and {missing} is not: export both, or neither.")
    return FunctionApp(name, group)


def read(app: FunctionApp, *, environment: Mapping[str, str], secrets: Collection[str]) -> dict[str, str]:
    """Return an environment for a command: the app's settings in place of the shell's.

    Of the settings that refer to Key Vault, only `secrets` are read, and the others are left out.

    Raises:
        AppSettingsUnavailable: the Azure CLI is missing, is not signed in, or is refused.
    """
    deployed = _app_settings(app)
    known = set(settings.names())
    kept = {name: value for name, value in environment.items() if name not in known}
    wanted = {
        name: deployed[name]
        for name in sorted(known - NOT_FOR_COMMANDS)
        if name in deployed and (name in secrets or not _REFERENCE.fullmatch(deployed[name]))
    }
    driver = {ODBC_DRIVER: environment[ODBC_DRIVER]} if environment.get(ODBC_DRIVER) else {}
    return {**kept, **{name: _resolved(name, value) for name, value in wanted.items()}, **driver}


def _app_settings(app: FunctionApp) -> dict[str, str]:
    answer = _az(
        (
            *("functionapp", "config", "appsettings", "list", "--output", "json"),
            *("--name", app.name, "--resource-group", app.resource_group),
        ),
        what=f"The settings of the function app {app.name}",
    )
    try:
        return {str(row["name"]): str(row["value"] or "") for row in json.loads(answer)}
    except (ValueError, TypeError, KeyError) as error:
        raise AppSettingsUnavailable(
            f"The Azure CLI did not answer with a list of settings of {app.name}."
        ) from error


def _resolved(name: str, value: str) -> str:
    """Return the value, or the secret that it refers to."""
    reference = _REFERENCE.fullmatch(value)
    if reference is None:
        return value
    parts = dict(part.strip().partition("=")[::2] for part in reference[1].split(";"))
    if "SecretUri" in parts:
        which = ["--id", parts["SecretUri"].rstrip("/")]
    else:
        which = ["--vault-name", parts.get("VaultName", ""), "--name", parts.get("SecretName", "")]
    answer = _az(
        ["keyvault", "secret", "show", *which, "--query", "value", "--output", "json"],
        what=f"The secret of {name} in Key Vault",
    )
    return str(json.loads(answer))


def _az(arguments: Sequence[str], *, what: str) -> str:
    az = shutil.which("az")
    if az is None:
        raise AppSettingsUnavailable(
            f"{what} cannot be read without the Azure CLI: install it, then az login."
        )
    try:
        done = subprocess.run([az, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise AppSettingsUnavailable(f"{what} cannot be read: az did not answer in {SECONDS} s.") from error
    if done.returncode != 0:
        reason = foreign.excerpt(done.stderr, at_most=400)
        raise AppSettingsUnavailable(f"{what} cannot be read. az says: {reason}")
    return done.stdout
