"""Which ports are free, and who listens."""

import socket
from pathlib import Path


def is_free(host: str, port: int) -> bool:
    """Could somebody listen there now?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def listens(host: str, port: int) -> bool:
    """Does somebody take connections there?"""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            # The system may have picked the very port for our own side, and then we talk to ourselves.
            return bool(connection.getsockname() != connection.getpeername())
    except OSError:
        return False


def takes(path: Path) -> bool:
    """Does somebody take connections on that Unix socket, or is only too busy to?"""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
    return True
