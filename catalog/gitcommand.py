"""How git is run: through GitPython, with an environment and a configuration of our own, and never for ever.

The child gets only what is named here: no user's or system's configuration, no hooks, no prompt, no protocol but the
allowed ones. What git says is turned into a sentence; secrets are taken out of it.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from git import Git
from git.exc import GitCommandNotFound

from catalog.address import shown
from ledger.errors import Code, Error

QUICK = timedelta(seconds=30)  # for what needs no network

_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=10"
_CONFIG = (
    "protocol.ext.allow=never",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "credential.helper=",
    "core.askPass=",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "gc.autoDetach=false",
    "http.followRedirects=initial",
    "http.lowSpeedLimit=1000",  # bytes per second, for
    "http.lowSpeedTime=30",  # seconds
    "i18n.logOutputEncoding=UTF-8",
    "safe.directory=*",  # the mirror is ours; a source is named in `trusted`
)


@dataclass(frozen=True)
class Credentials:
    """How to log in at a repository: a token over https, or a key file over ssh. Never shown."""

    user: str = ""
    secret: str = field(default="", repr=False)
    key_file: Path | None = None


class Refused(Exception):
    """git ended with an error. `said` is what it wrote, without secrets; `code` how it ended, None: killed in time."""

    def __init__(self, code: int | None, said: str) -> None:
        super().__init__(said)
        self.code, self.said = code, said


def run(
    repository: Path,
    arguments: Sequence[str],
    *,
    timeout: timedelta = QUICK,
    config: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> bytes:
    """Run git on a bare repository and return what it wrote; raise Refused when it fails or takes too long."""
    git = shutil.which("git")
    if git is None:
        raise Error(Code.UNAVAILABLE, "git is not installed on the portal's machine; install it and try again")
    settings = [part for setting in (*_CONFIG, *config) for part in ("-c", setting)]
    clean = [
        "env",
        "-i",
        *(f"{name}={value}" for name, value in (_environment(git, repository) | dict(env or {})).items()),
    ]
    command = [*clean, git, "--no-replace-objects", *settings, *arguments]
    try:
        # A session of its own, so that a hanging ssh or https helper is killed together with git.
        started = Git("/").execute(
            command, istream=subprocess.PIPE, as_process=True, start_new_session=True, with_exceptions=False
        )
    except GitCommandNotFound:
        raise Error(Code.UNAVAILABLE, "git cannot be started; see that it is installed") from None
    process = started.proc
    assert process is not None
    try:
        out, said = process.communicate(stdin or b"", timeout=timeout.total_seconds())
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Refused(None, f"killed after {timeout.total_seconds():.0f} s") from None
    if process.returncode != 0:
        raise Refused(process.returncode, shown(said.decode("utf-8", "replace").strip()))
    return bytes(out)


def _environment(git: str, repository: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(git).parent}:/usr/local/bin:{os.defpath}",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_DIR": str(repository),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_SSH_COMMAND": _SSH,
    }


@contextlib.contextmanager
def access(url: str, credentials: Credentials | None) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield the environment and the configuration with which `url` can be read, and clean up behind."""
    local = url.startswith("/")
    with tempfile.TemporaryDirectory(prefix="fullcycle-git-") as folder:
        trusted = Path(folder) / "config"
        trusted.write_text(_trusted(url) if local else "")
        env = {"GIT_ALLOW_PROTOCOL": "file" if local else "https:ssh", "GIT_CONFIG_GLOBAL": str(trusted)}
        config = []
        if credentials and credentials.key_file:
            env["GIT_SSH_COMMAND"] = f"{_SSH} -o IdentitiesOnly=yes -i {shlex.quote(str(credentials.key_file))}"
        if credentials and credentials.secret:
            store = Path(folder) / "credentials"
            store.touch(mode=0o600)
            store.write_text(_login(url, credentials))
            config.append(f"credential.helper=store --file={shlex.quote(str(store))}")
        yield env, config


def _trusted(path: str) -> str:
    """Name the source as safe although somebody else owns its files; git's server side reads this from a file only."""
    quoted = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'[safe]\n\tdirectory = "{quoted}"\n\tdirectory = "{quoted}/.git"\n'


def _login(url: str, credentials: Credentials) -> str:
    host = urlsplit(url).netloc.rpartition("@")[2]
    return f"https://{quote(credentials.user or 'git', safe='')}:{quote(credentials.secret, safe='')}@{host}\n"


_SENTENCES: tuple[tuple[tuple[str, ...], str], ...] = (  # what git says -> what a person can do
    (
        ("could not read Username", "could not read Password", "terminal prompts disabled", "Authentication failed"),
        "{url} asks for a password; give the portal credentials for it, or an address that it may read",
    ),
    (
        ("Permission denied", "Host key verification failed"),
        "{url} refuses the portal; give it a key that may read there, and the host a line in known_hosts",
    ),
    (
        ("does not exist", "does not appear to be", "not found", "not a git repository", "No such file"),
        "there is no repository at {url}; check the address, or register its new one",
    ),
    (("Could not resolve host",), "the host of {url} cannot be found; check the address and the network"),
    (("No space left",), "the disk of the portal is full; make room and sync again"),
)


def unavailable(refused: Refused, url: str, timeout: timedelta) -> Error:
    """Return the sentence for a repository that could not be read."""
    url = shown(url)
    if refused.code is None:
        message = f"{url} did not answer within {timeout.total_seconds():.0f} s; check that it can be reached"
        return Error(Code.UNAVAILABLE, message, refused.said, permanent=False)
    for said, sentence in _SENTENCES:
        if any(word in refused.said for word in said):
            return Error(Code.UNAVAILABLE, sentence.format(url=url), refused.said, permanent=False)
    lines = [line.removeprefix("fatal: ") for line in refused.said.splitlines() if line.strip()]
    message = f"{url} cannot be read: {lines[0] if lines else 'git gave no reason'}"
    return Error(Code.UNAVAILABLE, message, refused.said, permanent=False)
