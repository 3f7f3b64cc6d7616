"""The words and the grammar of a condition: from text to a small tree in which every kind fits. Pure.

The operators bind as in the language that Argo Rollouts uses. Length, depth and number of nodes are bounded, and a
wrong condition is refused with its column while the file is read. Nothing here evaluates anything.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from catalog.places import did_you_mean

LONGEST = 1000  # characters
DEEPEST = 50
MOST_NODES = 300

_TOKEN = re.compile(
    r"""(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<text>"[^"\\]*"|'[^'\\]*')"""
    r"""|(?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!()\[\]{},\#])""",
    re.ASCII,
)
_ALIASES = {"and": "&&", "or": "||", "not": "!"}
_BINDS = {"||": 10, "&&": 15, **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 20), "+": 30, "-": 30}
_BINDS |= {"*": 60, "/": 60, "%": 60}
_BINDS_NOT, _BINDS_SIGN = 50, 90


class Kind(StrEnum):
    NUMBER = "a number"
    TEXT = "a text"
    BOOL = "a yes or no"
    LIST = "a list"
    RESULT = "the result"  # a list, and as good as a number when the query gives one value


@dataclass(frozen=True)
class Node:
    """One operation. `op` is a sign, a function's name, or one of number, text, bool, result, #, [], only."""

    op: str
    kind: Kind
    start: int  # where it stands in the condition, from 0
    end: int
    args: tuple["Node", ...] = ()
    value: float | str | bool | None = None


class WrongCondition(ValueError):
    """A condition that cannot be read. Its text names the column, counted from 1, and what to write."""

    def __init__(self, column: int, said: str) -> None:
        super().__init__(f"column {column}: {said}")
        self.column = column


# name -> (kinds of its arguments, kind of its answer); None stands for: any kind, and the answer is of it.
FUNCTIONS: Mapping[str, tuple[tuple[Kind | None, ...], Kind | None]] = {
    "len": ((Kind.LIST,), Kind.NUMBER),
    "sum": ((Kind.LIST,), Kind.NUMBER),
    "min": ((Kind.LIST,), Kind.NUMBER),
    "max": ((Kind.LIST,), Kind.NUMBER),
    "abs": ((Kind.NUMBER,), Kind.NUMBER),
    "isNaN": ((Kind.NUMBER,), Kind.BOOL),
    "isInf": ((Kind.NUMBER,), Kind.BOOL),
    "isNil": ((None,), Kind.BOOL),
    "asFloat": ((None,), Kind.NUMBER),
    "asInt": ((None,), Kind.NUMBER),
    "default": ((Kind.NUMBER, Kind.NUMBER), Kind.NUMBER),
}
# name -> (kind of what is said of each, kind of the answer)
EACH: Mapping[str, tuple[Kind, Kind]] = {
    "all": (Kind.BOOL, Kind.BOOL),
    "any": (Kind.BOOL, Kind.BOOL),
    "none": (Kind.BOOL, Kind.BOOL),
    "filter": (Kind.BOOL, Kind.LIST),
    "map": (Kind.NUMBER, Kind.LIST),
}
_WORDS = ("result", "true", "false", "and", "or", "not", *FUNCTIONS, *EACH)


@dataclass(frozen=True)
class _Token:
    kind: str  # number, word, text, sign or end
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tree(text: str) -> Node:
    """Return the condition as a tree; raise WrongCondition at the first thing that is wrong."""
    if len(text) > LONGEST:
        raise WrongCondition(LONGEST + 1, f"a condition has at most {LONGEST} characters; this one has {len(text)}")
    reader = _Reader(text)
    root = reader.whole()
    if root.kind is not Kind.BOOL:
        said = f"this is {root.kind.value} and no condition; compare it with something, like {text.strip()[:40]} < 0.01"
        raise WrongCondition(root.start + 1, said)
    return root


def _tokens(text: str) -> Sequence[_Token]:
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise WrongCondition(at + 1, _stranger(text[at]))
        kind, word = str(match.lastgroup), match.group()
        found.append(_Token("sign" if word in _ALIASES else kind, word, at))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


