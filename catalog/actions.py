"""What can be done with the catalog: take a repository in, read it again, let it go.

Reading never loses anything in silence: an entity that is broken now keeps its last good self and is marked stale, one
that no file describes any more is kept for a time of grace, and everything that changes is a fact in the same
transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from catalog import address, entitystore, forges, store, whole
from catalog.documents import Origin
from catalog.entities import Entity
from catalog.entitystore import Held
from catalog.faults import OWNER_FORM
from catalog.git import Credentials, Mirror
from catalog.gitaccess import Network
from catalog.history import Commit
from catalog.places import Problem
from catalog.ports import UNUSED, Uses
from catalog.reading import Reading, read
from catalog.store import Repository
from catalog.trees import MirrorTree
from catalog.validate import BlockReader
from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error

LOOKED = timedelta(minutes=10)  # how old the word of the last look may become
MAX_FACTS = 20  # new problems told one by one; the rest is on the page
ACTOR = "catalog"


def no_credentials(_url: str) -> Credentials | None:
    return None


@dataclass(frozen=True)
class Synced:
    """What a sync found. `error` is a sentence when the repository could not be read; what is known stays.

    `elsewhere`: repositories that its Locations name, and that are not read yet.
    """

    head_moved: bool
    problems: int
    error: str = ""
    elsewhere: tuple[str, ...] = ()
    stored: bool = False  # it was read and written, which a new commit is one reason for


def mirror(repository_id: int, mirrors: Path) -> Mirror:
    """Return a repository's mirror, as of its last sync."""
    return Mirror(mirrors / str(repository_id))


def register(
    database: Database,
    url: str,
    actor: str,
    at: datetime,
    *,
    mirrors: Path,
    allow_local: bool,
    listed_by: int | None = None,
) -> int:
    """Take a repository in and return its id; one that is known already is only found. Nothing is read yet.

    The address of a file at its forge stands for its repository, and has that file read besides the usual ones.
    """
    named = forges.split(url.strip())
    url = address.checked(named.repository, _roots(allow_local))
    if address.has_secret(url):
        said = "keep the token out of the address, where everybody can read it; give the portal credentials instead"
        raise Error(Code.INVALID, said)
    if url.startswith("/") and Path(url).is_relative_to(mirrors.resolve()):
        raise Error(Code.INVALID, f"{url} is the portal's own mirror; register the repository that it mirrors")
    paths = [named.path] if named.path else []
    with database.write() as session:
        there = next((one for one in store.repositories(session) if forges.same(one.url, url)), None)
        if there is not None:
            more = [path for path in paths if path not in there.paths]
            if more:
                store.say(session, there.id, paths=[*there.paths, *more], again=True)
            store.say(session, there.id, asked_at=at)
            return there.id
        made = store.add_repository(session, url, address.short(url)[:200], at, paths=paths, listed_by=listed_by)
        events.record(session, "repository.registered", f"repository:{made}", actor, at, {"url": url})
    return made


def unregister(database: Database, repository_id: int, actor: str, at: datetime, uses: Uses) -> None:
    """Let a repository go, and what it describes with it; CONFLICT while something of it is in use."""
    with database.write() as session:
        found = store.repository(session, repository_id, lock=True)
        if found is None:
            raise Error(Code.NOT_FOUND, f"there is no repository {repository_id}")
        refs = sorted(entitystore.held(session, repository_id))
        used = uses.of(session, refs)
        if used:
            reasons = [f"{ref} {used[ref]}" for ref in sorted(used)]
            raise Error(Code.CONFLICT, f"{found.name} cannot be let go while it is in use", reasons=reasons)
        store.ask_again(session, refs)
        entitystore.forget(session, refs)
        store.remove_repository(session, repository_id)
        said = {"url": found.url, "entities": len(refs)}
        events.record(session, "repository.let_go", f"repository:{repository_id}", actor, at, said)
    whole.check(database, at, uses)


def _roots(allow_local: bool) -> Sequence[Path]:
    return (Path("/"),) if allow_local else ()


def ask(database: Database, repository_id: int, at: datetime) -> None:
    """Note that somebody wants a repository read, so that pages can say that it waits."""
    with database.write() as session:
        store.say(session, repository_id, asked_at=at)


def sync(
    database: Database,
    repository_id: int,
    at: datetime,
    *,
    mirrors: Path,
    blocks: Mapping[str, BlockReader] | None = None,
    credentials: Callable[[str], Credentials | None] = no_credentials,
    network: Network | None = None,
    uses: Uses = UNUSED,
    check: bool = True,
) -> Synced:
    """Fetch a repository and store what its catalog files say. An unchanged head writes nothing.

    `check`: look through the whole catalog afterwards; without it, call `whole.check` soon.
    """
    with database.read() as session:
        before = store.repository(session, repository_id)
        problems = store.problem_number(session, repository_id)
    if before is None:
        raise Error(Code.NOT_FOUND, f"there is no repository {repository_id}; register it first")
    try:
        fetched = _fetch(database, before, reached(before, mirrors, credentials, network))
        head = fetched.head()
        if (before.head, before.error, before.again) == (head.sha, "", False):
            _looked(database, before, at)
            return Synced(head_moved=False, problems=problems)
        _doing(database, before, "reading its files")
        found = read(MirrorTree(fetched, head.sha), blocks or {}, before.paths, home=before.url)
        if fetched.is_shallow and any("deploy" in entity.spec for entity in found.entities):
            _doing(database, before, "fetching its history")
            fetched.deepen()
        branch = fetched.default_branch
    except Error as error:
        _unreadable(database, before, error, at)
        return Synced(head_moved=False, problems=problems, error=error.message)
    with database.write() as session:
        now = store.repository(session, before.id, lock=True)
        if now is None or (now.head, now.error, now.again) != (before.head, before.error, before.again):
            return Synced(head_moved=False, problems=problems)  # another worker was first
        number = _store(session, now, branch, head, found, at)
        known = [one.url for one in store.repositories(session)]
    if check:
        whole.check(database, at, uses)
    new = [
        one.url
        for one in found.elsewhere
        if not any(forges.same(forges.split(one.url).repository, url) for url in known)
    ]
    return Synced(before.head != head.sha, number, elsewhere=tuple(dict.fromkeys(new)), stored=True)


