"""The list of the operator's commands. It imports no package, so dev.py can read it before `.venv` exists."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command: the module whose `main` runs it, and whether it reads Severa and Entra."""

    module: str
    reads_severa_and_entra: bool = False


COMMANDS = {
    "load": Command("operations.load"),
    "publish": Command("operations.publish"),
    "sync": Command("operations.sync", reads_severa_and_entra=True),
    "access": Command("operations.access"),
    "check-warehouse": Command("operations.check_warehouse"),
}
