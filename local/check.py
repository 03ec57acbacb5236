"""`python -m local.check`: everything that must hold before a change is merged; CI runs it.

Every step runs, even after one has failed; the exit code is 0 when all of them succeeded.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from local import audit, command_line, places, tools, venvs
from local.functionhost import microsoft

WORKER_PYTHON = "3.13"
"""The Python that the app runs on in Azure."""
WORKER_VENV = places.STATE / f"python-{WORKER_PYTHON}"
DEPLOYED_VENV = places.STATE / f"python-{WORKER_PYTHON}-deployed"
"""Has what is deployed, and nothing else."""
WORKER_REQUIREMENTS = places.ROOT / "local" / "stack" / "requirements.txt"
"""The app's packages, and those of the local stack; the worker's own lie beside the environment."""

_WORKER_TESTS = "tests/local/functionhost/test_worker_runtime.py"
_INFRASTRUCTURE_TESTS = "tests/infra"

_SENT_SQL = places.STATE / "sent-sql"
"""Where the tests keep the SQL texts that they send."""
_KEEPS_SQL = {"SENT_SQL": str(_SENT_SQL)}

_OVER_TDS = (
    "tests/shared/deliveries/test_landing.py",
    "tests/shared/deliveries/test_loading.py",
    "tests/shared/publishing/test_histories.py",
    "tests/shared/publishing/test_publish.py",
    "tests/shared/publishing/test_publish_model.py",
    "tests/shared/warehouse/queries",
    "tests/shared/warehouse/test_check.py",
    "tests/shared/warehouse/test_supply.py",
)


@dataclass(frozen=True)
class Step:
    """A part of the check: a module of this environment with its arguments, and variables for it."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


Run = Callable[[Step], int]
"""Runs a step in this environment; its exit code."""

_RESULTS = {0: "ok     ", audit.NOT_REACHED: "NOT RUN"}
"""What a line says about an exit code; any other code is a failure."""


QUICK = (
    Step("format", ("ruff", "format", "--check", "--quiet", ".")),
    Step("lint", ("ruff", "check", "--quiet", ".")),
    Step("types", ("mypy", "--no-error-summary")),
)
"""These take seconds: run them before each commit."""

STEPS = (
    *QUICK,
    Step("known vulnerabilities", ("local.audit",)),
    Step("infrastructure", ("pytest", "--quiet", _INFRASTRUCTURE_TESTS)),
    Step(
        "tests",
        (
            *("pytest", "--quiet", *command_line.IN_PARALLEL, "--cov", "--cov-report=term:skip-covered"),
            *(f"--ignore={_INFRASTRUCTURE_TESTS}", f"--ignore={_WORKER_TESTS}"),
        ),
        _KEEPS_SQL,
    ),
    Step(
        "warehouse over TDS",
        ("pytest", "--quiet", "-rs", *_OVER_TDS),
        {"TEST_WAREHOUSE": "tds", "HISTORIES": "6", **_KEEPS_SQL},
    ),
    Step("SQL that the tests sent", ("tests.sentsql", str(_SENT_SQL))),
    Step(f"Python {WORKER_PYTHON} worker", ("pytest", "--quiet", "-rs", _WORKER_TESTS)),
)


def main() -> int:
    """Run all steps; print a line for each at the end, and one for what missing tools leave unchecked."""
    parser = argparse.ArgumentParser(prog="check", description="Everything that must hold; what CI runs.")
    parser.add_argument("--quick", action="store_true", help="only format, lint and types")
    if parser.parse_args().quick:
        lines, failed = results(QUICK, run=_run, clock=time.monotonic)
        print("\n" + "\n".join(lines), flush=True)
        return 1 if failed else 0
    prepared = _prepare_worker()
    shutil.rmtree(_SENT_SQL, ignore_errors=True)
    lines, failed = results(STEPS, run=_run, clock=time.monotonic)
    print("\n" + "\n".join(lines), flush=True)
    if (unchecked := tools.HERE.unchecked()) is not None:
        print(unchecked, flush=True)
    return 0 if prepared and not failed else 1


def results(steps: Sequence[Step], *, run: Run, clock: Callable[[], float]) -> tuple[list[str], bool]:
    """Return a line for each step, and whether one of them failed."""
    lines, failed = [], False
    for step in steps:
        print(f"── {step.name}", flush=True)
        started = clock()
        code = run(step)
        failed = failed or code not in _RESULTS
        lines.append(f"{_RESULTS.get(code, 'FAILED ')}  {step.name}  ({clock() - started:.0f} s)")
    return lines, failed


def _run(step: Step) -> int:
    return subprocess.run(
        [sys.executable, "-m", *step.command],
        cwd=places.ROOT,
        env={**os.environ, **step.variables},
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode


def _prepare_worker() -> bool:
    """Make the environment of Microsoft's worker runtime; False when its Python is here but that failed."""
    python = venvs.find(WORKER_PYTHON)
    if python is None:
        print(f"Python {WORKER_PYTHON} was not found: the app is not tried with the worker of Azure.")
        return True
    try:
        venvs.ready(WORKER_VENV, python=python, requirements=WORKER_REQUIREMENTS)
        venvs.ready(DEPLOYED_VENV, python=python, requirements=places.ROOT / "requirements.txt")
        microsoft.worker_packages(python)
    except (venvs.NotMade, microsoft.NotServed) as error:
        # The results of the other steps are still worth having.
        print(error, file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
