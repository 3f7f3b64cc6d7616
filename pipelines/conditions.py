"""`successCondition` and `failureCondition`: what they say of a result, and why. Pure; no eval, no attributes.

A condition is true, false, or *unknown*: nothing that is compared with no data, or with NaN, is known, unless the
condition says what then (`default(result, 0) < 1`, `isNaN(result) || …`). An unknown is never a pass.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipelines.conditiontree import Node, WrongCondition, tree

__all__ = ["MOST_VALUES", "Condition", "Unevaluable", "WrongCondition", "condition", "shown"]

MOST_VALUES = 1000  # of one result
Value = float | str | bool | tuple[float, ...] | None  # None: there is no value, so nothing is known


class Unevaluable(Exception):
    """This result cannot be put into the condition: a division by zero, a third value of two, a text that is no number.

    That is an error of the measurement, neither a yes nor a no.
    """


@dataclass(frozen=True)
class Condition:
    """One condition, read. `text` is as people wrote it."""

    text: str
    root: Node

    def holds(self, result: Sequence[float]) -> bool | None:
        """Return whether it holds for these values, None when nobody knows; raise Unevaluable.

        >>> condition("result < 0.01").holds([0.002]), condition("result < 0.01").holds([])
        (True, None)
        """
        if len(result) > MOST_VALUES:
            raise Unevaluable(f"the result has {len(result)} values; at most {MOST_VALUES} are looked at, so sum them")
        said = _Evaluation(self.text, result).value(self.root)
        return said if isinstance(said, bool) else None

    def reason(self, result: Sequence[float]) -> str:
        """Return the comparison that decided, with its numbers, as it came out; empty when nothing can be said.

        >>> condition("result < 0.01 && len(result) == 1").reason([0.031])
        '0.031 ≥ 0.01'
        """
        evaluation = _Evaluation(self.text, result)
        try:
            held = evaluation.value(self.root)
            return evaluation.reason(self.root, held) if isinstance(held, bool) else ""
        except Unevaluable:
            return ""


@lru_cache(maxsize=1000)
def condition(text: str) -> Condition:
    """Read a condition; raise WrongCondition, a ValueError that names the column."""
    return Condition(text, tree(text))


def shown(value: float) -> str:
    """Write a number for people.

    >>> shown(0.0310000001), shown(1234567.0), shown(float("inf"))
    ('0.031', '1234567', '+Inf')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


_COMPARES: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
_SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "!=": "≠"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_LISTS: Mapping[str, Callable[[Sequence[float]], float]] = {"sum": math.fsum, "min": min, "max": max}


