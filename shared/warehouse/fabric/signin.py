"""Opens connections to the warehouse's server. `pyodbc` is imported in this folder only."""

import struct
import time
from contextlib import ExitStack

import pyodbc  # type: ignore[import-not-found]  # Its types are no package, so mypy cannot see them.
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from shared.warehouse import fractions
from shared.warehouse.deadlines import Deadline
from shared.warehouse.engine import WarehouseMisconfigured, WarehouseUnavailable
from shared.warehouse.fabric import binding, odbc
from shared.warehouse.fabric.pool import Opened

# The driver manager would hand a connection of one token to another.
pyodbc.pooling = False

SCOPE = "https://database.windows.net/.default"
ACCESS_TOKEN_ATTRIBUTE = 1256
"""SQL_COPT_SS_ACCESS_TOKEN of msodbcsql.h."""
CONNECTION_TIMEOUT_ATTRIBUTE = 113
"""SQL_ATTR_CONNECTION_TIMEOUT of sqlext.h."""
REFUSED_PAUSE = 2.0
"""Seconds between a refused sign-in and the next: a warehouse that wakes up refuses every sign-in."""
CANCEL_SECONDS = 1
"""Seconds for the cancellation of a statement; the driver waits twice as long if the server ignores it."""
MAX_AGE = 1800.0
"""Seconds after which a connection is no longer used."""
TOKEN_MARGIN = 300.0
"""A connection is no longer used from this many seconds before its token expires."""
LOCK_TIMEOUT = "SET LOCK_TIMEOUT 30000"
"""Limits how many milliseconds a statement waits for a lock, such as that of a table being altered."""


def connect(
    connection_string: str, *, driver: str, credential: TokenCredential | None, by: Deadline
) -> Opened[pyodbc.Connection]:
    """Open a connection, which is used no longer than its token is valid.

    One sign-in may take all the time that is left, since a warehouse that wakes up answers late. While it
    wakes up it also refuses every sign-in with 18456
    (https://github.com/sdebruyn/fabric-dw-mcp-cli/issues/405), so refused sign-ins are repeated.

    Raises:
        WarehouseMisconfigured: somebody must change what the message says.
        WarehouseUnavailable: worth another try.
    """
    while True:
        try:
            return _connect(connection_string, driver=driver, credential=credential, by=by)
        except odbc.SignInRefused:
            if by.seconds_left() <= REFUSED_PAUSE:
                raise
            time.sleep(REFUSED_PAUSE)


def _connect(
    connection_string: str, *, driver: str, credential: TokenCredential | None, by: Deadline
) -> Opened[pyodbc.Connection]:
    attributes: dict[int, bytes] = {}
    now = time.monotonic()
    expires_at = now + MAX_AGE
    if credential is not None:
        token, valid_for = access_token(credential)
        attributes[ACCESS_TOKEN_ATTRIBUTE] = token
        expires_at = min(expires_at, now + valid_for - TOKEN_MARGIN)
    # If no server listens, the driver keeps trying for this long.
    seconds = whole_seconds(by)
    with ExitStack() as failing:
        try:
            connection = pyodbc.connect(
                connection_string, autocommit=True, timeout=seconds, attrs_before=attributes
            )
            failing.callback(connection.close)
            limit_statements(connection, whole_seconds(by))
            connection.execute(LOCK_TIMEOUT).close()
            if not binding.keeps_fractions(connection):
                raise WarehouseMisconfigured(fractions.LOST)
        except pyodbc.Error as error:
            raise odbc.meaning_at_sign_in(error.args, driver=driver, drivers=pyodbc.drivers()) from error
        failing.pop_all()
    # Place names are not ASCII; UTF-16 does not depend on the machine's character set.
    connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-16le", ctype=pyodbc.SQL_WCHAR)
    return Opened(connection, expires_at)


def limit_statements(connection: pyodbc.Connection, seconds: int) -> None:
    """Limit the duration of each statement, and of its cancellation to `CANCEL_SECONDS`."""
    # The first line sets both limits; the second one corrects the limit of everything but statements.
    connection.timeout = seconds
    connection.set_attr(CONNECTION_TIMEOUT_ATTRIBUTE, CANCEL_SECONDS)


def whole_seconds(by: Deadline) -> int:
    """Return the seconds until a deadline, at least 1: to a driver, 0 means no limit."""
    return max(1, round(by.seconds_left()))


def access_token(credential: TokenCredential) -> tuple[bytes, float]:
    """Return an access token in the driver's format (length, then UTF-16), and its validity in seconds."""
    try:
        token = credential.get_token(SCOPE)
    except AzureError as error:
        raise WarehouseUnavailable(
            "No access token for the warehouse: the app's identity did not answer. If this lasts, check "
            "AZURE_CLIENT_ID and that the app has this identity; on a laptop, az login.",
            retry_after=odbc.SOON,
        ) from error
    encoded = token.token.encode("utf-16-le")
    return struct.pack(f"<I{len(encoded)}s", len(encoded), encoded), token.expires_on - time.time()
