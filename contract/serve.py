"""Serves the demo world that stands still, as the function host serves the app."""

import argparse
import logging
import sys
from pathlib import Path

from contract import hosting, world
from local import ports
from local.functionhost import server
from shared.telemetry import log_levels


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m contract.serve", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--table-storage", required=True, help="connection string of an empty account")
    parser.add_argument("--state", type=Path, required=True, help="an empty folder")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    log_levels.quieten_libraries()
    made = world.open_services(arguments.state, table_storage=arguments.table_storage)
    host = hosting.host(made, arguments.state)
    server.run(host.asgi(follow_schedules=False), host=ports.HOST, port=arguments.port)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
