"""Explains grants: who may see what, since when, why, and what happened before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from operations.access_lists.questions import Question
from shared import tables
from shared.access import runs
from shared.access.entra.users import ContactEmail
from shared.access.grant import moved_text, spans_text
from shared.access.runs import Run
from shared.access.sync import store, unknown_customers
from shared.access.sync.changes import Event
from shared.access.sync.store import Partition, StoredGrant
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
    """The grants that match the questions, their history, and the faults that the last sync found."""

    lines: tuple[Line, ...]
    grants: int
    history: tuple[str, ...]
    faults: tuple[str, ...]
    latest: Run | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing that matches is stored, or ever was."""
        return not (self.grants or self.history or self.faults)


def answer(storage: Tables, questions: Sequence[Question], *, users: Mapping[ContactEmail, str]) -> Answer:
    """Return the grants that match all of the questions, with their history and faults."""
    found = [
        row
        for partition in _partitions(storage, questions)
        for row in partition.grants.values()
        if all(question.matches(row.grant) for question in questions)
    ]
    latest = runs.latest(storage)
    return Answer(
        lines=tuple(_lines(found, emails_by_principal(users))),
        grants=len(found),
        history=tuple(_history(storage, questions)),
        faults=tuple(_faults(latest, questions)),
        latest=latest,
    )


def emails_by_principal(users: Mapping[ContactEmail, str]) -> dict[str, str]:
    """Return the addresses of bound users."""
    return {f"user:{object_id}": contact.email for contact, object_id in users.items()}


def _partitions(storage: Tables, questions: Sequence[Question]) -> list[Partition]:
    """Return the partitions that can match: a few if a question names a principal, else all."""
    principals = _named(questions)
    if principals is None:
        return list(store.read(storage).values())
    return [store.read_partition(storage, principal) for principal in principals]


def _named(questions: Sequence[Question]) -> list[str] | None:
    """Return the principals that match all questions; None if no question names a principal."""
    named = [question.principals for question in questions if question.principals is not None]
    return sorted(frozenset.intersection(*named)) if named else None


def _lines(grants: Sequence[StoredGrant], emails: Mapping[str, str]) -> list[Line]:
    if len(grants) <= ROWS_SHOWN_ONE_BY_ONE:
        groups = [[row] for row in grants]
    else:
        together: defaultdict[tuple[str, int, str], list[StoredGrant]] = defaultdict(list)
        for row in grants:
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
        periods=spans_text(grant.spans) if alone else "",
        since=dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        why=grant.why,
    )


def _history(storage: Tables, questions: Sequence[Question]) -> list[str]:
    """Return the newest events that match, those of one run, principal and customer in one line."""
    together: defaultdict[tuple[str, str, str, str, str], list[Entity]] = defaultdict(list)
    about = (event for event in _events(storage, questions) if _is_about(event, questions))
    for event in _joined(about):
        minute = str(event["at"])[:16].replace("T", " ")
        who, customer = str(event["PartitionKey"]), str(event["customerNumber"])
        together[minute, str(event["runId"]), who, customer, str(event["event"])].append(event)
    newest = sorted(together, reverse=True)
    shown = [_event_line(key, together[key]) for key in newest[:EVENTS_SHOWN]]
    return [*shown, f"and {len(newest) - len(shown)} earlier"] if len(newest) > len(shown) else shown


def _joined(events: Iterable[Entity]) -> Iterable[Entity]:
    """Return one event for each grant and run: a period that moves is first shortened and then extended.

    Args:
        events: of each principal the newest first.
    """
    joined: dict[tuple[str, ...], Entity] = {}
    for event in events:
        key = tuple(
            str(event[name]) for name in ("runId", "PartitionKey", "customerNumber", "meteringPointId")
        )
        if key in joined:
            joined[key] |= {"before": event["before"], "event": Event.CHANGED.value}
        else:
            joined[key] = dict(event)
    return joined.values()


def _events(storage: Tables, questions: Sequence[Question]) -> Iterable[Entity]:
    principals = _named(questions)
    if principals is None:
        yield from storage.everything(tables.ACCESS_AUDIT)
        return
    for principal in principals:
        yield from storage.range(tables.ACCESS_AUDIT, partition=principal)


def _is_about(event: Entity, questions: Sequence[Question]) -> bool:
    return all(
        (question.principals is None or event["PartitionKey"] in question.principals)
        and (question.customer_number is None or event["customerNumber"] == str(question.customer_number))
        and (question.metering_point_id is None or event["meteringPointId"] == question.metering_point_id)
        and (question.customer_name is None or question.customer_name in event["customerName"].casefold())
        for question in questions
    )


def _event_line(key: tuple[str, str, str, str, str], events: Sequence[Entity]) -> str:
    minute, _, principal, customer, event = key
    first = events[0]
    days = moved_text(first["before"], first["after"])
    points = f"{first['meteringPointId']} in {days}" if len(events) == 1 else f"{len(events)} metering points"
    return f"{minute} UTC  {event} {principal} at {points} of customer {customer} ({first['why']})"


def _faults(latest: Run | None, questions: Sequence[Question]) -> list[str]:
    """Return the lines of the last report about the customers that match."""
    lines = latest.report.splitlines() if latest else []
    return [
        line.removeprefix("- ")
        for line in lines
        if line.startswith("- customer ") and any(_names(line, question) for question in questions)
    ]


def _names(line: str, question: Question) -> bool:
    if question.customer_number is not None:
        several = f"- {unknown_customers.SEVERAL}"
        if line.startswith(several):
            return str(question.customer_number) in line.removeprefix(several).partition(" and ")[0].split(
                ", "
            )
        return line.startswith(f"- customer {question.customer_number},")
    return question.text.casefold() in line.casefold()
