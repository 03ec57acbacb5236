"""Limits of time and tries towards every service outside the app.

Every adapter takes its limits from here, and docs/operations.md has the same table. All times are seconds.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Limit:
    """How long and how often the app waits for a service.

    Attributes:
        service: its name in the operator's guide.
        connect: until a connection stands.
        silence: between two bytes of an answer.
        answer: one try, until its answer is complete, however slowly it arrives.
        tries: how often a request is sent at most.
        in_all: one request with all its tries and the pauses between them.
    """

    service: str
    connect: float
    silence: float
    answer: float
    tries: int
    in_all: float


TABLES = Limit("Table Storage", connect=2, silence=3, answer=5, tries=2, in_all=11)
PROBED_TABLES = Limit("Table Storage, health probe", connect=1, silence=2, answer=2, tries=1, in_all=3)
BLOBS = Limit("Blob Storage", connect=2, silence=10, answer=30, tries=3, in_all=100)
TOKEN = Limit("Managed identity (tokens)", connect=2, silence=3, answer=5, tries=2, in_all=11)
INGESTION = Limit("Application Insights", connect=2, silence=3, answer=5, tries=2, in_all=11)
SEVERA = Limit("Visma Severa", connect=5, silence=30, answer=60, tries=6, in_all=600)
GRAPH = Limit("Microsoft Graph", connect=5, silence=30, answer=60, tries=6, in_all=600)

OVER_HTTP = (TABLES, PROBED_TABLES, BLOBS, TOKEN, INGESTION, SEVERA, GRAPH)


@dataclass(frozen=True)
class Patience:
    """The limits of every service that is reached over HTTP, for those who open all of them."""

    tables: Limit = TABLES
    probed_tables: Limit = PROBED_TABLES
    blobs: Limit = BLOBS
    token: Limit = TOKEN
    ingestion: Limit = INGESTION
    severa: Limit = SEVERA
    graph: Limit = GRAPH


USUAL = Patience()

PROBE = timedelta(seconds=2)
"""How long a health probe's question to the warehouse may take."""

PROBED = timedelta(seconds=3)
"""How long a health probe is answered after at most, whatever its questions are waiting for."""


@dataclass(frozen=True)
class SessionLimit:
    """How questions share the warehouse's sessions.

    Attributes:
        wait: how long a question waits for a session, while others come free. When none has come free for so
            long, the warehouse hangs: nobody waits then.
        waiting: how many questions wait at the same time.
        rest: how long nobody asks after a question that took longer than `wait` and got no answer, unless
            another got one meanwhile.
    """

    wait: float
    waiting: int
    rest: float


SESSIONS = SessionLimit(wait=2, waiting=8, rest=3)

THREADS_WITHOUT_SESSION = SESSIONS.waiting + 4
"""Threads of an instance beyond its sessions: those that wait for one, and four that need none."""

FLUSH = timedelta(seconds=5)
"""How long the end of a timer's run or command waits until telemetry has been sent."""
