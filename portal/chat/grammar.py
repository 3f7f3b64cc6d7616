"""What a line of chat asks for. Pure: a line in, an order out, or a sentence with the nearest right thing.

Each verb is one row of a table: how it is written, what it does, and the form of its words. Times stay as they were
said until the zone is known in which they were meant.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from catalog.places import did_you_mean, quoted

LONGEST = 1000  # characters of a line
NOTHING: Mapping[str, str] = MappingProxyType({})
NAME = r"(?P<what>[A-Za-z0-9][\w.:/@-]{0,119})"
NUMBER = r"#?(?P<number>\d{1,12})"
REST = r"(?:\s+(?P<text>.+))?"


@dataclass(frozen=True)
class Order:
    """What is asked for. `words` are what the verb needs: what, number, text, when, other."""

    verb: str
    words: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    def __getitem__(self, name: str) -> str:
        return self.words.get(name, "")

    @property
    def number(self) -> int:
        return int(self["number"] or 0)


@dataclass(frozen=True)
class Unclear:
    """Not understood; the sentence says what would be."""

    sentence: str


@dataclass(frozen=True)
class Form:
    verb: str
    example: str
    does: str
    pattern: re.Pattern[str]


def _form(verb: str, example: str, does: str, pattern: str) -> Form:
    return Form(verb, example, does, re.compile(pattern, re.IGNORECASE | re.DOTALL))


FORMS = (
    _form(
        "who",
        "who checkout",
        "who is on call, for everything or for a service, team or schedule",
        rf"who(?:['’]?s|\s+is)?(?:\s+on[ -]?call)?(?:\s+for)?(?:\s+{NAME})?\??",
    ),
    _form("oncall", "oncall payments", "the coming shifts of a schedule", rf"on-?call\s+{NAME}"),
    _form(
        "take",
        "take payments tomorrow 09:00-12:00",
        "you take a shift, or a part of it",
        rf"take\s+{NAME}(?:\s+as\s+(?P<role>[\w-]{{1,60}}))?(?:\s+(?P<when>.+))?",
    ),
    _form(
        "swap",
        "swap payments fri with mon",
        "two shifts change hands",
        rf"swap\s+{NAME}\s+(?P<when>.+?)\s+(?:with|for)\s+(?P<other>.+)",
    ),
    _form(
        "give", "give back 3", "what you took goes back to whose it was", rf"(?:give\s*back|untake|un-take)\s+{NUMBER}"
    ),
    _form("ack", "ack 31", "you have it, and nobody else is paged", rf"(?:ack|acknowledge)\s+{NUMBER}{REST}"),
    _form("resolve", "resolve 31", "it is over", rf"(?:resolve|close)\s+{NUMBER}{REST}"),
    _form("note", "note 31 the database was full", "a line on its timeline", rf"note\s+{NUMBER}\s+(?P<text>.+)"),
    _form("incidents", "incidents", "what is open", r"incidents|open"),
    _form(
        "page",
        'page payments "checkout is slow"',
        "wakes whoever answers for a service, a team or a person",
        rf"page\s+{NAME}\s+(?P<text>.+)",
    ),
    _form(
        "deploy",
        "deploy ledger",
        "the newest revision goes out",
        rf"deploy\s+{NAME}(?:\s+(?:to\s+)?(?P<other>[a-z0-9][a-z0-9-]{{0,62}}))?",
    ),
    _form(
        "rollback",
        "rollback ledger",
        "the last healthy release comes back",
        rf"roll[ -]?back\s+{NAME}(?:\s+(?:in\s+)?(?P<other>[a-z0-9][a-z0-9-]{{0,62}}))?",
    ),
    _form("locks", "locks", "what is locked, by whom and until when", r"locks?"),
    _form("link", "link", "tells the portal who you are", r"link"),
    _form("unlink", "unlink", "this chat is nobody's any more", r"unlink"),
    _form("help", "help", "this list", r"help|\?|commands|hello|hi"),
)
VERBS = {form.verb: form for form in FORMS}
ALSO = {
    "acknowledge": "ack",
    "close": "resolve",
    "untake": "give",
    "giveback": "give",
    "open": "incidents",
    "roll": "rollback",
}


def read(line: str) -> Order | Unclear:
    """Return what a line asks for.

    >>> read("ack #31 looking").words
    mappingproxy({'number': '31', 'text': 'looking'})
    >>> read("akc 31").sentence
    '"akc" is not understood; did you mean "ack 31"? Say help for all that is.'
    """
    text = _tidy(line)
    if not text:
        return Order("help")
    for form in FORMS:
        if found := form.pattern.fullmatch(text):
            words = {name: _unquoted(value) for name, value in found.groupdict().items() if value}
            return Order(form.verb, MappingProxyType(words))
    return Unclear(_nearest(text))


def help_text() -> str:
    widest = max(len(form.example) for form in FORMS)
    return "\n".join(f"{form.example.ljust(widest)}  {form.does}" for form in FORMS)


def _nearest(text: str) -> str:
    word = text.split()[0]
    verb = ALSO.get(word.lower(), word.lower())
    if verb in VERBS:
        form = VERBS[verb]
        return f"{quoted(text)} lacks something; write it like this: {form.example}"
    near = re.search(r'"(.+)"', did_you_mean(word, [*VERBS, *ALSO]))
    if near is None:
        return f"{quoted(word)} is not understood. Say help for all that is."
    meant = ALSO.get(near[1], near[1])
    rest = text[len(word) :].strip()
    whole = f"{near[1]} {rest}".strip()
    example = whole if VERBS[meant].pattern.fullmatch(whole) else VERBS[meant].example
    return f"{quoted(word)} is not understood; did you mean {quoted(example)}? Say help for all that is."


def _tidy(line: str) -> str:
    """Put a line right that a chat program has made pretty, and leave out what steers a terminal."""
    text = line[:LONGEST].translate({0x201C: '"', 0x201D: '"', 0x201E: '"', 0x2018: "'", 0x2019: "'", 0xA0: " "})
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    text = re.sub(r"^\s*(?:<@[^>]*>|@?fullcycle\b[:,]?|/fullcycle\b)\s*", "", text, flags=re.IGNORECASE)
    return " ".join(text.split())


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
