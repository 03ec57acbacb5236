"""Starts the identity provider: `python -m local.identity --port 8085`.

Listens on 127.0.0.1 only, ends on SIGTERM, answers `GET /healthz` with 200 when ready.
"""

import argparse
from datetime import UTC, datetime

import uvicorn

from local import ports
from local.identity import app, tenant


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="python -m local.identity", description=app.__doc__)
    parser.add_argument("--port", type=int, default=ports.Ports().identity)
    port = parser.parse_args().port
    identity = tenant.Identity(base_url=ports.address(port), clock=lambda: datetime.now(UTC))
    uvicorn.run(
        app.build(identity),
        host=ports.HOST,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
