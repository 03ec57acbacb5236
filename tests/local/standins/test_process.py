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


def test_it_serves_the_data_of_a_file_and_ends_on_sigterm(free_port: int, tmp_path: Path) -> None:
    file = tmp_path / "severa.json"
    file.write_text(json.dumps({"customers": [{"guid": "c1", "name": "Kunde Ærlig AS"}]}))

    with started("--severa-data", str(file), port=free_port) as process:
        wait_until_ready(free_port)
        served = httpx.get(f"http://127.0.0.1:{free_port}/control/severa").json()
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)

    assert served["customers"] == [{"guid": "c1", "name": "Kunde Ærlig AS"}]
    assert process.returncode in (0, -signal.SIGTERM)


def test_what_was_put_is_there_after_a_restart_until_a_reset(free_port: int, tmp_path: Path) -> None:
    severa, graph = (f"http://127.0.0.1:{free_port}/control/{name}" for name in ("severa", "graph"))
    customers = [{"guid": "c1", "name": "Kunde Ærlig AS", "number": 10001}]

    with started("--kept", str(tmp_path), port=free_port):
        wait_until_ready(free_port)
        demo_data = httpx.get(severa).json()
        httpx.put(severa, json={"customers": customers}).raise_for_status()
        httpx.put(graph, json={"users": [{"id": "u1"}]}).raise_for_status()
    with started("--kept", str(tmp_path), port=free_port):
        wait_until_ready(free_port)
        kept = (httpx.get(severa).json()["customers"], httpx.get(graph).json()["users"])
        httpx.post(f"http://127.0.0.1:{free_port}/control/reset").raise_for_status()
    with started("--kept", str(tmp_path), port=free_port):
        wait_until_ready(free_port)
        after_reset = httpx.get(severa).json()

    assert kept == (customers, [{"id": "u1"}])
    assert after_reset == demo_data


def test_a_refused_body_is_not_kept(free_port: int, tmp_path: Path) -> None:
    with started("--kept", str(tmp_path), port=free_port):
        wait_until_ready(free_port)
        refused = httpx.put(f"http://127.0.0.1:{free_port}/control/severa", json={"kunder": []})

    assert refused.status_code == 400
    assert list(tmp_path.iterdir()) == []


def test_it_prints_where_severa_is(free_port: int) -> None:
    command = [sys.executable, "-m", "local.standins", "--port", str(free_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()

    here = f"http://127.0.0.1:{free_port}"
    assert line == f"Severa: {here}/severa/rest-api, its data: {here}/control/severa\n"


def test_a_file_that_does_not_fit_is_one_clear_sentence(free_port: int, tmp_path: Path) -> None:
    file = tmp_path / "severa.json"
    file.write_text('{"kunder": []}')

    with started("--severa-data", str(file), port=free_port) as process:
        _, printed = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 2
    assert printed.startswith(
        f"Severa data cannot be used. {file}: Unknown: kunder. Known fields are customers,"
    )
    assert printed.count("\n") == 1
