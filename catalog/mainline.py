"""The commits of a branch itself: a merge counts as one, with all that it brought. Reads a mirror, changes nothing."""

from catalog import history
from catalog.git import Commit, Mirror
from catalog.gitcommand import Refused, run
from ledger.errors import Code, Error


def mainline(mirror: Mirror, base: str, head: str, limit: int) -> list[Commit]:
    """Return the newest commits, up to `limit`, that `head` has and `base` has not, first parents only, oldest first.

    Both are full commit ids. Raises Error(NOT_FOUND) when the mirror lacks one of them.
    """
    shas = [mirror.resolve(head), "^" + mirror.resolve(base)]
    how = ("--first-parent", "-m", "--numstat", "-M", "--no-ext-diff", "--no-textconv", f"--max-count={limit}")
    try:
        said = run(mirror.path, ["log", "-z", f"--format={history.FORMAT}", *how, *shas, "--"])
    except Refused as refused:
        sentence = "the mirror cannot be read; sync the repository again"
        raise Error(Code.UNAVAILABLE, sentence, refused.said, permanent=False) from None
    return history.commits(said)[::-1]
