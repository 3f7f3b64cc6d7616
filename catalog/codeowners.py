"""Who owns a path, as a repository's CODEOWNERS says it. The last line that matches wins.

A line without an owner takes the ownership away, which is not the same as no line at all. Patterns mean what they mean
in .gitignore, but for `!`, `[ ]` and `\\#`, which GitHub refuses, and `docs/*`, which goes no deeper than `docs`.
GitLab's sections each have a say. Owners are kept as they are written; who that is, others know.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from catalog import globs
from catalog.places import Place, Problem, quoted

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")  # the first that is there counts
MAX_BYTES = 3 * 1024 * 1024  # GitHub reads no larger one
MAX_RULES = 20_000
MAX_PROBLEMS = 20

_SECTION = re.compile(r"\^?\[(?P<name>[^\]]+)\](?:\[\d+\])?(?P<owners>(?:\s.*)?)")
_WORD = re.compile(r"(?:\\.|[^\s\\]|\\$)+")
_OWNER = re.compile(r"@@?[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*|[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
_REFUSED = (  # what begins or holds it -> why
    (re.compile(r"!"), "a pattern cannot begin with “!”", "give the files that it excludes a line of their own below"),
    (re.compile(r"\\#"), "a “\\” does not make a pattern of a comment", "begin the pattern with ? or *"),
    (re.compile(r".*(?<!\\)[\[\]]"), "a pattern cannot have [ ]", "write one line for each, or use ?"),
)


@dataclass(frozen=True)
class Rule:
    """One line: a pattern and the words behind it, as they are written."""

    line: int
    pattern: tuple[globs.Step, ...]
    owners: tuple[str, ...]
    section: str = ""
    needle: str = ""

    def fits(self, path: str) -> bool:
        return self.needle in path and globs.matches(self.pattern, path)


@dataclass(frozen=True)
class Rules:
    path: str
    rules: tuple[Rule, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Owned:
    owners: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Unowned:
    """A line matches, and names nobody."""

    line: int


@dataclass(frozen=True)
class Unmatched:
    """No line says anything."""


Answer = Owned | Unowned | Unmatched


def owner_of(rules: Rules, path: str) -> Answer:
    """Say who owns a file.

    >>> owner_of(parse(b"*.yaml @acme/payments", "CODEOWNERS"), "deep/catalog-info.yaml")
    Owned(owners=('@acme/payments',), line=1)
    """
    said: dict[str, Rule] = {}
    sections = len({rule.section for rule in rules.rules})
    for rule in reversed(rules.rules):
        if rule.section not in said and rule.fits(path):
            said[rule.section] = rule
            if len(said) == sections:
                break
    found = sorted(said.values(), key=lambda rule: rule.line)
    naming = [rule for rule in found if rule.owners]
    if naming:
        return Owned(tuple(dict.fromkeys(owner for rule in naming for owner in rule.owners)), naming[0].line)
    return Unowned(found[-1].line) if found else Unmatched()


def parse(text: bytes | None, path: str) -> Rules:
    """Read a CODEOWNERS file; None stands for one that is too large.

    A line that cannot be used is a problem, and counts as if it were not there.
    """
    if text is None or len(text) > MAX_BYTES:
        said = "the file is larger than 3 MiB, so neither GitHub nor the portal reads it"
        return Rules(path, (), (Problem(Place(path, 1, 1), "codeowners", said, "write fewer patterns", "warning"),))
    reader = _Reader(path)
    lines = text.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    for number, line in enumerate(lines, 1):
        reader.line(line.rstrip("\r"), number)
    return Rules(path, tuple(reader.rules), tuple(reader.problems[:MAX_PROBLEMS]))


@dataclass
class _Reader:
    path: str
    rules: list[Rule] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    section: str = ""
    inherited: tuple[str, ...] = ()

    def line(self, line: str, number: int) -> None:
        words = list(_words(line))
        section = _SECTION.fullmatch(line.strip())
        if not words:
            return
        if section:
            self._section(section, line, number)
            return
        (column, pattern), owners = words[0], self._owners(words[1:], number)
        for refused, said, hint in _REFUSED:
            if refused.match(pattern):
                return self._problem(number, column, said, hint)
        if owners is None:
            return
        if len(self.rules) == MAX_RULES:
            return self._problem(number, column, f"only the first {MAX_RULES} lines are read", "write fewer patterns")
        steps = compiled(pattern)
        self.rules.append(Rule(number, steps, owners or self.inherited, self.section, globs.needle(steps)))

    def _section(self, found: re.Match[str], line: str, number: int) -> None:
        start = len(line) - len(line.lstrip()) + found.start("owners")
        words = [(start + column, word) for column, word in _words(found["owners"])]
        self.section = found["name"].strip().lower()
        self.inherited = self._owners(words, number) or ()

    def _owners(self, words: Sequence[tuple[int, str]], number: int) -> tuple[str, ...] | None:
        for column, word in words:
            if len(word) > 200 or not _OWNER.fullmatch(word):
                hint = "write @organization/team, @user or a mail address"
                self._problem(number, column, f"{quoted(word)} cannot be an owner", hint)
                return None
        return tuple(word for _, word in words)

    def _problem(self, number: int, column: int, said: str, hint: str) -> None:
        where = Place(self.path, number, column)
        self.problems.append(Problem(where, "codeowners", said + ", so this line is skipped", hint, "warning"))


def _words(line: str) -> Iterator[tuple[int, str]]:
    """Yield each word with its column; a space behind a backslash belongs to the word, and # begins a comment."""
    for found in _WORD.finditer(line):
        if found[0].startswith("#"):
            return
        yield found.start() + 1, found[0]


def compiled(pattern: str) -> tuple[globs.Step, ...]:
    """Read a pattern as .gitignore does: one without a slash fits in every folder, and a folder has what is below."""
    parts = pattern.split("/")
    below = parts[-1] == "" and len(parts) > 1
    if below:
        parts.pop()
    if len(parts) > 1 and parts[0] == "":
        parts = parts[1:]
    elif len(parts) == 1 and not (below and parts[0] == ""):
        parts = ["**", *parts]
    folders = [set(part) == {"*"} and len(part) > 1 for part in parts]
    steps: list[globs.Step] = [
        globs.MANY if is_deep else globs.name(part, escapes=True) for part, is_deep in zip(parts, folders, strict=True)
    ]
    if folders[-1]:
        steps.append(globs.ANY)  # `docs/**` is what is in docs, and not docs
    if below:
        return (*steps, globs.ANY, globs.MANY)
    return (*steps, globs.MANY) if parts[-1] != "*" else tuple(steps)
