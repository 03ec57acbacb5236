"""The SQL texts that the tests sent, through Microsoft's parser for Fabric: `python -m tests.sentsql FOLDER`.

While SENT_SQL names a folder, the tests keep each text there in a file of its own. What other processes send,
such as those of a local stack, is not kept: they run the same code.
"""

import hashlib
import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from azure.core.credentials import TokenCredential

from local import tools
from shared.settings import WarehouseSettings
from shared.warehouse.engine import Warehouse
from tests.builders.warehouse import Recorded

VARIABLE = "SENT_SQL"
"""The variable that names the folder."""

Open = Callable[..., Warehouse]


@dataclass
class Kept(Recorded):
    """A warehouse that writes each text that it is sent to a folder, and passes it on."""

    folder: Path = Path()

    def note(self, name: str, sql: str) -> None:
        if sql not in self.statements[name]:
            keep(self.folder, name=name, sql=sql)
        super().note(name, sql)

    def define(self, batch: str) -> None:
        self.note("define", batch)
        super().define(batch)


def keeping(open_warehouse: Open, *, folder: Path) -> Open:
    """Return what opens warehouses as `open_warehouse` does, and keeps what they are sent."""

    def opened(settings: WarehouseSettings, *, credential: TokenCredential | None = None) -> Warehouse:
        return Kept(open_warehouse(settings, credential=credential), folder=folder)

    return opened


def keep(folder: Path, *, name: str, sql: str) -> None:
    """Write a text to a file called by the name of its statement; the same text always to the same file."""
    digest = hashlib.sha256(sql.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{re.sub(r'[^a-z0-9_]+', '-', name.lower())}-{digest}.sql"
    if not path.exists():
        path.write_text(marked(sql), encoding="utf-8")


def marked(sql: str) -> str:
    """Return a text with `@p1`, `@p2` and so on in place of each `?`, which only drivers know."""
    numbers = itertools.count(1)
    return re.sub(r"\?", lambda _: f"@p{next(numbers)}", sql)


def main() -> int:
    """Check the folder's texts; 1 where one is no T-SQL that Fabric takes, or where there is none."""
    folder = Path(sys.argv[1])
    files = sorted(path.name for path in folder.glob("*.sql"))
    if not files:
        print(f"The tests kept no SQL text in {folder}.", flush=True)
        return 1
    try:
        program = tools.HERE.azure_check()
    except tools.Missing as error:
        print(error, flush=True)
        return 1 if tools.HERE.required else 0
    return subprocess.run([program, "tsql", *files], cwd=folder, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
