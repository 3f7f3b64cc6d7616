"""As much of PromQL as one needs to name its metrics and to put a text into it safely. Pure.

The query itself is understood by the source alone; here it is only cut into words.
"""

import difflib
import heapq
import re
from collections.abc import Iterable, Mapping, Sequence

_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)|(?P<comment>\#[^\n]*)"""
    r"""|(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:ms|[smhdwy]))+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"""
    r"""|(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)|(?P<sign>=~|!~|[=!<>]=|\S)""",
    re.DOTALL,
)
_WORDS = {"and", "or", "unless", "atan2", "offset", "bool", "inf", "nan"}
_BEFORE_LABELS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_PATTERN_SIGNS = re.compile(r"[\\.+*?()|\[\]{}^$]")
_PLACE = re.compile(r"\{\{\s*([^{}]{0,100}?)\s*\}\}")


def names(promql: str) -> Sequence[str]:
    """Return the metrics that a query names, each once, in the order of the query.

    >>> names('sum by (job) (rate(http_requests_total{code=~"5.."}[5m])) / on (job) group_left up > 0')
    ['http_requests_total', 'up']
    """
    found: list[str] = []
    braces, brackets, in_labels, tokens = 0, 0, False, _tokens(promql)
    for number, (kind, text) in enumerate(tokens):
        following = tokens[number + 1][1] if number + 1 < len(tokens) else ""
        if text in ("{", "}") and kind == "sign":
            braces += 1 if text == "{" else -1
        elif text in ("[", "]") and kind == "sign":
            brackets += 1 if text == "[" else -1
        elif in_labels:
            in_labels = text != ")" or kind != "sign"
        elif kind == "word" and text.lower() in _BEFORE_LABELS and braces == 0:
            in_labels = following == "("
        elif kind == "word" and braces == brackets == 0 and text.lower() not in _WORDS:
            is_function = following == "(" or following.lower() in ("by", "without")
            found += [] if is_function else [text]
        elif kind == "text" and braces == 1:
            found.extend(_named_in_braces(text, [said for _, said in tokens[max(0, number - 2) : number]], following))
    return list(dict.fromkeys(found))


def _named_in_braces(text: str, before: Sequence[str], following: str) -> Sequence[str]:
    """Return the metric of {"a.metric"} and of {__name__="a_metric"}."""
    quoted_name = before[-1:] in (["{"], [","]) and following in ("}", ",")
    return [text[1:-1]] if quoted_name or before == ["__name__", "="] else []


def _tokens(promql: str) -> Sequence[tuple[str, str]]:
    found = [(str(match.lastgroup), match.group()) for match in _TOKEN.finditer(promql)]
    return [token for token in found if token[0] != "comment"]


def near(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return at most two of the known names that may have been meant; quick also for a hundred thousand.

    >>> near("http_request_totals", ["up", "http_requests_total", "go_info"])
    ('http_requests_total',)
    """

    def shared(other: str) -> int:
        return _common(name, other) + _common(name[::-1], other[::-1])

    likely = heapq.nlargest(500, known, key=shared)
    return tuple(difflib.get_close_matches(name, likely, n=2, cutoff=0.75))


def _common(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((number for number, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def quoted(text: str) -> str:
    """Write a text as a PromQL string, whatever is in it.

    >>> print(quoted('a",x="b'))
    "a\\",x=\\"b"
    """
    return '"' + _escaped(text, '"') + '"'


def filled(promql: str, values: Mapping[str, str]) -> str:
    """Put values into the places like {{service}}, which are allowed inside strings only, where each is escaped.

    After =~ and !~ a value stands for itself too, and is no pattern. A place that cannot be filled is a ValueError.

    >>> print(filled('up{service="{{service}}"}', {"service": 'a"b'}))
    up{service="a\\"b"}
    """
    parts: list[str] = []
    at, before = 0, ""
    for match in _TOKEN.finditer(promql):
        if match.lastgroup == "text" and _PLACE.search(match.group()):
            parts += [_untouched(promql[at : match.start()]), _in_string(match.group(), values, before in ("=~", "!~"))]
            at = match.end()
        before = match.group()
    return "".join([*parts, _untouched(promql[at:])])


def _untouched(part: str) -> str:
    if place := _PLACE.search(part):
        raise ValueError(f'{place.group()} must stand in quotes, as in {{service="{place.group()}"}}')
    return part


def _in_string(text: str, values: Mapping[str, str], is_pattern: bool) -> str:
    if text.startswith("`"):
        raise ValueError(f"write double quotes around {text[:60]}; in backquotes nothing can be escaped")

    def value(place: re.Match[str]) -> str:
        if place.group(1) not in values:
            raise ValueError(f"nothing is known for {place.group()}; there are: {', '.join(sorted(values))}")
        said = values[place.group(1)]
        return _escaped(_PATTERN_SIGNS.sub(r"\\\g<0>", said) if is_pattern else said, text[0])

    return _PLACE.sub(value, text)


def _escaped(text: str, quote: str) -> str:
    """Escape as Go does; the other kind of quote must stay as it is."""
    special = {"\\": "\\\\", quote: f"\\{quote}", "\n": "\\n"}
    return "".join(special.get(sign, sign if sign.isprintable() else f"\\U{ord(sign):08x}") for sign in text)
