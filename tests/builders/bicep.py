"""What Microsoft's Bicep compiler says of `infra/`, and the resources that a deployment would make."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import places, tools
from tests.builders import microsoft

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"

NEEDED = {
    "AZURE_LOCATION": "norwayeast",
    "PUBLISHER_NAME": "Energiselskapet AS",
    "PUBLISHER_EMAIL": "api@company.example",
    "ALERT_EMAILS": "drift@company.example,vakt@company.example",
    "API_APP_ID": "00000000-0000-4000-8000-0000000000a1",
    "BACKEND_APP_ID": "00000000-0000-4000-8000-0000000000a2",
    "WAREHOUSE_SERVER": "abc.datawarehouse.fabric.microsoft.com",
    "WAREHOUSE_DATABASE": "metering",
    "SEVERA_CLIENT_ID": "severa-client",
}
"""What a parameter file reads from the environment and has no default for."""

OPTIONAL = {
    "OPERATORS_GROUP_ID": "00000000-0000-4000-8000-0000000000b1",
    "PORTAL_APP_ID": "00000000-0000-4000-8000-0000000000b2",
    "API_HOST": "api.company.example",
    "API_CERTIFICATE": "https://kv.vault.azure.net/secrets/api-domain",
    "PREVIOUS_SEALING_KEY": "true",
    "DELIVERY_WRITER_PRINCIPAL_ID": "00000000-0000-4000-8000-0000000000b3",
    "FABRIC_CAPACITY_SKU": "F4",
    "FABRIC_ADMINISTRATORS": "admin@company.example",
}


@dataclass(frozen=True)
class Snapshot:
    """The resources and outputs of a deployment; what only Azure knows is an expression in brackets."""

    resources: Sequence[Mapping[str, Any]]
    outputs: Mapping[str, Any]

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """Return resources of a type, in the order of deployment."""
        return [resource for resource in self.resources if resource["type"] == kind]

    def one(self, kind: str, name: str | None = None) -> Mapping[str, Any]:
        """Return the one resource of a type, or the one whose name ends in `/name`."""
        found = [
            each for each in self.of(kind) if name is None or str(each["name"]).rpartition("/")[2] == name
        ]
        assert len(found) == 1, (kind, name, [each["name"] for each in self.of(kind)])
        return found[0]


@dataclass(frozen=True)
class Finished:
    """How the compiler ended and what it printed."""

    code: int
    output: str
    diagnostics: str


def copy_of_infra(folder: Path) -> Path:
    """Copy `infra/` into a folder, since the compiler writes beside what it reads; returns the copy."""
    copy = folder / "infra"
    shutil.copytree(places.ROOT / "infra", copy)
    return copy


def run(*arguments: str | Path, values: Mapping[str, str] | None = None) -> Finished:
    """Run the compiler; skips the test without one."""
    ours = {*NEEDED, *OPTIONAL}
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [microsoft.needed(tools.HERE.bicep), *arguments],
        env={**environ, **(values or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def snapshot(parameters: Path, *, values: Mapping[str, str]) -> Snapshot:
    """Return the snapshot of a parameter file in a copy of `infra/`; fails at any diagnostic."""
    ran = run(
        *("snapshot", parameters, "--mode", "overwrite"),
        *("--subscription-id", SUBSCRIPTION, "--tenant-id", TENANT, "--location", "norwayeast"),
        values=values,
    )
    assert (ran.code, ran.diagnostics) == (0, "")
    made = json.loads(parameters.with_suffix(".snapshot.json").read_text("utf-8"))
    assert made["diagnostics"] == []
    return Snapshot(made["predictedResources"], made["outputs"])
