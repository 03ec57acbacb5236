"""A security scan of what prod deploys finds nothing but what `infra/checkov.yaml` excepts, with reasons."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from local import tools
from tests.builders import microsoft
from tests.builders.bicep import Snapshot

EXCEPTION = re.compile(r"^  - (CKV_AZURE_\d+) +# [A-Z`/].+\.$")
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


@pytest.fixture
def exceptions(root: Path) -> list[str]:
    """The ids of the checks that are excepted."""
    listed = (root / "infra" / "checkov.yaml").read_text("utf-8").partition("skip-check:\n")[2]
    found = [EXCEPTION.match(line) for line in listed.splitlines()]
    assert None not in found, "each exception has its reason, a sentence"
    return [each[1] for each in found if each is not None]


def test_each_exception_is_listed_once_and_in_order(exceptions: list[str]) -> None:
    numbers = [int(each.rpartition("_")[2]) for each in exceptions]

    assert numbers == sorted(set(numbers)) != []


def test_the_scan_of_prod_finds_exactly_what_is_excepted(
    snapshots: Mapping[str, Snapshot], exceptions: list[str], tmp_path: Path
) -> None:
    checkov = microsoft.needed(tools.HERE.checkov)
    template = {
        "$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(snapshots["prod"].resources)
    }  # fmt: skip
    (tmp_path / "prod.json").write_text(json.dumps(template), encoding="utf-8")

    done = subprocess.run(
        [checkov, "--directory", tmp_path, "--framework", "arm", "--skip-download", "--output", "json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    report = json.loads(done.stdout)

    assert (report["summary"]["parsing_errors"], report["summary"]["passed"] > 20) == (0, True)
    assert {each["check_id"] for each in report["results"]["failed_checks"]} == set(exceptions)