def reached(
    known: Repository,
    mirrors: Path,
    credentials: Callable[[str], Credentials | None] = no_credentials,
    network: Network | None = None,
) -> Mirror:
    """Return a repository's mirror with what it takes to fetch more into it."""
    # A local repository was allowed when it was registered.
    roots = _roots(known.url.startswith("/"))
    return Mirror(mirrors / str(known.id), known.url, roots=roots, credentials=credentials(known.url), network=network)


def _fetch(database: Database, known: Repository, there: Mirror) -> Mirror:
    """Fetch the newest; of a repository that deploys nothing only the last commit is kept."""
    _doing(database, known, "fetching")
    there.fetch(depth=1 if not there.path.exists() or there.is_shallow else None)
    return there


def _doing(database: Database, known: Repository, what: str) -> None:
    """Say what a read is at, where somebody waits for it."""
    if known.waits:
        with database.write() as session:
            store.say(session, known.id, doing=what)


def _looked(database: Database, known: Repository, at: datetime) -> None:
    """Say that nothing has changed: at once where somebody waits for it, else now and then."""
    if known.waits or known.doing or known.looked_at is None or at - known.looked_at > LOOKED:
        with database.write() as session:
            store.say(session, known.id, looked_at=at, doing="")


def _unreadable(database: Database, known: Repository, error: Error, at: datetime) -> None:
    """Say why a repository cannot be read; once, not at every poll."""
    if known.error == error.message:
        return _looked(database, known, at)
    with database.write() as session:
        store.say(session, known.id, error=error.message, looked_at=at, doing="")
        said = {"error": error.message}
        events.record(session, "catalog.unreachable", f"repository:{known.id}", ACTOR, at, said)


def _store(session: Session, before: Repository, branch: str, head: Commit, found: Reading, at: datetime) -> int:
    refs = {str(entity.ref) for entity in found.entities}
    elsewhere = entitystore.held_elsewhere(session, before.id, refs)
    taken = {ref: holder for ref, holder in elsewhere.items() if holder.removed_at is None}
    good = [entity for entity in found.entities if str(entity.ref) not in taken]
    conflicts = [_taken(entity, taken[str(entity.ref)]) for entity in found.entities if str(entity.ref) in taken]
    held = entitystore.held(session, before.id)
    missing = held.keys() - {str(entity.ref) for entity in good}
    broken = {str(ref) for ref in found.broken}
    kept = {ref for ref in missing if ref in broken or held[ref].path in found.doubtful}
    fading = {ref for ref in kept if held[ref].stale_since is None and held[ref].removed_at is None}
    gone = {ref for ref in missing - kept if held[ref].removed_at is None}

    origin = Origin(before.url, branch)
    put = entitystore.put(session, before.id, origin, head.sha, good, found.owner_sources, {**elsewhere, **held}, at)
    entitystore.mark_stale(session, fading, head.sha, at)
    entitystore.mark_removed(session, gone, head.sha, at)
    store.ask_again(session, gone)  # whoever lost the name may have it now
    # Whom an odd owner means is told by the look at the whole catalog, which knows everybody's other names.
    told = [problem for problem in found.problems if problem.code != OWNER_FORM]
    problems = sorted([*told, *conflicts], key=lambda problem: problem.place)
    new = store.put_problems(session, before.id, problems, at)
    store.say_head(session, before.id, branch, head, at)
    tell = partial(events.record, session, subject=f"repository:{before.id}", actor=ACTOR, at=at)
    tell("catalog.synced", data={"head": head.sha, "subject": head.subject, "entities": len(good)})
    for ref in sorted(put.moved):
        tell("catalog.moved", data={"ref": ref, "from": put.moved[ref], "head": head.sha}, service=ref)
    for ref in sorted(fading):
        tell("catalog.stale", data={"ref": ref, "head": head.sha}, service=ref)
    for ref in sorted(gone):
        tell("catalog.removed", data={"ref": ref, "head": head.sha}, service=ref)
    for problem in new[:MAX_FACTS]:
        said = {"problem": str(problem), "code": problem.code, "severity": problem.severity}
        tell("catalog.problem", data=said, service=problem.entity[:200] or None)
    return len(problems)


def _taken(entity: Entity, holder: Held) -> Problem:
    said = (
        f"name: {entity.ref} is described in {holder.repository} already ({holder.path}:{holder.line}), which keeps it"
    )
    return Problem(entity.place, "conflict", said, "give one of them another name", entity=str(entity.ref))


def forget_removed(database: Database, before: datetime, at: datetime, uses: Uses) -> int:
    """Forget what was removed before that moment, unless it is in use; return how many were forgotten."""
    with database.write() as session:
        old = [one.ref for one in entitystore.removed(session, before)]
        used = uses.of(session, old)
        refs = [ref for ref in old if ref not in used]
        store.ask_again(session, refs)
        entitystore.forget(session, refs)
        for ref in refs:
            events.record(session, "catalog.forgotten", ref, ACTOR, at, {"ref": ref}, service=ref)
    if refs:
        whole.check(database, at, uses)
    return len(refs)
