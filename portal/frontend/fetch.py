"""Fetch what the pages load (htmx, uPlot) from its registry by the lock file, into portal/static/vendor.

Run by ./dev at set-up. Nothing fetched is committed, and nothing is loaded from another host at run time.
"""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
VENDOR = HERE.parent / "static" / "vendor"
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/dist/ext/hx-sse.min.js": "hx-sse.min.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "axe-core/axe.min.js": "axe.min.js",
}


def main() -> None:
    npm = shutil.which("npm") or str(Path(sys.executable).parent / "npm")
    subprocess.run([npm, "ci", "--silent", "--ignore-scripts"], cwd=HERE, check=True)
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, name in FILES.items():
        shutil.copyfile(HERE / "node_modules" / source, VENDOR / name)


if __name__ == "__main__":
    main()
