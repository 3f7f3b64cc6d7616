"""What the addresses of the common forges mean: which repository, branch and file; and the way back to their pages.

Pure: addresses are text in, text out, and nothing is asked over the network. An address that fits no forge is left as
it is. A host that no row names is written the way GitHub writes it, which GitLab answers as well.
"""

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

_REPOSITORY = r"(?P<repository>[^/]+(?:/[^/]+)+?)"
_BRANCH = r"(?:refs/(?:heads|tags)/)?(?P<branch>[^/]+)"
_FILE = r"/(?P<path>.+)"
_FOLDER = r"(?:/.*)?"
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:@]{2,}):(?P<path>[^:]+)")
_RAW_GITHUB = "raw.githubusercontent.com"
_ONE_HOST = {  # a second name of the same forge
    "ssh.github.com": "github.com",
    "www.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}


@dataclass(frozen=True)
class Address:
    """What an address names. `path` is a file of the repository; None when the address is the repository's own."""

    repository: str
    branch: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class _Forge:
    """How one kind of forge writes its pages. `host` is what its host names look like."""

    host: re.Pattern[str]
    pages: tuple[re.Pattern[str], ...]
    file: str
    edit: str
    tree: str


def _pages(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile("/" + pattern) for pattern in patterns)


_GITHUB = _Forge(
    re.compile(r"github\..+|.+\.ghe\.com|raw\.githubusercontent\.com"),
    _pages(
        _REPOSITORY + r"/(?:blob|raw|edit|blame)/" + _BRANCH + _FILE,
        _REPOSITORY + r"/tree/" + _BRANCH + _FOLDER,
    ),
    file="{repository}/blob/{branch}/{path}",
    edit="{repository}/edit/{branch}/{path}",
    tree="{repository}/tree/{branch}/{path}",
)
_RAW = _pages(r"(?P<repository>[^/]+/[^/]+)/" + _BRANCH + _FILE)
_GITLAB = _Forge(
    re.compile(r"(?:.+\.)?gitlab\..+"),
    _pages(
        _REPOSITORY + r"/-/(?:blob|raw|edit|blame)/" + _BRANCH + _FILE,
        _REPOSITORY + r"/-/tree/" + _BRANCH + _FOLDER,
    ),
    file="{repository}/-/blob/{branch}/{path}",
    edit="{repository}/-/edit/{branch}/{path}",
    tree="{repository}/-/tree/{branch}/{path}",
)
_GITEA = _Forge(
    re.compile(r"codeberg\.org|(?:.+\.)?(?:gitea|forgejo)\..+"),
    _pages(
        _REPOSITORY + r"/(?:src|raw|media|blame)/(?:branch|tag|commit)/(?P<branch>[^/]+)" + _FILE,
        _REPOSITORY + r"/src/(?:branch|tag|commit)/(?P<branch>[^/]+)" + _FOLDER,
        _REPOSITORY + r"/_edit/(?P<branch>[^/]+)" + _FILE,
    ),
    file="{repository}/src/branch/{branch}/{path}",
    edit="{repository}/_edit/{branch}/{path}",
    tree="{repository}/src/branch/{branch}/{path}",
)
_BITBUCKET = _Forge(
    re.compile(r"bitbucket\.org"),
    _pages(_REPOSITORY + r"/(?:src|raw)/" + _BRANCH + _FILE, _REPOSITORY + r"/src/" + _BRANCH + "/?"),
    file="{repository}/src/{branch}/{path}",
    edit="{repository}/src/{branch}/{path}?mode=edit",
    tree="{repository}/src/{branch}/{path}",
)
_FORGES = (_GITHUB, _GITLAB, _GITEA, _BITBUCKET)


def split(url: str) -> Address:
    """Say which repository, branch and file an address names.

    >>> split("https://github.com/shop/checkout/blob/main/deep/catalog-info.yaml")
    Address(repository='https://github.com/shop/checkout', branch='main', path='deep/catalog-info.yaml')
    >>> split("git@github.com:shop/checkout.git")
    Address(repository='git@github.com:shop/checkout.git', branch=None, path=None)

    A branch is the next part of the address, so one with a slash must have it as %2F. A folder's address is that of its
    repository, of which every catalog file is read anyway.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return Address(url)
    if parts.scheme not in ("https", "http") or not host:
        return Address(url)
    for page in _pages_of(host):
        found = page.fullmatch(parts.path)
        if found:
            return _found(f"{parts.scheme}://{_base(parts.netloc, host)}", found) or Address(url)
    return Address(url if url == "/" else url.rstrip("/"))


def _pages_of(host: str) -> tuple[re.Pattern[str], ...]:
    """Return how that host writes its pages; for one that nobody knows, every way that can be told apart."""
    if host == _RAW_GITHUB:
        return _RAW
    forge = _named(host)
    return forge.pages if forge else (*_GITLAB.pages, *_GITEA.pages, *_GITHUB.pages)


def _base(netloc: str, host: str) -> str:
    return "github.com" if host == _RAW_GITHUB else netloc


def _found(base: str, found: re.Match[str]) -> Address | None:
    branch, path = unquote(found["branch"]), found.groupdict().get("path")
    path = unquote(path).rstrip("/") if path else None
    odd = any(ord(sign) < 0x20 or sign == "\x7f" for sign in branch + (path or ""))
    if odd or (path is not None and (not path or path.startswith("/") or ".." in path.split("/"))):
        return None
    return Address(f"{base}/{found['repository']}", branch, path)


def file_url(repository: str, branch: str, path: str) -> str | None:
    """Return the page of a file; None for a repository that is a folder of the portal's machine.

    >>> file_url("git@gitlab.com:shop/checkout.git", "main", "catalog-info.yaml")
    'https://gitlab.com/shop/checkout/-/blob/main/catalog-info.yaml'
    """
    return _page("file", repository, branch, path)


def edit_url(repository: str, branch: str, path: str) -> str | None:
    """Return where a file can be changed in a browser; None where there is no such page."""
    return _page("edit", repository, branch, path)


def tree_url(repository: str, branch: str, folder: str) -> str | None:
    """Return the page of a folder, the root's for "" and "."; None where there is no such page."""
    folder = posixpath.normpath(folder).strip("/") if folder else ""
    page = _page("tree", repository, branch, "" if folder == "." else folder)
    return page and page.removesuffix("/") + "/"


def _page(what: str, repository: str, branch: str, path: str) -> str | None:
    known = _known(repository)
    if known is None or known.host == "":
        return None
    forge = _named(known.host) or _GITHUB
    port = f":{known.port}" if known.port else ""
    host = f"[{known.host}]" if ":" in known.host else known.host
    template = str(getattr(forge, what))
    return template.format(
        repository=f"https://{host}{port}/{quote(known.path, safe='/~')}",
        branch=quote(branch, safe="/"),
        path=quote(path),
    )


def host(url: str) -> str:
    """Return the host of a repository's address, nothing for a local path."""
    known = _known(url)
    return known.host if known else ""


def same(a: str, b: str) -> bool:
    """Say whether two addresses are those of one repository, however they are written.

    >>> same("git@GitHub.com:shop/checkout.git", "https://github.com/shop/checkout")
    True
    """
    left, right = _known(a), _known(b)
    if left is None or right is None:
        return a == b
    if left.port is not None and right.port is not None and left.port != right.port:
        return False
    return (left.host, left.key) == (right.host, right.key)


@dataclass(frozen=True)
class _Known:
    """A repository's host (nothing for a local path) and path. `port`: of https, 0 for its own; None: not of https."""

    host: str
    path: str
    port: int | None

    @property
    def key(self) -> str:
        """The path as it is compared: the forges that are known do not mind its case."""
        return self.path.lower() if _named(self.host) else self.path


def _known(url: str) -> _Known | None:
    url = url.strip()
    if url.startswith("/"):
        return _Known("", posixpath.normpath(url), None)
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if parts.scheme == "file":
        return _Known("", posixpath.normpath(unquote(parts.path)), None)
    if "://" in url:
        path = unquote(parts.path) if parts.scheme in ("https", "http") else parts.path
        web = {443: 0, None: 0}.get(port, port) if parts.scheme == "https" else None
        return _Known(_ONE_HOST.get(host, host), _bare(path), web) if host and _bare(path) else None
    scp = _SCP.fullmatch(url)
    return _Known(_ONE_HOST.get(scp["host"].lower(), scp["host"].lower()), _bare(scp["path"]), None) if scp else None


def _bare(path: str) -> str:
    return path.strip("/").removesuffix(".git").rstrip("/")


def _named(host: str) -> _Forge | None:
    return next((forge for forge in _FORGES if forge.host.fullmatch(host)), None)
