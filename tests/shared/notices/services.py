"""Webhooks in a test: stored in real tables, delivered from a queue that the test runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contract import world
from shared.notices.attempts import Attempts
from shared.notices.registering import Registered, Registry
from shared.notices.sealed_secrets import SecretBox
from shared.notices.sender import Sender
from shared.notices.store import Store
from shared.notices.webhooks import Event, Notice, Webhook
from shared.tables import Tables
from tests.builders.warehouse import Clock

OWNER = "app:5a5e0000-0000-4000-8000-000000000001"
KEY = b"thirty-two bytes that seal tests"
BOX = SecretBox([KEY])
EVERY = tuple(Event)


@dataclass
class Queue:
    """The messages of the queue, each with the moment from which it is visible."""

    clock: Clock
    waiting: list[tuple[datetime, str]] = field(default_factory=list)
    sent: int = 0

    def enqueue(self, text: str, delay: timedelta) -> None:
        """Send a message; Azure's queues take no negative delay."""
        assert delay >= timedelta(0)
        self.sent += 1
        self.waiting.append((self.clock() + delay, text))

    def take(self) -> str | None:
        """Return the next message that is visible now."""
        due = sorted(each for each in self.waiting if each[0] <= self.clock())
        if not due:
            return None
        self.waiting.remove(due[0])
        return due[0][1]


class Notices:
    """Registry and attempts over one account of tables."""

    def __init__(self, storage: Tables, clock: Clock, *, sender: Sender | None = None) -> None:
        self.clock = clock
        self.queue = Queue(clock)
        self.store = Store(storage)
        self.versions: dict[str, str] = {}
        self.attempts = Attempts(
            store=self.store,
            sender=sender or Sender(allow_loopback=True, resolve=world.resolve_only_this_machine),
            box=BOX,
            enqueue=self.queue.enqueue,
            clock=clock,
            chance=lambda: 0.0,
        )
        self.registry = Registry(
            store=self.store, sending=self.attempts, box=BOX, version=self.versions.get, clock=clock
        )

    def run(self) -> None:
        """Deliver every message that is visible now."""
        while (message := self.queue.take()) is not None:
            self.attempts.deliver(message)

    def run_until_empty(self, *, most: timedelta = timedelta(days=30)) -> None:
        """Deliver every message, each when it becomes visible, for so long at most."""
        end = self.clock() + most
        self.run()
        while self.queue.waiting and min(self.queue.waiting)[0] <= end:
            self.clock.now = min(self.queue.waiting)[0]
            self.run()

    def register(self, url: str, *, webhook_id: str = "main", events: Sequence[str] = EVERY) -> Registered:
        """Register a webhook of `OWNER`; its receiver is asked to confirm, and a minute passes."""
        registered = self.registry.put(OWNER, webhook_id, url=url, events=events)
        self.run()
        self.clock.forward(minutes=1)
        return registered

    def webhook(self, webhook_id: str = "main") -> Webhook:
        """Return a webhook of `OWNER` as it is stored."""
        return self.registry.one(OWNER, webhook_id)

    def history(self, webhook_id: str = "main") -> list[Notice]:
        """Return its notices, the newest first."""
        return self.registry.notices(OWNER, webhook_id)
