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

FLUSH = timedelta(seconds=5)
"""How long the end of a timer's run or command waits until telemetry has been sent."""
