"""The project's own infrastructure, compiled once for the tests that check it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local import places
from tests.builders import bicep
from tests.builders.bicep import NEEDED, OPTIONAL, Snapshot

EVERYTHING = {**NEEDED, **OPTIONAL}

PRIVATE = """
using 'main.bicep'
extends 'main.prod.bicepparam'
param privateNetworking = true
param maximumInstanceCount = 320
"""
"""Prod with a private network, and at the largest scale."""


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return places.ROOT


@pytest.fixture(scope="session")
def infra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `infra/` that the compiler may write into."""
    return bicep.copy_of_infra(tmp_path_factory.mktemp("bicep"))


@pytest.fixture(scope="session")
def snapshots(infra: Path) -> Mapping[str, Snapshot]:
    """Snapshots of dev, of prod, of prod with a private network, and of prod without optional parts."""
    (infra / "private.bicepparam").write_text(PRIVATE)
    (infra / "bare.bicepparam").write_text("using 'main.bicep'\nextends 'main.prod.bicepparam'\n")
    return {
        "dev": bicep.snapshot(infra / "main.dev.bicepparam", values=EVERYTHING),
        "prod": bicep.snapshot(infra / "main.prod.bicepparam", values=EVERYTHING),
        "private": bicep.snapshot(infra / "private.bicepparam", values=EVERYTHING),
        "bare": bicep.snapshot(infra / "bare.bicepparam", values=NEEDED),
    }


@pytest.fixture(params=["dev", "prod", "private", "bare"])
def snapshot(request: pytest.FixtureRequest, snapshots: Mapping[str, Snapshot]) -> Snapshot:
    """Each of the four deployments."""
    return snapshots[request.param]


@pytest.fixture(scope="session")
def compiled(infra: Path) -> Mapping[str, Any]:
    """The template that main.bicep compiles to."""
    built = bicep.run("build", infra / "main.bicep", "--stdout")
    assert (built.code, built.diagnostics) == (0, "")
    template: Mapping[str, Any] = json.loads(built.output)
    return template


@pytest.fixture(scope="session")
def policies() -> Mapping[str, str]:
    """Every policy and fragment of the gateway, by its path."""
    folder = places.ROOT / "infra" / "apim" / "policies"
    return {
        path.relative_to(places.ROOT).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.xml")
    }
