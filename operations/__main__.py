"""An operator's command on the configured services: `python -m operations COMMAND …`."""

import io
import os
import sys

from operations import run

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as in shells."""
UNREAD = 141
"""The exit code of a command whose reader, such as `head`, ended first, as in shells."""


def main() -> int:
    """Run the command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names and delivered texts may have characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = run.main(sys.argv[1:])
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more.
        return UNREAD
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
