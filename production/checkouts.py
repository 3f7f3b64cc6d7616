"""The files of releases: exported from the mirror, built once, kept for a while; a folder is there whole or not."""

import errno
import json
import os
import pwd
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from catalog.git import Mirror
from ledger.clock import Clock
from ledger.errors import Code, Error
from production import shell
from production.ports import Done, Failed, Pending, Progress, Release
from production.settings import written
from production.supervise import Supervisor, until

KEPT = 5
NEARLY_FULL = 1_000_000  # bytes
BUILD_LIMIT = timedelta(minutes=10)
REPEAT_AFTER = timedelta(seconds=15)  # a failed build asked for again later than this is tried again
SECRET_CHARACTERS = 4096  # left out of a single line whose beginning is not there
INLINE_SECONDS = 0.5  # a build this short is waited for
REVISION = re.compile(r"[0-9a-f]{40,64}")
BUILT_FOLDERS = (".bin", "bin", ".venv/bin", "node_modules/.bin")

Export = Callable[[str, str, Path], None]  # bare repository, revision, folder to make


class Checkouts:
    def __init__(self, folder: Path, supervisor: Supervisor, export: Export, clock: Clock) -> None:
        self._folder, self._supervisor, self._export, self._clock = folder.absolute(), supervisor, export, clock

    def at(self, site: str, number: int, revision: str) -> Path:
        return self._folder / "releases" / site / f"{number}-{revision[:7]}"

    def logs(self, site: str, number: int, revision: str) -> Path:
        return self._folder / "output" / site / f"{number}-{revision[:7]}"

    def found(self, site: str, number: int) -> Path | None:
        """Return the folder of a release by its number alone."""
        return next(iter((self._folder / "releases" / site).glob(f"{number}-" + "[0-9a-f]" * 7)), None)

    def search_path(self, checkout: Path, path_dirs: Sequence[Path]) -> str:
        """Return a PATH with what the build has made first."""
        made = [checkout / name for name in BUILT_FOLDERS if (checkout / name).is_dir()]
        return shell.search_path([*made, *path_dirs])

    def have(self, site: str, release: Release, user: str | None) -> Path:
        """Have the revision's files there."""
        if not REVISION.fullmatch(release.revision):
            raise Error(Code.INVALID, f"“{release.revision}” is not a revision; give the full hash of a commit")
        final = self.at(site, release.number, release.revision)
        final.parent.mkdir(parents=True, exist_ok=True)
        for left in final.parent.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)
        if not final.exists():
            draft = final.with_name(f".{final.name}")
            try:
                self._export(release.source, release.revision, draft)
            except Error:
                if shutil.disk_usage(self._folder).free < NEARLY_FULL:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
                raise
            if user:
                _give(draft, user)
            draft.rename(final)
        return final

    def build(self, site: str, release: Release, env: Mapping[str, str], user: str | None) -> Progress:
        """Have the checkout built: once, as a program of its own that a killed worker does not take with it."""
        checkout = self.at(site, release.number, release.revision)
        result, name = checkout.with_name(f"{checkout.name}.build.json"), f"build-{site}-{release.revision[:7]}"
        if self._is_stale(result):
            result.unlink()
        if not result.exists() and name not in self._supervisor.alive([name]):
            self._begin(site, release, env, user, result, name)
        until(result.exists, INLINE_SECONDS)
        if not result.exists():
            if name in self._supervisor.alive([name]) or result.exists():
                return Pending(f"release {release.number} is being built", timedelta(milliseconds=100))
            return Failed(f"the build of release {release.number} was killed; deploy it again", permanent=False)
        self._supervisor.gone([name])
        code = json.loads(result.read_text())["code"]
        if code == 0:
            return Done(f"release {release.number} is built")
        how = f"did not end within {written(BUILD_LIMIT)}" if code is None else f"ended with code {code}"
        log = last_lines(self.logs(site, release.number, release.revision) / "build.log", 20)
        return Failed(f"the build of release {release.number} {how}; its last lines say why", log)

    def _is_stale(self, result: Path) -> bool:
        if not result.exists() or json.loads(result.read_text())["code"] == 0:
            return False
        return self._clock() - datetime.fromtimestamp(result.stat().st_mtime, UTC) > REPEAT_AFTER

    def _begin(
        self, site: str, release: Release, env: Mapping[str, str], user: str | None, result: Path, name: str
    ) -> None:
        checkout = self.at(site, release.number, release.revision)
        begun = result.with_suffix(".begun")
        if begun.exists():  # an earlier try may have left half of its work
            shutil.rmtree(checkout)
            self.have(site, release, user)
        begun.touch()
        self._supervisor.gone([name])
        home = self._folder / "home" / (user or "portal")
        home.mkdir(parents=True, exist_ok=True)
        if user:
            _give(home, user)
        once = {"seconds": BUILD_LIMIT.total_seconds(), "result": str(result)}
        spec = {"argv": list(release.build), "env": {**env, "HOME": str(home)}, "cwd": str(checkout), "once": once}
        log = self.logs(site, release.number, release.revision) / "build.log"
        self._supervisor.put(name, {**spec, "user": user}, log, once=True)
        self._supervisor.add([name])

    def prune(self, site: str, in_use: Sequence[int]) -> None:
        """Delete the files and output of all but the newest few and those in use."""
        for kind in ("releases", "output"):
            folders = [path for path in (self._folder / kind / site).glob("[0-9]*") if path.is_dir()]
            folders.sort(key=_number, reverse=True)
            for old in folders[KEPT:]:
                if _number(old) not in in_use:
                    shutil.rmtree(old, ignore_errors=True)
                    for beside in old.parent.glob(f"{old.name}.build.*"):
                        beside.unlink()


def from_mirror(source: str, revision: str, folder: Path) -> None:
    """Fill a new folder with a revision's files, from its mirror."""
    Mirror(Path(source)).export(revision, folder)


def last_lines(file: Path, lines: int, mask: Callable[[str], str] = str) -> tuple[str, ...]:
    """Return the last lines of a log, or nothing when there is none. `mask` gets all of them as one text.

    A line whose beginning is not there is left out, for the rest of a secret could not be told.
    """
    try:
        with file.open("rb") as log:
            start = max(0, file.stat().st_size - 400 * lines - 4096)
            log.seek(start)
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ()
    if start or file.with_name(f"{file.name}.1").exists():  # the supervisor begins a new file in the middle of a line
        text = text.partition("\n")[2] or text[SECRET_CHARACTERS:]
    return tuple(mask(text).splitlines()[-lines:]) if lines > 0 else ()


def _give(folder: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _number(folder: Path) -> int:
    return int(folder.name.partition("-")[0])
