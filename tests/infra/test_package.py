"""Whether what is deployed to Azure is the app and nothing else."""

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
    # What azd packs is what lies in the folder, tracked by git or not.
    entries = [path.name for path in root.iterdir()]

    ignored = (root / ".funcignore").read_text("utf-8").splitlines()

    assert agreement.left_in_package(entries, ignored=ignored, deployed=DEPLOYED) == []
