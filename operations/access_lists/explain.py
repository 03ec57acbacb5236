"""Why somebody may see something, since when, and what happened before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from operations.access_lists.questions import Question
from shared import tables
from shared.access import runs, spans, store
from shared.access.entra.users import ContactEmail
from shared.access.runs import Run
from shared.access.store import Partition, StoredGrant
from shared.access.sync import unknown_customers
from shared.tables import Entity, Tables

ROWS_SHOWN_ONE_BY_ONE = 40
EVENTS_SHOWN = 20


@dataclass(frozen=True)
class Line:
    """One line of the answer: a grant, or several of one principal and customer."""

    principal: str
    email: str
    customer: str
    metering_points: str
    periods: str
    since: str
    why: str


@dataclass(frozen=True)
class Answer:
    """Who may see what is asked about, what happened to it, and what the last sync said of it."""

    lines: tuple[Line, ...]
    grants: int
    history: tuple[str, ...]
    faults: tuple[str, ...]
    latest: Run | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is stored of what is asked about, nor was."""
        return not (self.grants or self.history or self.faults)


def answer(storage: Tables, asked: Sequence[Question], *, users: Mapping[ContactEmail, str]) -> Answer:
    """What is stored about everything that all of the questions match."""
    emails = {f"user:{object_id}": contact.email for contact, object_id in users.items()}
    found = [
        row
        for partition in _partitions(storage, asked)
        for row in partition.grants.values()
        if all(question.matches(row.grant) for question in asked)
    ]
    latest = runs.latest(storage)
    return Answer(
        lines=tuple(_lines(found, emails)),
        grants=len(found),
        history=tuple(_history(storage, asked)),
        faults=tuple(_faults(latest, asked)),
        latest=latest,
    )


def _partitions(storage: Tables, asked: Sequence[Question]) -> list[Partition]:
    """The partitions that the questions can be about: few where they name somebody."""
    principals = _named(asked)
    if principals is None:
        return list(store.read(storage).values())
    return [store.read_partition(storage, principal) for principal in principals]


def _named(asked: Sequence[Question]) -> list[str] | None:
    """Who can be meant, None when that is anybody."""
    named = [question.principals for question in asked if question.principals is not None]
    return sorted(frozenset.intersection(*named)) if named else None


def _lines(found: Sequence[StoredGrant], emails: Mapping[str, str]) -> list[Line]:
    if len(found) <= ROWS_SHOWN_ONE_BY_ONE:
        groups = [[row] for row in found]
    else:
        together: defaultdict[tuple[str, int, str], list[StoredGrant]] = defaultdict(list)
        for row in found:
            together[row.grant.principal, row.grant.customer_number, row.grant.why].append(row)
        groups = list(together.values())
    return [_line(group, emails) for group in groups]


def _line(group: Sequence[StoredGrant], emails: Mapping[str, str]) -> Line:
    grant = group[0].grant
    alone = len(group) == 1
    dates = sorted({row.granted_at[:10] for row in group})
    return Line(
        principal=grant.principal,
        email=emails.get(grant.principal, ""),
        customer=f"{grant.customer_number} {grant.customer_name}",
        metering_points=grant.metering_point_id if alone else f"{len(group)} metering points",
        periods=spans.text(grant.spans) if alone else "",
        since=dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        why=grant.why,
    )


def _history(storage: Tables, asked: Sequence[Question]) -> list[str]:
    """The newest events about what is asked, those of one run, principal and customer together."""
    together: defaultdict[tuple[str, str, str, str, str], list[Entity]] = defaultdict(list)
    for event in _events(storage, asked):
        if _is_about(event, asked):
            minute = str(event["at"])[:16].replace("T", " ")
            who, customer = str(event["PartitionKey"]), str(event["customerNumber"])
            together[minute, str(event["runId"]), who, customer, str(event["event"])].append(event)
    newest = sorted(together, reverse=True)
    shown = [_event_line(key, together[key]) for key in newest[:EVENTS_SHOWN]]
    return [*shown, f"and {len(newest) - len(shown)} earlier"] if len(newest) > len(shown) else shown


def _events(storage: Tables, asked: Sequence[Question]) -> Iterable[Entity]:
    principals = _named(asked)
    if principals is None:
        yield from storage.everything(tables.ACCESS_AUDIT)
        return
    for principal in principals:
        yield from storage.range(tables.ACCESS_AUDIT, partition=principal)


def _is_about(event: Entity, asked: Sequence[Question]) -> bool:
    return all(
        (question.principals is None or event["PartitionKey"] in question.principals)
        and (question.customer_number is None or event["customerNumber"] == str(question.customer_number))
        and (question.metering_point_id is None or event["meteringPointId"] == question.metering_point_id)
        and (question.customer_name is None or question.customer_name in event["customerName"].casefold())
        for question in asked
    )


def _event_line(key: tuple[str, str, str, str, str], events: Sequence[Entity]) -> str:
    minute, _, principal, customer, event = key
    first = events[0]
    days = " to ".join(text for text in (first["before"], first["after"]) if text)
    points = f"{first['meteringPointId']} in {days}" if len(events) == 1 else f"{len(events)} metering points"
    return f"{minute} UTC  {event} {principal} at {points} of customer {customer} ({first['why']})"


def _faults(latest: Run | None, asked: Sequence[Question]) -> list[str]:
    """What the last sync could not use of the customers that are asked about."""
    lines = latest.report.splitlines() if latest else []
    return [
        line.removeprefix("- ")
        for line in lines
        if line.startswith("- customer ") and any(_names(line, question) for question in asked)
    ]


def _names(line: str, question: Question) -> bool:
    if question.customer_number is not None:
        several = f"- {unknown_customers.SEVERAL}"
        if line.startswith(several):
            return str(question.customer_number) in line.removeprefix(several).partition(" and ")[0].split(
                ", "
            )
        return line.startswith(f"- customer {question.customer_number},")
    return question.asked.casefold() in line.casefold()
