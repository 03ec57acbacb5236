"""Threads of our own, whose log lines and spans belong to the invocation that starts them.

The Functions host drops a log line without an invocation's id. Python's worker finds the id in a context
variable from 3.13 on, and in a thread's storage of its own before; a new thread has neither.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, ParamSpec, Protocol, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Invocation(Protocol):
    """What the worker tells a function of its invocation: `azure.functions.Context`."""

    @property
    def invocation_id(self) -> str:
        """The id that log lines are sent with."""
        ...

    @property
    def thread_local_storage(self) -> Any:
        """The worker's storage of each thread; it reads `invocation_id` from there."""
        ...


_invocation: ContextVar[Invocation | None] = ContextVar("invocation", default=None)


@contextmanager
def of(invocation: Invocation) -> Iterator[None]:
    """Let what `carried` returns within the block belong to this invocation."""
    token = _invocation.set(invocation)
    try:
        yield
    finally:
        _invocation.reset(token)


def carried(call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return a call for another thread, as a part of the invocation of this one."""
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
