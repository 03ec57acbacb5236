"""Opens connections to the warehouse's server. `pyodbc` is imported here and in `fabric` only."""

import struct
import time
from contextlib import ExitStack

import pyodbc  # type: ignore[import-not-found]  # Its types are no package, so mypy cannot see them.
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from shared.warehouse import fractions
from shared.warehouse.engine import WarehouseMisconfigured, WarehouseUnavailable
from shared.warehouse.fabric import binding, odbc
from shared.warehouse.fabric.places import Deadline
from shared.warehouse.fabric.pool import Opened

# The driver manager would hand a connection of one token to another.
pyodbc.pooling = False

SCOPE = "https://database.windows.net/.default"
ACCESS_TOKEN_ATTRIBUTE = 1256
"""SQL_COPT_SS_ACCESS_TOKEN of msodbcsql.h."""
CONNECTION_TIMEOUT_ATTRIBUTE = 113
"""SQL_ATTR_CONNECTION_TIMEOUT of sqlext.h."""
REFUSED_PAUSE = 2.0
"""Seconds between two sign-ins, where the first was refused: a warehouse that wakes refuses everybody."""
CANCEL_SECONDS = 1
"""Half of what the driver waits for a server that does not heed that it cancels a statement."""
MAX_AGE = 1800.0
"""Seconds that a connection lives at most."""
TOKEN_MARGIN = 300.0
"""Seconds before its token expires in which a connection is not lent any more."""
LOCK_TIMEOUT = "SET LOCK_TIMEOUT 30000"
"""Milliseconds that a statement waits for a lock, such as that of a table being altered."""


def opened(
    connection_string: str, *, driver: str, credential: TokenCredential | None, by: Deadline
) -> Opened[pyodbc.Connection]:
    """A new connection, which lives no longer than its token.

    One sign-in may take all the time that is left, since a warehouse that wakes answers late. It also refuses
    everybody with 18456 while it wakes (https://github.com/sdebruyn/fabric-dw-mcp-cli/issues/405), so a
    refusal is only believed when it persists.

    Raises:
        WarehouseMisconfigured: with what to change.
        WarehouseUnavailable: worth another try.
    """
    while True:
        try:
            return _opened(connection_string, driver=driver, credential=credential, by=by)
        except odbc.SignInRefused:
            if by.seconds_left() <= REFUSED_PAUSE:
                raise
            time.sleep(REFUSED_PAUSE)


def _opened(
    connection_string: str, *, driver: str, credential: TokenCredential | None, by: Deadline
) -> Opened[pyodbc.Connection]:
    attributes: dict[int, bytes] = {}
    expires_at = time.time() + MAX_AGE
    if credential is not None:
        token, token_expires_at = access_token(credential)
        attributes[ACCESS_TOKEN_ATTRIBUTE] = token
        expires_at = min(expires_at, token_expires_at - TOKEN_MARGIN)
    # Where nobody listens, the driver goes on trying until this has passed.
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
    # Names of places are not ASCII; as UTF-16 they come whole whatever the machine's character set.
    connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-16le", ctype=pyodbc.SQL_WCHAR)
    return Opened(connection, expires_at)


def limit_statements(connection: pyodbc.Connection, seconds: int) -> None:
    """Let each statement take so long, and its cancellation as long as it may."""
    # The first line sets both limits, that of a statement and that of everything else.
    connection.timeout = seconds
    connection.set_attr(CONNECTION_TIMEOUT_ATTRIBUTE, CANCEL_SECONDS)


def whole_seconds(by: Deadline) -> int:
    """What is left until then, as drivers take it: at least a second, for none would be no limit."""
    return max(1, round(by.seconds_left()))


def access_token(credential: TokenCredential) -> tuple[bytes, float]:
    """An access token as the driver wants it (length, then UTF-16), and when it expires."""
    try:
        token = credential.get_token(SCOPE)
    except AzureError as error:
        raise WarehouseUnavailable(
            "No access token for the warehouse: the app's identity did not answer.", retry_after=odbc.SOON
        ) from error
    encoded = token.token.encode("utf-16-le")
    return struct.pack(f"<I{len(encoded)}s", len(encoded), encoded), float(token.expires_on)
