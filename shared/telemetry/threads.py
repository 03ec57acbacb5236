"""Makes log lines and spans of a new thread belong to the invocation that starts the thread.

The Functions host drops a log line without an invocation id. Its Python worker reads the id from a context
variable from Python 3.13 on, from a thread-local storage of its own before; a new thread has neither.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, ParamSpec, Protocol, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Invocation(Protocol):
    """The worker's description of an invocation: `azure.functions.Context`."""

    @property
    def invocation_id(self) -> str:
        """The id with which log lines are sent."""
        ...

    @property
    def thread_local_storage(self) -> Any:
        """The worker's thread-local storage, from which it reads `invocation_id`."""
        ...


_invocation: ContextVar[Invocation | None] = ContextVar("invocation", default=None)


@contextmanager
def within(invocation: Invocation) -> Iterator[None]:
    """Make every call that `carry` returns within the block belong to this invocation."""
    token = _invocation.set(invocation)
    try:
        yield
    finally:
        _invocation.reset(token)


def carry(call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return the call for use in another thread, where it belongs to the invocation of this thread."""
    context = copy_context()
    invocation = _invocation.get()

    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        if invocation is None:
            return context.copy().run(call, *arguments, **named)
        storage = invocation.thread_local_storage
        before = getattr(storage, "invocation_id", None)
        storage.invocation_id = invocation.invocation_id
        try:
            return context.copy().run(call, *arguments, **named)
        finally:
            storage.invocation_id = before

    return run
