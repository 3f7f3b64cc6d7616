"""Takes the values of secrets out of any text and leaves their names: `•••DB_PASSWORD•••`. Pure.

A value is found as it is and as programs write it: in base64, in a URL, in JSON, quoted, in hexadecimal, line by line.
Values shorter than four characters are not looked for, because they stand in every text by chance. It is a net for
accidents, not a wall: a program that means to give a secret away can write it in a way that nobody knows.
"""

import base64
import binascii
import html
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from urllib.parse import quote, quote_plus

SHORTEST = 4  # characters; a shorter value or form of it is not looked for
WRAPPED = (64, 76)  # characters per line of base64 as openssl and base64(1) write it
DOTS = "•*#█▪"  # the first that stands in no value is what covers them


class Mask:
    """What is looked for, made once from names and values; a name may come with several values, old and new."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        self._names: dict[str, str] = {}
        for name, value in values:
            if len(value) >= SHORTEST:
                for form in forms(value):
                    self._names.setdefault(form, name)
        dots = chain(DOTS, map(chr, count(0x2580)))
        dot = next(one for one in dots if not any(one in form for form in self._names))
        self._labels = {name: self._label(name, dot) for name in set(self._names.values())}
        self._longest = max(map(len, self._names), default=0)

    def _label(self, name: str, dot: str) -> str:
        """A name that holds a value itself is left out. The dots keep values from going over a label's edge."""
        return dot * 3 if any(form in name for form in self._names) else f"{dot * 3}{name}{dot * 3}"

    def __call__(self, text: str) -> str:
        return "".join(self.stream((text,)))

    def lines(self, lines: Sequence[str]) -> tuple[str, ...]:
        """Mask lines that belong together: a value may go over several of them, which then become one."""
        return tuple(self("\n".join(lines)).split("\n")) if lines else ()

    def stream(self, chunks: Iterable[str]) -> Iterator[str]:
        """Mask a text that comes in pieces of any size, and give the same as for the whole.

        What may still become a value is held back, which is less than the longest form of any.
        """
        kept, covered = "", 0  # as much of the beginning of `kept` belongs to a label that is out already
        for chunk in chunks:
            kept += chunk
            safe = len(kept) - self._longest + 1
            if safe > 0:
                masked, covered = self._masked(kept, covered, safe)
                kept = kept[safe:]
                yield masked
        yield self._masked(kept, covered, len(kept))[0]

    def _masked(self, text: str, covered: int, end: int) -> tuple[str, int]:
        """Mask what begins before `end`; return it with how much after `end` is covered."""
        done, parts = covered, []
        for start, stop, name in sorted(self._found(text, end), key=lambda one: (one[0], -one[1])):
            if start >= done:
                parts += [text[done:start], self._labels[name]]
            done = max(done, stop)
        parts.append(text[done:end])
        return "".join(parts), max(0, done - end)

    def _found(self, text: str, end: int) -> Iterator[tuple[int, int, str]]:
        for form, name in self._names.items():
            at = text.find(form)
            while 0 <= at < end:
                yield at, at + len(form), name
                at = text.find(form, at + 1)


def forms(value: str) -> frozenset[str]:
    """Return all ways in which a value is looked for; none is shorter than four characters."""
    plain = {value, value.strip(), *_lines(value)}
    written = {form for one in plain if len(one) >= SHORTEST for form in (one, *_quoted(one), *_encoded(one))}
    return frozenset(form for form in written if len(form) >= SHORTEST)


def _lines(value: str) -> Iterator[str]:
    for line in value.splitlines():
        yield line
        yield line.strip()
    yield "\n".join(value.splitlines())
    yield "\r\n".join(value.splitlines())


def _quoted(value: str) -> Iterator[str]:
    """As URLs, JSON, HTML, Python and shells write it."""
    for url in (quote(value, safe=""), quote(value), quote(value, safe="!'()*"), quote_plus(value)):
        yield url
        yield _lower_hex(url)
    for text in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield text
        yield json.dumps(text)[1:-1]  # a JSON line within a JSON line
        yield text.replace("/", "\\/")
        yield text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    yield html.escape(value)
    yield html.escape(value).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    yield repr(value)[1:-1]
    yield repr(value.encode())[2:-1]
    yield shlex.quote(value)
    yield value.replace("'", "'\\''")


def _lower_hex(url: str) -> str:
    head, *rest = url.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def _encoded(value: str) -> Iterator[str]:
    """In base64, whole and from within a longer text (`user:password`), where it begins at any of three places."""
    data = value.encode()
    yield binascii.hexlify(data).decode()
    yield binascii.hexlify(data).decode().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode()
        yield whole
        yield whole.rstrip("=")
        yield encode(data + b"\n").decode()
        for width in WRAPPED:
            yield from (whole[at : at + width] for at in range(0, len(whole), width) if len(whole) > width)
        for before in range(3):
            text = encode(b"\0" * before + data).decode()
            yield text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def mask_of(values: Mapping[str, str]) -> Mask:
    """Return the mask for one value per name."""
    return Mask(values.items())
