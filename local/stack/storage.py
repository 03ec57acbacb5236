"""The containers of files and the queues of a stack; in Azure the infrastructure creates them."""

from pathlib import Path

from local import environment
from local.azurite import cors
from local.ports import Ports, address
from shared import queues, settings
from shared.deliveries import container
from shared.files import outbox


def create(ports: Ports, *, state: Path) -> None:
    """Create those that are missing, in the emulator on these ports."""
    chosen = settings.from_environment(environment.stack(ports, state=state))
    if chosen.deliveries is not None:
        container.open_container(chosen.deliveries, credential=None).create_missing()
    if chosen.outbox is not None:
        queues.open_queues(chosen.outbox.queues, credential=None).create_missing()
        outbox.open_outbox(chosen.outbox.storage, credential=None).create_missing()
        # The developer page saves files by their links.
        cors.allow(chosen.outbox.storage, origins=[address(ports.gateway)])