class _Evaluation:
    """One condition and one result. `each` is the value that # stands for."""

    def __init__(self, text: str, result: Sequence[float]) -> None:
        self._text = text
        self._result = tuple(float(one) for one in result)
        self._each: float | None = None

    def value(self, node: Node) -> Value:
        match node.op:
            case "number" | "text" | "bool":
                return node.value
            case "result":
                return self._result
            case "#":
                return self._each
            case "&&" | "||":
                return self._joined(node)
            case "!":
                said = self.value(node.args[0])
                return None if said is None else not said
            case "all" | "any" | "none" | "filter" | "map":
                return self._of_each(node)
        given = [self.value(arg) for arg in node.args]
        if node.op in _COMPARES:
            return _compared(node.op, given[0], given[1])
        if node.op in ("+", "-", "*", "/", "%"):
            return self._calculated(node, given[0], given[1])
        return self._function(node, given)

    def _joined(self, node: Node) -> bool | None:
        """And, or: unknown only where the known side does not decide. What the left decides, the right is not asked."""
        decides = node.op == "||"
        left = self.value(node.args[0])
        if left is decides:
            return decides
        right = self.value(node.args[1])
        if right is decides:
            return decides
        return None if left is None or right is None else not decides

    def _of_each(self, node: Node) -> Value:
        """A statement about every one of no values is not known: no data never passes."""
        values = self._list(node.args[0])
        if not values:
            return None
        said = [self._with(one, node.args[1]) for one in values]
        if node.op == "map":
            return tuple(math.nan if one is None else float(one) for one in said)  # type: ignore[arg-type]
        if node.op == "filter":
            return None if None in said else tuple(one for one, kept in zip(values, said, strict=True) if kept)
        decided = node.op != "all"
        if decided in said:
            return node.op == "any"
        return None if None in said else node.op != "any"

    def _with(self, one: float, body: Node) -> Value:
        self._each = one
        try:
            return self.value(body)
        finally:
            self._each = None

    def _list(self, node: Node) -> tuple[float, ...]:
        said = self.value(node)
        return said if isinstance(said, tuple) else ()

    def _calculated(self, node: Node, left: Value, right: Value) -> float | None:
        if not isinstance(left, float) or not isinstance(right, float):
            return None
        if node.op in ("/", "%") and right == 0:
            raise Unevaluable(f"{self._source(node)} divides by zero")
        match node.op:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
        return math.fmod(left, right) if math.isfinite(left) else math.nan

    def _function(self, node: Node, given: Sequence[Value]) -> Value:
        first = given[0]
        match node.op:
            case "only":
                return self._only(first)
            case "[]":
                return self._indexed(node, first, given[1])
            case "len":
                return float(len(first)) if isinstance(first, tuple) else None
            case "sum" | "min" | "max":
                return self._of_list(node, first)
            case "isNil":
                return first is None or first == ()
            case "default":
                return given[1] if first is None or (isinstance(first, float) and math.isnan(first)) else first
            case "asFloat" | "asInt":
                return self._number(node, first)
        if not isinstance(first, float):
            return None
        answers: Mapping[str, Value] = {
            "negative": -first,
            "positive": first,
            "abs": abs(first),
            "isNaN": math.isnan(first),
            "isInf": math.isinf(first),
        }
        return answers[node.op]

    def _only(self, values: Value) -> float | None:
        if not isinstance(values, tuple) or not values:
            return None
        if len(values) > 1:
            said = f"the query gives {len(values)} values and the condition needs one"
            raise Unevaluable(f"{said}; write sum(…) in the query, or all(result, # < 1) in the condition")
        return values[0]

    def _indexed(self, node: Node, values: Value, index: Value) -> float | None:
        if not isinstance(values, tuple) or not values or not isinstance(index, float):
            return None
        if not index.is_integer():
            raise Unevaluable(f"{self._source(node)} asks for a place that is no whole number")
        if not -len(values) <= index < len(values):
            said = f"there {'is' if len(values) == 1 else 'are'} {len(values)}"
            raise Unevaluable(f"{self._source(node)} asks for a value that is not there; {said}")
        return values[int(index)]

    def _of_list(self, node: Node, values: Value) -> float | None:
        if not isinstance(values, tuple) or not values:
            return None
        if any(math.isnan(one) for one in values) or {math.inf, -math.inf} <= set(values):
            return math.nan
        try:
            return _LISTS[node.op](values)
        except OverflowError:
            raise Unevaluable(f"{self._source(node)} is too large a number") from None

    def _number(self, node: Node, given: Value) -> float | None:
        if given is None or isinstance(given, tuple):
            return None
        try:
            number = float(given)
            return number if node.op == "asFloat" or math.isnan(number) else float(int(number))
        except (ValueError, OverflowError):
            raise Unevaluable(f"{self._source(node)} is no number") from None

    def _source(self, node: Node) -> str:
        return self._text[node.start : node.end]

    # Why it came out so.

    def reason(self, node: Node, held: bool) -> str:
        if node.op == "!":
            return self.reason(node.args[0], not held)
        if node.op in ("&&", "||"):
            return next((self.reason(arg, held) for arg in node.args if self.value(arg) is held), "")
        if node.op in ("all", "any", "none"):
            return self._reason_of_one(node, held)
        if node.op in _COMPARES:
            return self._comparison(node, held)
        return f"{self._source(node)} is {str(held).lower()}"

    def _reason_of_one(self, node: Node, held: bool) -> str:
        """Show the first value that decided; where all agree, the first of them."""
        wanted = held if node.op != "none" else not held
        for one in self._list(node.args[0]):
            if self._with(one, node.args[1]) is wanted:
                self._each = one
                said = self.reason(node.args[1], wanted)
                self._each = None
                return said
        return ""

    def _comparison(self, node: Node, held: bool) -> str:
        sign = _SIGNS[node.op if held else _OPPOSITE[node.op]]
        left, right = (self.value(arg) for arg in node.args)
        if not isinstance(left, float) or not isinstance(right, float):
            return f"{self._source(node)} is {str(held).lower()}"
        alike = shown(left) == shown(right) and left != right
        sides = [repr(side) if alike else shown(side) for side in (left, right)]
        plain = {"only", "#", "number", "[]", "default"}
        names = ["" if arg.op in plain else f"{self._source(arg)} = " for arg in node.args[:1]]
        return f"{names[0]}{sides[0]} {sign} {sides[1]}"


def _compared(sign: str, left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, float) and isinstance(right, float):
        return None if math.isnan(left) or math.isnan(right) else _COMPARES[sign](left, right)
    return (left == right) is (sign == "==")
