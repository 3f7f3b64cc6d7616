"""The folder of a demo: who else uses it, how its portal is configured, and what has been made in it."""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from ledger.errors import Code, Error
from portal.config import PREFIX
from production import sockets

HOST = "127.0.0.1"
FIRST_PORT, PORTS = 8000, 200
NOTES, LOCK, CONFIG = "demo.json", "demo.lock", "fullcycle.toml"
ONCALL = """\
[oncall]
fallback = "group:platform"  # who answers for what nobody else does
phones = true  # everybody has a phone that only remembers; look at it on the page of phones
"""
KEPT = ("DATABASE_URL", "DATABASE_URL_FILE", "LOG_LEVEL", "THREADS")  # what a demo takes from the environment


@dataclass(frozen=True)
class Notes:
    """What is in the folder. `ready`: made to the end; `tour`: nobody misses it; `card`: home says what to try."""

    ready: bool = False
    tour: bool = False
    card: bool = True
    left_out: str = ""


def read(data: Path) -> Notes | None:
    """Return the notes of a demo in that folder, None when there is none."""
    try:
        told = json.loads((data / NOTES).read_text())
        return Notes(bool(told["ready"]), bool(told["tour"]), bool(told["card"]), str(told["left_out"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(data: Path, notes: Notes) -> None:
    draft = data / f".{NOTES}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(notes)) + "\n")
    draft.replace(data / NOTES)


def put_card_away(data: Path) -> None:
    """The home page need not say any more what to try."""
    if notes := read(data):
        write(data, replace(notes, card=False))


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """Have the folder for this process only. Raises Error(CONFLICT) when another demo runs in it."""
    is_new = not data.exists() or not any(data.iterdir())
    if not is_new and not (data / LOCK).exists():
        raise Error(Code.CONFLICT, f"{data} holds something that is no demo; name another folder with --data.")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = f"A demo runs in {data} already; look at it, stop it, or name another folder with --data."
            raise Error(Code.CONFLICT, said) from None
        yield


def clear(data: Path) -> None:
    """Remove what a set-up left that did not come to its end."""
    for path in data.iterdir():
        if path.name in (LOCK, CONFIG):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def configure(data: Path) -> None:
    """Have phones that ring on a page, and somebody for what is nobody's; what stands there already stays."""
    path = data / CONFIG
    written = path.read_text() if path.exists() else ""
    if "[oncall]" not in written:
        path.write_text(f"{written.rstrip()}\n\n{ONCALL}".lstrip())


def environment(base: Mapping[str, str], data: Path, port_number: int) -> Mapping[str, str]:
    """Return the environment of the demo's portal: its own folder, this machine only, this very Python."""
    ours = {name: value for name, value in base.items() if not name.startswith(PREFIX) and name not in ("PORT", "HOST")}
    kept = {PREFIX + name: base[PREFIX + name] for name in KEPT if base.get(PREFIX + name)}
    quiet = {PREFIX + "LOG_LEVEL": "warning"}  # between lines for people
    told = {"DATA": str(data), "HOST": HOST, "PORT": str(port_number), "LOCAL_PATH": str(Path(sys.executable).parent)}
    told |= {"SECRETS_KIND": "files"}  # in a folder of the demo's own
    return ours | quiet | kept | {PREFIX + name: value for name, value in told.items()}


@contextlib.contextmanager
def port(asked: int | None) -> Iterator[int]:
    """Have a port for this process: the one asked for, or else the first one from 8000 on that nobody listens on.

    The set-up takes a while before anybody listens there, so other demos are told by a lock that it is taken.
    """
    choice = [asked] if asked else range(FIRST_PORT, FIRST_PORT + PORTS)
    for one in choice:
        lock = _lock(one)
        if lock is not None:
            with lock:
                if sockets.is_free(HOST, one) and not sockets.listens(HOST, one):
                    yield one
                    return
    taken = f"Port {asked} is taken" if asked else f"No port from {FIRST_PORT} to {choice[-1]} is free"
    raise Error(Code.UNAVAILABLE, f"{taken}; name another one with --port.")


def _lock(number: int) -> IO[str] | None:
    """Take the port's lock; None when another demo of this user has it. A killed process loses it."""
    path = Path(tempfile.gettempdir()) / f"fullcycle-{os.geteuid()}-port-{number}.lock"
    handle = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle
