"""Microsoft's compilers and Functions host: where they are, and what is left unchecked without them.

Each tool is looked for in the folder that METERING_TOOLS names, in `../shared/tools` beside the checkout, and
on the path. Nothing is downloaded, except Kusto's npm package, which a lock file pins.
"""

import hashlib
import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local import places, venvs
from local.azurite import installation

FOLDER = "METERING_TOOLS"
"""The variable that names a folder with `bicep/`, `azure-check/`, `functionhost/` and `kql-check.mjs`."""

REQUIRED = "REQUIRE_TOOLS"
"""The variable that is 1 where a missing tool makes a test fail instead of skipping it."""

_CLIENTS = places.ROOT / "tests" / "contract" / "clients"
_CHECKOV = places.ROOT / "tests" / "infra" / "checkov"
_KUSTO = places.ROOT / "tests" / "infra" / "kusto"


class Missing(Exception):
    """A tool is not on this machine; the message says which, and how to get it."""


@dataclass(frozen=True)
class FunctionHost:
    """Microsoft's Functions host: `run_script` takes the app's folder and a port; its README says more."""

    run_script: Path


@dataclass(frozen=True)
class KustoCheck:
    """A command that checks the queries of a checkout: `command CHECKOUT PACKAGES`."""

    command: tuple[str, ...]
    packages: Path


@dataclass(frozen=True)
class Generators:
    """Third-party generators of clients, with a linter and a mock, as `tests/contract/clients` pins them.

    Attributes:
        node: the program that runs what is in `packages`.
        packages: the folder with `node_modules`.
        python: of an environment with openapi-python-client, openapi-generator (with its Java) and mypy.
    """

    node: Path
    packages: Path
    python: Path


