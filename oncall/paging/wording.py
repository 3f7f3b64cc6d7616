"""What a page says: its title, its text and its links, and how they fit into a provider's lengths. Pure.

What people and alerts wrote is plain text on one line: no control characters, nothing that a chat takes for a mention
of everybody. When it is too long the words are cut, never the links.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from oncall.paging.ports import Key, Page
from oncall.terms import Severity, Urgency

TITLE = 200  # characters
SENTENCE = 600  # ntfy makes a file of a message beyond 4 KB, and nobody opens a file at night
REPEATED = "Perhaps sent before: nobody knows whether an earlier attempt arrived."
_CUT = "…"
_EVERYBODY = re.compile(r"@(?=everyone|here|channel|all|room)", re.IGNORECASE)
_APART = "\u2060"  # word joiner: nothing to see, and no chat finds its word any more


@dataclass(frozen=True)
class Message:
    title: str
    sentence: str
    links: tuple[str, ...] = ()


def message(page: Page) -> Message:
    """Return what the person reads.

    >>> from oncall.terms import Severity, Urgency
    >>> key = Key(31, 1, 0, "user:default/ada", "phone")
    >>> page = Page(key, "orders fail", "You are primary.", Severity.CRITICAL, Urgency.HIGH, "user:default/ada")
    >>> message(page).title
    '#31 critical: orders fail'
    """
    title = plain(page.title)
    if page.incident:
        title = f"#{page.incident} {page.severity}: {title}"
    if page.repeat:
        title = f"(perhaps again) {title}"
    sentence = plain(page.sentence)
    if page.repeat:
        sentence = f"{REPEATED} {sentence}"
    links = [f"{word}: {url}" for word, url in (("Acknowledge", page.ack_url), ("Open", page.url)) if url]
    return Message(shortened(title, TITLE), shortened(sentence, SENTENCE), tuple(links))


def verification(person: str, address: str, code: str, lasts: timedelta, channel: str) -> Page:
    """Return the message that proves that an address is the person's: it carries a code to be typed into the portal."""
    minutes = int(lasts.total_seconds() // 60)
    return Page(
        Key(0, 0, 0, person, channel),
        title=f"Your code is {code}",
        sentence=f"Type {code} into the portal within {minutes} minutes, and pages will reach you here. "
        "If you did not ask for it, do nothing.",
        severity=Severity.INFO,
        urgency=Urgency.HIGH,
        person=person,
        address=address,
    )


def fitted(message: Message, title_most: int, body_most: int) -> tuple[str, str]:
    """Return title and body for a provider's lengths; without a title of its own (0) everything is the body.

    >>> fitted(Message("#31 critical: orders fail", "You are primary.", ("Open: https://p/31",)), 0, 60)
    ('', '#31 critical: orders fail\\nYou are primar…\\nOpen: https://p/31')
    """
    head = [] if title_most > 0 else [message.title]
    room = body_most
    links: list[str] = []
    for link in message.links:  # the first is the one that matters most
        if len(link) + 1 <= room:
            links.append(link)
            room -= len(link) + 1
    words = shortened("\n".join([*head, message.sentence]), max(room, 0))
    return shortened(message.title, title_most), "\n".join(part for part in [words, *links] if part)


def plain(text: str) -> str:
    """Return the text on one line, without control characters, and without a mention of everybody.

    >>> plain("a\\r\\nBcc: b@c \\u202e x")
    'a Bcc: b@c x'
    >>> "@everyone" in plain("@everyone <!channel>")
    False
    """
    kept = "".join(" " if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") else one for one in text)
    once = " ".join(kept.split())
    return _EVERYBODY.sub(f"@{_APART}", once).replace("<!", "< !")


def shortened(text: str, most: int) -> str:
    """Return the text in at most so many characters.

    >>> shortened("checkout", 5), shortened("checkout", 0)
    ('chec…', '')
    """
    if len(text) <= most:
        return text
    return text[: most - 1].rstrip() + _CUT if most > 0 else ""
