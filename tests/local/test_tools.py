"""Microsoft's tools are found where they may be, unpacked once, and a missing one is named in one line."""

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from local import places, tools
from local.tools import Missing, Toolbox
from tests.builders import microsoft


def test_a_folder_that_is_named_comes_before_the_one_beside_the_checkout(tmp_path: Path) -> None:
    checkout = tmp_path / "work" / "checkout"
    beside = make_program(tmp_path / "work" / "shared" / "tools" / "bicep" / "bicep")
    named = make_program(tmp_path / "named" / "bicep" / "bicep")

    assert box(checkout=checkout, METERING_TOOLS=str(tmp_path / "named")).bicep() == named
    assert box(checkout=checkout).bicep() == beside


def test_a_folder_that_is_named_and_does_not_exist_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"METERING_TOOLS names /nowhere, and there is no such folder\."):
        box(checkout=tmp_path, METERING_TOOLS="/nowhere").bicep()


def test_without_a_folder_bicep_is_bicep_s_variable_then_the_path_then_azure_s_own(tmp_path: Path) -> None:
    variable = make_program(tmp_path / "variable" / "my-bicep")
    on_path = make_program(tmp_path / "bin" / "bicep")
    installed = make_program(tmp_path / "azure" / "bin" / "bicep")
    azure = {"AZURE_CONFIG_DIR": str(tmp_path / "azure")}
    path = {"PATH": str(on_path.parent)}

    assert box(checkout=tmp_path / "c", BICEP=str(variable), **path, **azure).bicep() == variable
    assert box(checkout=tmp_path / "c", **path, **azure).bicep() == on_path
    assert box(checkout=tmp_path / "c", **azure).bicep() == installed


def test_core_tools_are_found_on_the_path(tmp_path: Path) -> None:
    func = make_program(tmp_path / "bin" / "func")

    assert box(checkout=tmp_path / "c", PATH=str(func.parent)).core_tools() == func


def test_an_archive_is_unpacked_once_and_again_when_it_changes(tmp_path: Path) -> None:
    archive = tmp_path / "named" / "azure-check" / "azure-check.tar.xz"
    make_archive(archive, {"azure-check": "#!/bin/sh\necho first\n"})
    toolbox = box(checkout=tmp_path / "c", METERING_TOOLS=str(tmp_path / "named"))

    first = toolbox.azure_check()
    written = first.stat().st_ino
    again = toolbox.azure_check()
    make_archive(archive, {"azure-check": "#!/bin/sh\necho second\n"})
    second = toolbox.azure_check()

    assert (again, again.stat().st_ino) == (first, written)
    assert (output_of(first), output_of(second)) == ("first\n", "second\n")
    assert len(list(second.parent.parent.iterdir())) == 2


def test_the_host_s_script_and_workers_lie_beside_what_is_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "named" / "functionhost"
    make_archive(folder / "host.tar.xz", {"host/WebHost": "#!/bin/sh\necho host\n"})
    make_program(folder / "run-host.sh", '#!/bin/sh\n"$(dirname "$0")/host/WebHost"\n')
    make_program(folder / "workers-3.13" / "python" / "worker.py")

    host = box(checkout=tmp_path / "c", METERING_TOOLS=str(tmp_path / "named")).function_host()

    assert output_of(host.run_script) == "host\n"
    assert (host.run_script.parent / "workers-3.13" / "python" / "worker.py").is_file()


def test_a_machine_without_tools_says_in_one_line_what_is_not_checked(tmp_path: Path) -> None:
    assert box(checkout=tmp_path / "c").unchecked() == (
        "Not checked, because these tools are missing: infra/*.bicep (bicep), policies, T-SQL and OpenAPI "
        "(azure-check), alerts' queries (kql-check.mjs and npm), the app on Microsoft's host "
        "(functionhost or func)."
    )


def test_what_is_there_is_not_named_as_unchecked(tmp_path: Path) -> None:
    make_program(tmp_path / "bin" / "bicep")
    make_program(tmp_path / "bin" / "func")

    line = box(checkout=tmp_path / "c", PATH=str(tmp_path / "bin")).unchecked()

    assert line is not None
    assert "bicep" not in line
    assert "func)" not in line


@pytest.mark.parametrize(("variables", "required"), [({"REQUIRE_TOOLS": "1"}, True), ({}, False)])
def test_tools_are_required_only_where_it_is_said(variables: dict[str, str], required: bool) -> None:
    assert box(checkout=places.ROOT, **variables).required is required


@pytest.mark.parametrize(
    ("find", "arguments", "message"),
    [
        (tools.HERE.bicep, ("--version",), "Bicep CLI version"),
        (tools.HERE.azure_check, (), "azure-check policies"),
    ],
)
def test_the_tools_of_this_machine_run(
    find: Callable[[], Path], arguments: tuple[str, ...], message: str
) -> None:
    done = subprocess.run(
        [microsoft.needed(find), *arguments], capture_output=True, text=True, timeout=60, check=False
    )

    assert message in done.stdout + done.stderr


def test_the_functions_host_of_this_machine_is_unpacked() -> None:
    host = microsoft.needed(tools.HERE.function_host)

    assert os.access(host.run_script.parent / "host" / "Microsoft.Azure.WebJobs.Script.WebHost", os.X_OK)


def box(*, checkout: Path, **variables: str) -> Toolbox:
    """Return a toolbox that sees only these variables, and Azure's own folder where one names it."""
    environ = {"AZURE_CONFIG_DIR": str(checkout / "no-azure"), "PATH": "", **variables}
    return Toolbox(environ=environ, checkout=checkout, cache=checkout.parent / "cache")


def make_program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def make_archive(path: Path, files: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:xz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755, len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


def output_of(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout
