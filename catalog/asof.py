"""Who owned it at a time or at a commit, read from git as it was then.

The entity's own repository is taken at that commit, or at the newest of its default branch not after that time; groups,
people, systems and domains are read where they are described, as of the same moment. What can no longer be told (a
history that begins later) is said.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

from catalog import history, ownership
from catalog.entities import Entity
from catalog.git import Mirror
from catalog.gitcommand import Refused, run
from catalog.groups import Claim, Directory
from catalog.history import HEAD, Commit
from catalog.naming import names_owner, short
from catalog.ownership import Chain
from catalog.places import did_you_mean, quoted
from catalog.reading import Reading, read
from catalog.trees import MirrorTree
from ledger.errors import Code, Error

PEOPLE = frozenset({"group", "user"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(rf"{_DATE.pattern}.*")


class Held(Protocol):
    """Which repository describes an entity now."""

    @property
    def ref(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def repository_id(self) -> int: ...


class Kept(Protocol):
    """A repository that is read."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def paths(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Used:
    """The commit at which a repository was read."""

    repository: str
    sha: str
    at: datetime
    subject: str


@dataclass(frozen=True)
class AsOf:
    """Who answered then. `notes` are sentences about what could not be looked at."""

    chain: Chain
    at: datetime
    commits: tuple[Used, ...]
    notes: tuple[str, ...] = ()


def moment(when: str, now: datetime) -> datetime | None:
    """Return the time that is meant, None when it is no time and so a commit. A day is meant with its end; UTC.

    >>> moment("2026-03-02", datetime(2027, 1, 1, tzinfo=UTC)).isoformat()
    '2026-03-02T23:59:59+00:00'
    """
    if not _TIME.fullmatch(when):
        return None
    try:
        found = datetime.fromisoformat(when)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        if _DATE.fullmatch(when):
            found = datetime.combine(found, time(23, 59, 59), UTC)
            found = min(found, now) if found - now < timedelta(days=1) else found
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        said = f"{quoted(when)} is no time; write 2026-03-02, 2026-03-02T14:30 or 2026-03-02T14:30+01:00"
        raise Error(Code.INVALID, said) from None
    if found > now:
        raise Error(Code.INVALID, f"{quoted(when)} lies ahead; ask for a time that is over, or leave it out")
    return found


def as_of(
    ref: str,
    when: str,
    held: Sequence[Held],
    repositories: Iterable[Kept],
    mirror: Callable[[int], Mirror],
    now: datetime,
) -> AsOf:
    """Return who answered for an entity at a time or a commit.

    NOT_FOUND where it did not exist then, or the history does not reach so far back; INVALID for what is neither a time
    nor a commit.
    """
    kept = {one.id: one for one in repositories}
    home = next((one.repository_id for one in held if one.ref == ref), None)
    if home is None or home not in kept:
        raise _nobody_knows(ref, held)
    at = moment(when, now)
    commit = _asked(mirror(home), when) if at is None else _newest_of(kept[home], mirror(home), at)
    past = _Past(at or commit.at, kept, mirror)
    past.read(home, commit)
    claim = past.claim(ref)
    if claim is None:
        raise _was_not(ref, kept[home].name, commit, past.readings[home])
    for repository in _holding(held, PEOPLE):
        past.look(repository)
    _climb(claim, past, held)
    return AsOf(ownership.chain(claim, past.directory()), past.at, tuple(past.used), tuple(past.notes))


def _nobody_knows(ref: str, held: Sequence[Held]) -> Error:
    kind = ref.partition(":")[0]
    hint = did_you_mean(ref, [one.ref for one in held if one.kind == kind]) or "its repository must be one that is read"
    return Error(Code.NOT_FOUND, f"the catalog has no {short(ref)}; {hint}")


def _was_not(ref: str, repository: str, commit: Commit, found: Reading) -> Error:
    at = f"{repository} at {commit.sha[:7]} ({commit.at:%Y-%m-%d %H:%M} UTC)"
    wrong = next((str(one) for one in found.problems if one.entity == ref and one.severity == "error"), "")
    if wrong:
        return Error(Code.NOT_FOUND, f"{short(ref)} could not be read in {at}: {wrong}; ask for an earlier time")
    return Error(Code.NOT_FOUND, f"there was no {short(ref)} in {at}; it was described later, or somewhere else before")


