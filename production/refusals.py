"""Why a release cannot be run on this machine, in words that say what to do, before anything is started."""

import errno
import os
import pwd
import shutil
import stat
from pathlib import Path

from ledger.errors import Code, Error
from production.ports import Failed
from production.settings import LocalSettings


def refuse_user(user: str | None) -> None:
    """Raise unless instances may run as that OS user."""
    if user is None:
        return
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        said = f"there is no OS user “{user}” on this machine; make it (useradd {user}) or leave `user` out"
        raise Error(Code.INVALID, said) from None
    if os.geteuid() not in (0, account.pw_uid):
        said = f"only a portal that runs as root can start instances as “{user}”; leave `user` out or run it as root"
        raise Error(Code.INVALID, said)


def refuse_folder(user: str | None, folder: Path) -> None:
    """Raise unless that user can reach the folder."""
    if user is None or os.geteuid() != 0:
        return
    closed = [parent for parent in folder.absolute().parents if not parent.stat().st_mode & stat.S_IXOTH]
    if closed:
        said = f"the OS user “{user}” cannot enter {closed[-1]}; allow it (chmod o+x) or move the data folder"
        raise Error(Code.INVALID, said)


def refuse_command(settings: LocalSettings, checkout: Path, path: str) -> None:
    """Raise unless the command's program is there."""
    name = settings.command[0]
    if shutil.which(str(checkout / name) if "/" in name else name, path=path) is None:
        said = f"there is no program “{name}” to start; install it on this machine or correct `command`"
        raise Error(Code.INVALID, said)


def in_words(error: OSError) -> Failed:
    """Say what the system refused, and what helps."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failed(f"the disk is full{where}; free some space and deploy again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Failed(f"the portal may not write there{where}; give its OS user the right to, and deploy again")
    return Failed(f"this machine refused: {error.strerror or error}{where}", permanent=False)
