"""A bare mirror of one repository: what is at which revision, what changed since, and a clean checkout.

Nothing that a repository holds is ever run, followed or trusted: links that leave the tree are refused, submodules are
not followed, revisions that look like options are refused. A mirror that is damaged is cloned anew.
"""

import contextlib
import fcntl
import os
import re
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from catalog import address, history
from catalog.gitcommand import Credentials, Refused, access, run, unavailable
from catalog.history import HEAD, Commit, FileChange
from catalog.places import did_you_mean, quoted
from ledger.clock import stopwatch
from ledger.errors import Code, Error

__all__ = ["Commit", "Credentials", "FileChange", "Mirror"]

FETCH = timedelta(seconds=60)
MAX_FILE = 1024 * 1024  # bytes; more is never read into memory
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{HEAD}")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NO_REVISION = re.compile(r"[\x00-\x20\x7f:?*\[\\]|\.\.|^[-^]")


@dataclass(frozen=True)
class _File:
    mode: str
    oid: str
    size: int
    path: str


class Mirror:
    """One repository's mirror at `path`. `url` is needed only to fetch; `roots`: where local repositories may lie."""

    def __init__(
        self, path: Path, url: str = "", *, roots: Sequence[Path] = (), credentials: Credentials | None = None
    ) -> None:
        self.path, self.url = path, url
        self._roots, self._credentials = tuple(roots), credentials

    @classmethod
    def clone(
        cls,
        url: str,
        path: Path,
        *,
        credentials: Credentials | None = None,
        timeout: timedelta = FETCH,
        roots: Sequence[Path] = (),
    ) -> "Mirror":
        """Mirror a repository at `path`, or bring the mirror that is there up to date."""
        address.checked(url, roots)
        mirror = cls(path, url, roots=roots, credentials=credentials)
        mirror.fetch(timeout)
        return mirror

    def fetch(self, timeout: timedelta = FETCH) -> None:
        """Bring the mirror up to date; make it first when it is missing, and anew when it is damaged."""
        source = address.checked(self.url or self._remembered(), self._roots)
        with self._alone(timeout):
            if self.path.exists():
                try:
                    self._fetch(self.path, source, timeout)
                    return self._suspect.unlink(missing_ok=True)
                except Refused as refused:
                    if refused.code is None or self._is_whole(self.path):  # the source is to blame, not the mirror
                        raise unavailable(refused, source, timeout) from None
            self._clone(source, timeout)
            self._suspect.unlink(missing_ok=True)

    def _remembered(self) -> str:
        with contextlib.suppress(Refused):
            return run(self.path, ["config", "--get", "remote.origin.url"]).decode().strip()
        raise Error(Code.UNAVAILABLE, f"there is no mirror at {self.path} yet; sync the repository first")

    def _clone(self, source: str, timeout: timedelta) -> None:
        """Make the mirror beside its place and put it there when it is whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".mirror-") as folder:
            made, old = Path(folder) / "new", Path(folder) / "old"
            try:
                run(made, ["init", "-q", "--bare", "--template=", "--", str(made)])
                run(made, ["config", "remote.origin.url", source])
                self._fetch(made, source, timeout)
            except Refused as refused:
                raise unavailable(refused, source, timeout) from None
            if self.path.exists():
                self.path.rename(old)
            made.rename(self.path)

    def _fetch(self, at: Path, source: str, timeout: timedelta) -> None:
        """Fetch what the source has, unless the mirror has exactly that."""
        with access(source, self._credentials) as (env, config):
            asked = ["ls-remote", "--symref", "--", source, "HEAD", "refs/heads/*", "refs/tags/*"]
            listed = history.listed(run(at, asked, timeout=timeout, config=config, env=env))
            if HEAD not in listed.refs:
                raise Error(Code.UNAVAILABLE, f"{address.shown(source)} has no commit yet; push one and sync again")
            if listed == self._held(at) and not self._suspect.exists():
                return
            what = ["--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--quiet"]
            run(at, ["fetch", *what, "--", source, *_REFSPECS], timeout=timeout, config=config, env=env)
        if listed.branch:
            run(at, ["symbolic-ref", "HEAD", listed.branch])
        if not self._is_whole(at):
            raise Refused(1, "objects are missing")

    def _held(self, at: Path) -> history.Listed:
        kinds = ("refs/heads", "refs/tags", HEAD)
        return history.held(run(at, ["for-each-ref", "--format=%(HEAD) %(objectname) %(refname)", *kinds]))

    @property
    def _suspect(self) -> Path:
        """A mark that reading failed: the next fetch looks closely."""
        return self.path.with_name(self.path.name + ".suspect")

    def _is_whole(self, at: Path) -> bool:
        """Say whether every file of the head is there."""
        try:
            run(at, ["ls-tree", "-r", "-l", HEAD])
        except Refused:
            return False
        return True

    @contextlib.contextmanager
    def _alone(self, timeout: timedelta) -> Iterator[None]:
        """Hold the mirror's lock file, which dies with its process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(self.path.name + ".lock").open("w") as lock:
            waited = stopwatch()
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if waited() > timeout:
                        said = f"another worker is fetching {address.shown(self.url)}; try again in a minute"
                        raise Error(Code.UNAVAILABLE, said, permanent=False) from None
                    time.sleep(0.05)
            yield

    def _run(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        try:
            return run(self.path, arguments, stdin=stdin)
        except Refused as refused:
            with contextlib.suppress(OSError):
                self._suspect.touch()
            said = f"the mirror of {self._name} cannot be read; sync the repository again"
            raise Error(Code.UNAVAILABLE, said, refused.said, permanent=False) from None

    @property
    def _name(self) -> str:
        with contextlib.suppress(Error):
            return address.short(self.url or self._remembered())
        return self.path.name

    @property
    def default_branch(self) -> str:
        return self._run("symbolic-ref", "--short", "HEAD").decode("utf-8", "replace").strip()

    def head(self) -> Commit:
        """Return the newest commit of the default branch, as of the last fetch."""
        return self._log("--max-count=1", HEAD, "--")[0]

    def resolve(self, text: str) -> str:
        """Return the full sha of a branch, a tag or a commit; raise NOT_FOUND or, for what can be none, INVALID."""
        if not text or len(text) > 250 or _NO_REVISION.search(text):
            raise Error(Code.INVALID, f"{quoted(text)} cannot be a revision; give a branch, a tag or a commit")
        try:
            name = HEAD if text == "HEAD" else text
            found = run(self.path, ["rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"])
        except Refused:
            raise self._unknown(text) from None
        return found.decode().strip()

    def _unknown(self, text: str) -> Error:
        listed = self._run("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", "refs/tags")
        hint = did_you_mean(text, listed.decode("utf-8", "replace").split("\n"))
        hint = hint or "give a branch, a tag or a commit, or sync the repository first"
        return Error(Code.NOT_FOUND, f"there is no revision {quoted(text)} in {self._name}; {hint}")

    def read(self, sha: str, path: str) -> bytes | None:
        """Return a file's bytes, None when there is no such file (a link is none). INVALID above 1 MiB."""
        if path.startswith("/") or ".." in path.split("/"):
            return None
        for file in self._tree(sha, "--", path):
            if file.path == path:
                if file.size > MAX_FILE:
                    raise Error(Code.INVALID, f"{path} has {file.size / MAX_FILE:.0f} MiB; at most 1 MiB is read")
                return self._run("cat-file", "blob", file.oid)
        return None

    def files(self, sha: str, names: Collection[str], limit: int = 50) -> dict[str, bytes | None]:
        """Return every file of one of those names, the root's first; None for one that is too large."""
        found = [file for file in self._tree(sha, "-r") if PurePosixPath(file.path).name in names]
        found = sorted(found, key=lambda file: (file.path.count("/"), file.path))[:limit]
        small = [file for file in found if file.size <= MAX_FILE]
        contents = dict(zip((file.path for file in small), self.blobs([file.oid for file in small]), strict=True))
        return {file.path: contents.get(file.path) for file in found}

    def _tree(self, sha: str, *what: str) -> list[_File]:
        recursive, paths = [part for part in what if part == "-r"], what[what.index("--") :] if "--" in what else ()
        listed = self._run("ls-tree", "-l", "-z", "--full-tree", *recursive, _full(sha), *paths)
        files = []
        for entry in listed.decode("utf-8", "replace").split("\0")[:-1]:
            about, _, path = entry.partition("\t")
            mode, _kind, oid, size = about.split()
            if mode in ("100644", "100755", "100664"):
                files.append(_File(mode, oid, int(size), path))
        return files

    def listing(self, sha: str) -> list[tuple[str, str, int]]:
        """Return the path, the object id and the size of every regular file; links and submodules are none."""
        return [(file.path, file.oid, file.size) for file in self._tree(sha, "-r")]

    def blobs(self, oids: Sequence[str]) -> list[bytes]:
        """Return what the objects hold, in the order asked, by one process. The caller minds the sizes."""
        out, blobs, at = self._run("cat-file", "--batch", stdin="".join(oid + "\n" for oid in oids).encode()), [], 0
        for _ in oids:
            end = out.index(b"\n", at)
            size = int(out[at:end].split()[2])
            blobs.append(out[end + 1 : end + 1 + size])
            at = end + size + 2
        return blobs

    def commits(self, base: str | None, head: str, limit: int = 200) -> list[Commit]:
        """Return what `head` has and `base` has not, newest first, with the lines changed in each file."""
        since = ["^" + _full(base)] if base else []
        how = ("--numstat", "-M", "--no-ext-diff", "--no-textconv", f"--max-count={limit}")
        return self._log(*how, _full(head), *since, "--")

    def _log(self, *arguments: str) -> list[Commit]:
        return history.commits(self._run("log", "-z", f"--format={history.FORMAT}", *arguments))

    def is_ancestor(self, old: str, new: str) -> bool:
        """Say whether `new` was built upon `old` (or is the same)."""
        try:
            run(self.path, ["merge-base", "--is-ancestor", _full(old), _full(new)])
        except Refused as refused:
            if refused.code == 1:
                return False
            raise self._unknown(old) from None
        return True

    def export(self, sha: str, folder: Path) -> None:
        """Put the files of a commit into `folder`, all or none; INVALID when a link leads out of it.

        Submodules stay empty folders, and nothing of git's own is there. CONFLICT when the folder exists.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as temporary:
            tree = Path(temporary) / "tree"
            tree.mkdir()
            env = {"GIT_INDEX_FILE": str(Path(temporary) / "index"), "GIT_WORK_TREE": str(tree)}
            try:
                run(self.path, ["read-tree", _full(sha)], env=env, config=["core.bare=false"])
                checkout = ["checkout-index", "--all", "--quiet"]
                run(self.path, checkout, env=env, config=["core.bare=false"], timeout=FETCH)
            except Refused as refused:
                raise _not_exported(refused, sha) from None
            _refuse_links_out_of(tree)
            try:
                tree.rename(folder)
            except OSError:
                raise Error(Code.CONFLICT, f"{folder} is there already; remove it first") from None


def _full(sha: str) -> str:
    if not _SHA.fullmatch(sha):
        raise Error(Code.INVALID, f"{quoted(sha)} is no full commit id; resolve it first")
    return sha


def _not_exported(refused: Refused, sha: str) -> Error:
    if "No space left" in refused.said:
        return Error(Code.UNAVAILABLE, "the disk of the portal is full; make room and try again", refused.said)
    return Error(Code.UNAVAILABLE, f"the files of {sha[:10]} cannot be checked out", refused.said)


def _refuse_links_out_of(tree: Path) -> None:
    root = os.path.realpath(tree)
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            if os.path.islink(path) and not os.path.realpath(path).startswith(root + os.sep):
                said = f"{os.path.relpath(path, tree)} is a link that leads out of the repository; remove it"
                raise Error(Code.INVALID, said, f"to {os.readlink(path)}")
