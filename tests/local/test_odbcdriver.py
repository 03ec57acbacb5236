"""Microsoft's driver is found in its wheel, or it is said what to install."""

import subprocess
import sys
from pathlib import Path

from local import odbcdriver


def test_the_path_of_the_library_is_printed_or_what_lacks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.odbcdriver"], capture_output=True, text=True, check=False
    )

    try:
        expected = (0, f"{odbcdriver.library()}\n", "")
    except odbcdriver.NotUsable as error:
        expected = (1, "", f"{error}\n")
    assert (done.returncode, done.stdout, done.stderr) == expected
    assert done.returncode == 1 or Path(done.stdout.strip()).is_file()
