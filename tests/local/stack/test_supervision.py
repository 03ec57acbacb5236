"""Parts start, are waited for, are watched, and are stopped with everything that they started."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import places
from local.stack import parts
from local.stack.parts import Part
from local.stack.supervision import StackFailed, Supervisor, refuse_taken_ports

SERVER = (
    "import http.server, sys\n"
    "class Ok(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        self.send_response(200); self.end_headers()\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Ok).serve_forever()\n"
)
WITH_A_CHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n"
)
STUBBORN = (
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)
SUPERVISOR = (
    "import subprocess, sys, time\n"
    "from local import leash\n"
    "sleeper = [sys.executable, '-c', \"import time; print('ready', flush=True); time.sleep(60)\"]\n"
    "print(subprocess.Popen(leash.leashed(sleeper)).pid, flush=True)\n"
    "time.sleep(60)\n"
)


def python(code: str, *arguments: str, name: str = "part", port: int | None = None) -> Part:
    command = (sys.executable, "-c", code, *arguments)
    url = f"http://127.0.0.1:{port}/healthz" if port else None
    return Part(name, command, (port,) if port else (), ready_url=url)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(state=tmp_path) as running:
        yield running


def test_the_process_of_a_part_is_known(supervisor: Supervisor, tmp_path: Path) -> None:
    printing = python("import os, time; print(os.getppid(), os.getpid(), flush=True); time.sleep(60)")
    supervisor.start(printing)
    log = parts.log_of(printing, state=tmp_path)
    while not log.read_text():
        time.sleep(0.01)

    assert str(supervisor.process_id("part")) in log.read_text().split()


def test_a_part_is_ready_when_it_answers(supervisor: Supervisor, free_port: int) -> None:
    supervisor.start(python(SERVER, str(free_port), port=free_port))

    supervisor.wait_ready("part")

    with socket.create_connection(("127.0.0.1", free_port)):
        supervisor.check()


def test_stopping_frees_the_port(supervisor: Supervisor, free_port: int) -> None:
    part = python(SERVER, str(free_port), port=free_port)
    supervisor.start(part)
    supervisor.wait_ready("part")

    supervisor.stop()

    refuse_taken_ports([part])


def test_a_part_that_ends_is_named_with_the_end_of_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    part = python("import sys; print('no such table'); sys.exit(3)", name="warehouse")
    supervisor.start(part)

    with pytest.raises(StackFailed, match="warehouse ended with exit code 3") as failure:
        wait_until_it_fails(supervisor)

    assert "    no such table" in str(failure.value)
    assert str(parts.log_of(part, state=tmp_path)) in str(failure.value)


def test_a_part_that_never_answers_is_named(supervisor: Supervisor, free_port: int) -> None:
    supervisor.start(python("import time; time.sleep(60)", port=free_port))

    with pytest.raises(StackFailed, match=r"part is not ready after 0\.1 s"):
        supervisor.wait_ready("part", seconds=0.1)


def test_children_of_a_part_end_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    part = python(WITH_A_CHILD)
    supervisor.start(part)
    child = int(first_line_of(parts.log_of(part, state=tmp_path)))

    supervisor.stop()

    wait_until_gone(child)


def test_a_part_that_ignores_the_wish_to_stop_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    part = python(STUBBORN)
    supervisor.start(part)
    assert first_line_of(parts.log_of(part, state=tmp_path)) == "ready"

    supervisor.stop(patience=0.2)

    refuse_taken_ports([part])


def test_a_command_that_ends_by_itself_gives_its_exit_code(supervisor: Supervisor) -> None:
    assert supervisor.run(python("import sys; sys.exit(7)")) == 7
    supervisor.check()


def test_settings_of_a_part_reach_only_that_part(supervisor: Supervisor) -> None:
    code = "import os, sys; sys.exit(0 if os.environ.get('WAREHOUSE') == 'duckdb:x' else 1)"
    with_setting = Part("one", (sys.executable, "-c", code), (), {"WAREHOUSE": "duckdb:x"})

    assert supervisor.run(with_setting) == 0
    assert supervisor.run(python(code)) == 1


def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(StackFailed, match=rf"Port {port}, which gateway needs, is taken .*--port-base"):
            refuse_taken_ports([Part("gateway", (), (port,))])


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_parts_end_when_the_supervisor_is_killed() -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR], cwd=places.ROOT, stdout=subprocess.PIPE, text=True
    )
    with supervisor:
        assert supervisor.stdout is not None
        part, ready = int(supervisor.stdout.readline()), supervisor.stdout.readline()
        assert ready == "ready\n"

        supervisor.kill()
        supervisor.wait()

        wait_until_gone(part)


def wait_until_it_fails(supervisor: Supervisor) -> None:
    for _ in range(6_000):
        supervisor.check()
        time.sleep(0.01)


def first_line_of(log: Path) -> str:
    for _ in range(6_000):
        if "\n" in (text := log.read_text()):
            return text.splitlines()[0]
        time.sleep(0.01)
    raise AssertionError(f"nothing was written to {log}")


def wait_until_gone(process: int) -> None:
    for _ in range(6_000):
        if not is_alive(process):
            return
        time.sleep(0.01)
    raise AssertionError(f"process {process} is still there")


def is_alive(process: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
