"""What a change of one repository would do to the whole catalog: asked of the portal, and nothing is stored by it.

The repository's files are read as they are now and as they would be, from its mirror or from what somebody sends.
"""

from dataclasses import replace
from typing import Any

from catalog import forges, others, query, simulated
from catalog.entities import Entity
from catalog.git import Mirror
from catalog.places import Problem, did_you_mean, quoted
from catalog.reading import Reading, read
from catalog.simulate import simulate
from catalog.store import Repository
from catalog.trees import MirrorTree, Tree
from ledger.errors import Code, Error
from pipelines import query as deploys
from pipelines import spec
from portal import wiring
from portal.blocks import BLOCKS
from portal.services import Services


def known(services: Services) -> list[Repository]:
    with services.database.read() as session:
        return query.repositories(session)


def find(services: Services, told: str) -> Repository:
    """Return the repository of that id, name or address. Raises Error(NOT_FOUND)."""
    there = known(services)
    named = [one for one in there if told in (str(one.id), one.name) or forges.same(one.url, told)]
    short = [one for one in there if one.name.rpartition("/")[2] == told]
    found = named or short
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"{one.id} ({one.url})" for one in found)
        raise Error(Code.INVALID, f"several repositories are called {quoted(told)}: {ids}; name one by its id")
    hint = did_you_mean(told, [one.name for one in there]) or "register it, or name one that is registered"
    raise Error(Code.NOT_FOUND, f"there is no repository {quoted(told)}; {hint}")


def at_revision(services: Services, repository: Repository, revision: str) -> dict[str, Any]:
    """Simulate that its default branch were at that branch, tag or commit.

    A commit that is there is read at once. All else is fetched first, since a branch may have moved; that is a sync
    like any other, of what the default branch says now.
    """
    mirror = services.mirror(repository)
    sha = _there(mirror, revision)
    if sha != revision:
        wiring.sync(services, repository.id, services.clock())
        repository = find(services, str(repository.id))
        if repository.error:
            raise Error(Code.UNAVAILABLE, f"{repository.name} cannot be fetched now: {repository.error}")
        if mirror.is_shallow:  # only the newest commit of the default branch is there
            mirror.deepen()
        sha = mirror.resolve(revision)
    return _told(services, repository, MirrorTree(mirror, sha), sha)


def _there(mirror: Mirror, revision: str) -> str:
    """Return the commit as far as it has been fetched; raise INVALID for what can be no revision."""
    try:
        return mirror.resolve(revision)
    except Error as error:
        if error.code is Code.INVALID:
            raise
        return ""


def of_files(services: Services, repository: Repository, files: Tree) -> dict[str, Any]:
    """Simulate that these were its files."""
    return _told(services, repository, files, "")


def _told(services: Services, repository: Repository, tree: Tree, sha: str) -> dict[str, Any]:
    before, after = _before(services, repository), _read(tree, repository)
    refs = [str(entity.ref) for entity in before.entities]
    with services.database.read() as session:
        live: dict[str, dict[str, str]] = {}
        for (ref, environment), summary in deploys.summaries(session, refs).items():
            if summary.live:
                live.setdefault(ref, {})[environment] = f"release {summary.live.release}"
        rest = replace(others.rest(session, repository.id, refs), live=live)
    found = simulate(before, after, rest, _undeployable)
    return simulated.told(found, repository.name, sha, repository.head or "")


def _before(services: Services, repository: Repository) -> Reading:
    """Return what it says at the commit that the catalog shows; nothing when it was never read."""
    if repository.head is None:
        return Reading()
    return _read(MirrorTree(wiring.mirror(services.config, repository.id), repository.head), repository)


def _read(tree: Tree, repository: Repository) -> Reading:
    return read(tree, BLOCKS, repository.paths, home=repository.url)


def _undeployable(entity: Entity) -> list[Problem]:
    return list(spec.problems(entity.document))
