"""What a text of T-SQL means here: the embedded engine's statement for it, or why it is refused."""

import re
from dataclasses import dataclass
from functools import lru_cache

from sqlglot.errors import SqlglotError

from shared.warehouse.duckdb import tsql

MOST_PARAMETERS = 2_100

_COMMENT = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z))*")
_DEFINITION = re.compile(r"IF\s+(?:SCHEMA|OBJECT)_ID\b|CREATE\b", re.IGNORECASE)
_CHANGE = re.compile(r"(?:INSERT|UPDATE|DELETE|COPY\s+INTO)\b", re.IGNORECASE)
_SETTING = re.compile(r"SET\b", re.IGNORECASE)
_PARAMETER = re.compile(r"('(?:[^']|'')*')|@P(\d+)\b")
_MAX = re.compile(r"\bvarchar\s*\(\s*max\s*\)", re.IGNORECASE)
_WITHOUT_TEXTS = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
_REFUSED = re.compile(
    r"\b(MERGE|NVARCHAR|NCHAR|TRIGGER|CURSOR|RECURSIVE|FOR\s+XML|SET\s+ROWCOUNT|JSON_OBJECT)\b", re.IGNORECASE
)


class Refused(Exception):
    """A statement that Fabric refuses, with the number of its error."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


@dataclass(frozen=True)
class Plan:
    """A statement of the embedded engine.

    Attributes:
        sql: what to run; None where there is nothing to do.
        order: which parameter of the client each `?` stands for.
        is_question: whether it answers with rows.
        is_change: whether it changes rows, and reports how many.
    """

    sql: str | None
    order: tuple[int, ...] = ()
    is_question: bool = False
    is_change: bool = False


@lru_cache(maxsize=512)
def plan(text: str) -> Plan:
    """Return how a statement is run.

    Raises:
        Refused: Fabric does not take it, or this server does not.
    """
    statement = _COMMENT.sub("", text)
    if found := _REFUSED.search(_WITHOUT_TEXTS.sub("", statement)):
        # Fabric's own numbers for these are not known; 102 is its server's "incorrect syntax".
        raise Refused(102, f"{found[0]} is not taken here, since Fabric does not have it everywhere.")
    if _SETTING.match(statement):
        return Plan(None)
    order = tuple(int(number) - 1 for _, number in _PARAMETER.findall(statement) if number)
    with_marks = _MAX.sub("varchar", _PARAMETER.sub(lambda found: found[1] or "?", statement))
    try:
        if _DEFINITION.match(statement):
            return Plan(tsql.translate_definition(with_marks))
        is_change = bool(_CHANGE.match(statement))
        return Plan(tsql.translate(with_marks), order, is_question=not is_change, is_change=is_change)
    except SqlglotError as error:
        raise Refused(102, f"Incorrect syntax: {error}") from error
