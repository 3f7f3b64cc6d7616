"""What a page says of an entity in one breath: the band at its top, the notes below it, and who would feel it.

Read models in, words out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.browsing import Gone
from catalog.git import Commit
from catalog.graph import Radius
from catalog.ownership import OWNED
from catalog.places import Place
from catalog.query import EntityPage
from portal import render
from portal.bands import Band
from portal.render import Times

KINDS = {"api": "API", "airesource": "AI resource"}


@dataclass(frozen=True)
class Rival:
    """Another file with the same name, and the commit that it is still so at (`head`).

    `url`: its page at its forge, or that of its repository here.
    """

    place: Place
    repository: str
    url: str
    since: datetime
    head: str | None = None
    subject: str = ""


@dataclass(frozen=True)
class Behind:
    """What lies behind a state. `broke`: the commit since which a file cannot be used; `left`: that took the owner."""

    rivals: Sequence[Rival] = ()
    broke: Commit | None = None
    gone: Gone | None = None
    left: Commit | None = None
    owner_url: str = ""


def kind(word: str) -> str:
    """Write a kind as people do.

    >>> kind("api"), kind("component")
    ('API', 'Component')
    """
    return KINDS.get(word, word.capitalize())


def states(page: EntityPage, until: datetime | None, times: Times, behind: Behind) -> list[Band]:
    """Return what is wrong with an entity, worst first. `until`: when what was removed is forgotten."""
    about = page.about
    found = []
    if about.removed_at is not None:
        found.append(_removed(page, until, times))
    if about.stale_since is not None:
        found.append(_stale(page, times, behind.broke))
    if behind.rivals:
        found.append(_conflict(page, behind.rivals, times))
    if about.kind in OWNED and not page.owner.people:
        found.append(_nobody(page, times, behind))
    return found


def _removed(page: EntityPage, until: datetime | None, times: Times) -> Band:
    about = page.about
    since = f" since commit {render.revision(about.removed_revision or '')}" if about.removed_revision else ""
    at = f", {times.moment(about.removed_at)}" if about.removed_at else ""
    text = f"{about.place.path} of {page.repository} does not describe it{since}{at}."
    if until is not None:
        text += f" What was known is kept until {times.moment(until)}, and longer while it is in use."
    return Band("warn", "gap", "Removed", f"No file describes {about.name} any more.", text)


def _stale(page: EntityPage, times: Times, broke: Commit | None) -> Band:
    about = page.about
    since = times.moment(about.stale_since) if about.stale_since else ""
    commit = f" with {_commit(about.stale_revision, broke)}" if about.stale_revision else ""
    text = (
        f"{about.place.path} of {page.repository} broke {since}{commit}. Until it is mended, what stood in it at "
        f"{render.revision(about.revision)} stays in use."
    )
    return Band("warn", "wait", "Stale", f"What you see of {about.name} is older than its file.", text)


def _commit(sha: str, known: Commit | None) -> str:
    """Write `commit 1b74247, “Change the hours” by Jonas Weber`."""
    if known is None:
        return f"commit {render.revision(sha)}"
    by = f" by {known.author}" if known.author else ""
    return f"commit {render.revision(sha)}, “{known.subject}”{by}"


def _conflict(page: EntityPage, rivals: Sequence[Rival], times: Times) -> Band:
    also = "; ".join(_rival(one, times) for one in rivals[:3])
    more = f" and {len(rivals) - 3} more" if len(rivals) > 3 else ""
    count = "Two files" if len(rivals) == 1 else f"{len(rivals) + 1} files"
    text = (
        f"{page.repository} was first and keeps it. Also claimed by {also}{more}. Give one of them another name, "
        "and both are here."
    )
    links = tuple((_words(one), one.url) for one in rivals[:3] if one.url)
    return Band("warn", "swap", "Conflict", f"{count} claim the name {page.about.name}.", text, links)


def _words(one: Rival) -> str:
    return f"The repository {one.repository}" if one.url.startswith("/") else f"The file of {one.repository}"


def _rival(one: Rival, times: Times) -> str:
    still = f", still at commit {render.revision(one.head)}" if one.head else ""
    subject = f" “{one.subject}”" if one.head and one.subject else ""
    return f"{one.repository}, {one.place.path}:{one.place.line}, since {times.moment(one.since)}{still}{subject}"


def _nobody(page: EntityPage, times: Times, behind: Behind) -> Band:
    about, owner, wrong = page.about, page.owner, page.chain.problem
    links = ((f"What {owner.title} was" if behind.gone else f"The page of {owner.title}", behind.owner_url),)
    if not owner.ref:
        text = f"{about.place.path} names no owner, and nothing that it is part of does. Add spec.owner."
    elif (gone := behind.gone) is not None:
        commit = f", by {_commit(gone.revision, behind.left)} in {gone.repository}" if gone.revision else ""
        text = f"Its owner {owner.title}, {owner.provenance}, is gone since {times.moment(gone.at)}{commit}."
        text += " Name who answers now."
    else:
        text = f"Its owner is {owner.title}, {owner.provenance}, and that leads to no person."
        text += f" {render.sentence(wrong.message.rpartition('owner: ')[2])}" if wrong else ""
        text += f" {render.sentence(wrong.hint)}" if wrong and wrong.hint else ""
    return Band(
        "warn", "hand", "Nobody answers", f"Nobody answers for {about.name}.", text, links if behind.owner_url else ()
    )


def calm(page: EntityPage, radius: Radius) -> Band:
    """Say in one sentence what it is and whose, when nothing is wrong with it."""
    about = page.about
    word = f"{kind(about.kind)}, {about.type}" if about.type else kind(about.kind)
    if about.kind == "group":
        people = sum(1 for type_, _ in page.relations if type_ == "hasMember")
        below = sum(1 for type_, _ in page.relations if type_ == "parentOf")
        title = f"{about.title} has {render.counted(people, 'person', 'people') if people else 'nobody in it'}."
        text = f"{render.sentence(render.counted(below, 'team') + ' below it')}" if below else ""
        return Band("", "hand", word, title if people or not below else f"{about.title} is made of teams.", text)
    if about.kind == "user":
        teams = [page.titles.get(ref) or render.short_ref(ref) for type_, ref in page.relations if type_ == "memberOf"]
        where = f"is in {_and(teams)}" if teams else "is in no team"
        return Band("", "hand", word, f"{about.title} {where}.")
    if about.kind not in OWNED:
        return Band("", "box", word, f"{about.title}.", render.sentence(about.description))
    return Band("good", "ok", word, f"{about.title} belongs to {page.owner.title}.", felt(radius))


def _and(words: Sequence[str], most: int = 3) -> str:
    shown = list(words[:most])
    if len(words) > most:
        shown.append(f"{len(words) - most} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def felt(radius: Radius) -> str:
    """Say who would feel it if this broke.

    >>> felt(Radius(12, 3, {"system": 1}, frozenset({"group:default/a", "group:default/b"})))
    '12 services depend on it, 3 of them directly, and 1 system; 2 teams answer for them.'
    """
    others = [render.counted(count, word) for word, count in sorted(radius.others.items())]
    if not radius.services and not others:
        return "Nothing in the catalog depends on it."
    if radius.services:
        verb = "service depends on it" if radius.services == 1 else "services depend on it"
        direct = "" if radius.services == 1 else f", {render.number(radius.directly)} of them directly"
        direct = ", all of them directly" if radius.services == radius.directly > 1 else direct
        direct = direct if radius.directly or radius.services == 1 else ", none of them directly"
        said = f"{render.number(radius.services)} {verb}{direct}"
        said += f", and {_and(others)}" if others else ""
    else:
        said = f"{_and(others)} {'depends' if sum(radius.others.values()) == 1 else 'depend'} on it"
    count = len(radius.owners)
    word = "team" if all(ref.startswith("group:") for ref in radius.owners) else "owner"
    whose = f"; {render.counted(count, word)} {'answers' if count == 1 else 'answer'} for them" if count else ""
    return f"{said}{whose}."
