"""Where secrets are kept: in files, in variables handed in, behind a command (Vault, SOPS …), or in memory.

Each makes the name of what it asks for from the scope, so that no two services share one. None shows a value, or what a
program has written besides it.
"""

import contextlib
import os
import re
import selectors
import shutil
import signal
import stat
import string
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from ledger.clock import stopwatch
from ledger.errors import Code, Error
from production import shell
from production.ports import Site
from production.secrets import LARGEST, called, checked, nowhere, scope

COMMAND_LIMIT = timedelta(seconds=10)
PLACES = {"service": r"[A-Za-z0-9_.:-]", "environment": r"[a-z0-9-]", "key": r"[A-Za-z0-9_./-]"}  # and what they hold


def _missing(site: Site, key: str, where: str) -> Error:
    return Error(Code.INVALID, f"{called(site, key)} is not there; keep it {where}")


class FileSecrets:
    """One file per secret: `<service>/<environment>/KEY`, else `<service>/KEY` for keys without a slash.

    `<service>` is `checkout`, or `payments:checkout` outside of the default namespace. Links may stay in the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def get(self, site: Site, key: str) -> str:
        service, environment = scope(site, key)
        places = [self._folder / service / environment / key]
        if "/" not in key:  # else `production/db` would be another environment's `db`
            places.append(self._folder / service / key)
        for place in places:
            if (value := self._read(site, key, place)) is not None:
                return checked(site, key, value)
        raise _missing(site, key, f"in the file {places[0]}, readable by the portal alone")

    def _read(self, site: Site, key: str, place: Path) -> bytes | None:
        try:
            real = place.resolve(strict=True)
            if not real.is_relative_to(self._folder.resolve()):
                said = f"{called(site, key)} is a link to a place outside of {self._folder}; put the file itself there"
                raise Error(Code.INVALID, said)
            with open(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
                there = os.fstat(file.fileno())
                if there.st_mode & stat.S_IRWXO:
                    said = f"{called(site, key)} may be read or changed by everybody here; chmod 600 {place}"
                    raise Error(Code.INVALID, said)
                return file.read(LARGEST + 1) if stat.S_ISREG(there.st_mode) else None
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except (OSError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or "links that lead nowhere"
            raise Error(Code.UNAVAILABLE, f"{place} cannot be read ({why}); let the portal's OS user read it") from None


class EnvironmentSecrets:
    """Variables `PREFIX` + `SERVICE__ENVIRONMENT__KEY` in capitals, with `_` for every other character.

    They are handed in, for only the portal's configuration reads the environment. A service that could be taken for
    another one in such a name is refused.
    """

    def __init__(self, values: Mapping[str, str], prefix: str) -> None:
        self._values, self._prefix = {name: value for name, value in values.items() if name.startswith(prefix)}, prefix

    def get(self, site: Site, key: str) -> str:
        for part in scope(site, key):
            if not re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", part):
                said = (
                    f"“{part}” cannot be told from other names in a variable; keep the secrets of {site.name} in files"
                )
                raise Error(Code.INVALID, said)
        name = self._prefix + "__".join(re.sub(r"[^A-Z0-9]", "_", part.upper()) for part in (*scope(site, key), key))
        if name not in self._values:
            raise _missing(site, key, f"in the variable {name} of the portal, and restart it")
        return checked(site, key, self._values[name].encode(errors="surrogateescape"))


class CommandSecrets:
    """What a command writes, run anew for each lookup: argv with `{service}`, `{environment}` and `{key}` in it.

    It gets `env`, the contents of `files` by name, a standard PATH, ten seconds, and no input. What it writes to stderr
    is thrown away, for it may hold anything. Names begin with no dash and have no empty or dotted parts, so none can be
    an option or a way up.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        files: Mapping[str, Path] | None = None,
        limit: timedelta = COMMAND_LIMIT,
    ) -> None:
        if problem := template_problem(argv):
            raise Error(Code.INVALID, problem)
        self._argv, self._limit, self._files = tuple(argv), limit, dict(files or {})
        self._env = {"PATH": shell.search_path(), "LANG": "C.UTF-8", **env}

    def get(self, site: Site, key: str) -> str:
        service, environment = scope(site, key)
        argv = [_filled(part, {"service": service, "environment": environment, "key": key}) for part in self._argv]
        name = self._argv[0]
        if shutil.which(name, path=self._env["PATH"]) is None:
            said = f"there is no program “{name}” for secrets; install it or correct [secrets] command"
            raise Error(Code.UNAVAILABLE, said)
        try:
            code, output = _run(argv, {**self._env, **self._read()}, self._limit)
        except OSError as error:
            raise Error(Code.UNAVAILABLE, f"“{name}” could not be started: {error.strerror}") from None
        if code is None:
            how = f"did not end within {self._limit.total_seconds():g} s"
        elif len(output) > LARGEST:
            how = f"wrote more than {LARGEST // 1024} KB"
        elif code != 0:
            how = f"ended with code {code}" if code > 0 else f"was killed by signal {-code}"
        else:
            return checked(site, key, output)
        said = f"{called(site, key)} could not be had: “{name}” {how}; run it by hand to see why"
        raise Error(Code.UNAVAILABLE, said, permanent=False)

    def _read(self) -> Mapping[str, str]:
        try:
            return {name: file.read_text().strip() for name, file in self._files.items()}
        except (OSError, UnicodeDecodeError) as error:
            where = getattr(error, "filename", None) or "one of [secrets] variable_files"
            raise Error(Code.UNAVAILABLE, f"{where} cannot be read; the command for secrets needs it") from None


