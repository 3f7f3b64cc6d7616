"""What a person may write down as an address, and where a page to it goes. Pure: no name is looked up here.

`ada@example.com`, `sms:+491701234567` and `voice:+49…` go over the providers of the configuration, which hold the
secrets; chats and push services have URLs of their own (`ntfys://…`), which are secrets. None is ever shown whole.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlsplit

from ledger.errors import Code, Error
from oncall.paging.networks import Network, reachable
from oncall.paging.services import LOCAL, PERSONAL, SERVICES, Kind, Service

LONGEST = 1000  # characters
TO = "{to}"
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", re.ASCII)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_CALLS = ("", "sms", "voice", "tel")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# What would turn a check off, follow a redirect, wait on its own, or name a file of this machine.
# fmt: off
REFUSED_OPTIONS = frozenset([
    "verify", "redirect", "rto", "cto", "retry", "wait", "optional", "store", "overflow", "format", "emojis", "tz",
    "template", "keyfile", "subfile", "attach", "attachment", "pgp", "pgpkey", "smime", "config", "file",
    "image_path",
])
# fmt: on


@dataclass(frozen=True)
class Providers:
    """The services that mail, text and call, as apprise URLs with {to} where the address goes; empty: none."""

    mail: str = field(default="", repr=False)
    sms: str = field(default="", repr=False)
    voice: str = field(default="", repr=False)

    def of(self, kind: Kind) -> str:
        return {Kind.MAIL: self.mail, Kind.SMS: self.sms, Kind.VOICE: self.voice}.get(kind, "")


@dataclass(frozen=True)
class Address:
    """What was understood. `trusted`: its server is the configuration's, so it may stand in any network."""

    kind: Kind
    service: Service
    url: str = field(repr=False)  # for apprise
    shown: str  # what may be shown of it
    trusted: bool = False


def understood(text: str, providers: Providers, allowed: Sequence[Network] = ()) -> Address:
    """Return where a page to that address goes; raise Error(INVALID) with a sentence that says what to write."""
    text = text.strip()
    if not text or len(text) > LONGEST or any(one.isspace() or not one.isprintable() for one in text):
        raise _wrong(
            "write an address without spaces, like ada@example.com, sms:+491701234567 or ntfys://ntfy.sh/topic"
        )
    if found := _SCHEME.match(text):
        return _personal(text, found[1].lower(), allowed)
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() in _CALLS:
        return _phone(rest, Kind.VOICE if scheme.lower() == "voice" else Kind.SMS, providers)
    bare = rest if scheme.lower() == "mailto" else text
    if "@" in bare:
        return _mail(bare, providers)
    if bare.startswith("+"):
        return _phone(bare, Kind.SMS, providers)
    raise _wrong("that is no address; write ada@example.com, sms:+491701234567, voice:+49… or a URL like ntfys://…")


def loud(address: Address) -> str:
    """Return the URL with the priority that wakes somebody, where the service knows one and the person named none."""
    parts = urlsplit(address.url)
    named = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if not address.service.loud or "priority" in named:
        return address.url
    return f"{address.url}{'&' if parts.query else '?'}priority={address.service.loud}"


def masked(text: str) -> str:
    """Return what may be shown of an address.

    >>> masked("ada@example.com"), masked("sms:+491701234567"), masked("slack://T1JJ3T3L2/A1BRTD4JD/TIiaj")
    ('a•••@example.com', 'sms:+49•••67', 'slack://•••')
    """
    if found := _SCHEME.match(text):
        return f"{found[1].lower()}://•••"
    prefix, colon, rest = text.rpartition(":")
    if _MAIL.fullmatch(rest):
        return f"{rest[0]}•••@{rest.rpartition('@')[2]}"
    return f"{prefix}{colon}{rest[:3]}•••{rest[-2:]}" if _PHONE.fullmatch(rest) and prefix in _CALLS else "•••"


def refuse_provider(kind: Kind, template: str) -> None:
    """Raise Error(INVALID) for a provider in the configuration that cannot work; an empty one is fine."""
    if not template:
        return
    scheme = template.partition("://")[0].lower()
    service = SERVICES.get(scheme)
    wanted = Kind.SMS if kind is Kind.VOICE else kind
    if service is None or service.kind is not wanted:
        known = ", ".join(sorted(name for name, one in SERVICES.items() if one.kind is wanted))
        raise Error(Code.INVALID, f"the provider for {kind} must be a URL of one of {known}")
    if TO not in template:
        raise Error(Code.INVALID, f"the provider for {kind} needs {TO} where the person's address goes")
    if kind is Kind.VOICE and "method=call" not in template:
        raise Error(Code.INVALID, "the provider for voice needs method=call in its URL, or it sends texts")


def _wrong(sentence: str) -> Error:
    return Error(Code.INVALID, sentence)


def _personal(text: str, scheme: str, allowed: Sequence[Network]) -> Address:
    service = SERVICES.get(scheme)
    if scheme in LOCAL:
        raise _wrong(f"{scheme}:// reaches nobody's phone; write an address like ada@example.com or ntfys://…")
    mine = sorted(name for name, one in SERVICES.items() if one.kind in PERSONAL)
    if service is None:
        near = difflib.get_close_matches(scheme, mine, 1)
        hint = f"; did you mean {near[0]}://?" if near else f"; write one of {', '.join(mine)}"
        raise _wrong(f"pages cannot go to {scheme}://{hint}")
    if service.kind not in PERSONAL:
        raise _wrong("write only the address, like ada@example.com or sms:+491701234567; the portal has the provider")
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        if service.own_host:  # others put words of their own where a port would be
            _ = parts.port
    except ValueError:
        raise _wrong(f"that {scheme}:// address is broken; copy it again") from None
    if not host:
        raise _wrong(f"that {scheme}:// address has nothing after the slashes; copy it again")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name.lower() in REFUSED_OPTIONS or name[:1] in "+-: ":
            raise _wrong(f"leave “{name[:30]}” out of the address; it is not for a page to decide")
    if service.own_host:
        refuse_host(host, allowed)
    return Address(service.kind, service, text, f"{scheme}://•••")


def refuse_host(host: str, allowed: Sequence[Network]) -> None:
    """Raise Error(INVALID) for a host that is an address inside; names are judged when they are connected to."""
    try:
        ip_address(host)
    except ValueError:
        if host != "localhost" and not host.endswith(".localhost"):
            return
        host = "127.0.0.1"
    if not reachable(host, allowed):
        raise _wrong("that address is inside a network that pages may not go to; ask for it in fullcycle.toml")


def _mail(text: str, providers: Providers) -> Address:
    if not _MAIL.fullmatch(text) or len(text) > 254:
        raise _wrong("that is no mail address; write one like ada@example.com")
    return _provided(Kind.MAIL, text, text, providers)


def _phone(text: str, kind: Kind, providers: Providers) -> Address:
    number = re.sub(r"[-()./]", "", text)
    if not _PHONE.fullmatch(number):
        raise _wrong(f"write the number with its country, like {kind}:+491701234567")
    return _provided(kind, number, f"{kind}:{number}", providers)


def _provided(kind: Kind, to: str, text: str, providers: Providers) -> Address:
    template = providers.of(kind)
    if not template:
        raise _wrong(f"this portal has no provider for {kind} yet; ask who runs it, or use another channel")
    service = SERVICES[template.partition("://")[0].lower()]
    return Address(kind, service, template.replace(TO, quote(to, safe="")), masked(text), trusted=True)
