"""The messages of feeds in the queues `files` and `sends`, as they are written and read. Pure."""

import re
from dataclasses import dataclass

from shared.queues import UnknownMessage

PREFIX = "feed/"
"""The beginning of messages about feeds in the queue `files`, which exports use too."""

_RUN = re.compile(rf"{PREFIX}([^/]+)/([^/]+)/([0-9]+)(?:/([0-9]+)/([0-9]+))?")
_FEED = re.compile(r"([^/]+)/([^/]+)")


@dataclass(frozen=True)
class RunMessage:
    """A message that has a run planned or a batch built, or the rest of a deleted feed deleted.

    Attributes:
        through: the last publication in the run; 0 for the feed alone.
        round, batch: the round of the run, and the number of its batch; batch 0 has the run planned.
    """

    principal: str
    feed_id: str
    through: int
    round: int = 0
    batch: int = 0

    @property
    def text(self) -> str:
        """Return the message as it is in the queue."""
        batch = f"/{self.round}/{self.batch}" if self.batch else ""
        return f"{PREFIX}{self.principal}/{self.feed_id}/{self.through}{batch}"


def parse_run(text: str) -> RunMessage:
    """Read a message of the queue `files`.

    Raises:
        UnknownMessage: it is not about a feed.
    """
    found = _RUN.fullmatch(text)
    if found is None:
        raise UnknownMessage
    principal, feed_id, *numbers = found.groups()
    return RunMessage(principal, feed_id, *(int(each or 0) for each in numbers))


def sending_text(principal: str, feed_id: str) -> str:
    """Return the message of the queue `sends` that has the runs of a feed sent."""
    return f"{principal}/{feed_id}"


def parse_sending(text: str) -> tuple[str, str]:
    """Return the owner and the id of the feed that a message of the queue `sends` names.

    Raises:
        UnknownMessage: it names no feed.
    """
    found = _FEED.fullmatch(text)
    if found is None:
        raise UnknownMessage
    return found[1], found[2]
