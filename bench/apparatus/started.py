"""A new instance and its first answers: `python -m bench.apparatus.started WAY METERING_POINT`.

The settings come from the environment. Nothing but Python itself is loaded before the function app, so what
is measured first is what an instance imports. Prints a line of JSON: for each stage its milliseconds by the
clock, and of processor time.
"""

import importlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

Stages = dict[str, tuple[float, float]]

IMPORT = "import function_app"
OPEN = "open the warehouse"
PREPARE = "translate and plan the frequent statements"
FIRST, SECOND = "first answer", "second answer"


def main(way: str, point: str) -> None:
    """Run the stages of a way: `cold`, or `warmed` by the queries of the warm-up."""
    stages: Stages = {}
    with _measured(IMPORT, stages):
        module = importlib.import_module("function_app")
    ask = _question(module, point)
    if way == "warmed":
        from shared.api import warming
        from shared.warehouse import engine

        with _measured(OPEN, stages):
            module.services.warehouse.fetch(engine.alive())
        with _measured(PREPARE, stages):
            warming.run_queries(module.services.warehouse, now=datetime.now(UTC))
    for name in (FIRST, SECOND):
        with _measured(name, stages):
            ask()
    print(json.dumps(stages))


def _question(module: Any, point: str) -> Any:
    """Return the question for a day of the metering point; grants and watermark are at hand."""
    from bench.apparatus import asking, stored
    from shared.metering import MeteringPointId

    module.services = replace(
        module.services,
        grants=asking.Permitted([MeteringPointId(point)]),
        publications=asking.Published(stored.END),
    )
    path = f"/metering-points/{point}/consumption?from=2026-11-21&to={stored.END}"
    return asking.asking(module.consumption_of_one, path, meteringPointId=point)


@contextmanager
def _measured(name: str, stages: Stages) -> Iterator[None]:
    started, processor = time.perf_counter(), time.process_time()
    yield
    stages[name] = (1_000 * (time.perf_counter() - started), 1_000 * (time.process_time() - processor))


if __name__ == "__main__":
    main(*sys.argv[1:])
