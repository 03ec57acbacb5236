"""The list of the operator's commands. It imports no package, so dev.py can read it before `.venv` exists."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command: the module whose `main` runs it, and which services it reads."""

    module: str
    reads_severa_and_entra: bool = False
    uses_services: bool = True


COMMANDS = {
    "load": Command("operations.load"),
    "publish": Command("operations.publish"),
    "sync": Command("operations.sync", reads_severa_and_entra=True),
    "access": Command("operations.access"),
    "webhooks": Command("operations.webhooks"),
    "feeds": Command("operations.feeds"),
    "check-warehouse": Command("operations.check_warehouse"),
    "cost": Command("operations.cost.command", uses_services=False),
    "prices": Command("operations.cost.refreshing", uses_services=False),
}
