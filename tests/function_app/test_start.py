"""What a new instance imports before it can answer its first request."""

import json
import os
import subprocess
import sys

from local import places

LATER = (
    "azure.storage.blob",
    "httpx",
    "pyarrow",
    "shared.access.entra.directory",
    "shared.access.severa.client",
    "shared.access.sync.stages",
    "shared.deliveries.intake",
    "shared.files.forms.xlsx",
    "shared.publishing.publish",
    "xlsxwriter",
)
"""Only timers and commands need these."""
MOST_OF_OTHERS, MOST_OF_OURS = 820, 138
"""Modules: 819 and 138 when this was written. Each takes half a millisecond."""
PRINTED = "import function_app, json, sys; print(json.dumps(sorted(sys.modules)))"


def imported() -> list[str]:
    """Return the modules that the app imports with the settings of an app in Azure."""
    sample = json.loads((places.ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    del sample["WEBHOOK_ALLOW_LOOPBACK"]
    settings = {**sample, "WAREHOUSE": "fabric://name.datawarehouse.fabric.microsoft.com/metering"}
    found = subprocess.run(
        [sys.executable, "-c", PRINTED],
        env={**os.environ, **settings},
        cwd=places.ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return list(json.loads(found.stdout))


def test_the_app_starts_without_what_only_timers_need() -> None:
    modules = imported()

    assert "shared.api.series.pages" in modules
    assert [each for each in LATER if each in modules] == []
    ours = [each for each in modules if each.partition(".")[0] in ("function_app", "shared")]
    assert len(ours) <= MOST_OF_OURS
    assert len(modules) - len(ours) <= MOST_OF_OTHERS
