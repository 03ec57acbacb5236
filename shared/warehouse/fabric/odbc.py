"""Translates errors of ODBC, and makes connection strings of addresses. Pure.

Error numbers are the server's: https://learn.microsoft.com/fabric/data-warehouse/connectivity,
https://learn.microsoft.com/fabric/data-warehouse/compute-capacity-smoothing-throttling and the
list of Microsoft's SqlClient (SqlConfigurableRetryFactory).
"""

import re
from collections.abc import Sequence, Set
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from shared import foreign
from shared.warehouse.engine import (
    RETRY_LATER,
    FileUnreadable,
    WarehouseConflict,
    WarehouseError,
    WarehouseMisconfigured,
    WarehouseTimeout,
    WarehouseUnavailable,
)

THROTTLED = frozenset({24801})
PAUSED = frozenset({24800, 24802})
"""https://learn.microsoft.com/fabric/data-warehouse/pause-resume: at sign-in, and on an open connection."""
CONFLICT = frozenset({24556, 24706, 3960, 3961, 3951, 1205})
UNREADABLE = frozenset({13811, 13812, 4863, 4864})
"""A line of a file that COPY INTO reads is too long, or is not UTF-8 text."""
RECONNECT = frozenset({24804, 6005})
TRANSIENT = frozenset(
    {
        *(1204, 1222, 49918, 49919, 49920, 4060, 10928, 10929, 40197, 40501, 40613),
        *(40143, 40540, 4221, 42108, 42109, 10053, 10054, 10060, 233, 64),
    }
)
LOST_STATES = frozenset({"08S01", "08001", "08003", "08004", "08007", "HYT01"})
TIMEOUT_STATES = frozenset({"HYT00", "HY008"})
THROTTLED_TEXTS = ("user session limit", "capacity constraints", "capacity has exceeded its limits")
PAUSED_TEXTS = ("capacity is currently paused",)
LOST_TEXTS = (
    # Errors of running statements when a capacity is paused (as above).
    "A severe error occurred on the current command",
    "Unable to properly update physical metadata",
    "existing connection was forcibly closed",
)

SOON = timedelta(seconds=5)
_SENTENCE = 400
"""Characters of a server's message at most."""

# The driver manager ends each message with the server's number and the function that was called.
_PREFIXES = re.compile(r"^(?:\[[^\]]*\] ?)+")
_NUMBER = re.compile(r"\((-?\d+)\)(?=\s*(?:\(SQL\w+\)|;|$))")


class SignInRefused(WarehouseMisconfigured):
    """The warehouse refuses the identity: while it wakes up, or until somebody grants access."""


class WarehouseLost(WarehouseUnavailable):
    """The connection broke, or the server has a temporary fault: a read may be retried at once."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=SOON)


def meaning(arguments: Sequence[object], *, name: str, limit: timedelta) -> WarehouseError | None:
    """Translate an error of the driver; None if it is unexpected.

    Args:
        arguments: SQLSTATE and message, as the driver reports them.
        name: of the statement, for the message.
        limit: how long the statement was allowed to take.
    """
    state, text = (str(each) for each in (*arguments, "", "")[:2])
    numbers = {int(number) for number in _NUMBER.findall(text)}
    if numbers & THROTTLED or any(phrase in text for phrase in THROTTLED_TEXTS):
        fault = "The warehouse is at the limit of its capacity."
        return WarehouseUnavailable(f"{fault} {_quotation(text, numbers)}", retry_after=RETRY_LATER)
    if numbers & PAUSED or any(phrase in text for phrase in PAUSED_TEXTS):
        fault = "The warehouse's capacity is paused."
        return WarehouseUnavailable(f"{fault} {_quotation(text, numbers)}", retry_after=RETRY_LATER)
    if numbers & CONFLICT:
        return WarehouseConflict(f"{name} conflicted with another change.")
    if numbers & UNREADABLE:
        return FileUnreadable(_without_prefixes(text))
    if state in TIMEOUT_STATES:
        return WarehouseTimeout(f"{name} took longer than {limit.total_seconds():g} s.")
    if numbers & (RECONNECT | TRANSIENT) or state in LOST_STATES or any(each in text for each in LOST_TEXTS):
        return WarehouseLost(f"{name}: the connection to the warehouse was lost or refused ({state}).")
    return None


def _quotation(text: str, numbers: Set[int]) -> str:
    """Return what the server says, for the log: its error numbers first, since a long sentence is cut."""
    named = ", ".join(str(number) for number in sorted(numbers))
    return f"The server says (error {named or 'unknown'}): {_without_prefixes(text)}"


def _without_prefixes(text: str) -> str:
    """Return the server's sentence, without the names that the driver puts before it."""
    return foreign.excerpt(_PREFIXES.sub("", text), at_most=_SENTENCE)


def meaning_at_sign_in(arguments: Sequence[object], *, driver: str, drivers: Sequence[str]) -> WarehouseError:
    """Translate an error of connecting; its message says what to do."""
    state, text = (str(each) for each in (*arguments, "", "")[:2])
    if state == "IM002" or "Can't open lib" in text:
        installed = ", ".join(drivers) or "none"
        return WarehouseMisconfigured(
            f"The ODBC driver '{driver}' is not installed (found: {installed}). "
            "Install it or set ODBC_DRIVER."
        )
    if state == "28000":
        return SignInRefused(
            "The warehouse refused the sign-in. Give the identity Read on the warehouse and GRANT SELECT on "
            "schema metering, and let service principals use Fabric (tenant setting)."
        )
    if "Cannot open database" in text:
        # A database that is being moved answers 4060 too, so it is worth another try.
        return WarehouseLost("The database of WAREHOUSE does not exist, or may not be opened just now.")
    known = meaning(arguments, name="sign-in", limit=SOON)
    if isinstance(known, WarehouseUnavailable):
        return known
    return WarehouseLost(f"The warehouse could not be reached ({state}).")


def connection_string(url: str, *, driver: str) -> str:
    """Return the connection string of a `fabric://` or `mssql://` address.

    Raises:
        WarehouseMisconfigured: a part of the address is missing.
    """
    parts = urlsplit(url)
    database = unquote(parts.path.strip("/"))
    if not parts.hostname or not database:
        raise WarehouseMisconfigured("WAREHOUSE needs a server and a database: fabric://<server>/<database>.")
    fields = {
        "Driver": driver,
        "Server": f"{parts.hostname},{parts.port or 1433}",
        "Database": database,
        "APP": "metering-api",
        # A connection that reconnects by itself would use an access token whose memory is already freed.
        "ConnectRetryCount": "0",
    }
    if parts.scheme == "fabric":
        fields |= {"Encrypt": "yes", "TrustServerCertificate": "no"}
    else:
        fields |= {"Encrypt": "optional", "TrustServerCertificate": "yes"}
        fields |= {"UID": unquote(parts.username or ""), "PWD": unquote(parts.password or "")}
    return ";".join(f"{name}={_quoted(value)}" for name, value in fields.items())


def _quoted(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"