def template_problem(argv: Sequence[str]) -> str:
    """Return why an argv cannot be used, or nothing: every lookup must say its whole scope, and only one can say it."""
    said = []
    for part in argv:
        try:
            fields = list(string.Formatter().parse(part))
        except ValueError as error:
            return f"“{part}” of the command for secrets is not understood ({error}); write {{{{ for a brace"
        said += [field for _text, field, _spec, _how in fields if field is not None]
        for (_, first, *_), (between, second, *_) in pairwise(fields):
            if first in PLACES and second is not None and re.fullmatch(PLACES[first] + "*", between):
                return (
                    f"“{part}” of the command for secrets does not keep {{{first}}} and {{{second}}} apart; use / there"
                )
    if not argv or "{" in argv[0]:
        return "the command for secrets begins with a program's name"
    if unknown := set(said) - set(PLACES):
        return (
            f"the command for secrets knows no {{{min(unknown)}}}; there are {{service}}, {{environment}} and {{key}}"
        )
    if left := [name for name in PLACES if name not in said]:
        return f"the command for secrets must have {{{left[0]}}} in it, or services could read each other's"
    return ""


def _filled(part: str, places: Mapping[str, str]) -> str:
    return "".join(text + (places[field] if field else "") for text, field, *_ in string.Formatter().parse(part))


def _run(argv: Sequence[str], env: Mapping[str, str], limit: timedelta) -> tuple[int | None, bytes]:
    """Run to the end or to the limit; return the code, None for out of time, and as much of its output as is wanted."""
    took, output = stopwatch(), b""
    process = subprocess.Popen(
        argv,
        env=dict(env),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        with process.stdout as pipe, selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            while len(output) <= LARGEST:
                if not ready.select(max(0.0, (limit - took()).total_seconds())):
                    return None, b""
                if not (read := os.read(pipe.fileno(), LARGEST)):
                    break
                output += read
        if len(output) > LARGEST:
            return 0, output
        return process.wait(max(0.0, (limit - took()).total_seconds())), output
    except subprocess.TimeoutExpired:
        return None, b""
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class NoSecrets:
    """What there is when nothing was set up."""

    def get(self, site: Site, key: str) -> str:
        raise nowhere(site, key)


class MemorySecrets:
    """Values by service, environment and key, for tests and for trying out. Ships with the product."""

    def __init__(self, values: Mapping[tuple[str, str, str], str] | None = None) -> None:
        self.values = dict(values or {})
        self.refuses: Error | None = None  # what every lookup raises, when set

    def get(self, site: Site, key: str) -> str:
        if self.refuses is not None:
            raise self.refuses
        place = (*scope(site, key), key)
        if place not in self.values:
            raise _missing(site, key, "in the memory of this portal")
        return checked(site, key, self.values[place].encode())
