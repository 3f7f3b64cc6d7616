"""The default branch's own line of commits: what of it does not serve yet, and what is built upon what serves."""

from collections.abc import Sequence

from catalog import gitcommand
from catalog.git import Mirror
from catalog.gitcommand import Refused
from ledger.errors import Code, Error

MOST_COMMITS = 200  # that wait to go out and are looked at


def waiting(mirror: Mirror, base: str | None) -> tuple[Sequence[str], frozenset[str]]:
    """Return the commits that `base` has not, newest first, and those of them that contain `base`.

    A merge counts as one commit: what was on its branch has never been the default branch's state by itself.
    """
    head = mirror.resolve("HEAD")
    count = f"--max-count={MOST_COMMITS}"
    if base is None:
        line = _revisions(mirror, "--first-parent", count, head)
        return line, frozenset(line)
    if not _is_there(mirror, base):  # the branch was pushed anew
        return _revisions(mirror, "--first-parent", count, head), frozenset()
    line = _revisions(mirror, "--first-parent", count, head, f"^{base}")
    return line, frozenset(_revisions(mirror, "--ancestry-path", head, f"^{base}") if line else ())


def _is_there(mirror: Mirror, revision: str) -> bool:
    try:
        return mirror.is_ancestor(revision, revision)
    except Error as error:
        if error.code is Code.NOT_FOUND:
            return False
        raise


def _revisions(mirror: Mirror, *arguments: str) -> Sequence[str]:
    try:
        return gitcommand.run(mirror.path, ["rev-list", *arguments, "--"]).decode().split()
    except Refused as refused:
        said = "the commits that wait to go out cannot be read; sync the repository again"
        raise Error(Code.UNAVAILABLE, said, refused.said, permanent=False) from None
