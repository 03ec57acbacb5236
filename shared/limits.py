"""Limits of time and tries for every service outside the app.

Every adapter takes its limits from here; docs/operations.md has the same table. Plain numbers are seconds.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Limit:
    """How long and how often the app waits for a service.

    Attributes:
        service: its name in the operator's guide.
        connect: until a connection is established.
        silence: between two bytes of an answer.
        answer: one try, until its answer is complete.
        tries: how often a request is sent at most.
        in_all: one request with all tries and the pauses between them.
    """

    service: str
    connect: float
    silence: float
    answer: float
    tries: int
    in_all: float


TABLES = Limit("Table Storage", connect=2, silence=3, answer=5, tries=2, in_all=11)
"""Insertions and transactions are sent once; see `shared.tables.retry_unanswered`."""
PROBED_TABLES = Limit("Table Storage, health probe", connect=1, silence=2, answer=2, tries=1, in_all=3)
BLOBS = Limit("Blob Storage", connect=2, silence=10, answer=30, tries=3, in_all=100)
QUEUES = Limit("Queue Storage", connect=2, silence=3, answer=5, tries=2, in_all=14)
TOKEN = Limit("Managed identity (tokens)", connect=2, silence=3, answer=5, tries=2, in_all=11)
INGESTION = Limit("Application Insights", connect=2, silence=3, answer=5, tries=2, in_all=11)
SEVERA = Limit("Visma Severa", connect=5, silence=30, answer=60, tries=6, in_all=600)
GRAPH = Limit("Microsoft Graph", connect=5, silence=30, answer=60, tries=6, in_all=600)

SEVERA_READING, GRAPH_READING = timedelta(minutes=18), timedelta(minutes=5)
"""The longest that a sync reads each source. Both readings and the sync's writes fit into the half hour that
the host gives a run."""

WEBHOOKS = Limit("Webhooks of callers", connect=5, silence=10, answer=10, tries=1, in_all=10)
"""One attempt; `shared.notices.schedule` says when the next one is made."""

SFTP_CONNECT, SFTP_FILE = 15.0, 300.0
"""How long signing in to a customer's SFTP server, and sending one file to it, may take."""
SENDING = timedelta(minutes=15)
"""How long the function works on one message. It leaves the rest to another message, before the host would
end it (`functionTimeout`)."""
SFTP_WAITS = (
    *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 4, 8, 8)),
)
"""The waits before the second and each later try to send a run: together a little over 23 hours."""


def sftp_wait(tries: int) -> timedelta | None:
    """Return the wait after this many failed tries; None when the run is given up."""
    return SFTP_WAITS[tries - 1] if 1 <= tries <= len(SFTP_WAITS) else None


OVER_HTTP = (TABLES, PROBED_TABLES, BLOBS, QUEUES, TOKEN, INGESTION, SEVERA, GRAPH, WEBHOOKS)


@dataclass(frozen=True)
class Patience:
    """The limits of all services that are reached over HTTP; tests pass shorter ones."""

    tables: Limit = TABLES
    probed_tables: Limit = PROBED_TABLES
    blobs: Limit = BLOBS
    queues: Limit = QUEUES
    token: Limit = TOKEN
    ingestion: Limit = INGESTION
    severa: Limit = SEVERA
    graph: Limit = GRAPH


USUAL = Patience()

ANSWER = timedelta(seconds=120)
"""How long a request's queries to the warehouse may take together. The gateway gives up after 150 s: the rest
is for writing and sending the answer."""

PROBE = timedelta(seconds=2)
"""How long a health probe's query to the warehouse may take."""

PROBED = timedelta(seconds=3)
"""A health probe is answered within this time, even if its checks are still waiting."""


@dataclass(frozen=True)
class SessionLimit:
    """How queries share the warehouse's sessions.

    Attributes:
        wait: how long a query waits for a session. If no session became free for this long, the warehouse is
            taken to hang, and further queries fail at once.
        waiting: how many queries may wait at the same time.
        rest: how long all queries fail at once after a query ran longer than `wait` without an answer, unless
            another query was answered meanwhile.
    """

    wait: float
    waiting: int
    rest: float


SESSIONS = SessionLimit(wait=2, waiting=8, rest=3)

THREADS_WITHOUT_SESSION = SESSIONS.waiting + 4
"""Threads of an instance in addition to its sessions: those that wait for one, and four that need none."""

FLUSH = timedelta(seconds=5)
"""How long a timer run or command waits at its end for telemetry to be sent."""
