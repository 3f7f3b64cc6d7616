"""Which files a Location names: other files of its repository, and addresses of other repositories.

A target that cannot be found or followed is a problem of the Location alone; what its other targets found still counts.
Links, other schemes than https and everything outside the repository are refused.
"""

import bisect
import itertools
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from catalog import globs
from catalog.entities import Entity
from catalog.places import Path, Place, Problem, did_you_mean, quoted

MAX_TARGETS = 500  # of one Location
MAX_SPELLINGS = 100  # of one target with {a,b}
MAX_WORK = 2_000_000  # files compared with a pattern, for a whole repository; some seconds
_TARGET = 1_000  # what looking up one target is worth, in such steps

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_ONLY_URL = 'leave the type out, or write "url"'
_REFUSED_TYPES = {  # type -> why, and what to do
    "file": ("a Location that is read from a repository cannot name files of the portal's machine", _ONLY_URL),
    "http": ('an address of type "http" is not protected', _ONLY_URL),
    "https": ('the type of an address is "url"', _ONLY_URL),
}

Here = Callable[[str], str | None]  # an address -> the path in this repository, None when it is another's


@dataclass(frozen=True)
class Elsewhere:
    """A target in another repository."""

    url: str
    place: Place
    entity: str


@dataclass(frozen=True)
class Targets:
    """What one Location names. `paths` are files that are there, each with the place that names it."""

    paths: tuple[tuple[str, Place], ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    problems: tuple[Problem, ...] = ()


class Files:
    """The paths of a repository, what stands there and is not read, and how much may still be looked for."""

    def __init__(self, paths: Iterable[str], left_out: Mapping[str, str] = MappingProxyType({})) -> None:
        self.paths = sorted(paths)
        self.left_out = left_out
        self._known = frozenset(self.paths)
        self.left = MAX_WORK

    def __contains__(self, path: object) -> bool:
        return path in self._known

    def why_not(self, path: str) -> str:
        """Say why there is no such file: a link, or in a folder that is one; nothing when nothing stands there."""
        steps = path.split("/")
        above = ("/".join(steps[:end]) for end in range(len(steps), 0, -1))
        return next((self.left_out[one] for one in above if one in self.left_out), "")

    def has_folder(self, path: str) -> bool:
        prefix = path.rstrip("/") + "/"
        at = bisect.bisect_left(self.paths, prefix)
        return at < len(self.paths) and self.paths[at].startswith(prefix)

    def fitting(self, path: str) -> list[str]:
        """Return the file of that name; when there is none, those that fit it as a pattern.

        >>> Files(["a/x.yaml", "b/.y.yaml", "b/y.yaml", "c/z.yaml"]).fitting("{a,b}/*.yaml")
        ['a/x.yaml', 'b/y.yaml']
        """
        self.left -= _TARGET
        if path in self._known:
            return [path]
        if not _is_pattern(path):
            return []
        found: set[str] = set()
        for spelling in spelt(path):
            if self.left <= 0:
                break
            steps = [globs.MANY if part == "**" else globs.name(part) for part in spelling.split("/")]
            below = self._below(steps)
            self.left -= len(below)
            needle = globs.needle(steps)
            found.update(file for file in below if needle in file and globs.matches(steps, file, hidden=False))
        return sorted(found)

    def _below(self, steps: Sequence[globs.Step]) -> Sequence[str]:
        """Return the paths in the folder that a pattern begins with."""
        folder = "".join(f"{step}/" for step in itertools.takewhile(lambda step: isinstance(step, str), steps[:-1]))
        start = bisect.bisect_left(self.paths, folder)
        end = bisect.bisect_left(self.paths, folder + "\U0010ffff") if folder else len(self.paths)
        return self.paths[start:end]


def targets(location: Entity, file: str, files: Files, here: Here) -> Targets:
    """Resolve what a Location that stands in `file` names among the files of its repository."""
    found = _Found(location, file, files, here)
    refused = _type(location)
    if refused:
        return Targets(problems=(refused,))
    said = list(_said(location))
    for path, target in said[:MAX_TARGETS]:
        found.target(target, location.document.place(path, key=True))
    if len(said) > MAX_TARGETS:
        place = location.document.place(said[MAX_TARGETS][0], key=True)
        found.problem(place, f"only the first {MAX_TARGETS} targets are read", "write several Locations, or a pattern")
    return Targets(tuple(found.paths.items()), tuple(found.elsewhere), tuple(found.problems))


def _said(location: Entity) -> Iterator[tuple[Path, str]]:
    one, many = location.spec.get("target"), location.spec.get("targets")
    if isinstance(one, str):
        yield ("spec", "target"), one
    for number, target in enumerate(many if isinstance(many, list | tuple) else ()):
        if isinstance(target, str):
            yield ("spec", "targets", number), target


def _type(location: Entity) -> Problem | None:
    said = location.spec.get("type", "url")
    if said == "url":
        return None
    place = location.document.place(("spec", "type"), key=True)
    unknown = f"{quoted(said)} is not read here", "name files, or addresses of files in other repositories"
    why, hint = _REFUSED_TYPES.get(said if isinstance(said, str) else "", unknown)
    return Problem(place, "location", f"type: {why}", hint, entity=str(location.ref))


class _Found:
    def __init__(self, location: Entity, file: str, files: Files, here: Here) -> None:
        self.location, self.file, self.files, self.here = location, file, files, here
        self.required = location.spec.get("presence") != "optional"
        self.paths: dict[str, Place] = {}
        self.elsewhere: list[Elsewhere] = []
        self.problems: list[Problem] = []

    def problem(self, place: Place, message: str, hint: str) -> None:
        self.problems.append(Problem(place, "location", f"target: {message}", hint, entity=str(self.location.ref)))

    def target(self, target: str, place: Place) -> None:
        bare = re.sub(r"[\x00-\x20\x7f]", "", target)  # as a browser reads an address
        scheme = _SCHEME.match(bare)
        if scheme:
            return self._address(bare, scheme[1].lower(), target, place)
        path = inside(self.file, target)
        if path is None:
            said = f"{quoted(target)} leads out of the repository"
            return self.problem(place, said, "write the https:// address of a file in the other repository")
        self._path(path, target, place)

    def _address(self, url: str, scheme: str, target: str, place: Place) -> None:
        if scheme != "https":
            hint = "write a path in this repository or an https:// address"
            return self.problem(place, f"{quoted(target)} is not followed", hint)
        why = unfit(url)
        if why:
            return self.problem(place, f"{quoted(target)} {why}", "write the address of the file's page at its forge")
        path = self.here(url)
        if path is None:
            self.elsewhere.append(Elsewhere(url, place, str(self.location.ref)))
        else:
            self._path(path, target, place)

    def _path(self, path: str, target: str, place: Place) -> None:
        if self.files.left <= 0:
            return self.problem(place, "there is too much to look for in this repository", "write fewer patterns")
        found = self.files.fitting(path)
        if not found and self.required:
            return self._missing(path, quoted(target), place)
        for file in found:
            self.paths.setdefault(file, place)

    def _missing(self, path: str, named: str, place: Place) -> None:
        why = self.files.why_not(path)
        if why:
            return self.problem(place, f"{named} is not read: {why}", "name the file itself")
        if path == "." or self.files.has_folder(path):
            folder = "" if path == "." else "/" + path
            return self.problem(place, f"{named} is a folder", f'write "{folder}/**/catalog-info.yaml"')
        if _is_pattern(path):
            return self.problem(place, f"{named} fits no file", 'presence: "optional" lets a target be missing')
        near = self.files.paths if len(self.files.paths) <= 1000 and len(self.problems) < 10 else ()
        root = "/" if "/" in self.file else ""
        hint = did_you_mean(root + path, [root + file for file in near])
        hint = hint or 'presence: "optional" lets a target be missing'
        self.problem(place, f"there is no file {named}", hint)


def unfit(url: str) -> str:
    """Say why an https address cannot be followed; nothing when it can."""
    try:
        parts = urlsplit(url)
        if parts.password or parts.username:
            return "holds a user or a password, which everybody could read"
        if parts.hostname and (parts.port is None or parts.port > 0) and len(url) <= 2000:
            return ""
    except ValueError:
        pass
    return "is no address"


def inside(file: str, target: str) -> str | None:
    """Return the path that `target` means in `file`, None when it leads out of the repository.

    >>> inside("deep/catalog-info.yaml", "../api.yaml"), inside("catalog-info.yaml", "../x"), inside("a/b", "/x/./y")
    ('api.yaml', None, 'x/y')
    """
    folder = "" if target.startswith("/") else posixpath.dirname(file)
    path = posixpath.normpath(posixpath.join(folder, target.lstrip("/")))
    return None if path == ".." or path.startswith(("../", "/")) else path


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?{")


def spelt(path: str) -> list[str]:
    """Write out every `{a,b}`, inner ones first.

    >>> spelt("x/{a,{b,c}}.yaml")
    ['x/a.yaml', 'x/b.yaml', 'x/c.yaml']
    """
    done: list[str] = []
    waiting = [path]
    while waiting and len(done) + len(waiting) <= MAX_SPELLINGS:
        text = waiting.pop(0)
        braces = _BRACES.search(text)
        if braces:
            waiting += [text[: braces.start()] + choice + text[braces.end() :] for choice in braces[1].split(",")]
        elif text not in done:
            done.append(text)
    return sorted(done)
