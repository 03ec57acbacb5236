"""Whether what is deployed to Azure is the app and nothing else."""

import subprocess
from pathlib import Path

from local.infracheck import agreement

DEPLOYED = {"function_app.py", "host.json", "requirements.txt", "shared"}


def test_an_entry_that_would_be_deployed_by_mistake_is_found() -> None:
    found = agreement.left_in_package(
        ["shared", "tests", "host.json"],
        ignored=["# comment", "test/", "*.json"],
        deployed=["shared", "host.json"],
    )

    assert found == [
        "tests would be deployed; name it in .funcignore.",
        "host.json is needed and missing, or kept out by .funcignore.",
    ]


def test_only_the_app_is_deployed(root: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    entries = {path.split("/")[0] for path in tracked}

    ignored = (root / ".funcignore").read_text("utf-8").splitlines()

    assert agreement.left_in_package(entries, ignored=ignored, deployed=DEPLOYED) == []
