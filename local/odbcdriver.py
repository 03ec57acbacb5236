"""Microsoft's ODBC driver out of the wheel `mssql-python-odbc`; `python -m local.odbcdriver` prints its path.

The wheel is made for Microsoft's own Python driver. The library in it is the one that their Linux packages
install, and the driver manager loads it by its path: ODBC_DRIVER may name it.
"""

import ctypes
import platform
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

INSTALL = "apt-get install unixodbc libkrb5-3 libgssapi-krb5-2 libltdl7"
"""What the library needs beside itself, on Debian and Ubuntu."""

_LIBRARIES = {
    "Linux": "linux/*/{machine}/lib/libmsodbcsql-18*.so*",
    "Darwin": "macos/{machine}/lib/libmsodbcsql*.dylib",
}


class NotUsable(Exception):
    """The driver is not here or cannot be loaded; the message says what to do."""


@lru_cache(maxsize=1)
def library() -> Path:
    """Return the driver's library for this machine.

    Raises:
        NotUsable: with what to install.
    """
    found = find_spec("mssql_python_odbc")
    if found is None or found.origin is None:
        raise NotUsable("Install Microsoft's ODBC driver: pip install mssql-python-odbc")
    pattern = _LIBRARIES.get(platform.system(), "no such system").format(machine=platform.machine())
    reason = f"mssql-python-odbc has no library for {platform.system()} on {platform.machine()}."
    for path in sorted((Path(found.origin).parent / "libs").glob(pattern)):
        try:
            ctypes.CDLL(str(path))
        except OSError as error:
            reason = f"Microsoft's ODBC driver cannot be loaded ({error}): {INSTALL}"
        else:
            return path
    raise NotUsable(reason)


def main() -> int:
    """Print the path, or the reason without one; return the exit code."""
    try:
        print(library())
    except NotUsable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
