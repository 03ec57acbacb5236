"""Where the stand-in still answers otherwise than Microsoft's host, and why it stays so.

Tests send the same raw requests to both, made by rule, and allow what is named here and nothing else.
"""

from collections.abc import Mapping

OF_ECHO: Mapping[str, str] = {
    "answer nonascii": "With the worker of Python 3.11, Kestrel keeps the Content-Type in its 500.",
}
"""By the name of the request, for an app that shows what it was asked."""

OF_HOSTS_OWN = (
    "GET /admin/functions, PUT /admin/functions/NAME, /admin/vfs, /admin/host/drain and the rest of /admin: "
    "404 here. Only operators with the master key reach them, and the stack uses none.",
    "POST /admin/functions/NAME of an HTTP function: 202 on both, but it is not called here.",
    "A timer's state lies in a file here, in a blob of `azure-webjobs-hosts` there.",
    "A second instance, and with it the lock on a timer: there is one instance here.",
    "An app of which one function cannot be indexed: none is served here, the others are there.",
    "The page at `/` is Microsoft's there; both answer 204 with the setting that is deployed.",
)
"""What no request of an ordinary caller shows."""
