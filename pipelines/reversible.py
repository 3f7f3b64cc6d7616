"""Can a change be taken back, and if not, why? Reads what migrations do, as far as text shows it. Pure.

Going back starts the old code on the new database. That works as long as a migration only adds; one that drops,
renames or rewrites takes away what the old code needs. Only the way forward is read, not a migration's own way back.
"""

import re
from collections.abc import Mapping, Sequence

from catalog import globs
from pipelines.change import touches

MOST_FILES = 20  # migrations of one change that are read
LARGEST = 200_000  # characters of one

# Where a file's own way back begins, in Alembic and Rails, goose, dbmate and sqlx.
_DOWN = re.compile(r"^\s*def (downgrade|down)\b|^--\s*(\+goose down|migrate:down|down\b)", re.IGNORECASE | re.MULTILINE)
_DOWN_FILE = re.compile(r"(^|[./_-])(down|rollback|undo)(\.|/|$)", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*(--|#|//)")

_TAKES_AWAY = (
    (r"\bDROP\s+TABLE\b|\bop\.drop_table\(|\bDeleteModel\(|\bdrop_table\b", "drops a table"),
    (r"\bDROP\s+COLUMN\b|\bop\.drop_column\(|\.drop_column\(|\bRemoveField\(|\bremove_column\b", "drops a column"),
    (r"\bDROP\s+(SCHEMA|DATABASE|TYPE|VIEW|SEQUENCE)\b", "drops what the old code may use"),
    (
        r"\bRENAME\s+(TO|COLUMN|TABLE)\b|\bop\.rename_table\(|\bnew_column_name\s*="
        r"|\bRename(Field|Model)\(|\brename_(column|table)\b",
        "renames what the old code uses",
    ),
    (
        r"\bALTER\s+COLUMN\b.*\bTYPE\b|\bMODIFY\s+COLUMN\b|\balter_column\(.*\btype_\s*=|\bchange_column\b",
        "changes the type of a column",
    ),
    (r"\bTRUNCATE\b|\bDELETE\s+FROM\b", "deletes rows"),
    (r"\bUPDATE\s+[\w.\"`\[\]]+\s+SET\b", "rewrites rows"),
    (r"\bSET\s+NOT\s+NULL\b|\balter_column\(.*\bnullable\s*=\s*False", "refuses rows as the old code writes them"),
)
_RULES = tuple((re.compile(pattern, re.IGNORECASE), what) for pattern, what in _TAKES_AWAY)


def migrations(paths: Sequence[str], reversible: Sequence[str]) -> Sequence[str]:
    """Return those of these paths that are worth reading: migrations forward that nobody has vouched for."""
    forward = [path for path in paths if touches([path]) == ("migration",) and not _DOWN_FILE.search(path)]
    return [path for path in forward if not _any(reversible, path)][:MOST_FILES]


def why_not(
    paths: Sequence[str], texts: Mapping[str, str], irreversible: Sequence[str] = (), reversible: Sequence[str] = ()
) -> str:
    """Return why the change cannot be taken back; empty when nothing speaks against it.

    `texts` are the migrations as the new revision has them. `irreversible` and `reversible` are the team's own globs,
    and go before what the text shows.

    >>> why_not(["migrations/7.sql"], {"migrations/7.sql": "ALTER TABLE orders DROP COLUMN note;"})
    'migrations/7.sql:1 drops a column'
    """
    for path in paths:
        if (glob := _any(irreversible, path)) and not _any(reversible, path):
            return f"{path} fits “{glob}”, which the catalog file calls irreversible"
    for path in migrations(paths, reversible):
        if found := _taken_away(texts.get(path, "")):
            return f"{path}:{found[0]} {found[1]}"
    return ""


def _taken_away(text: str) -> tuple[int, str] | None:
    """Return the first line that takes something away, and what it does."""
    text = text[:LARGEST]
    down = _DOWN.search(text)
    for number, line in enumerate(text[: down.start() if down else None].splitlines(), start=1):
        if _COMMENT.match(line):
            continue
        for rule, what in _RULES:
            if rule.search(line[:2000]):
                return number, what
    return None


def _any(patterns: Sequence[str], path: str) -> str:
    return next((text for text in patterns if globs.matches(_steps(text), path)), "")


def _steps(pattern: str) -> Sequence[globs.Step]:
    """Read a pattern; one without a folder means a file in any folder."""
    parts = pattern.strip("/").split("/")
    steps = [globs.MANY if part == "**" else globs.name(part) for part in parts]
    return [globs.MANY, *steps] if len(parts) == 1 else steps
