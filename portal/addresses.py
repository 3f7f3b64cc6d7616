"""A list of repositories as people write one: an address a line, or YAML with `repositories:`. Pure."""

import re

from catalog import yamlfile
from catalog.places import quoted
from ledger.errors import Code, Error

MOST = 1000  # addresses in one list
_YAML = re.compile(r"^(?:repositories|apiVersion)\s*:", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s)#.*")


def read(text: str, path: str = "the list") -> list[str]:
    """Return the addresses of a list, each once, in its order; INVALID when it is none.

    >>> read("https://example.org/a.git  # ours\\n\\n- https://example.org/b.git")
    ['https://example.org/a.git', 'https://example.org/b.git']
    >>> read("repositories: [https://example.org/a.git]")
    ['https://example.org/a.git']
    """
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    found = _from_yaml(text, path) if _YAML.search(text) else _from_lines(text)
    found = list(dict.fromkeys(found))
    if len(found) > MOST:
        raise Error(Code.INVALID, f"{path} names {len(found)} repositories; at most {MOST} are taken at once")
    return found


def _from_lines(text: str) -> list[str]:
    lines = (_COMMENT.sub("", line).strip() for line in text.splitlines())
    return [line.removeprefix("- ").strip() for line in lines if line and line != "-"]


def _from_yaml(text: str, path: str) -> list[str]:
    documents, problems = yamlfile.read(text, path)
    errors = [str(problem) for problem in problems if problem.severity == "error"]
    if errors or len(documents) != 1:
        raise Error(Code.INVALID, f"{path} cannot be read; mend it and try again", reasons=errors)
    named = documents[0].data.get("repositories")
    if not isinstance(named, list):
        raise Error(Code.INVALID, f"{path} has no list of `repositories`; write one address an entry")
    return [_address(entry, path) for entry in named]


def _address(entry: object, path: str) -> str:
    address = entry.get("url") if isinstance(entry, dict) else entry
    if not isinstance(address, str) or not address.strip():
        raise Error(Code.INVALID, f"{path} names {quoted(entry)}, which is no address; write https://…")
    return address.strip()


def said(count: int, wrong: int) -> str:
    """Say what became of a list.

    >>> said(3, 1)
    '2 repositories taken in, 1 not'
    """
    taken = count - wrong
    text = f"{taken} {'repository' if taken == 1 else 'repositories'} taken in"
    return text + (f", {wrong} not" if wrong else "")
