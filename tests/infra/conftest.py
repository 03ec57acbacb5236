"""The project's own infrastructure, read once for the tests that check it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from local.infracheck import templates
from local.infracheck.templates import Template

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def project() -> Mapping[str, Template]:
    """Every Bicep template of the project, by its path."""
    paths = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "infra").rglob("*.bicep"))]
    return {path: templates.read((ROOT / path).read_text("utf-8"), path=path) for path in paths}


@pytest.fixture(scope="session")
def policies() -> Mapping[str, str]:
    """Every policy and fragment of the gateway, by its path."""
    folder = ROOT / "infra" / "apim" / "policies"
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.xml")}


@pytest.fixture(scope="session")
def function_app() -> str:
    """The source of the function app."""
    return (ROOT / "function_app.py").read_text("utf-8")
