"""The app's services for webhooks: registry, attempts and news."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.access import runs
from shared.access.grants import Grants
from shared.notices.attempts import Attempts, Observe
from shared.notices.news import News
from shared.notices.registering import Registry
from shared.notices.sealed_secrets import SecretBox
from shared.notices.sender import Resolve, Sender
from shared.notices.store import Store
from shared.publishing.watermark import Publications
from shared.queues import NOTICES, Queues
from shared.tables import Tables
from shared.warehouse.engine import Warehouse


@dataclass(frozen=True)
class Notices:
    """The registry of webhooks, the attempts to deliver notices, and the news that begins them."""

    registry: Registry
    attempts: Attempts
    news: News


def open_notices(
    *,
    tables: Tables,
    queues: Queues,
    warehouse: Warehouse,
    grants: Grants,
    publications: Publications,
    box: SecretBox,
    cursor: Callable[[int], str],
    clock: Callable[[], datetime],
    allow_loopback: bool,
    resolve: Resolve | None,
    observe: Observe,
) -> Notices:
    """Open webhooks over the app's services."""

    def enqueue(text: str, delay: timedelta) -> None:
        queues.send(NOTICES, text, delay=delay)

    store = Store(tables)
    attempts = Attempts(
        store=store,
        sender=Sender(allow_loopback=allow_loopback, resolve=resolve),
        box=box,
        enqueue=enqueue,
        clock=clock,
        observe=observe,
    )
    return Notices(
        registry=Registry(store=store, sending=attempts, box=box, version=grants.version, clock=clock),
        attempts=attempts,
        news=News(
            store=store,
            sending=attempts,
            box=box,
            warehouse=warehouse,
            grants=grants,
            publications=publications,
            synced_at=lambda: runs.completed_at(tables),
            cursor=cursor,
            clock=clock,
        ),
    )
