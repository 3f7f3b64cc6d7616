"""What the webhooks of forges look like: their headers, which repository they are about, and how they prove it. Pure.

Sources: the pages on webhooks in the manuals of GitHub, GitLab and Gitea.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qs

_ADDRESSES = ("clone_url", "ssh_url", "html_url", "git_http_url", "git_ssh_url", "web_url")
_FORM = "application/x-www-form-urlencoded"
LONGEST_ID = 150


class Headers(Protocol):
    """The headers of a call, by name in any case."""

    def get(self, key: str, default: str) -> str: ...


@dataclass(frozen=True)
class Forge:
    """How a forge writes its calls. `proves`: whether a call was made with that secret.

    `signs`: its proof is about the body, so that the same body twice is the same call twice, whatever else it says.
    """

    event: str
    ids: tuple[str, ...]
    pushes: frozenset[str]
    proves: Callable[[Headers, bytes, str], bool]
    signs: bool

    def event_of(self, headers: Headers) -> str:
        return headers.get(self.event, "")[:80]

    def id_of(self, headers: Headers) -> str:
        """Return the forge's own name of the call, nothing where it has none that can be kept."""
        told = next((said for name in self.ids if (said := headers.get(name, ""))), "")
        return told if len(told) <= LONGEST_ID and told.isascii() and told.isprintable() else ""


def _hmac(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _github(headers: Headers, body: bytes, secret: str) -> bool:
    return _same(headers.get("X-Hub-Signature-256", ""), "sha256=" + _hmac(secret, body))


def _gitea(headers: Headers, body: bytes, secret: str) -> bool:
    return _same(headers.get("X-Gitea-Signature", ""), _hmac(secret, body))


def _gitlab(headers: Headers, _body: bytes, secret: str) -> bool:
    return _same(headers.get("X-Gitlab-Token", ""), secret)


def _same(told: str, expected: str) -> bool:
    """Compare in a time that does not tell where the two differ."""
    return hmac.compare_digest(told.encode("utf-8", "replace"), expected.encode())


FORGES: Mapping[str, Forge] = {
    "github": Forge("X-GitHub-Event", ("X-GitHub-Delivery",), frozenset({"push"}), _github, signs=True),
    "gitlab": Forge(
        "X-Gitlab-Event",
        ("Idempotency-Key", "X-Gitlab-Event-UUID"),
        frozenset({"Push Hook", "Tag Push Hook"}),
        _gitlab,
        signs=False,
    ),
    "gitea": Forge("X-Gitea-Event", ("X-Gitea-Delivery",), frozenset({"push"}), _gitea, signs=True),
}


def payload(body: bytes, kind: str) -> Mapping[str, Any]:
    """Return what a call says; nothing where that is no JSON object. A form carries it in its field `payload`."""
    try:
        text = body.decode()
        if kind == _FORM:
            text = parse_qs(text, max_num_fields=10).get("payload", [""])[0]
        told = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def addresses(told: Mapping[str, Any]) -> Sequence[str]:
    """Return every address by which a call names its repository."""
    parts = [part for part in (told.get("repository"), told.get("project")) if isinstance(part, dict)]
    found = [part.get(name) for part in parts for name in _ADDRESSES]
    return list(dict.fromkeys(one for one in found if isinstance(one, str) and 0 < len(one) <= 2000))


def ref(told: Mapping[str, Any]) -> str:
    """Return the branch or tag that was pushed."""
    said = told.get("ref")
    return said[:200] if isinstance(said, str) and said.isprintable() else ""
