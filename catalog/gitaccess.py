"""How a repository elsewhere is reached, and what is said when it is not: credentials, proxies, sentences.

Secrets stand in files of a folder that only the portal can read, never on a command line or in the environment.
"""

import contextlib
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from catalog.address import shown
from catalog.gitcommand import SSH, Refused, TooLarge
from ledger.errors import Code, Error


@dataclass(frozen=True)
class Credentials:
    """How to log in at a repository: a token over https, or a key file over ssh. Never shown."""

    user: str = ""
    secret: str = field(default="", repr=False)
    key_file: Path | None = None


@dataclass(frozen=True)
class Network:
    """How the world is reached from here: through a proxy, but for the hosts of `no_proxy`, and whose word is trusted.

    Nothing of it is taken from the environment.
    """

    proxy: str = field(default="", repr=False)  # may hold a password
    no_proxy: str = ""  # hosts, with commas between
    ca_file: Path | None = None


@contextlib.contextmanager
def access(
    url: str, credentials: Credentials | None, network: Network | None = None
) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield the environment and the configuration with which `url` can be read, and clean up behind."""
    local = url.startswith("/")
    with tempfile.TemporaryDirectory(prefix="fullcycle-git-") as folder:
        settings = Path(folder) / "config"  # its folder is ours alone, where a command line is for all to see
        settings.write_text(_trusted(url) if local else _reached(network or Network()))
        env = {"GIT_ALLOW_PROTOCOL": "file" if local else "https:ssh", "GIT_CONFIG_GLOBAL": str(settings)}
        if network and network.no_proxy:
            env["no_proxy"] = network.no_proxy
        config = []
        if credentials and credentials.key_file:
            env["GIT_SSH_COMMAND"] = f"{SSH} -o IdentitiesOnly=yes -i {shlex.quote(str(credentials.key_file))}"
        if credentials and credentials.secret:
            store = Path(folder) / "credentials"
            store.touch(mode=0o600)
            store.write_text(_login(url, credentials))
            config.append(f"credential.helper=store --file={shlex.quote(str(store))}")
        yield env, config


def _trusted(path: str) -> str:
    """Name the source as safe although somebody else owns its files; git's server side reads this from a file only."""
    return f"[safe]\n\tdirectory = {quoted(path)}\n\tdirectory = {quoted(path + '/.git')}\n"


def _reached(network: Network) -> str:
    lines = ["[http]"]
    if network.proxy:
        lines.append(f"\tproxy = {quoted(network.proxy)}")
    if network.ca_file:
        lines.append(f"\tsslCAInfo = {quoted(str(network.ca_file))}")
    return "\n".join(lines) + "\n"


def quoted(value: str) -> str:
    """Write a value as it stands in a file of git's configuration."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


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
    (
        ("certificate problem", "server certificate verification failed", "certificate verification failed"),
        "the certificate of {url} is not trusted; name the authority that signed it",
    ),
    (
        ("from proxy after CONNECT", "CONNECT tunnel failed", "Could not resolve proxy", "Proxy CONNECT aborted"),
        "the proxy does not let the portal reach {url}; check its address and what it allows",
    ),
    (("Could not resolve host",), "the host of {url} cannot be found; check the address and the network"),
    (("No space left",), "the disk of the portal is full; make room and sync again"),
)


def unavailable(refused: Refused, url: str, timeout: timedelta) -> Error:
    """Return the sentence for a repository that could not be read."""
    url = shown(url)
    if isinstance(refused, TooLarge):
        message = f"{url} holds more than {told(refused.most)}, the most that is fetched; make its history smaller"
        return Error(Code.INVALID, message, refused.said)
    if refused.code is None:
        message = f"{url} did not answer within {timeout.total_seconds():.0f} s; check that it can be reached"
        return Error(Code.UNAVAILABLE, message, refused.said, permanent=False)
    for said, sentence in _SENTENCES:
        if any(word in refused.said for word in said):
            return Error(Code.UNAVAILABLE, sentence.format(url=url), refused.said, permanent=False)
    lines = [line.removeprefix("fatal: ") for line in refused.said.splitlines() if line.strip()]
    message = f"{url} cannot be read: {lines[0] if lines else 'git gave no reason'}"
    return Error(Code.UNAVAILABLE, message, refused.said, permanent=False)


def told(size: int) -> str:
    """Say a number of bytes.

    >>> told(2 * 1024**3), told(1536 * 1024)
    ('2 GiB', '1.5 MiB')
    """
    unit, name = (1024**3, "GiB") if size >= 1024**3 else (1024**2, "MiB") if size >= 1024**2 else (1024, "KiB")
    return f"{size / unit:.1f}".removesuffix(".0") + f" {name}"
