"""The levels of the loggers of libraries, set in this one place.

The Functions host knows every log line of the app as `Function.<name>.User`, whatever its logger: no category
in host.json reaches a library. The Azure SDK writes two lines for each request as information, with addresses
that hold callers' ids; httpx writes one, whose filter may name a person.
"""

import logging

LIBRARIES = ("azure", "httpcore", "httpx", "msal", "opentelemetry", "requests", "urllib3")


def quieten_libraries() -> None:
    """Let libraries log warnings and errors only."""
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
