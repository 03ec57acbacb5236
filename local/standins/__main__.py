"""Starts the stand-ins: `python -m local.standins --port 8086 [--severa-data FILE] [--kept FOLDER]`.

Listens on 127.0.0.1 only, ends on SIGTERM, answers `GET /healthz` with 200 when ready. What is put under
`/control` is kept in the folder for the next start. The file, or the one that LOCAL_SEVERA_DATA names,
replaces both that and Severa's demo data; its form is that of `GET /control/severa`.
"""

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from local import ports
from local.standins import app, data, keeping, severa
from local.standins.keeping import Kept


def main() -> int:
    """Serve until a signal ends the process; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local.standins", description="Severa and Graph stand-ins."
    )
    parser.add_argument("--port", type=int, default=ports.Ports().standins)
    parser.add_argument("--severa-data", type=Path, default=os.environ.get("LOCAL_SEVERA_DATA") or None)
    parser.add_argument("--kept", type=Path, help="folder for what is put, for the next start")
    arguments = parser.parse_args()
    kept = Kept(arguments.kept)
    try:
        file = arguments.severa_data
        severa_data = data.read_severa(Path(file)) if file else data.demo_severa()
        put = (None if file else kept.read(keeping.SEVERA), kept.read(keeping.GRAPH))
    except data.InvalidData as error:
        print(f"Severa data cannot be used. {error}", file=sys.stderr)
        return 2
    standins = app.Standins(severa_data=severa_data, graph_data=data.demo_graph(), kept=kept, put=put)
    here = ports.address(arguments.port)
    print(f"Severa: {here}{severa.PREFIX}, its data: {here}/control/severa", flush=True)
    uvicorn.run(standins, host=ports.HOST, port=arguments.port, log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
