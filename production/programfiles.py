"""The files that say how a program is started. They alone hold the values of secrets, readable by the portal's user.

Before such a file is changed or deleted, its values are taken out of what the program has written, for afterwards
nobody would know them.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from production.locks import write_whole
from production.masking import Mask

BESIDE = (".json", ".pid", ".starts")
CHUNK = 1 << 20  # characters


class ProgramFile:
    """`programs/NAME.json`: argv, env with the secrets in it, cwd, user; `secrets` are their names with their keys."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def says(self, spec: Mapping[str, Any]) -> bool:
        """Does it start the same program, whichever values its secrets have?"""
        there = self._read()
        return there is not None and _without_values(there) == json.loads(json.dumps(dict(spec)))

    def write(self, spec: Mapping[str, Any], values: Mapping[str, str], log: Path) -> None:
        there = self._read()
        if there is not None and set(_values(there)) - set(values.items()):
            self._clean(there)
        env = {**spec["env"], **values}
        write_whole(self.path, json.dumps({**spec, "env": env, "log": str(log)}, sort_keys=True))
        for suffix in (".starts", ".pid"):
            self.path.with_suffix(suffix).unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete it when the program has ended; it stays when its output cannot be cleaned, as on a full disk."""
        left = list(BESIDE)
        try:
            self._clean(self._read() or {})
        except OSError:
            left.remove(".json")  # the output is masked with it wherever it is shown
        for suffix in left:
            self.path.with_suffix(suffix).unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            there: dict[str, Any] = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return None
        return there

    def _clean(self, there: Mapping[str, Any]) -> None:
        if values := _values(there):
            log = Path(there["log"])
            for file in (log, *log.parent.glob(f"{log.name}.[0-9]*")):
                _mask(file, Mask(values))


def values_of(folder: Path, site: str) -> Sequence[tuple[str, str]]:
    """Return the names and values of the secrets that a site's programs were started with."""
    ours = re.compile(re.escape(site) + r"-\d+-\d+\.json")
    files = (path for path in folder.glob("*.json") if ours.fullmatch(path.name))
    return [one for path in files for one in _values(ProgramFile(path)._read() or {})]


def _values(there: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return [(name, there["env"][name]) for name in there.get("secrets", {}) if name in there["env"]]


def _without_values(there: Mapping[str, Any]) -> Mapping[str, Any]:
    env = {name: value for name, value in there["env"].items() if name not in there.get("secrets", {})}
    return {**{key: value for key, value in there.items() if key != "log"}, "env": env}


def _mask(file: Path, mask: Mask) -> None:
    """Replace a file by one without the values; killed in between, it stays as it is."""
    draft = file.with_name(f".{file.name}.draft")
    if not file.exists():
        return
    kept = partial(open, encoding="utf-8", errors="surrogateescape", newline="")  # what is no UTF-8 stays as it is
    try:
        with kept(file) as log, kept(draft, "w") as masked:
            masked.writelines(mask.stream(_chunks(log)))
        draft.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _chunks(file: Any) -> Iterator[str]:
    return iter(lambda: file.read(CHUNK), "")
