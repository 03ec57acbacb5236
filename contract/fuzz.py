"""Sends the API thousands of generated requests, and compares each answer with the contract.

`python -m contract.fuzz [--max-examples N] [--through gateway|app] [--caller application|person]` starts the
demo world that stands still and runs Schemathesis on it with docs/openapi.json, read strictly: an answer may
have nothing that the contract does not describe. Its exit code is ours.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contract import document, stack
from contract.stack import Running
from local import demo
from local.stack import clients

# Not `positive_data_acceptance`: a schema cannot say that a check digit is wrong, that `to` is before `from`
# or that a cursor was not made by the API.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
)


def command(
    running: Running,
    *,
    through: str,
    max_examples: int,
    folder: Path,
    caller: str = "application",
    more: Sequence[str] = (),
) -> list[str]:
    """Return the command line of a run, with the contract in `folder`.

    The app asks for neither token nor key: that is the gateway's part.
    """
    url = running.api if through == "gateway" else running.app
    committed = document.TO_READ if through == "gateway" else document.TO_IMPORT
    contract = folder / committed.name
    contract.write_text(document.closed(committed.read_text(encoding="utf-8")), encoding="utf-8")
    headers = _headers(running, caller) if through == "gateway" else _as_gateway(caller)
    return [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(contract), "--url", url),
        *("--max-examples", str(max_examples), "--checks", ",".join(CHECKS)),
        # A webhook's test waits ten seconds for its receiver; Schemathesis alone would wait no longer.
        *("--request-timeout", "60"),
        *(each for name, value in headers.items() for each in ("--header", f"{name}: {value}")),
        *more,
    ]


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m contract.fuzz", description=__doc__)
    parser.add_argument("--max-examples", type=int, default=300, help="for each operation")
    parser.add_argument("--through", choices=("gateway", "app"), default="gateway")
    parser.add_argument("--caller", choices=("application", "person"), default="application")
    arguments, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as state, stack.running(Path(state)) as running:
        schemathesis = command(
            running,
            through=arguments.through,
            max_examples=arguments.max_examples,
            folder=Path(state),
            caller=arguments.caller,
            more=more,
        )
        return subprocess.run(schemathesis, cwd=state, check=False).returncode


def _headers(running: Running, caller: str) -> dict[str, str]:
    headers = running.headers()
    if caller == "person":
        headers["Authorization"] = f"Bearer {clients.token_of_person(running.token_url)}"
    return headers


def _as_gateway(caller: str) -> dict[str, str]:
    if caller == "person":
        return {"X-Caller-Type": "user", "X-Caller-Id": demo.KARI.object_id}
    return {"X-Caller-Type": "app", "X-Caller-Id": demo.VENDOR.client_id}


if __name__ == "__main__":
    raise SystemExit(main())
