"""Where the stand-in still differs from Microsoft's host, and why.

Tests send the same generated raw requests to both hosts and allow only the differences listed here.
"""

from collections.abc import Mapping

OF_ECHO: Mapping[str, str] = {
    "answer nonascii": "With the worker of Python 3.11, Kestrel keeps the Content-Type in its 500.",
}
"""The reason by the name of the request, for an app that echoes requests."""

OF_HOSTS_OWN = (
    "GET /admin/functions, PUT /admin/functions/NAME, /admin/vfs, and the rest of /admin: "
    "404 here. Only operators with the master key reach them, and the stack does not use them.",
    "POST /admin/functions/NAME of an HTTP function: 202 on both, but it is not called here.",
    "A timer's state lies in a file here, in a blob of `azure-webjobs-hosts` there.",
    "A second instance, and with it the lock on a timer: there is one instance here.",
    "An app with a function that cannot be indexed: no function is served here, the others are there.",
    "The page at `/` is Microsoft's there; both answer 204 with the setting that is deployed.",
)
"""Differences that no request of an ordinary caller shows."""
