"""`python -m local.audit`: known vulnerabilities of every pinned package, as pip-audit finds them in OSV."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from local import places

OSV = "https://api.osv.dev/v1/query"
NOT_REACHED = 75
"""The exit code when OSV cannot be reached: nothing was audited, and nothing is wrong with the project."""

LOCKS = (
    places.ROOT / "requirements-dev.txt",
    places.ROOT / "local" / "functionhost" / "requirements.txt",
)
"""These two pin everything that the other lock files pin."""

_SECONDS = 15
_PROBE = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "1.0"}


def main() -> int:
    """Audit the lock files; return 0 without findings, 1 with them, NOT_REACHED when OSV does not answer."""
    return audit(LOCKS, source=OSV)


def audit(locks: Sequence[Path], *, source: str) -> int:
    """Print the vulnerabilities of the pinned packages that `source` knows; return the exit code.

    Only a source that answers can fail the check: without the internet there is nothing to compare with.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--disable-pip", "--format=json", "--progress-spinner=off"),
            *("--vulnerability-service=osv", f"--osv-url={source}", f"--timeout={_SECONDS}"),
            *(f"--requirement={lock}" for lock in locks),
        ],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if not done.stdout:
        if answers(source):
            print(done.stderr.strip(), file=sys.stderr)
            return 1
        print(f"No package was audited: {source} cannot be reached.")
        return NOT_REACHED
    packages = json.loads(done.stdout)["dependencies"]
    found = [line for package in packages for line in findings(package)]
    print("\n".join([*found, f"{len(packages)} packages audited, {len(found)} findings."]))
    return 1 if found else 0


def findings(package: dict[str, Any]) -> list[str]:
    """Return a line for each vulnerability of a package, and one for a package that was left out."""
    if "skip_reason" in package:
        return [f"{package['name']}: {package['skip_reason']}"]
    return [
        f"{package['name']} {package['version']}: {each['id']}, "
        f"fixed in {', '.join(each['fix_versions']) or 'no version'}"
        for each in package["vulns"]
    ]


def answers(source: str) -> bool:
    """Return whether the source of advisories answers a question."""
    try:
        return httpx.post(source, json=_PROBE, timeout=_SECONDS).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    raise SystemExit(main())
