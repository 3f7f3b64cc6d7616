"""Which files with {{ }} in them are skeletons, from which others are made, and which are mistakes.

A skeleton describes nothing yet, and nobody needs to mend it. Values in, values out.
"""

import bisect
import re
from collections.abc import Sequence
from dataclasses import replace

from catalog.places import Problem

_NAME = re.compile(rb"\bname[\"']?:[ \t]*([^,\r\n]+)")


def softened(problems: Sequence[Problem], text: bytes) -> list[Problem]:
    """A skeleton with {{ }} is no mistake: one warning for the file says why it describes nothing."""
    if all(problem.code != "template" for problem in problems):
        return list(problems)
    lines = text.splitlines()
    starts = [0, *(number for number, line in enumerate(lines) if line.startswith(b"---"))]
    named = [_is_named(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    kept: list[Problem] = []
    skeletons: list[Problem] = []
    for problem in problems:
        document = bisect.bisect_left(starts, problem.place.line) - 1
        is_skeleton = problem.code == "template" and not named[document]
        (skeletons if is_skeleton else kept).append(problem)
    return [*(replace(problem, severity="warning") for problem in skeletons[:1]), *kept]


def _is_named(document: Sequence[bytes]) -> bool:
    """Say whether a document has a name of its own already; with {{ }} in it, it is a mistake and no skeleton."""
    names = [found[1] for line in document for found in _NAME.finditer(line)]
    return bool(names) and not any(b"{{" in name or b"{%" in name for name in names)
