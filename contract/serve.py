"""Serves the demo world that stands still, as the function host serves the app.

On Microsoft's host the data stands still too, but the app's clock goes on.
"""

import argparse
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from contract import hosting, world
from local import ports
from local.functionhost import microsoft, server
from shared.services import Services
from shared.telemetry import log_levels


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m contract.serve", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--table-storage", required=True, help="connection string of an empty account")
    parser.add_argument("--state", type=Path, required=True, help="an empty folder")
    parser.add_argument("--host", help="a folder with Microsoft's host to run the app on")
    parser.add_argument("--python", default=sys.executable, help="runs the app on Microsoft's host")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    log_levels.quieten_libraries()
    made = world.open_services(arguments.state, table_storage=arguments.table_storage)
    if arguments.host is not None:
        return _serve_on_microsofts_host(made, arguments)
    host = hosting.host(made, arguments.state)
    server.run(host.asgi(follow_schedules=False), host=ports.HOST, port=arguments.port)
    return 0


def _serve_on_microsofts_host(made: Services, arguments: argparse.Namespace) -> int:
    world.confirm_access(made, at=datetime.now(UTC))
    made.warehouse.close()
    os.environ.update(world.host_settings(arguments.state, table_storage=arguments.table_storage))
    launch = microsoft.Launch(arguments.host, arguments.state / "microsofts-host", arguments.python)
    return microsoft.serve(launch, hosting.AsGateway(), port=arguments.port)


if __name__ == "__main__":
    raise SystemExit(main())
