"""Calls functions as the Python worker does: `def` on a thread pool, `async def` on the event loop."""

import asyncio
import inspect
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from local.functionhost.functions import Function

THREADS_SETTING = "PYTHON_THREADPOOL_THREAD_COUNT"

_local = threading.local()


@dataclass(frozen=True)
class TraceContext:
    """The trace that a request belongs to, for `context.trace_context`."""

    trace_parent: str
    trace_state: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """The argument of a function with a parameter `context`.

    It has no base class, as in the worker of Python 3.13. Nothing is retried here.
    """

    function_name: str
    function_directory: str
    invocation_id: str
    trace_context: TraceContext
    thread_local_storage: threading.local = _local
    retry_context: None = None


def threads(settings: Mapping[str, str]) -> ThreadPoolExecutor:
    """Return the worker's thread pool; without a positive count it has Python's default size."""
    count = settings.get(THREADS_SETTING, "")
    size = int(count) if count.isdigit() and int(count) > 0 else None
    return ThreadPoolExecutor(max_workers=size, thread_name_prefix="function")


def context(function: Function, *, directory: str, headers: Mapping[str, str]) -> Context:
    """Return the context of one invocation, in the caller's trace if the caller sent one."""
    trace = TraceContext(_trace_parent(headers.get("traceparent", "")), headers.get("tracestate", ""))
    return Context(function.name, directory, str(uuid.uuid4()), trace)


async def invoke(function: Function, trigger: Any, *, context: Context, pool: ThreadPoolExecutor) -> Any:
    """Call a function and return its result; its errors pass through."""
    arguments = {function.argument: trigger}
    if _takes_context(function.call):
        arguments["context"] = context
    call = partial(function.call, **arguments)
    if inspect.iscoroutinefunction(function.call):
        return await call()
    return await asyncio.get_running_loop().run_in_executor(pool, partial(copy_context().run, call))


@lru_cache(maxsize=256)
def _takes_context(call: Callable[..., Any]) -> bool:
    return "context" in inspect.signature(call).parameters


def _trace_parent(incoming: str) -> str:
    """Return the W3C traceparent of this invocation: the caller's trace with a span of its own."""
    parts = incoming.split("-")
    known = len(parts) == 4 and len(parts[1]) == 32
    trace, flags = (parts[1], parts[3]) if known else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"
