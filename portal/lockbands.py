"""What a lock does to a service's page: its band says it first, and the button to deploy stays, off, with the reason.

Read models in, words out. Going back is never kept from anybody.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipelines.locks import Lock
from portal import render
from portal.bands import Band
from portal.render import Times

MOST = 2  # of several locks that the band tells; the card tells all
Naming = Callable[[str], str]  # how a sentence names whoever set it


def band(of: Band, found: Sequence[Lock], naming: Naming, times: Times) -> Band:
    """Return the band with what is locked: before what is well, and beside what is in trouble or moves."""
    if not found:
        return of
    hard = [one for one in found if one.hard]
    told = " ".join(_told(one, naming, times) for one in (hard or found)[:MOST])
    if hard and of.kind in ("good", ""):
        word = f"Locked, {of.word[:1].lower()}{of.word[1:]}"
        return replace(of, kind="warn", icon="pause", word=word, text=f"{told} {of.text}".strip())
    return replace(of, text=f"{of.text} {told}".strip())


def refusal(found: Sequence[Lock], naming: Naming, times: Times) -> str:
    """Return why nothing may go out, and who can change that; empty where nothing is locked."""
    hard = [one for one in found if one.hard]
    if not hard:
        return ""
    first, more = hard[0], f", and {render.counted(len(hard) - 1, 'more lock')}" if len(hard) > 1 else ""
    owner = naming(first.owner)
    who = f"{owner}, the owning team" if first.service else owner
    return f"Locked by {owner} {_until(first, times)}{more}. {render.sentence(f'{who} or an admin can lift it')}"


def _told(lock: Lock, naming: Naming, times: Times) -> str:
    scope = f"{lock.scope[:1].upper()}{lock.scope[1:]}"
    state = "is locked" if lock.hard else "has a warning"
    return f"{scope} {state} by {naming(lock.owner)} {_until(lock, times)}: {lock.reason.rstrip('. ')}."


def _until(lock: Lock, times: Times) -> str:
    return f"until {times.moment(lock.expires_at)}" if lock.expires_at else "until somebody lifts it"
