"""Log levels of libraries.

The Functions host gives every log line of the app the category `Function.<name>.User`, whatever its logger,
so host.json cannot set the level of a library. At INFO the Azure SDK logs two lines for each request, with
addresses that contain callers' ids; httpx logs one, whose query may name a person.
"""

import logging

LIBRARIES = ("azure", "httpcore", "httpx", "msal", "opentelemetry", "requests", "urllib3")


def quieten_libraries() -> None:
    """Make libraries log only warnings and errors."""
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
