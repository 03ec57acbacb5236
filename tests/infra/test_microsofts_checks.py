"""What Microsoft's parsers and compilers say of policies and queries, and of faults that are planted."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from local import places, tools
from tests.builders import bicep, microsoft


def check_policies(checkout: Path) -> subprocess.CompletedProcess[str]:
    return _run(microsoft.needed(tools.HERE.azure_check), "policies", "check", checkout)


def check_queries(checkout: Path) -> subprocess.CompletedProcess[str]:
    check = microsoft.needed(tools.HERE.kusto_check)
    return _run(*check.command, checkout, check.packages)


def check_templates(checkout: Path) -> subprocess.CompletedProcess[str]:
    return _run(microsoft.needed(tools.HERE.bicep), "build", checkout / "infra" / "main.bicep", "--stdout")


def test_the_policies_are_ones_that_api_management_takes() -> None:
    done = check_policies(places.ROOT)

    assert (done.returncode, done.stdout.splitlines()[-1][-20:]) == (0, ": 0 errors, 0 doubts")


def test_every_query_of_alerts_dashboard_and_guides_is_one_that_kusto_takes() -> None:
    done = check_queries(places.ROOT)

    complaints = [line for line in done.stdout.splitlines() if ": " in line and " gives " not in line]
    assert (done.returncode, complaints) == (0, [])


FAULTS: Mapping[str, tuple[Callable[[Path], subprocess.CompletedProcess[str]], str, str, str, str]] = {
    "a property that does not exist": (
        check_templates,
        "infra/modules/function-app.bicep",
        "    httpsOnly: true\n",
        "    httpOnly: true\n",
        'Warning BCP089: The property "httpOnly" is not allowed on objects of type',
    ),
    "a file that is too large": (
        check_templates,
        "infra/modules/api.bicep",
        "string(loadJsonContent('../apim/openapi.json'))",
        "loadTextContent('../apim/openapi.json')",
        "exceeded maximum size of 131072 characters. [https://aka.ms/bicep/core-diagnostics#BCP184]",
    ),
    "a keyword as a name": (
        check_queries,
        "infra/alerts/data-late.kql",
        "newest",
        "latest",
        "KS228: The name 'latest' needs to be bracketed",
    ),
    "a method outside the allow list": (
        check_policies,
        "infra/apim/policies/api.xml",
        "@(context.Subscription.Id)",
        "@(System.Environment.MachineName)",
        "Environment",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_in_the_tools_own_words(fault: str, tmp_path: Path) -> None:
    check, path, right, wrong, words = FAULTS[fault]
    bicep.copy_of_infra(tmp_path)
    shutil.copytree(places.ROOT / "docs", tmp_path / "docs")
    text = (tmp_path / path).read_text("utf-8")
    assert right in text
    (tmp_path / path).write_text(text.replace(right, wrong), encoding="utf-8")

    done = check(tmp_path)

    assert words in done.stdout + done.stderr


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