@dataclass(frozen=True)
class Toolbox:
    """Finds the tools of a machine.

    Args:
        environ: the variables that name tools, and the path.
        checkout: the folder beside which `shared/tools` may be.
        cache: where archives are unpacked, once for each version.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    checkout: Path = places.ROOT
    cache: Path = places.STATE / "tools"

    @property
    def required(self) -> bool:
        """Whether a missing tool is a failure."""
        return self.environ.get(REQUIRED) == "1"

    def folder(self) -> Path | None:
        """Return the folder of tools; None without one.

        Raises:
            Missing: METERING_TOOLS names a folder that does not exist.
        """
        if named := self.environ.get(FOLDER):
            if not Path(named).is_dir():
                raise Missing(f"{FOLDER} names {named}, and there is no such folder.")
            return Path(named).resolve()
        beside = self.checkout.parent / "shared" / "tools"
        return beside.resolve() if beside.is_dir() else None

    def bicep(self) -> Path:
        """Return the Bicep compiler: from the folder, BICEP or the path, or what `az bicep` installed.

        Raises:
            Missing: it was not found.
        """
        azure = Path(self.environ.get("AZURE_CONFIG_DIR", Path.home() / ".azure"))
        program = "bicep.exe" if os.name == "nt" else "bicep"
        found = (
            self._in_folder("bicep/bicep")
            or self._program(self.environ.get("BICEP"))
            or self._program("bicep")
            or self._program(str(azure / "bin" / program))
        )
        if found is None:
            raise Missing("No Bicep compiler: put `bicep` on the path, or run `az bicep install`.")
        return found

    def azure_check(self) -> Path:
        """Return the program that checks T-SQL, policies and OpenAPI with Microsoft's parsers.

        Raises:
            Missing: there is no folder of tools with it.
        """
        archive = self._in_folder("azure-check/azure-check.tar.xz")
        if archive is None:
            raise Missing(f"No azure-check: {FOLDER} may name a folder of tools with it.")
        return self._unpacked(archive) / "azure-check"

    def function_host(self) -> FunctionHost:
        """Return Microsoft's Functions host of the folder.

        Raises:
            Missing: there is no folder of tools with it.
        """
        archive = self._in_folder("functionhost/host.tar.xz")
        if archive is None:
            raise Missing(f"No Functions host: {FOLDER} may name a folder of tools with it.")
        folder = self._unpacked(archive, beside=("run-host.sh", "workers-3.13"))
        return FunctionHost(folder / "run-host.sh")

    def core_tools(self) -> Path:
        """Return `func` of Azure Functions Core Tools, from the path.

        Raises:
            Missing: it is not installed.
        """
        found = self._program("func")
        if found is None:
            raise Missing("No Azure Functions Core Tools: put `func` on the path.")
        return found

    def checkov(self) -> Path:
        """Return checkov, a third-party scanner of templates, from an environment that is made once.

        Raises:
            Missing: there is no package registry.
        """
        try:
            python = venvs.ready(
                self.cache / "checkov", python=sys.executable, requirements=_CHECKOV / "requirements.txt"
            )
        except venvs.NotMade as error:
            raise Missing(str(error).replace("\n", " ")) from error
        return python.parent / "checkov"

    def kusto_check(self) -> KustoCheck:
        """Return the check of KQL queries; installs Microsoft's language service from the npm registry once.

        Raises:
            Missing: there is no folder of tools with the script, no Node, or no registry.
        """
        script = self._in_folder("kql-check.mjs")
        if script is None:
            raise Missing(f"No kql-check.mjs: {FOLDER} may name a folder of tools with it.")
        try:
            node = installation.find_node()
            packages = installation.install(node=node, state=self.cache, manifests=_KUSTO)
        except installation.NotInstallable as error:
            raise Missing(str(error).replace("\n", " ")) from error
        return KustoCheck((str(node.program), str(script)), packages)

    def generators(self) -> Generators:
        """Return the generators of clients; installs them from the package registries once.

        Raises:
            Missing: there is no Node, or no registry.
        """
        try:
            node = installation.find_node()
            packages = installation.install(node=node, state=self.cache, manifests=_CLIENTS)
            python = venvs.ready(
                self.cache / "clients" / "python",
                python=sys.executable,
                requirements=_CLIENTS / "requirements.txt",
            )
        except (installation.NotInstallable, venvs.NotMade) as error:
            raise Missing(str(error).replace("\n", " ")) from error
        return Generators(node.program, packages, python)

    def unchecked(self) -> str | None:
        """Return a line that says which tools are missing and what is left unchecked without them."""
        left = [f"{kind} ({name})" for kind, name, find in self._uses() if _is_missing(find)]
        return f"Not checked, because these tools are missing: {', '.join(left)}." if left else None

    def _uses(self) -> tuple[tuple[str, str, Callable[[], object]], ...]:
        return (
            ("infra/*.bicep", "bicep", self.bicep),
            ("policies, T-SQL and OpenAPI", "azure-check", self.azure_check),
            ("alerts' queries", "kql-check.mjs and npm", self.kusto_check),
            ("generated clients and OpenAPI by redocly", "Node and npm", self._node),
            ("the app on Microsoft's host", "functionhost or func", self._any_host),
        )

    def _node(self) -> object:
        try:
            return installation.find_node()
        except installation.NotInstallable as error:
            raise Missing(str(error)) from error

    def _any_host(self) -> object:
        try:
            return self.function_host()
        except Missing:
            return self.core_tools()

    def _in_folder(self, name: str) -> Path | None:
        folder = self.folder()
        return folder / name if folder and (folder / name).is_file() else None

    def _program(self, name: str | None) -> Path | None:
        found = shutil.which(name, path=self.environ.get("PATH", "")) if name else None
        return Path(found) if found else None

    def _unpacked(self, archive: Path, *, beside: tuple[str, ...] = ()) -> Path:
        """Unpack an archive, and copy what lies beside it, into the cache: seconds, once for each version."""
        digest = hashlib.sha256(archive.read_bytes())
        for name in beside:
            digest.update(_content(archive.parent / name))
        place = self.cache / archive.parent.name / digest.hexdigest()[:12]
        if not place.exists():
            with places.made_whole(place) as draft, tarfile.open(archive) as opened:
                opened.extractall(draft, filter="data")
                for name in beside:
                    _copy(archive.parent / name, draft / name)
        return place


HERE = Toolbox()
"""The tools of this machine."""


def _is_missing(find: Callable[[], object]) -> bool:
    try:
        find()
    except Missing:
        return True
    return False


def _content(path: Path) -> bytes:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return b"".join(file.read_bytes() for file in files if file.is_file())


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder; what is copied from a read-only folder may be deleted."""
    if source.is_dir():
        for path in source.rglob("*"):
            if path.is_file():
                _copy(path, target / path.relative_to(source))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)
