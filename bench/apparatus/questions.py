"""The mixed questions of a crowd of clients, and what a right answer to each is.

Every question is asked alone first, and that answer is checked against the stored data: its status, its
count of values. Under load the same question must give exactly the same bytes.
"""

import csv
import gzip
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import orjson

from bench.apparatus.connections import Answer, Connection, request_for
from bench.apparatus.stacks import Running
from local import demo
from local.stack import greeting
from shared import periods

SETTLING = 2
"""Each question is asked this often alone before its answer counts, so that caches are warm."""

Count = Callable[[bytes], int]


class UnexpectedAnswer(Exception):
    """An answer does not match the stored data."""


@dataclass(frozen=True)
class Question:
    """A question and the only right answer.

    Attributes:
        kind: what the figures are grouped by.
        request: as it is sent.
        status: the only right one.
        code: of the problem that it is; None for data.
        count: how many values, rows or things a body has.
        rows: how many it must have; None when the data leaves it open.
        is_steady: whether its body is the same each time.
        digest: of the right body, once known.
    """

    kind: str
    request: bytes
    status: int = 200
    code: str | None = None
    count: Count | None = None
    rows: int | None = None
    is_steady: bool = True
    digest: bytes = b""

    def fault(self, answer: Answer) -> str | None:
        """Return what is wrong with an answer; None for a right one."""
        if answer.status != self.status:
            return f"{answer.status} instead of {self.status}"
        if self.code is not None:
            found = orjson.loads(answer.body).get("code")
            return None if found == self.code else f"problem {found} instead of {self.code}"
        if not self.is_steady:
            return None if orjson.loads(answer.body) else "an empty body"
        return None if digest(answer.body) == self.digest else "other bytes than when asked alone"


@dataclass(frozen=True)
class Caller:
    """Who asks: a client with its token and its subscription's key."""

    token: str
    key: str

    def headers(self, **more: str) -> Mapping[str, str]:
        """Return what is sent with each request."""
        given = {name.replace("_", "-"): text for name, text in more.items()}
        return {"Authorization": f"Bearer {self.token}", "Ocp-Apim-Subscription-Key": self.key, **given}


@dataclass(frozen=True)
class Mix:
    """Questions by kind, and how often each kind is asked."""

    weights: Mapping[str, int]
    questions: Mapping[str, list[Question]] = field(default_factory=dict)

    def draw(self, chance: Any) -> Question:
        """Return one question."""
        (kind,) = chance.choices(list(self.weights), weights=list(self.weights.values()))
        chosen: Question = chance.choice(self.questions[kind])
        return chosen


WEIGHTS = {
    "a day": 22,
    "a month": 12,
    "a month, packed days": 8,
    "a year": 3,
    "a year, packed days": 4,
    "a year in months": 6,
    "a month, CSV": 4,
    "a month, NDJSON": 4,
    "yesterday of all": 5,
    "changes, unchanged": 12,
    "changes of the last day": 4,
    "metering points": 3,
    "status": 4,
    "not found": 4,
    "wrong parameter": 3,
    "no access": 2,
}
"""How many of a hundred questions are of each kind."""

SMALL = ("a day", "changes, unchanged", "status", "not found")
"""Kinds whose answers are small, to see whether large ones hold them up."""

LARGE = "a large answer"


async def vendor_mix(stack: Running, connection: Connection) -> Mix:
    """Return what the vendor's programs ask, with the answers; UnexpectedAnswer if one is wrong."""
    vendor = Caller(stack.token(demo.VENDOR), demo.SUBSCRIPTIONS[0].key)
    stranger = Caller(stack.token(demo.WITHOUT_GRANTS), demo.SUBSCRIPTIONS[0].key)
    questions = [*_series(stack, vendor), *_lists(stack, vendor, stranger)]
    questions += await _changes(vendor, connection)
    return await _settled(WEIGHTS, questions, connection)


async def customer_mix(stack: Running, connection: Connection) -> Mix:
    """Return what a customer's own program asks, for the days of its own metering point."""
    caller = Caller(stack.token(demo.BAKERY_APP), demo.SUBSCRIPTIONS[1].key)
    point = demo.METERING_POINTS[0].metering_point_id
    days = [stack.last - timedelta(days=count) for count in range(10)]
    questions = [_one(caller, "a day", point, f"date={day}", rows=None) for day in days]
    return await _settled({"a day": 1}, questions, connection)


async def large_mix(stack: Running, connection: Connection) -> Mix:
    """Return a question for as many market days of all metering points as one answer may hold, as values."""
    vendor = Caller(stack.token(demo.VENDOR), demo.SUBSCRIPTIONS[0].key)
    first = stack.last - timedelta(days=stack.days - 2)
    path = f"/consumption?from={first}&limit=10000"
    return await _settled({LARGE: 1}, [_ask(vendor, LARGE, path, _in_all_series)], connection)


def digest(body: bytes) -> bytes:
    """Return what distinguishes one body from another."""
    return hashlib.sha256(body).digest()


