"""Starts the server for tests by hand: `python -m tests.doubles.tds FILE [--port N]`.

Prints the address for TEST_WAREHOUSE or WAREHOUSE; ends with Ctrl-C or SIGTERM.
"""

import argparse
import signal
from pathlib import Path

from tests.doubles.tds.server import Server


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.doubles.tds", description="A TDS server before DuckDB."
    )
    parser.add_argument("file", type=Path, help="the DuckDB file; made when it does not exist")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    # Blocked before threads are made, so that the signal comes to who waits for it.
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with Server(arguments.file, port=arguments.port) as server:
        print(server.url, flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
