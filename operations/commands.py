"""The list of the operator's commands. It imports no package, so dev.py can read it before `.venv` exists."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command: the module whose `main` runs it, which services it reads, and its secret in the vault.

    `from_vault` is the setting that holds the secret; with `only_for`, only this action needs it.
    """

    module: str
    reads_severa_and_entra: bool = False
    uses_services: bool = True
    from_vault: str | None = None
    only_for: str | None = None

    def secrets(self, arguments: Sequence[str]) -> frozenset[str]:
        """Return the settings with secrets that the command needs with these arguments."""
        needs_it = self.only_for is None or self.only_for in arguments[:1]
        return frozenset({self.from_vault} if self.from_vault and needs_it else ())


COMMANDS = {
    "load": Command("operations.load"),
    "publish": Command("operations.publish"),
    "sync": Command("operations.sync", reads_severa_and_entra=True, from_vault="SEVERA_CLIENT_SECRET"),
    "access": Command("operations.access"),
    "webhooks": Command("operations.webhooks"),
    "feeds": Command("operations.feeds", from_vault="SFTP_KEY", only_for="key"),
    "check-warehouse": Command("operations.check_warehouse"),
    "cost": Command("operations.cost.command", uses_services=False),
    "prices": Command("operations.cost.refreshing", uses_services=False),
}
