"""The tables of the warehouse, from the scripts in infra/warehouse."""

import re
from collections.abc import Iterator
from pathlib import Path

from shared.warehouse.engine import Warehouse

SCRIPTS = Path(__file__).parents[2] / "infra" / "warehouse"

_CLUSTERING = re.compile(r"^WITH \(CLUSTER BY \([^)]*\)\)$", re.MULTILINE)
_GO = re.compile(r"^GO\s*$", re.MULTILINE)


def apply(warehouse: Warehouse, *, scripts: Path = SCRIPTS) -> None:
    """Make what is missing. Running it again changes nothing."""
    for script in sorted(scripts.glob("[0-9]*.sql")):
        for batch in batches(script.read_text(encoding="utf-8")):
            warehouse.define(batch)


def without_clustering(batch: str) -> str:
    """A batch without the line that only Microsoft Fabric understands."""
    return _CLUSTERING.sub("", batch).strip()


def batches(script: str) -> Iterator[str]:
    """The batches of a script, which stand between lines `GO`."""
    for batch in _GO.split(script):
        if batch.strip():
            yield batch.strip()
