"""Whom an owner's text means: a reference first, then another name, then what Backstage would guess. Pure.

Also how references are said in sentences: `group:default/payments` is team payments.
"""

import re
from dataclasses import dataclass

from catalog.groups import Claim, Directory
from catalog.places import did_you_mean, quoted

WORDS = {"group": "team", "user": "person"}  # what people call them
NAMED = 8  # names in one sentence
_LINE = re.compile(r"(.*CODEOWNERS):(\d+)")


@dataclass(frozen=True)
class Found:
    """`how` is exactly, alias (by another name), guess, or unknown: then `ref` is as it was said."""

    ref: str
    how: str


def names_owner(claim: Claim) -> bool:
    return bool(claim.owner_text.strip())


def find(claim: Claim, known: Directory) -> Found:
    """Return whom the claim names. Texts are compared in lower case."""
    ref, text = (claim.owner_ref or "").lower(), claim.owner_text.strip().lower()
    if not text or _is_known(ref, known):
        return Found(ref if text else "", "exactly")
    for name in _other_names(text):
        if _is_known(known.aliases.get(name, ""), known):
            return Found(known.aliases[name], "alias")
        if name in known.contested:
            return Found(ref, "unknown")
    namespace = claim.ref.partition(":")[2].partition("/")[0] or "default"
    for guess in guesses(text):
        for at in (namespace, "default"):
            if _is_known(guess.format(at), known):
                return Found(guess.format(at), "guess")
    return Found(ref, "unknown")


def _is_known(ref: str, known: Directory) -> bool:
    return ref in known.groups or ref in known.people or ref in known.gone


def _other_names(text: str) -> list[str]:
    """Return under which names to look: a team's slug stands with and without its @."""
    if "/" not in text:
        return [text]
    bare = text.removeprefix("@")
    return [bare, "@" + bare]


def guesses(word: str) -> tuple[str, ...]:
    """Return what Backstage takes a word of a CODEOWNERS file for, its namespace left open.

    A mail is a group's name to Backstage; a person of that name is looked for after it.

    >>> guesses("@acme/payments"), guesses("@alice"), guesses("bob@example.org")
    (('group:{}/payments',), ('user:{}/alice',), ('group:{}/bob', 'user:{}/bob'))
    """
    if re.search(r"[{}\s]", word):
        return ()
    if word.startswith("@"):
        return (f"group:{{}}/{word.rpartition('/')[2]}",) if "/" in word else (f"user:{{}}/{word[1:]}",)
    mail = re.fullmatch(r"([^@/:]+)@[^@/]*\.[^@/]*", word)
    return (f"group:{{}}/{mail[1]}", f"user:{{}}/{mail[1]}") if mail else ()


# --- when nobody is meant ---------------------------------------------------------------------------------------------


def unknown(claim: Claim, known: Directory) -> str:
    """Say that this owner is not known; no full stop."""
    kind, _, name = (claim.owner_ref or f"group:default/{claim.owner_text}").partition(":")
    if kind not in WORDS:
        return f"{quoted(claim.owner_text)} is of kind {kind}; only a group or a user can own"
    several = _contested(claim, known)
    if several:
        return f"{quoted(claim.owner_text)} is another name of {listed([short(ref) for ref in several])}"
    return f"no {WORDS[kind]} {quoted(claim.owner_text if '@' in claim.owner_text else name.removeprefix('default/'))}"


def _contested(claim: Claim, known: Directory) -> tuple[str, ...]:
    names = _other_names(claim.owner_text.strip().lower())
    return next((known.contested[name] for name in names if name in known.contested), ())


def hint(claim: Claim, known: Directory) -> str:
    """Return what was probably meant, or what to do."""
    if _contested(claim, known):
        return "name the one that is meant"
    word = claim.owner_text if "@" in claim.owner_text else (claim.owner_ref or claim.owner_text)
    if word not in known.hints:
        known.hints[word] = _hint(word, known)
    return known.hints[word]


def _hint(word: str, known: Directory) -> str:
    """Look for a namesake (`owner: alice` is a person and needs `user:alice`), then for what is spelt alike."""
    kind, _, name = word.partition(":")
    if "@" not in word and kind not in WORDS:
        return "write group:name or user:name"
    namesake = f"{'group' if kind == 'user' else 'user'}:{name}"
    if namesake in known.groups or namesake in known.people:
        return f'did you mean "{namesake.replace(":default/", ":")}"?'
    described = known.people if kind == "user" else known.groups
    names = known.aliases if "@" in word else [ref.partition(":")[2].removeprefix("default/") for ref in described]
    looked_for = word if "@" in word else name.removeprefix("default/")
    return did_you_mean(looked_for, names) or "describe it in a catalog-info.yaml"


# --- how things are said ----------------------------------------------------------------------------------------------


def short(ref: str) -> str:
    """Write a reference as people say it.

    >>> short("group:default/payments"), short("component:shop/checkout")
    ('team payments', 'component shop/checkout')
    """
    kind, _, name = ref.partition(":")
    return f"{WORDS.get(kind, kind)} {name.removeprefix('default/')}"


def where(source: str) -> str:
    """Write where an owner is named.

    >>> where(".github/CODEOWNERS:12"), where("catalog-info.yaml")
    ('.github/CODEOWNERS line 12', 'catalog-info.yaml')
    """
    line = line_of(source)
    return f"{line[0]} line {line[1]}" if line else source


def line_of(source: str) -> tuple[str, int] | None:
    """Return file and line of an owner that stands in a CODEOWNERS file, None for any other."""
    found = _LINE.fullmatch(source)
    return (found[1], int(found[2])) if found else None


def listed(names: list[str]) -> str:
    """Join names as people do, the first few of many.

    >>> listed(["Alice", "Bob"]), listed(["Alice"] * 10)[-16:]
    ('Alice and Bob', 'Alice and 2 more')
    """
    shown = names if len(names) <= NAMED else [*names[:NAMED], f"{len(names) - NAMED} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
