"""The stand-ins as a process of the local stack."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PATIENCE_SECONDS = 30


@contextmanager
def started(*arguments: str, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "local.standins", "--port", str(port), *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_ready(port: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("The stand-ins did not become ready.")


def test_it_serves_the_data_of_a_file_and_ends_when_told(free_port: int, tmp_path: Path) -> None:
    file = tmp_path / "severa.json"
    file.write_text(json.dumps({"customers": [{"guid": "c1", "name": "Kunde Ærlig AS"}]}))

    with started("--severa-data", str(file), port=free_port) as process:
        wait_until_ready(free_port)
        served = httpx.get(f"http://127.0.0.1:{free_port}/control/severa").json()
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)

    assert served["customers"] == [{"guid": "c1", "name": "Kunde Ærlig AS"}]
    assert process.returncode in (0, -signal.SIGTERM)


def test_a_file_that_does_not_fit_is_one_clear_sentence(free_port: int, tmp_path: Path) -> None:
    file = tmp_path / "severa.json"
    file.write_text('{"kunder": []}')

    with started("--severa-data", str(file), port=free_port) as process:
        _, told = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 2
    assert told.startswith(
        f"Severa data cannot be used. {file}: Unknown: kunder. Known fields are customers,"
    )
    assert told.count("\n") == 1
