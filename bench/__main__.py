"""`python -m bench [NAME] [arguments]`: run one measurement, or list them."""

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import bench

NOT_MEASUREMENTS = (
    "__main__",
    "asking",
    "connections",
    "delivered",
    "history",
    "loaders",
    "measuring",
    "processes",
    "questions",
    "stacks",
    "stored",
    "usual",
)


def main(arguments: Sequence[str]) -> int:
    """Run the measurement that is named."""
    names = sorted(
        each.name for each in pkgutil.iter_modules(bench.__path__) if each.name not in NOT_MEASUREMENTS
    )
    if not arguments or arguments[0] not in names:
        print(f"usage: python3 dev.py bench NAME [arguments]\n\nNAME is one of: {', '.join(names)}")
        return 0 if not arguments else 2
    module = importlib.import_module(f"bench.{arguments[0]}")
    sys.argv = [f"bench {arguments[0]}", *arguments[1:]]
    return int(module.main() or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
