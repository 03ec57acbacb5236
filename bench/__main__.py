"""`python -m bench [NAME] [arguments]`: run one measurement, or list them."""

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import bench


def main(arguments: Sequence[str]) -> int:
    """Run the measurement that is named."""
    modules = pkgutil.iter_modules(bench.__path__)
    names = sorted(each.name for each in modules if not each.ispkg and each.name != "__main__")
    if not arguments or arguments[0] not in names:
        print(f"usage: python3 dev.py bench NAME [arguments]\n\nNAME is one of: {', '.join(names)}")
        return 0 if not arguments else 2
    module = importlib.import_module(f"bench.{arguments[0]}")
    sys.argv = [f"bench {arguments[0]}", *arguments[1:]]
    return int(module.main() or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
