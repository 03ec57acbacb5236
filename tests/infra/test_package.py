"""Whether what is deployed to Azure is the app and nothing else."""

import fnmatch
from pathlib import Path

DEPLOYED = {"function_app.py", "host.json", "requirements.txt", "shared"}


def test_only_the_app_is_deployed(root: Path) -> None:
    # What azd packs is what lies in the folder, tracked by git or not.
    lines = (root / ".funcignore").read_text("utf-8").splitlines()
    ignored = [line.strip().rstrip("/") for line in lines if line.strip() and not line.startswith("#")]

    kept = {
        path.name
        for path in root.iterdir()
        if not any(fnmatch.fnmatchcase(path.name, pattern) for pattern in ignored)
    }

    assert kept == DEPLOYED
