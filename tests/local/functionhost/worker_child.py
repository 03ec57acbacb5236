"""Indexes and invokes an app with Microsoft's worker runtime, and prints what it found as JSON.

    python worker_child.py FOLDER ROUTE

Runs in a process of its own, on the Python of Azure. The runtime takes its messages as a module of classes
("protos") that is only ever read by attribute, so plain namespaces do: no gRPC and no host are needed.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

HOSTS_SPAN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
"""The host marks the traces that it passes on as not sampled."""


class Message(SimpleNamespace):
    """A message of any type, with those fields that were given."""


class Status(Message):
    """`StatusResult`, a message with an enumeration in it."""

    Failure, Success = 0, 1


class Binding(Message):
    """`BindingInfo`, a message with the enumerations of directions and data types in it."""

    out, inout = 1, 2
    undefined = 0


class Protos:
    """The module of message classes."""

    StatusResult = Status
    BindingInfo = Binding

    def __getattr__(self, name: str) -> type[Message]:
        return Message


def main(folder: str, path: str) -> dict[str, Any]:
    """Return what the worker says of the app in a folder, and its answer to a GET of a path."""
    return asyncio.run(_session(folder, path))


async def _session(folder: str, path: str) -> dict[str, Any]:
    # Only the Python of Azure has the runtime.
    from azure_functions_runtime import handle_event  # type: ignore[import-not-found, unused-ignore]
    from azure_functions_runtime.utils import threadpool  # type: ignore[import-not-found, unused-ignore]

    sys.path.insert(0, folder)
    threadpool.start_threadpool_executor()
    properties = {"host": "127.0.0.1", "protos": Protos()}
    init = Message(worker_init_request=Message(capabilities={}, function_app_directory=folder))
    started = await handle_event.worker_init_request(Message(request=init, properties=properties))
    if started.result.status != Status.Success:
        return {"failure": f"{started.result.exception.message}\n{started.result.exception.stack_trace}"}
    listed = await handle_event.functions_metadata_request(Message(request=None, properties=properties))
    functions = {one.name: one for one in listed.function_metadata_results}
    answer = await _get(handle_event, functions, path)
    threadpool.stop_threadpool_executor()
    return {
        "functions": {
            name: [json.loads(text) for text in one.raw_bindings] for name, one in functions.items()
        },
        "answer": answer,
    }


async def _get(handle_event: Any, functions: Mapping[str, Any], path: str) -> dict[str, Any]:
    function = next(one for one in functions.values() if f'"route": "{path}"' in one.raw_bindings[0])
    request = Message(
        method="GET", url=f"http://127.0.0.1/{path}", headers={}, query={}, params={}, body=_text("")
    )
    invocation = Message(
        invocation_id="1",
        function_id=function.function_id,
        input_data=[Message(name="req", data=_data("http", request), WhichOneof=lambda _: "data")],
        trigger_metadata={},
        trace_context=Message(trace_parent=HOSTS_SPAN, trace_state="", attributes={}),
        retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
    )
    done = await handle_event.invocation_request(Message(request=Message(invocation_request=invocation)))
    if done.result.status != Status.Success:
        return {"failure": f"{done.result.exception.message}\n{done.result.exception.stack_trace}"}
    response = done.return_value.http
    return {
        "status": response.status_code,
        "contentType": response.headers["content-type"],
        "body": response.body.bytes.decode(),
    }


def _data(kind: str, value: Any) -> Message:
    return Message(**{kind: value}, WhichOneof=lambda _: kind)


def _text(text: str) -> Message:
    return _data("string", text)


def wait_for_warm_up() -> None:
    """Wait for the app's warm-up: DuckDB aborts a process that ends while a thread is in it."""
    for thread in threading.enumerate():
        if thread.name == "warm-up":
            thread.join()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2])))
    wait_for_warm_up()
