"""Builds files in processes that are killed: `python -m tests.builders.processes.files FOLDER CONNECTION`.

Reads lines with seconds: works on the queue `files` of the demo world in FOLDER until it is empty, and kills
the process so many seconds after it began. Answers each line with `killed` or `ended`. The imports are made
once, so that a process begins in milliseconds.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from contract import world
from shared import queues, services, settings
from shared.files.feeds import messages

MAX_VALUES = 400
"""So that most metering points have a file of their own."""
HIDDEN_SECONDS = 1
"""After so long a message comes back whose process was killed; with the Functions host it is ten minutes."""


def handler(folder: Path, storage: str) -> Callable[[str], None]:
    """Return what builds the exports and runs of the demo world, in small parts."""
    chosen = settings.from_environment(world.app_settings(folder, table_storage=storage))
    opened = services.start(chosen, clock=lambda: world.NOW)
    exports = replace(opened.files.workshop, max_values=MAX_VALUES)
    of_feeds = replace(opened.files.run_workshop, max_values=MAX_VALUES)

    def handle(message: str) -> None:
        (of_feeds if message.startswith(messages.PREFIX) else exports).handle(message)

    return handle


def work(folder: Path, storage: str, *, ready: int) -> None:
    """Handle messages until there is none; close the pipe when it begins."""
    handle = handler(folder, storage)
    client = QueueClient.from_connection_string(
        storage, queues.FILES, message_decode_policy=TextBase64DecodePolicy()
    )
    os.close(ready)
    while (message := client.receive_message(visibility_timeout=HIDDEN_SECONDS)) is not None:
        handle(message.content)
        client.delete_message(message)


def work_and_kill(folder: Path, storage: str, *, seconds: float) -> bool:
    """Work in a process that lives at most so long; return whether it was killed."""
    reading, ready = os.pipe()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            work(folder, storage, ready=ready)
            code = 0
        finally:
            os._exit(code)
    os.close(ready)
    os.read(reading, 1)  # Ends when the process closes its side.
    os.close(reading)
    began = time.monotonic()
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            if status:
                raise ChildProcessError(f"the work ended with status {status}")
            return False
        if time.monotonic() - began >= seconds:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return True
        time.sleep(0.001)


def main() -> None:
    """Answer each line."""
    folder, storage = Path(sys.argv[1]), sys.argv[2]
    for line in sys.stdin:
        is_killed = work_and_kill(folder, storage, seconds=float(line))
        sys.stdout.write("killed\n" if is_killed else "ended\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