def _series(stack: Running, caller: Caller) -> Iterator[Question]:
    end = stack.last + timedelta(days=1)
    month = end - timedelta(days=31)
    year = end - timedelta(days=stack.days - 1)
    months = len({(day.year, day.month) for day in _days(year, end)})
    for number, point in enumerate(stack.points):
        day = stack.last - timedelta(days=number)
        hours = _hours(day, day + timedelta(days=1))
        yield _one(caller, "a day", point, f"date={day}", rows=hours)
        of_month, of_year = f"from={month}&to={end}", f"from={year}&to={end}&limit=10000"
        yield _one(caller, "a month", point, of_month, rows=_hours(month, end))
        yield _one(caller, "a year", point, of_year, rows=_hours(year, end))
        yield _one(caller, "a year in months", point, f"{of_year}&resolution=P1M", rows=months)
        for name, text, rows in (("a month", of_month, 31), ("a year", of_year, stack.days - 1)):
            yield _one(caller, f"{name}, packed days", point, f"{text}&layout=days", rows=rows, part="days")
        rows = _hours(month, end)
        yield _ask(caller, "a month, CSV", _path(point, f"{of_month}&format=csv"), _csv_rows, rows=rows)
        yield _ask(caller, "a month, NDJSON", _path(point, f"{of_month}&format=ndjson"), _lines, rows=rows)


def _lists(stack: Running, caller: Caller, stranger: Caller) -> Iterator[Question]:
    foreign = demo.METERING_POINTS[-1].metering_point_id
    own = sum(each.customer != demo.FARM or each.former is not None for each in demo.METERING_POINTS)
    yield _ask(caller, "yesterday of all", f"/consumption?date={stack.last}", _in_all_series)
    yield _ask(
        caller,
        "metering points",
        "/metering-points",
        _counted("meteringPoints"),
        rows=len(stack.points) + own,
    )
    yield _ask(caller, "status", "/status", is_steady=False)
    yield _ask(caller, "not found", _path(foreign, f"date={stack.last}"), status=404, code="not-found")
    wrong = f"date={stack.last}&limt=10"
    yield _ask(caller, "wrong parameter", _path(foreign, wrong), status=400, code="invalid-parameter")
    yield _ask(stranger, "no access", "/customers", status=403, code="no-access")


async def _changes(caller: Caller, connection: Connection) -> list[Question]:
    """Return a poll with the newest cursor, which has nothing new, and one with a slightly older cursor."""
    now = await connection.ask(_ask(caller, "", "/changes").request)
    path = f"/changes?cursor={orjson.loads(_plain(now))['cursor']}"
    etag = (await connection.ask(_ask(caller, "", path).request)).headers["etag"]
    unchanged = _ask(caller, "changes, unchanged", path, status=304, If_None_Match=etag)
    first = await connection.ask(_ask(caller, "", "/changes?since=2020-01-01T00:00:00Z&limit=1").request)
    path = f"/changes?cursor={orjson.loads(_plain(first))['cursor']}&limit=100"
    return [unchanged, _ask(caller, "changes of the last day", path, _counted("days"), rows=100)]


async def _settled(weights: Mapping[str, int], unsettled: list[Question], connection: Connection) -> Mix:
    """Ask each alone, and keep what the right answer is."""
    questions: dict[str, list[Question]] = {kind: [] for kind in weights}
    for each in unsettled:
        for _ in range(SETTLING):
            answer = await connection.ask(each.request)
        known = replace(each, digest=digest(answer.body))
        fault = known.fault(answer) or _miscounted(known, answer)
        if fault:
            raise UnexpectedAnswer(f"{each.kind}: {fault}: {_plain(answer)[:500]!r}")
        questions[each.kind].append(known)
    return Mix(weights, questions)


def _miscounted(question: Question, answer: Answer) -> str | None:
    if question.count is None:
        return None
    found = question.count(_plain(answer))
    if found == question.rows or (question.rows is None and found > 0):
        return None
    return f"{found} values instead of {question.rows}"


def _one(
    caller: Caller, kind: str, point: str, query: str, *, rows: int | None, part: str = "values"
) -> Question:
    return _ask(caller, kind, _path(point, query), _counted(part), rows=rows)


def _ask(
    caller: Caller,
    kind: str,
    path: str,
    count: Count | None = None,
    *,
    status: int = 200,
    code: str | None = None,
    rows: int | None = None,
    is_steady: bool = True,
    **headers: str,
) -> Question:
    sent = caller.headers(Accept_Encoding="gzip", **headers) if code is None else caller.headers(**headers)
    return Question(
        kind,
        request_for(greeting.API + path, sent),
        status=status,
        code=code,
        count=count,
        rows=rows,
        is_steady=is_steady,
    )


def _path(point: str, query: str) -> str:
    return f"/metering-points/{point}/consumption?{query}"


def _plain(answer: Answer) -> bytes:
    return gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body


def _counted(part: str) -> Count:
    return lambda body: len(orjson.loads(body)[part])


def _in_all_series(body: bytes) -> int:
    return sum(len(each["values"]) for each in orjson.loads(body)["series"])


def _csv_rows(body: bytes) -> int:
    return sum(1 for row in csv.DictReader(io.StringIO(body.decode("utf-8-sig"))) if row["quantityKWh"])


def _lines(body: bytes) -> int:
    return sum("quantity" in orjson.loads(line) for line in body.splitlines())


def _days(first: date, end: date) -> Iterator[date]:
    return (first + timedelta(days=count) for count in range((end - first).days))


def _hours(first: date, end: date) -> int:
    return sum(len(list(periods.starts(day, timedelta(hours=1)))) for day in _days(first, end))
