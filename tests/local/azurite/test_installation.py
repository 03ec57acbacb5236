"""What is installed is pinned, and comes from whatever registry this machine uses."""

import json
from pathlib import Path

import pytest

from local.azurite import installation

LOCK = Path(installation.__file__).with_name("package-lock.json")


def test_the_lock_file_pins_azurite_and_everything_below_it_by_its_content() -> None:
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]

    assert packages["node_modules/azurite"]["version"] == "3.37.0"
    assert [name for name, package in packages.items() if name and not package.get("integrity")] == []


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_a_node_is_found_that_can_run_azurite() -> None:
    node = installation.find_node()

    assert node.program.exists()
    assert node.npm


def test_an_npm_that_fails_leaves_nothing_behind_and_says_why(tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'registry away' >&2\nexit 1\n")
    npm.chmod(0o755)
    node = installation.Node(tmp_path / "node", (str(npm),))

    with pytest.raises(installation.NotInstallable, match="registry away"):
        installation.install(node=node, state=tmp_path)

    assert list((tmp_path / "azurite").iterdir()) == []
    assert not installation.is_installed(state=tmp_path)
