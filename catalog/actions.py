"""What can be done with the catalog: take a repository in, and read it again.

Reading never loses anything in silence: an entity that is broken now keeps its last good self and is marked stale, and
everything that changes is a fact in the same transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath

from sqlalchemy.orm import Session

from catalog import address, store
from catalog.entities import Entity
from catalog.git import Credentials, Mirror
from catalog.history import Commit
from catalog.places import Place, Problem
from catalog.store import Repository
from catalog.validate import FILE, NOT_READ, BlockReader, Validated, validate
from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error

MAX_FILES = 50
MAX_FACTS = 20  # new problems told one by one; the rest is on the page
ACTOR = "catalog"


def no_credentials(_url: str) -> Credentials | None:
    return None


@dataclass(frozen=True)
class Synced:
    """What a sync found. `error` is a sentence when the repository could not be read; what is known stays."""

    head_moved: bool
    problems: int
    error: str = ""


def mirror(repository_id: int, mirrors: Path) -> Mirror:
    """Return a repository's mirror, as of its last sync."""
    return Mirror(mirrors / str(repository_id))


def register(database: Database, url: str, actor: str, at: datetime, *, mirrors: Path, allow_local: bool) -> int:
    """Take a repository in and return its id; one that is known already is only found. Nothing is read yet."""
    url = address.checked(url.strip(), _roots(allow_local))
    if address.has_secret(url):
        said = "keep the token out of the address, where everybody can read it; give the portal credentials instead"
        raise Error(Code.INVALID, said)
    if url.startswith("/") and Path(url).is_relative_to(mirrors.resolve()):
        raise Error(Code.INVALID, f"{url} is the portal's own mirror; register the repository that it mirrors")
    with database.write() as session:
        found = store.known(session, url)
        if found is not None:
            return found
        made = store.add_repository(session, url, address.short(url)[:200], at)
        events.record(session, "repository.registered", f"repository:{made}", actor, at, {"url": url})
    return made


def _roots(allow_local: bool) -> Sequence[Path]:
    return (Path("/"),) if allow_local else ()


def sync(
    database: Database,
    repository_id: int,
    at: datetime,
    *,
    mirrors: Path,
    blocks: Mapping[str, BlockReader] | None = None,
    credentials: Callable[[str], Credentials | None] = no_credentials,
) -> Synced:
    """Fetch a repository and store what its catalog files say. An unchanged head writes nothing."""
    with database.read() as session:
        before = store.repository(session, repository_id)
        problems = len(store.problems(session, repository_id))
    if before is None:
        raise Error(Code.NOT_FOUND, f"there is no repository {repository_id}; register it first")
    try:
        fetched = _fetch(before, mirrors, credentials)
        head = fetched.head()
        if (before.head, before.error, before.again) == (head.sha, "", False):
            return Synced(head_moved=False, problems=problems)
        found = _read(fetched, head, blocks or {})
        branch = fetched.default_branch
    except Error as error:
        _unreadable(database, before, error, at)
        return Synced(head_moved=False, problems=problems, error=error.message)
    with database.write() as session:
        if store.repository(session, before.id, lock=True) != before:
            return Synced(head_moved=False, problems=problems)  # another worker was first
        number = _store(session, before, branch, head, found, at)
    return Synced(head_moved=before.head != head.sha, problems=number)


def _fetch(known: Repository, mirrors: Path, credentials: Callable[[str], Credentials | None]) -> Mirror:
    # A local repository was allowed when it was registered.
    roots = _roots(known.url.startswith("/"))
    return Mirror.clone(known.url, mirrors / str(known.id), roots=roots, credentials=credentials(known.url))


def _unreadable(database: Database, known: Repository, error: Error, at: datetime) -> None:
    """Say why a repository cannot be read; once, not at every poll."""
    if known.error == error.message:
        return
    with database.write() as session:
        store.say_error(session, known.id, error.message)
        said = {"error": error.message}
        events.record(session, "catalog.unreachable", f"repository:{known.id}", ACTOR, at, said)


def _read(fetched: Mirror, head: Commit, blocks: Mapping[str, BlockReader]) -> "_Read":
    files = {
        path: text
        for path, text in fetched.files(head.sha, {FILE}, limit=10 * MAX_FILES).items()
        if not NOT_READ & {part.lower() for part in PurePosixPath(path).parts[:-1]}
    }
    problems = []
    if not files:
        said, hint = f"there is no {FILE} in this repository", "add one; examples/catalog-info.yaml shows how"
        problems.append(Problem(Place(FILE, 1, 1), "no-file", said, hint))
    for path in list(files)[MAX_FILES:]:
        said = f"only the first {MAX_FILES} files are read"
        problems.append(Problem(Place(path, 1, 1), "too-many-files", said, "describe several entities in one file"))
    for path, text in files.items():
        if text is None:
            problems.append(Problem(Place(path, 1, 1), "too-large", "the file is larger than 1 MiB", "split it"))
    small = {path: text for path, text in list(files.items())[:MAX_FILES] if text is not None}
    return _Read(validate(small, blocks), tuple(problems), frozenset(files))


@dataclass(frozen=True)
class _Read:
    validated: Validated
    more: tuple[Problem, ...]
    paths: frozenset[str]

    @property
    def doubtful(self) -> frozenset[str]:
        """Files of which not everything could be understood; what they once described is kept."""
        errors = [problem for problem in (*self.validated.problems, *self.more) if problem.severity == "error"]
        return frozenset(problem.place.path for problem in errors)


def _store(session: Session, before: Repository, branch: str, head: Commit, found: _Read, at: datetime) -> int:
    taken = store.held_elsewhere(session, before.id, {str(entity.ref) for entity in found.validated.entities})
    good = [entity for entity in found.validated.entities if str(entity.ref) not in taken]
    lost = [entity for entity in found.validated.entities if str(entity.ref) in taken]
    conflicts = [_taken(entity, taken[str(entity.ref)]) for entity in lost]
    held = store.held(session, before.id)
    missing = held.keys() - {str(entity.ref) for entity in good}
    broken = {str(ref) for ref in found.validated.broken}
    kept = {ref for ref in missing if ref in broken or held[ref].path in found.doubtful}

    store.put(session, before.id, head.sha, good)
    fading = {ref for ref in kept if held[ref].stale_since is None}
    store.mark_stale(session, fading, at)
    store.remove(session, missing - kept)
    problems = sorted([*found.validated.problems, *found.more, *conflicts], key=lambda problem: problem.place)
    new = store.put_problems(session, before.id, problems, at)
    store.say_head(session, before.id, branch, head, at)
    tell = partial(events.record, session, subject=f"repository:{before.id}", actor=ACTOR, at=at)
    tell("catalog.synced", data={"head": head.sha, "subject": head.subject, "entities": len(good)})
    for ref in sorted(fading):
        tell("catalog.stale", data={"ref": ref, "head": head.sha}, service=ref)
    for ref in sorted(missing - kept):
        tell("catalog.removed", data={"ref": ref, "head": head.sha}, service=ref)
    for problem in new[:MAX_FACTS]:
        said = {"problem": str(problem), "code": problem.code, "severity": problem.severity}
        tell("catalog.problem", data=said, service=problem.entity[:200] or None)
    return len(problems)


def _taken(entity: Entity, repository: str) -> Problem:
    said = f"name: {entity.ref} is described in the repository {repository} already"
    return Problem(entity.place, "conflict", said, "give one of them another name", entity=str(entity.ref))
