"""What a client asks for: a batch, a call of a procedure, or the begin or end of a transaction."""

from dataclasses import dataclass

from tests.doubles.tds import parameters
from tests.doubles.tds.packets import Kind, Message
from tests.doubles.tds.parameters import Parameter
from tests.doubles.tds.wire import Reader

_BY_NUMBER = 0xFFFF
_PROCEDURES = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}
_TRANSACTIONS = {5: "begin", 7: "commit", 8: "rollback"}
_BATCH_ENDS = {0x80, 0xFF, 0xFE}
_BEGINS_ANOTHER = 0x01


class NotUnderstood(Exception):
    """A request that this server does not know."""


@dataclass(frozen=True)
class Batch:
    """Statements without parameters."""

    text: str


@dataclass(frozen=True)
class Call:
    """A call of a procedure."""

    procedure: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Transaction:
    """The begin or end of a transaction; at its end the next may begin at once."""

    what: str
    begins_another: bool = False


def read(message: Message) -> Batch | list[Call] | Transaction:
    """Parse the request in a message; several calls may come in one."""
    reader = Reader(message.data)
    reader.take(reader.number(4) - 4)  # Headers: the transaction that it belongs to, and others.
    if message.kind == Kind.BATCH:
        return Batch(reader.take(len(message.data)).decode("utf-16-le"))
    if message.kind == Kind.CALL:
        return _calls(reader)
    if message.kind == Kind.TRANSACTION:
        return _transaction(reader)
    raise NotUnderstood(f"a message of the kind 0x{message.kind:02x}")


def _calls(reader: Reader) -> list[Call]:
    calls = []
    while not reader.is_at_end:
        length = reader.number(2)
        procedure = _named(reader.number(2)) if length == _BY_NUMBER else reader.text(length)
        reader.take(2)
        found = []
        while not reader.is_at_end and reader.data[reader.position] not in _BATCH_ENDS:
            found.append(parameters.read(reader))
        reader.take(1)
        calls.append(Call(procedure, tuple(found)))
    return calls


def _named(number: int) -> str:
    if number not in _PROCEDURES:
        raise NotUnderstood(f"the procedure with the number {number}")
    return _PROCEDURES[number]


def _transaction(reader: Reader) -> Transaction:
    what = reader.number(2)
    if what not in _TRANSACTIONS:
        raise NotUnderstood(f"the transaction request {what}")
    if what == 5:
        return Transaction("begin")
    reader.text(reader.number(1))
    return Transaction(_TRANSACTIONS[what], begins_another=bool(reader.number(1) & _BEGINS_ANOTHER))
