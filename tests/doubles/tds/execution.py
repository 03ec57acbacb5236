"""Takes the requests of one session to the engine, and writes their answers."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from tests.doubles.tds import columns, requests, statements, tokens
from tests.doubles.tds.columns import NotKnown
from tests.doubles.tds.engine import Engine
from tests.doubles.tds.failures import OURS, Failed
from tests.doubles.tds.faults import Misbehaviour
from tests.doubles.tds.packets import Answer, Kind, Message
from tests.doubles.tds.parameters import NotTaken
from tests.doubles.tds.requests import Batch, Call, NotUnderstood, Transaction
from tests.doubles.tds.statements import Refused

_SIZES = """
    SELECT type_name AS TYPE_NAME, CAST(data_type AS smallint) AS DATA_TYPE, size AS PRECISION
    FROM (SELECT 'varchar' AS type_name, 12 AS data_type, 8000 AS size
          UNION ALL SELECT 'nvarchar', -9, 4000
          UNION ALL SELECT 'varbinary', -3, 8000
          UNION ALL SELECT 'datetime2', 93, 26) AS known
    WHERE data_type = {}
"""
"""How long values of the types may be that pyodbc asks for when it has connected."""


class Execution:
    """Answers requests.

    Args:
        engine: of this session.
        misbehaviour: what goes wrong with a statement.
    """

    def __init__(self, engine: Engine, *, misbehaviour: Callable[[str, Answer], Misbehaviour]) -> None:
        self._engine = engine
        self._misbehaviour = misbehaviour
        self._prepared: dict[int, str] = {}
        self._handles = count(1)

    def perform(self, message: Message, answer: Answer) -> bool:
        """Write the answer to a message, all but its end; whether the session goes on.

        Raises:
            Cancelled: the client wants no more of it.
            Broken: the connection is to be broken off.
        """
        before = self._engine.transaction
        try:
            self._answer(message, answer)
        except Failed as failed:
            if before is not None and self._engine.transaction is None:
                answer.write(tokens.transaction_rolled_back(before))
            end = tokens.done_procedure if message.kind == Kind.CALL else tokens.done
            answer.write(failed.token + end(failed=True))
            return not failed.ends_session
        return True

    def _answer(self, message: Message, answer: Answer) -> None:
        try:
            request = requests.read(message)
        except (NotUnderstood, NotTaken) as error:
            raise Failed(OURS, f"The stand-in does not understand {error}.") from error
        if isinstance(request, Batch):
            answer.write(tokens.done(rows=self._run(request.text, (), answer)))
        elif isinstance(request, Transaction):
            self._change_transaction(request, answer)
        else:
            for call in request:
                self._call(call, answer)

    def _change_transaction(self, request: Transaction, answer: Answer) -> None:
        self._misbehaviour(f"{request.what.upper()} TRANSACTION", answer).before_row(0, b"")
        number = self._engine.transaction
        if request.what != "begin":
            if number is None:
                raise Failed(3902, "The request has no corresponding BEGIN TRANSACTION.")
            if request.what == "commit":
                self._engine.commit()
                answer.write(tokens.transaction_committed(number))
            else:
                self._engine.roll_back()
                answer.write(tokens.transaction_rolled_back(number))
        if request.what == "begin" or request.begins_another:
            answer.write(tokens.transaction_begun(self._engine.begin()))
        answer.write(tokens.done())

    # --- calls

    def _call(self, call: Call, answer: Answer) -> None:
        values = [each.value for each in call.parameters]
        match call.procedure:
            case "sp_executesql":
                self._run_call(values[0], values[2:], answer)
            case "sp_prepexec":
                handle = self._prepare(values[2], instead_of=values[0])
                self._run_call(values[2], values[3:], answer, after=tokens.handle(handle))
            case "sp_prepare":
                handle = self._prepare(values[2], instead_of=None)
                answer.write(tokens.return_status() + tokens.handle(handle) + tokens.done_procedure())
            case "sp_execute":
                self._run_call(self._text(values[0]), values[1:], answer)
            case "sp_unprepare":
                self._prepared.pop(values[0], None)
                answer.write(tokens.return_status() + tokens.done_procedure())
            case "[sys].sp_datatype_info_100":
                self._run_call(_SIZES.format(values[0]), (), answer)
            case _:
                raise Failed(2812, f"Could not find stored procedure '{call.procedure}'.")

    def _prepare(self, text: str, *, instead_of: int | None) -> int:
        self._prepared.pop(instead_of or 0, None)
        handle = next(self._handles)
        self._prepared[handle] = text
        return handle

    def _text(self, handle: int) -> str:
        if handle not in self._prepared:
            raise Failed(8179, f"Could not find prepared statement with handle {handle}.")
        return self._prepared[handle]

    def _run_call(self, text: str, values: Sequence[Any], answer: Answer, *, after: bytes = b"") -> None:
        if len(values) > statements.MOST_PARAMETERS:
            raise Failed(8003, "The incoming request has too many parameters. The server supports 2100.")
        rows = self._run(text, values, answer)
        answer.write(tokens.done_in_procedure(rows=rows) + tokens.return_status() + after)
        answer.write(tokens.done_procedure())

    # --- statements

    def _run(self, text: str, values: Sequence[Any], answer: Answer) -> int | None:
        """Run a statement and write its rows; how many it read or changed."""
        misbehaviour = self._misbehaviour(text, answer)
        misbehaviour.before_row(0, b"")
        try:
            plan = statements.plan(text)
            if plan.sql is None:
                return None
            if not plan.is_question:
                return self._engine.change(plan, values)
            described, rows = self._engine.rows(plan, values)
        except Refused as error:
            raise Failed(error.number, str(error)) from error
        except NotKnown as error:
            raise Failed(OURS, f"The stand-in has no such type: {error}.") from error
        answer.write(columns.description(described))
        written = 0
        for values_of_row in rows:
            row = columns.row(described, misbehaviour.values(values_of_row))
            answer.write(row)
            written += 1
            misbehaviour.before_row(written, row)
        return written