def _climb(claim: Claim, past: "_Past", held: Sequence[Held]) -> None:
    """Read what the entity is part of, upwards, until somebody names an owner: where it is now, then all the others."""
    seen = {claim.ref}
    while not names_owner(claim) and claim.part_of and claim.part_of not in seen:
        seen.add(claim.part_of)
        kind = claim.part_of.partition(":")[0]
        now_in = [one.repository_id for one in held if one.ref == claim.part_of]
        for repository in [*now_in, *_holding(held, {kind})]:
            if claim.part_of in past.entities:
                break
            past.look(repository)
        above = past.claim(claim.part_of)
        if above is None:
            return
        claim = above


def _holding(held: Sequence[Held], kinds: Iterable[str]) -> Iterator[int]:
    wanted = frozenset(kinds)
    yield from dict.fromkeys(one.repository_id for one in held if one.kind in wanted)


@dataclass
class _Past:
    """What has been read so far, as it was at one moment. The first repository that describes something keeps it."""

    at: datetime
    kept: dict[int, Kept]
    mirror: Callable[[int], Mirror]
    readings: dict[int, Reading] = field(default_factory=dict)
    entities: dict[str, Entity] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)  # which owners stand in CODEOWNERS, and where
    used: list[Used] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    looked_at: set[int] = field(default_factory=set)

    def look(self, repository: int) -> None:
        """Read a repository as it was then, once; what cannot be read is noted."""
        if repository in self.looked_at or repository not in self.kept:
            return
        self.looked_at.add(repository)
        try:
            self.read(repository, _newest_of(self.kept[repository], self.mirror(repository), self.at))
        except Error as error:
            self.notes.append(error.message)

    def read(self, repository: int, commit: Commit) -> None:
        kept = self.kept[repository]
        self.looked_at.add(repository)
        found = read(MirrorTree(self.mirror(repository), commit.sha), {}, kept.paths, home=kept.url)
        self.readings[repository] = found
        self.used.append(Used(kept.name, commit.sha, commit.at, commit.subject))
        for entity in found.entities:
            ref = str(entity.ref)
            if ref not in self.entities:
                self.entities[ref] = entity
                self.sources[ref] = found.owner_sources.get(ref, "")

    def claim(self, ref: str) -> Claim | None:
        return ownership.claim_of(self.entities[ref], self.sources[ref]) if ref in self.entities else None

    def directory(self) -> Directory:
        return ownership.directory_of(self.entities.values(), self.sources)


# --- commits ----------------------------------------------------------------------------------------------------------


def _asked(mirror: Mirror, text: str) -> Commit:
    """Return the commit that is meant; its history is fetched first where only the newest is here."""
    try:
        sha = mirror.resolve(text)
    except Error as error:
        if error.code is not Code.NOT_FOUND or not mirror.is_shallow:
            raise
        mirror.deepen()
        sha = mirror.resolve(text)
    return mirror.commits(None, sha, limit=1)[0]


def _newest_of(repository: Kept, mirror: Mirror, at: datetime) -> Commit:
    """Return what the default branch was at; what was merged later counts from its merge on."""
    head = mirror.head()
    if head.at <= at:
        return head
    if mirror.is_shallow:
        mirror.deepen()
    found = _log(mirror, f"--min-age={int(at.timestamp())}")
    if found:
        return found[0]
    first = _log(mirror, "--max-parents=0")
    begins = f"begins on {first[-1].at:%Y-%m-%d}" if first else "has no history here"
    said = f"{repository.name} {begins}, so nothing of it is known of {at:%Y-%m-%d %H:%M} UTC; ask for a later time"
    raise Error(Code.NOT_FOUND, said)


def _log(mirror: Mirror, which: str) -> list[Commit]:
    command = ["log", "-z", f"--format={history.FORMAT}", "--first-parent", "--max-count=1", which, HEAD, "--"]
    try:
        return history.commits(run(mirror.path, command))
    except Refused as refused:
        said = "the history of the repository cannot be read; sync it again"
        raise Error(Code.UNAVAILABLE, said, refused.said, permanent=False) from None
