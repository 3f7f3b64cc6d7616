"""Line-ups written into the text of a schedule, which stays as its people wrote it in all else. Pure: text in and out.

What comes out was read again: it says those line-ups, and everything else as before. A text in which that takes more
than one small change is refused, and has to be changed by hand.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import yaml

from ledger.errors import Code, Error
from oncall import schedulefile, scheduletext
from oncall.rotation import LineUp

KEY = "lineups"
_BY_HAND = "This text is written in a way that only its people should change; put the line-up into it by hand."


def with_lineups(text: str, name: str, rotation: str, lineups: Sequence[LineUp]) -> str:
    """Return the text with these line-ups in one of its rotations."""
    before = schedulefile.read(text, name)
    zone = before.rotation(rotation).zone
    said = [_written(one, zone, schedulefile.spelled(text, name)) for one in lineups]
    node = _rotation(text, rotation)
    if node is None:
        raise Error(Code.CONFLICT, _BY_HAND)
    made = _put(text, node, said)
    try:
        same = schedulefile.read(made, name) == before.with_lineups(rotation, lineups)
    except Error:
        same = False
    if not same:
        raise Error(Code.CONFLICT, _BY_HAND)
    return made


def _rotation(text: str, name: str) -> yaml.MappingNode | None:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    rotations = _value(root, "rotations")
    found = [one for one in rotations.value if _says(one, name)] if isinstance(rotations, yaml.SequenceNode) else []
    return found[0] if len(found) == 1 else None


def _says(node: yaml.Node, name: str) -> bool:
    said = _value(node, "name")
    return isinstance(said, yaml.ScalarNode) and said.value == name


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for said, value in pairs if said.value == key), None)


def _put(text: str, node: yaml.MappingNode, said: Sequence[str]) -> str:
    """Put the line-ups where some stand already, or behind the last key of the rotation."""
    in_one_line = f"{KEY}: [{', '.join(said)}]"
    there = next(((key, value) for key, value in node.value if key.value == KEY), None)
    if there is not None:
        start, end = there[0].start_mark.index, _end(there[1])
        block = in_one_line if node.flow_style else _block(said, there[0].start_mark.column)
        return text[:start] + block.lstrip() + text[end:]
    if node.flow_style:
        head = text[: node.end_mark.index - 1].rstrip()
        return f"{head}{'' if head.endswith(',') else ','} {in_one_line}{text[node.end_mark.index - 1 :]}"
    last = _end(node.value[-1][1])
    ends = text.find("\n", last)
    ends = len(text) if ends < 0 else ends
    return f"{text[:ends]}\n{_block(said, node.value[0][0].start_mark.column)}{text[ends:]}"


def _block(said: Sequence[str], column: int) -> str:
    indent = " " * column
    if not said:
        return f"{indent}{KEY}: []"
    return "\n".join([f"{indent}{KEY}:", *(f"{indent}  - {one}" for one in said)])


def _end(node: yaml.Node) -> int:
    """Return where the last character of a value stands; a block's own mark is behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _written(one: LineUp, zone: ZoneInfo, spelled: Mapping[str, str]) -> str:
    order = [_person(ref, spelled) for ref in one.order]
    first = f", first: {order[one.first]}" if one.first and order else ""
    return f'{{from: "{_moment(one.since, zone)}", order: [{", ".join(order)}]{first}}}'


def _moment(at: datetime, zone: ZoneInfo) -> str:
    """Write a moment as the clock on the wall shows it, where that is no other moment too."""
    local = at.astimezone(zone).replace(tzinfo=None)
    said = f"{local:%Y-%m-%d %H:%M}" + (f":{local:%S}" if local.second else "")
    if scheduletext.begins(scheduletext.moment(said), zone) == at:
        return said
    return at.isoformat(timespec="seconds")


def _person(ref: str, spelled: Mapping[str, str]) -> str:
    """Write a person as the file does, and whoever is new to it in the short form."""
    return spelled.get(ref) or ref.replace(":default/", ":", 1)
