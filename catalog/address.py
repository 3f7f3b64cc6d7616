"""Which addresses of repositories are allowed, and how one is shown. Pure but for looking where a local path leads.

Only https, ssh and, where the caller names folders for it, local paths. Everything else that git understands (`ext::`
runs a command, `git://` and http are not protected) is refused.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ledger.errors import Code, Error

_SCP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?![-:])[^:]*")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:.]+\]|[0-9a-fA-F:.]+")
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


def checked(url: str, roots: Sequence[Path] = ()) -> str:
    """Return the address as git gets it; raise Error(INVALID) with a sentence when it is not allowed.

    `roots` are the folders below which local repositories may lie; none means no local ones.
    """
    if not url or url.startswith("-") or any(ord(c) < 0x20 or c == "\x7f" for c in url) or len(url) > 2000:
        raise Error(Code.INVALID, "this is no address of a repository; write https://…, ssh://… or user@host:path")
    if re.match(r"[A-Za-z0-9+.-]+::", url):
        raise Error(Code.INVALID, f"{shown(url)} would run a command; only https and ssh are allowed")
    if _SCP.fullmatch(url):
        return url
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise Error(Code.INVALID, "this is no address of a repository; mind the host and the port") from None
    if parts.scheme in ("https", "ssh"):
        if not _HOST.fullmatch(host) or len(parts.path) < 2 or (parts.username or "").startswith("-"):
            raise Error(Code.INVALID, f"{shown(url)} names no repository; write https://host/path")
        return url
    if parts.scheme == "file" or url.startswith("/"):
        return _local(unquote(parts.path) if parts.scheme == "file" else url, roots)
    if parts.scheme:
        raise Error(Code.INVALID, f"{shown(url)} is not protected or not known; only https and ssh are allowed")
    raise Error(Code.INVALID, f"{shown(url)} is no whole address; write https://…, ssh://… or an absolute path")


def _local(path: str, roots: Sequence[Path]) -> str:
    if not roots:
        raise Error(Code.INVALID, f"{path} is a folder of this machine, and local repositories are not allowed here")
    real = Path(path).resolve()
    if not any(real.is_relative_to(root.resolve()) for root in roots):
        raise Error(
            Code.INVALID, f"{path} does not lie below {' or '.join(map(str, roots))}, where repositories may be"
        )
    return str(real)


def shown(text: str) -> str:
    """Return an address, or a message that holds one, without user names and secrets before the host.

    >>> shown("https://bob:hunter2@example.org/a.git")
    'https://example.org/a.git'
    """
    return _SECRET.sub("", text)


def has_secret(url: str) -> bool:
    """Say whether the address carries a password or a token."""
    parts = urlsplit(url)
    return bool(parts.password) or (parts.scheme == "https" and bool(parts.username))


def short(url: str) -> str:
    """Name a repository by the end of its address.

    >>> short("git@example.org:shop/checkout.git"), short("/srv/git/ledger/")
    ('checkout', 'ledger')
    """
    return re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git") or url
