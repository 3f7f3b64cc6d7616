"""`./dev bench NAME`: each bench is a module here with a `main()` that prints its figures as one line of JSON."""

import importlib
import pkgutil
import sys

from tests import bench


def main() -> None:
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print("benches:", *names)
        sys.exit(0 if len(sys.argv) < 2 else 2)
    importlib.import_module(f"tests.bench.{sys.argv[1]}").main()


if __name__ == "__main__":
    main()
