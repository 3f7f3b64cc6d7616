"""Everything that a repository says of itself at one revision: its catalog files, and what they name.

Locations lead to more files, placeholders are filled, and an owner that a file leaves out is looked up in CODEOWNERS.
Each document stands alone. Whatever a tree holds, the answer is entities and located problems, never an error.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import PurePosixPath

from catalog import codeowners, forges, locations, placeholders
from catalog.codeowners import Owned, Rules, Unowned
from catalog.entities import Entity
from catalog.locations import Elsewhere, Files
from catalog.places import Document, Mark, Place, Problem, quoted
from catalog.refs import Ref
from catalog.skeletons import softened
from catalog.supply import Supply
from catalog.trees import Tree
from catalog.validate import FILE, NOT_READ, BlockReader, validate

__all__ = ["Elsewhere", "Reading", "read", "read_only", "together"]

MAX_FILES = 500
MAX_BYTES = 64 * 1024 * 1024  # of all catalog files together
MAX_VALUES = 4_000_000  # in all documents together
MAX_DEPTH = 10  # steps from Location to Location
OWNED = frozenset(("Component", "API", "Resource", "System", "Domain", "AiResource", "Template"))

_AT_ONCE = 32  # files read by one call, so that they fit in memory


@dataclass(frozen=True)
class Reading:
    """What a repository says. `unread`: catalog files that are there and were left out, for there are too many."""

    entities: tuple[Entity, ...] = ()
    problems: tuple[Problem, ...] = ()
    broken: frozenset[Ref] = frozenset()
    paths: frozenset[str] = frozenset()
    elsewhere: tuple[Elsewhere, ...] = ()
    owner_sources: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    @property
    def doubtful(self) -> frozenset[str]:
        """Files of which not everything could be understood; what they once described is kept."""
        said = [problem for problem in self.problems if problem.code == "template" or problem.severity == "error"]
        unclear = [problem for problem in said if not problem.entity and problem.code != "no-file"]
        return frozenset(problem.place.path for problem in unclear) | self.unread


def read(
    tree: Tree,
    blocks: Mapping[str, BlockReader],
    more: Collection[str] = (),
    *,
    home: str = "",
    shown: Callable[[str], str] = str,
) -> Reading:
    """Read every catalog-info.yaml that describes what runs, `more` files or patterns, and what Locations name.

    `home` is the repository's address, by which an address in a file is known as its own. `shown` says how a path of
    the tree is written in the answer.
    """
    reader = _Reader(tree, blocks, home, shown)
    reader.read([*_usual(reader.files.paths), *reader.named(more)])
    for path in _usual(reader.files.left_out)[:MAX_FILES]:
        why = f"the file is not read: {reader.files.left_out[path]}"
        reader.problem(path, "not-read", why, "put the file itself there", "warning")
    if not reader.seen:
        said, hint = f"there is no {FILE} in this repository", "add one; examples/catalog-info.yaml shows how"
        reader.problem(FILE, "no-file", said, hint)
    return reader.reading()


def read_only(
    tree: Tree, blocks: Mapping[str, BlockReader], paths: Collection[str], *, shown: Callable[[str], str] = str
) -> Reading:
    """Read those files and what Locations in them name, and no other."""
    reader = _Reader(tree, blocks, "", shown)
    reader.read(paths)
    return reader.reading()


def together(readings: Iterable[Reading]) -> Reading:
    """Return what several readings say; a name that two of them claim is a conflict.

    What two of them have read at the same place is one and the same.
    """
    entities: dict[Ref, Entity] = {}
    whole = Reading()
    for reading in readings:
        conflicts = _claimed(entities, reading.entities)
        held = {str(entity.ref) for entity in reading.entities if entities[entity.ref] is entity}
        whole = Reading(
            tuple(entities.values()),
            tuple(sorted({*whole.problems, *reading.problems, *conflicts}, key=_place_first)),
            frozenset(ref for ref in whole.broken | reading.broken if ref not in entities),
            whole.paths | reading.paths,
            tuple(dict.fromkeys(whole.elsewhere + reading.elsewhere)),
            {**whole.owner_sources, **{ref: said for ref, said in reading.owner_sources.items() if ref in held}},
            whole.unread | reading.unread,
        )
    return whole


def _claimed(entities: dict[Ref, Entity], more: Iterable[Entity]) -> list[Problem]:
    """Add what claims a new name, and return a problem for each that claims one that is taken."""
    conflicts = []
    for entity in more:
        first = entities.setdefault(entity.ref, entity)
        if first.place != entity.place:
            said = f"name: {entity.ref} is described at {first.place} already"
            hint = "give one of them another name"
            conflicts.append(Problem(entity.place, "conflict", said, hint, entity=str(entity.ref)))
    return conflicts


def _place_first(problem: Problem) -> tuple[Place, str, str]:
    return problem.place, problem.code, problem.message


def _usual(paths: Iterable[str]) -> list[str]:
    """Return the catalog files, the root's first; below some folders they are only examples."""
    found = [path for path in paths if path.rpartition("/")[2] == FILE]
    real = [path for path in found if not NOT_READ & {part.lower() for part in PurePosixPath(path).parts[:-1]}]
    return sorted(real, key=lambda path: (path.count("/"), path))


