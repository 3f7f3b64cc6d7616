"""A bare mirror of one repository: what is at which revision, what changed since, and a clean checkout.

Nothing that a repository holds is ever run, followed or trusted: links that leave the tree are refused, submodules are
not followed, revisions that look like options are refused. A mirror that is damaged is cloned anew.
"""

import contextlib
import fcntl
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from pathlib import Path, PurePosixPath

from catalog import address, gitexport, gitfetch, history, listing
from catalog.gitaccess import Credentials, Network, unavailable
from catalog.gitcommand import MAX_OUTPUT, Refused, TooLarge, run
from catalog.gitfetch import MOST, Source
from catalog.history import HEAD, Commit, FileChange
from catalog.listing import Listing
from catalog.places import did_you_mean, quoted
from ledger.clock import stopwatch
from ledger.errors import Code, Error

__all__ = ["Commit", "Credentials", "FileChange", "Mirror", "Network"]

FETCH = timedelta(seconds=60)
DEEPEN = timedelta(minutes=10)
MAX_FILE = 1024 * 1024  # bytes; more is never read into memory
AT_ONCE = 50  # files of that size that one git may write to us
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NO_REVISION = re.compile(r"[\x00-\x20\x7f:?*\[\\]|\.\.|^[-^]")


class Mirror:
    """One repository's mirror at `path`. `url` is needed only to fetch.

    `roots`: where local repositories may lie. `most`: bytes that the mirror may come to hold.
    """

    def __init__(
        self,
        path: Path,
        url: str = "",
        *,
        roots: Sequence[Path] = (),
        credentials: Credentials | None = None,
        network: Network | None = None,
        most: int = MOST,
    ) -> None:
        self.path, self.url = path, url
        self._roots, self._credentials, self._network, self._most = tuple(roots), credentials, network, most

    @classmethod
    def clone(
        cls,
        url: str,
        path: Path,
        *,
        depth: int | None = None,
        credentials: Credentials | None = None,
        network: Network | None = None,
        timeout: timedelta = FETCH,
        roots: Sequence[Path] = (),
        most: int = MOST,
    ) -> "Mirror":
        """Mirror a repository at `path`, or bring the mirror that is there up to date."""
        address.checked(url, roots)
        mirror = cls(path, url, roots=roots, credentials=credentials, network=network, most=most)
        mirror.fetch(timeout, depth=depth)
        return mirror

    def fetch(self, timeout: timedelta = FETCH, *, depth: int | None = None) -> None:
        """Bring the mirror up to date; make it first when it is missing, and anew when it is damaged.

        `depth=1` fetches the head of the default branch alone, where no more is there already; None fetches all
        branches and tags with their history.
        """
        url = address.checked(self.url or self._remembered(), self._roots)
        source = Source(url, self._credentials, self._network, timeout, self._most)
        with self._alone(timeout):
            is_there = self.path.exists() and not gitfetch.is_of_another(self.path, url)
            whole = depth is None or (is_there and gitfetch.is_whole(self.path))
            if is_there:
                try:
                    if not gitfetch.update(self.path, source, whole, self._suspect.exists()) or self._is_sound():
                        return self._suspect.unlink(missing_ok=True)
                except Refused as refused:
                    if refused.code is None or self._is_sound():  # the source is to blame, not the mirror
                        raise unavailable(refused, url, timeout) from None
            self._clone(source, whole)
            self._suspect.unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget the mirror; what is not there is no error."""
        with self._alone(FETCH):
            shutil.rmtree(self.path, ignore_errors=True)
            self._suspect.unlink(missing_ok=True)

    def deepen(self, timeout: timedelta = DEEPEN) -> None:
        """Bring the mirror up to date with all branches, tags and history."""
        self.fetch(timeout)

    @property
    def is_shallow(self) -> bool:
        """Say whether only the default branch's head is here."""
        return not gitfetch.is_whole(self.path)

    def _remembered(self) -> str:
        with contextlib.suppress(Refused):
            return run(self.path, ["config", "--get", "remote.origin.url"]).decode().strip()
        raise Error(Code.UNAVAILABLE, f"there is no mirror at {self.path} yet; sync the repository first")

    def _clone(self, source: Source, whole: bool) -> None:
        """Make the mirror beside its place and put it there when it is whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".mirror-") as folder:
            made, old = Path(folder) / "new", Path(folder) / "old"
            try:
                gitfetch.make(made, source.url)
                gitfetch.update(made, source, whole)
            except Refused as refused:
                raise unavailable(refused, source.url, source.timeout) from None
            if self.path.exists():
                self.path.rename(old)
            made.rename(self.path)

    @property
    def _suspect(self) -> Path:
        """A mark that reading failed: the next fetch looks closely."""
        return self.path.with_name(self.path.name + ".suspect")

    def _is_sound(self) -> bool:
        """Say whether the head and all that it names is there; after a failure to read, whether everything is."""
        look = ["fsck", "--full", "--no-dangling", "--no-progress"]
        try:
            run(self.path, look if self._suspect.exists() else ["rev-list", "--objects", "--quiet", "-1", HEAD])
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

    def _run(self, *arguments: str, stdin: bytes | None = None, most: int = MAX_OUTPUT) -> bytes:
        try:
            return run(self.path, arguments, stdin=stdin, most=most)
        except TooLarge as refused:
            said = f"{self._name} has more files than can be looked through; a repository of that size is not read"
            raise Error(Code.INVALID, said, refused.said) from None
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
        known = gitfetch.note(self.path)
        if known and known.branch:
            return known.branch
        return self._run("symbolic-ref", "--short", "HEAD").decode("utf-8", "replace").strip()

    def head(self) -> Commit:
        """Return the newest commit of the default branch, as of the last fetch."""
        known = gitfetch.note(self.path)
        return known.head if known else self._log("--max-count=1", HEAD, "--")[0]

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
        if (
            not path
            or path.startswith("/")
            or ".." in path.split("/")
            or listing.odd(path.encode("utf-8", "surrogatepass"))
        ):
            return None
        file = self._tree(sha, "--", path).files.get(path)
        if file is None:
            return None
        if file.size > MAX_FILE:
            raise Error(Code.INVALID, f"{path} has {file.size / MAX_FILE:.0f} MiB; at most 1 MiB is read")
        return self._run("cat-file", "blob", file.oid)

    def files(self, sha: str, names: Collection[str], limit: int = 50) -> dict[str, bytes | None]:
        """Return every file of one of those names, the root's first; None for one that is too large."""
        found = [file for file in self.tree(sha).files.values() if PurePosixPath(file.path).name in names]
        found = sorted(found, key=lambda file: (file.path.count("/"), file.path))[:limit]
        small = [file for file in found if file.size <= MAX_FILE]
        contents = dict(zip((file.path for file in small), self.blobs([file.oid for file in small]), strict=True))
        return {file.path: contents.get(file.path) for file in found}

    def tree(self, sha: str) -> Listing:
        """Return every file of a commit, and why what else stands there is not read."""
        return self._tree(sha, "-r")

    def _tree(self, sha: str, *what: str) -> Listing:
        """Run ls-tree; INVALID when there is more than anybody can look through."""
        options, paths = [part for part in what if part == "-r"], what[what.index("--") :] if "--" in what else ()
        command = ["ls-tree", "-l", "-z", "--full-tree", *options, _full(sha), *paths]
        listed = self._run(*command, most=listing.MAX_OUTPUT)
        try:
            return listing.read(listed)
        except listing.TooManyFiles:
            said = f"{self._name} has more than {listing.MAX_FILES} files; a repository of that size is not read"
            raise Error(Code.INVALID, said) from None

    def listing(self, sha: str) -> list[tuple[str, str, int]]:
        """Return the path, the object id and the size of every regular file; links and submodules are none."""
        return [(file.path, file.oid, file.size) for file in self.tree(sha).files.values()]

    def blobs(self, oids: Sequence[str]) -> list[bytes]:
        """Return what the objects hold, in the order asked. The caller minds the sizes: at most 1 MiB each."""
        found: list[bytes] = []
        for begin in range(0, len(oids), AT_ONCE):
            asked = "".join(f"{oid}\n" for oid in oids[begin : begin + AT_ONCE])
            found += listing.blobs(self._run("cat-file", "--batch", stdin=asked.encode()))
        return found

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
        gitexport.export(self.path, _full(sha), folder, FETCH)


def _full(sha: str) -> str:
    if not _SHA.fullmatch(sha):
        raise Error(Code.INVALID, f"{quoted(sha)} is no full commit id; resolve it first")
    return sha
