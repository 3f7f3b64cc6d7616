"""Patterns for paths: `*` and `?` inside a name, `**` for any number of folders.

Matching takes at most as many steps as the pattern's length times the path's, whatever the pattern, and goes no deeper
than one call. Which spellings of a pattern there are is for the callers to know.
"""

from collections.abc import Callable, Sequence
from enum import Enum


class Sign(Enum):
    MANY = "*"  # any number of characters in a name; among names, any number of folders
    ONE = "?"


Name = str | tuple[str | Sign, ...]  # a literal name, or its characters and signs
Step = Name | Sign  # MANY stands for folders
MANY, ONE = Sign.MANY, Sign.ONE
ANY: Name = (MANY,)  # one name, whatever it is


def name(text: str, *, escapes: bool = False) -> Name:
    r"""Read a pattern for one name; with `escapes`, a character after `\` is meant as it is.

    >>> name("catalog-info.yaml"), name("a?")
    ('catalog-info.yaml', ('a', <Sign.ONE: '?'>))
    """
    signs: list[str | Sign] = []
    at = 0
    while at < len(text):
        if escapes and text[at] == "\\" and at + 1 < len(text):
            at += 1
            signs.append(text[at])
        elif text[at] == "*":
            if signs[-1:] != [MANY]:
                signs.append(MANY)
        else:
            signs.append(ONE if text[at] == "?" else text[at])
        at += 1
    literal = [sign for sign in signs if isinstance(sign, str)]
    return "".join(literal) if len(literal) == len(signs) else tuple(signs)


def needle(pattern: Sequence[Step]) -> str:
    """Return the longest text that every path that fits has in it: looking for that first is quick.

    >>> needle((MANY, name("*-info.y?ml")))
    '-info.y'
    """
    found = [step for step in pattern if isinstance(step, str)]
    for step in pattern:
        if isinstance(step, tuple):
            found += "".join(sign if isinstance(sign, str) else "\0" for sign in step).split("\0")
    return max(found, key=len, default="")


def matches(pattern: Sequence[Step], path: str, *, hidden: bool = True) -> bool:
    """Say whether the whole path fits. Without `hidden`, signs stand for no name that begins with a dot.

    >>> matches((MANY, name("*.yaml")), "services/ledger/entity.yaml")
    True
    """

    def fits(step: Step, part: str) -> bool:
        if isinstance(step, str):
            return step == part
        if isinstance(step, Sign) or (not hidden and part.startswith(".") and step[:1] != (".",)):
            return False
        return _wild(step, part, _same, _anything)

    def may_skip(part: str) -> bool:
        return hidden or not part.startswith(".")

    return _wild(pattern, path.split("/"), fits, may_skip)


def _same(sign: Step, character: str) -> bool:
    return sign is ONE or sign == character


def _anything(_: str) -> bool:
    return True


def _wild(
    pattern: Sequence[Step], items: Sequence[str], fits: Callable[[Step, str], bool], may_skip: Callable[[str], bool]
) -> bool:
    """Match with one way back: what stands before the last MANY matched as early as it could, so it stays."""
    step = at = 0
    back, tried = -1, 0
    while at < len(items):
        if step < len(pattern) and pattern[step] is MANY:
            back, tried = step, at
            step += 1
        elif step < len(pattern) and fits(pattern[step], items[at]):
            step, at = step + 1, at + 1
        elif back >= 0 and may_skip(items[tried]):
            tried += 1
            step, at = back + 1, tried
        else:
            return False
    return all(rest is MANY for rest in pattern[step:])