class _Reader:
    def __init__(self, tree: Tree, blocks: Mapping[str, BlockReader], home: str, shown: Callable[[str], str]) -> None:
        self.tree, self.blocks, self.home, self.shown = tree, blocks, home, shown
        self.supply = Supply(tree, lambda path: self.files.why_not(path))
        self.seen: set[str] = set()
        self.unread: dict[str, None] = {}
        self.entities: dict[Ref, Entity] = {}
        self.problems: list[Problem] = []
        self.broken: set[Ref] = set()
        self.elsewhere: list[Elsewhere] = []
        self.sources: dict[Place, str] = {}  # where an entity's name stands -> who says its owner
        self.owners: dict[str, codeowners.Answer] = {}
        self.bytes = self.values = 0

    @cached_property
    def files(self) -> Files:
        """Every path there is: of a folder that takes time, and one file alone needs none of it."""
        return Files(self.tree.paths(), self.tree.left_out())

    def problem(self, path: str, code: str, said: str, hint: str, severity: str = "error") -> None:
        self.problems.append(Problem(Place(self.shown(path), 1, 1), code, said, hint, severity))

    def named(self, paths: Collection[str]) -> list[str]:
        found: list[str] = []
        for path in sorted(paths):
            fitting = self.files.fitting(path)
            found += fitting
            if not fitting:
                self.problem(
                    path, "no-file", f"there is no file {quoted(path)} in this repository", "give its new path"
                )
        return found

    def read(self, paths: Iterable[str]) -> None:
        """Read files, then what their Locations name, and so on."""
        named: Mapping[str, Place] = {}
        wanted = list(dict.fromkeys(paths))
        for _ in range(MAX_DEPTH + 1):
            found = [(path, entity) for path, text in self._texts(wanted) for entity in self._file(path, text)]
            named = self._named_by([(path, entity) for path, entity in found if entity.kind == "Location"])
            wanted = [path for path in named if path not in self.seen and path not in self.unread]
            if not wanted:
                break
        else:
            said = f"target: Locations that name Locations are followed {MAX_DEPTH} times and no further"
            self.problems.append(Problem(named[wanted[0]], "location", said, "name the files in fewer steps"))
        if self.unread:
            first, number = next(iter(self.unread)), len(self.unread)
            said = (
                f"only {MAX_FILES} files and {MAX_BYTES // 1024 // 1024} MiB are read; {number} are left out, from here"
            )
            self.problem(first, "too-many-files", said, "describe several entities in one file")
        self.unread.update(dict.fromkeys(wanted))

    def _texts(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        while paths:
            room = min(_AT_ONCE, MAX_FILES - len(self.seen)) if self.bytes < MAX_BYTES else 0
            if room <= 0:
                self.unread.update(dict.fromkeys(paths))
                return
            batch, paths = paths[:room], paths[room:]
            self.seen.update(batch)
            texts = self.tree.read(batch)
            for path in (path for path in batch if path not in texts):
                self.problem(path, "no-file", "there is no such file, or it cannot be read", "give its new path")
            self.supply.expect(path for file in texts for path in placeholders.named_in(texts[file] or b"", file))
            for path, text in texts.items():
                self.bytes += len(text or b"")
                if text is None:
                    self.problem(path, "too-large", "the file is larger than 1 MiB", "split it")
                else:
                    yield path, text

    def _file(self, path: str, text: bytes) -> Sequence[Entity]:
        found = validate({self.shown(path): text}, self.blocks, partial(self._prepare, path, placeholders.any_in(text)))
        self.problems += found.problems if found.broken else softened(found.problems, text)
        self.problems += _claimed(self.entities, found.entities)
        self.broken |= found.broken
        return found.entities

    def _named_by(self, found: Sequence[tuple[str, Entity]]) -> Mapping[str, Place]:
        named: dict[str, Place] = {}
        for path, entity in found:
            targets = locations.targets(entity, path, self.files, self._here)
            self.problems += targets.problems
            self.elsewhere += targets.elsewhere
            named.update((target, place) for target, place in targets.paths if target not in named)
        return named

    def _here(self, url: str) -> str | None:
        address = forges.split(url)
        return address.path if self.home and forges.same(address.repository, self.home) else None

    def _prepare(self, path: str, to_fill: bool, document: Document) -> tuple[Document, Sequence[Problem]]:
        self.values += document.size
        if self.values > MAX_VALUES:
            said = f"this repository's catalog files hold more than {MAX_VALUES} values"
            return document, (Problem(document.place(()), "too-large", said, "write less"),)
        problems: tuple[Problem, ...] = ()
        if to_fill:
            document, problems = placeholders.filled(document, path, self.supply.text, self._here)
        document, more = self._owned(path, document)
        return document, (*problems, *more)

    def _owned(self, path: str, document: Document) -> tuple[Document, Sequence[Problem]]:
        """Take the owner from CODEOWNERS when the document needs one and names none."""
        spec, kind = document.value(("spec",)), document.value(("kind",))
        if kind not in OWNED or not isinstance(spec, dict) or spec.get("owner") or not self._rules:
            return document, ()
        said, source = self._owner_of(path), self._rules.path
        name = document.place(("metadata", "name"), key=True)
        if isinstance(said, Owned):
            self.sources[name] = f"{source}:{said.line}"
            return _with_owner(document, said.owners[0]), ()
        if isinstance(said, Unowned):
            message = f"owner: {source}:{said.line} says that nobody owns this file"
            hint = "write spec.owner, or name an owner there"
            return document, (Problem(name, "unowned", message, hint, "warning"),)
        return document, ()

    @cached_property
    def _rules(self) -> Rules | None:
        texts = self.tree.read(codeowners.PLACES, codeowners.MAX_BYTES)
        path = next((path for path in codeowners.PLACES if path in texts), None)
        if path is None:
            return None
        rules = codeowners.parse(texts[path], self.shown(path))
        self.problems += rules.problems
        return rules

    def _owner_of(self, path: str) -> codeowners.Answer:
        if path not in self.owners:
            self.owners[path] = codeowners.owner_of(self._rules or Rules(""), path)
        return self.owners[path]

    def reading(self) -> Reading:
        entities = tuple(self.entities.values())
        return Reading(
            entities,
            tuple(sorted(self.problems, key=lambda problem: problem.place)),
            frozenset(self.broken - self.entities.keys()),
            frozenset(map(self.shown, self.seen)),
            tuple(self.elsewhere),
            {str(entity.ref): self.sources[entity.place] for entity in entities if entity.place in self.sources},
            frozenset(map(self.shown, self.unread)),
        )


def _with_owner(document: Document, owner: str) -> Document:
    """Return the document with an owner that its text does not name, not even as `owner: null`."""
    data = {**document.data, "spec": {**document.data["spec"], "owner": owner}}
    root = document.root
    if document.wrote(("spec", "owner")):
        root = _without(root, ("spec", "owner"))
    return replace(document, data=data, root=root)


def _without(mark: Mark, path: Sequence[str]) -> Mark:
    assert isinstance(mark.inside, dict)
    inside = {key: below for key, below in mark.inside.items() if key != path[0]}
    if len(path) > 1:
        inside[path[0]] = _without(mark.inside[path[0]], path[1:])
    return mark._replace(inside=inside)
