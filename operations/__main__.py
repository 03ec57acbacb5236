"""An operator's command on the configured services: `python -m operations COMMAND …`."""

import sys

from operations import run

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as shells have it."""


def main() -> int:
    """Run the command and return its exit code."""
    try:
        return run.main(sys.argv[1:])
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
