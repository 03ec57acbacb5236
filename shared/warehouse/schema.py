"""Creates the tables of the warehouse with the scripts in infra/warehouse."""

import re
from collections.abc import Iterator
from pathlib import Path

from shared.warehouse.engine import Warehouse

SCRIPTS = Path(__file__).parents[2] / "infra" / "warehouse"

_CLUSTERING = re.compile(r"^WITH \(CLUSTER BY \([^)]*\)\)$", re.MULTILINE)
_GO = re.compile(r"^GO\s*$", re.MULTILINE)


def apply(warehouse: Warehouse, *, scripts: Path = SCRIPTS) -> None:
    """Create the tables and views that are missing; a second run changes nothing."""
    for script in sorted(scripts.glob("[0-9]*.sql")):
        for batch in batches(script.read_text(encoding="utf-8")):
            warehouse.define(batch)


def without_clustering(batch: str) -> str:
    """Return a batch without its CLUSTER BY line, which only Microsoft Fabric understands."""
    return _CLUSTERING.sub("", batch).strip()


def batches(script: str) -> Iterator[str]:
    """Yield the batches of a script, which are separated by lines with `GO`."""
    for batch in _GO.split(script):
        if batch.strip():
            yield batch.strip()
