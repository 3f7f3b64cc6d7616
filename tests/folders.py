"""Folders that last as long as the process that made them, for what many tests copy from."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def kept(name: str) -> Path:
    """Return this process's folder of that name; it goes when the process ends."""
    folder = tempfile.mkdtemp(prefix=f"fullcycle-{name}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
