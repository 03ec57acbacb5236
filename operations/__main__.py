"""An operator's command on the configured services: `python -m operations COMMAND …`."""

import sys

from operations import run

if __name__ == "__main__":
    sys.exit(run.main(sys.argv[1:]))
