"""The whole stack, as `dev.py run` starts it: a real request succeeds, and nothing is left when it ends."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from local import environment, places
from local.functionhost import admin
from local.ports import Ports, address
from local.stack import clients, free, greeting
from shared.settings import DeliverySettings
from tests.builders import local_stack
from tests.builders.container import Outside
from tests.builders.local_stack import LocalStack
from tests.hosts import microsofts_host

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Linux and macOS"),
]


def children(stack: LocalStack) -> list[int]:
    """Return the process ids of the parts."""
    return children_of(stack.process.pid)


def descendants(stack: LocalStack) -> list[int]:
    """Return the process ids of the parts and of what they have started, such as Microsoft's worker."""
    found, seen = children(stack), list[int]()
    while found:
        seen += found
        found = [child for each in found for child in children_of(each)]
    return seen


def children_of(process: int) -> list[int]:
    listing = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listing.stdout.splitlines()[1:]]
    return [int(pid) for pid, parent in rows if int(parent) == process]


class Start(Protocol):
    """Starts a stack on a host of `microsofts_host.HOSTS`."""

    def __call__(self, state: Path, *, host: str = ...) -> LocalStack: ...


# A shell lets what it starts in its background ignore SIGINT; Ctrl-C must work there too.
IN_BACKGROUND = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start stacks with two weeks of sample data; end those that a failed test has left."""
    started: list[LocalStack] = []

    def run(state: Path, *, host: str = "stand-in") -> LocalStack:
        options = (*microsofts_host.options(host), "--sample-days", "14")
        started.append(local_stack.start(state, *options, through=IN_BACKGROUND))
        return started[-1]

    yield run
    for stack in started:
        stack.stop()


@pytest.mark.parametrize("host", microsofts_host.HOSTS)
def test_the_commands_it_prints_work_and_ctrl_c_leaves_nothing(
    start: Start, tmp_path: Path, host: str
) -> None:
    stack = start(tmp_path, host=host)
    printed = stack.wait_ready()
    assert len(children(stack)) == 6
    processes = descendants(stack)

    if shutil.which("bash") and shutil.which("curl"):
        points, day, month = paste(printed)
        assert len(json.loads(points)["meteringPoints"]) == 9
        assert len(json.loads(day)["values"]) in (23, 24, 25)
        assert len(json.loads(month)["series"]) == 9
    # Built and sent by the queue functions of the host.
    wait_until(lambda: runs_of(stack, "daily-csv") == [("000002-000002", "sent", 1)])
    assert any((tmp_path / "sftp").glob("daily-csv_000002-000002_manifest.json"))
    wait_until(lambda: runs_of(stack, "daily-gs2") == [("000002-000002", "ready", 1)])
    assert names_after(stack.ports, "values.csv", b"not a delivery") == [
        "rejected/values.csv",
        "rejected/values.csv.reasons.txt",
    ]

    stack.process.send_signal(signal.SIGINT)

    assert stack.process.wait(timeout=60) == 0
    assert [process for process in processes if runs(process)] == []
    assert taken(stack.ports) == []


def feeds_of(stack: LocalStack) -> list[tuple[str, str]]:
    found = asked(stack, "/feeds")["feeds"]
    return [(each["feedId"], each["receiver"]) for each in found]


def runs_of(stack: LocalStack, feed_id: str) -> list[tuple[str, str, int]]:
    """Return the name, the status and the number of files of each run, as the vendor sees them."""
    found = asked(stack, f"/feeds/{feed_id}/runs")["runs"]
    return [(each["run"], each["status"], len(each["files"])) for each in found]


def asked(stack: LocalStack, path: str) -> Any:
    """Return what the vendor is answered."""
    url = f"{address(stack.ports.gateway)}{greeting.API}{path}"
    headers = clients.vendor_headers(greeting.token_url(stack.ports))
    return httpx.get(url, headers=headers, timeout=30, trust_env=False).raise_for_status().json()


def names_after(ports: Ports, name: str, content: bytes) -> list[str]:
    """Put a file into the container of deliveries, run the timer and return the names in the container."""
    outside = Outside(DeliverySettings(environment.stack(ports)["DELIVERY_STORAGE"], "deliveries"))
    outside.put(name, content)
    admin.start_timer("publish_readings", host=address(ports.function_host))
    wait_until(lambda: not any(each.startswith("incoming/") for each in outside.names()))
    return outside.names()


def test_a_second_start_keeps_the_data_and_a_killed_supervisor_leaves_nothing(
    start: Start, tmp_path: Path
) -> None:
    first = start(tmp_path)
    assert "Loading sample data" in first.wait_ready()
    first.process.terminate()
    assert first.process.wait(timeout=60) == 0

    second = start(tmp_path)
    assert "Loading sample data" not in second.wait_ready()
    assert feeds_of(second) == [("daily-csv", "sftp"), ("daily-gs2", "links")]
    parts = children(second)

    second.process.kill()
    second.process.wait()

    wait_until(lambda: not any(runs(part) for part in parts))
    assert taken(second.ports) == []


def test_a_part_that_dies_ends_the_stack_with_its_name(start: Start, tmp_path: Path) -> None:
    stack = start(tmp_path)
    stack.wait_ready()
    parts = children(stack)

    os.kill(parts[-1], signal.SIGKILL)

    assert stack.process.wait(timeout=60) == 1
    assert re.search(r"^gateway ended with exit code -9\. ", stack.printed, re.MULTILINE)
    assert [part for part in parts if runs(part)] == []


def test_a_taken_port_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    base = free.base()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", base))
        holder.listen()
        done = subprocess.run(
            [sys.executable, "-m", "local.stack", "--port-base", str(base), "--state", str(tmp_path)],
            cwd=places.ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {base}, which gateway needs, is taken by another program: ")
    assert len(done.stderr.splitlines()) == 1


def paste(printed: str) -> list[str]:
    """Return what the printed questions to the API answer, one after the other."""
    lines = [line for line in printed.splitlines() if line.startswith(("export ", "curl -s -H "))]
    script = "\n".join(line + "; echo; echo ----" if line.startswith("curl") else line for line in lines)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return [part.strip() for part in done.stdout.split("----")[:-1]]


def taken(ports: Ports) -> list[int]:
    """Return the ports that a process listens on."""
    found = []
    for port in astuple(ports):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(port)
    return found


def runs(process: int) -> bool:
    """Return whether a process runs; one that has ended and has not been waited for does not."""
    listing = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return listing.stdout.strip()[:1] not in ("", "Z")


def wait_until(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
