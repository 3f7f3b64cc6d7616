"""The short folder for sockets: a Unix socket's path ends near 108 bytes, and a data folder may lie deep."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from ledger.errors import Code, Error
from production.store import FIRST_PORT

SHORT = Path("/tmp")  # not TMPDIR, for a portal started with another one must find the same supervisor


def short_folder(folder: Path) -> Path:
    """Return the folder for the sockets of a data folder: always the same one."""
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    base = SHORT if os.access(SHORT, os.W_OK) else Path(tempfile.gettempdir())
    return base / f"fullcycle-{os.geteuid()}-{name}"


def own_first_port(folder: Path) -> int:
    """Return where a data folder's instances begin to look for ports: two portals that start at once look elsewhere."""
    return FIRST_PORT + spread(folder)


def spread(folder: Path) -> int:
    """Return a number from 1 to 2700 that is probably no other data folder's."""
    return int(hashlib.sha256(os.fsencode(folder.resolve())).hexdigest(), 16) % 2700 + 1


def own(run: Path) -> None:
    """Have the folder there, ours alone; somebody else's folder of that name is refused."""
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = run.lstat()
    if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.geteuid():
        raise Error(Code.UNAVAILABLE, f"{run} belongs to somebody else; remove it and start the portal again")
    run.chmod(0o700)