def _stranger(sign: str) -> str:
    hints = {"=": "write == to compare", "&": "write && for and", "|": "write || for or"}
    hints |= {'"': "this text has no end", "'": "this text has no end", ".": "there are no attributes, only result"}
    return hints.get(sign, f"{sign!r} means nothing here")


class _Reader:
    """Reads by precedence. Makes every node through `_node`, which counts them and their depth."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._open = 0  # how deep the reading itself is
        self._inside_each = False
        self._depths: dict[int, int] = {}  # id of a node -> its depth
        self._made: list[Node] = []  # keeps them alive, so that no id is given twice

    def whole(self) -> Node:
        if self._next.kind == "end":
            raise WrongCondition(1, "there is no condition; write one like result < 0.01")
        node = self._expression(0)
        if self._next.kind != "end":
            raise WrongCondition(self._next.start + 1, f"{self._next.text!r} is too much here; is an operator missing?")
        return node

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _is(self, sign: str) -> bool:
        return self._next.kind == "sign" and self._next.text == sign

    def _expect(self, sign: str, after: str) -> _Token:
        if not self._is(sign):
            found = repr(self._next.text) if self._next.text else "the end"
            raise WrongCondition(self._next.start + 1, f"{sign!r} is needed after {after}, not {found}")
        return self._take()

    def _expression(self, binds: int) -> Node:
        self._open += 1
        if self._open > DEEPEST:
            raise WrongCondition(self._next.start + 1, f"this is nested more than {DEEPEST} deep; make it simpler")
        left = self._operand()
        while self._next.kind == "sign":
            token = self._next
            sign = _ALIASES.get(token.text, token.text)
            if sign not in _BINDS or _BINDS[sign] < binds:
                break
            self._take()
            left = self._joined(sign, token, left, self._expression(_BINDS[sign] + 1))
        self._open -= 1
        return left

    def _joined(self, sign: str, token: _Token, left: Node, right: Node) -> Node:
        if sign in ("&&", "||"):
            wanted, kind = Kind.BOOL, Kind.BOOL
        elif sign in ("==", "!="):
            if left.kind is Kind.RESULT and right.kind is Kind.RESULT:
                left = self._as(left, Kind.NUMBER)
            wanted, kind = (right if left.kind is Kind.RESULT else left).kind, Kind.BOOL
        else:
            wanted, kind = Kind.NUMBER, Kind.BOOL if _BINDS[sign] == 20 else Kind.NUMBER
        if Kind.LIST in (left.kind, right.kind):
            raise WrongCondition(
                token.start + 1, "a list is neither compared nor calculated with; take one value, or say all(…, # < 1)"
            )
        return self._node(sign, kind, left.start, right.end, (self._as(left, wanted), self._as(right, wanted)))

    def _operand(self) -> Node:
        token = self._take()
        sign = _ALIASES.get(token.text, token.text) if token.kind == "sign" else ""
        if token.kind == "number":
            node = self._number(token)
        elif token.kind == "text":
            node = self._node("text", Kind.TEXT, token.start, token.end, value=token.text[1:-1])
        elif token.kind == "word":
            node = self._word(token)
        elif sign == "#":
            if not self._inside_each:
                raise WrongCondition(token.start + 1, "# is one value inside all, any, none, filter or map")
            node = self._node("#", Kind.NUMBER, token.start, token.end)
        elif sign == "(":
            node = self._expression(0)
            self._expect(")", "what stands in parentheses")
        elif sign == "!":
            inner = self._as(self._expression(_BINDS_NOT), Kind.BOOL)
            node = self._node("!", Kind.BOOL, token.start, inner.end, (inner,))
        elif sign in ("-", "+"):
            inner = self._as(self._expression(_BINDS_SIGN), Kind.NUMBER)
            node = self._node("negative" if sign == "-" else "positive", Kind.NUMBER, token.start, inner.end, (inner,))
        else:
            found = repr(token.text) if token.text else "the condition ends"
            raise WrongCondition(token.start + 1, f"a value is needed here, and {found} is none; is something missing?")
        while self._is("["):
            node = self._indexed(node)
        return node

    def _number(self, token: _Token) -> Node:
        value = float(token.text)
        if value == float("inf"):
            raise WrongCondition(token.start + 1, f"{token.text} is too large a number")
        return self._node("number", Kind.NUMBER, token.start, token.end, value=value)

    def _word(self, token: _Token) -> Node:
        word = token.text
        if self._is("(") and (word in FUNCTIONS or word in EACH):
            return self._call(token) if word in FUNCTIONS else self._each(token)
        if word == "result":
            return self._node("result", Kind.RESULT, token.start, token.end)
        if word in ("true", "false"):
            return self._node("bool", Kind.BOOL, token.start, token.end, value=word == "true")
        if word in FUNCTIONS or word in EACH:
            raise WrongCondition(token.start + 1, f"{word} is a function; write {word}(result…)")
        hint = did_you_mean(word, _WORDS) or f"there are: {', '.join(_WORDS)}"
        raise WrongCondition(token.start + 1, f"there is no {word!r}; {hint}")

    def _call(self, name: _Token) -> Node:
        self._take()
        kinds, answer = FUNCTIONS[name.text]
        given = [self._expression(0)] if not self._is(")") else []
        while given and self._is(","):
            self._take()
            given.append(self._expression(0))
        end = self._expect(")", f"the arguments of {name.text}").end
        if len(given) != len(kinds):
            said = f"{name.text} takes {len(kinds)} argument{'s' if len(kinds) > 1 else ''}, not {len(given)}"
            raise WrongCondition(name.start + 1, said)
        args = [self._as(arg, kind) if kind else arg for arg, kind in zip(given, kinds, strict=True)]
        if name.text in ("asFloat", "asInt") and args[0].kind is not Kind.TEXT:
            args = [self._as(args[0], Kind.NUMBER)]
        return self._node(name.text, answer or Kind.NUMBER, name.start, end, tuple(args))

    def _each(self, name: _Token) -> Node:
        if self._inside_each:
            raise WrongCondition(name.start + 1, f"{name.text} cannot stand inside another of its kind; # would be two")
        self._take()
        of = self._as(self._expression(0), Kind.LIST)
        self._expect(",", f"the list of {name.text}")
        braces = self._is("{") and bool(self._take())
        self._inside_each = True
        said, answer = EACH[name.text]
        body = self._as(self._expression(0), said)
        self._inside_each = False
        if braces:
            self._expect("}", "what is said of #")
        end = self._expect(")", f"what {name.text} says of #").end
        return self._node(name.text, answer, name.start, end, (of, body))

    def _indexed(self, of: Node) -> Node:
        self._take()
        index = self._as(self._expression(0), Kind.NUMBER)
        end = self._expect("]", "a place in a list").end
        return self._node("[]", Kind.NUMBER, of.start, end, (self._as(of, Kind.LIST), index))

    def _as(self, node: Node, wanted: Kind) -> Node:
        """Return the node as what is wanted; the result is a list, or its only value."""
        if node.kind is wanted or (node.kind is Kind.RESULT and wanted is Kind.LIST):
            return node
        if node.kind is Kind.RESULT and wanted is Kind.NUMBER:
            return self._node("only", Kind.NUMBER, node.start, node.end, (node,))
        hint = "; put a comparison in parentheses, like !(result < 1)" if wanted is Kind.BOOL else ""
        raise WrongCondition(node.start + 1, f"{wanted.value} is needed here, and this is {node.kind.value}{hint}")

    def _node(
        self, op: str, kind: Kind, start: int, end: int, args: tuple[Node, ...] = (), value: float | str | None = None
    ) -> Node:
        node = Node(op, kind, start, end, args, value)
        depth = 1 + max((self._depths[id(arg)] for arg in args), default=0)
        self._depths[id(node)] = depth
        self._made.append(node)
        if depth > DEEPEST or len(self._made) > MOST_NODES:
            raise WrongCondition(start + 1, f"this has more than {DEEPEST} steps; make it simpler")
        return node
