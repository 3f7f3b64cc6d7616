"""What a schedule file may say, read strictly: a time zone, rotations, overrides. Pure: text in, a schedule out.

Unknown keys are errors with a hint, and all problems are reported at once with their place. examples/schedule.yaml has
every key. People are written `user:ada` or only `ada`, and become `user:default/ada`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from catalog.places import Document, Path, Place, Problem, did_you_mean, quoted
from catalog.yamlfile import problems_of
from catalog.yamlfile import read as read_yaml
from ledger.errors import Code, Error
from oncall import rrule, scheduletext, zones
from oncall.cadence import Every, Rule
from oncall.overrides import Override
from oncall.restrictions import Window
from oncall.rotation import ALWAYS, NEVER, LineUp, Rotation
from oncall.saying import listed
from oncall.schedule import Schedule
from oncall.terms import PRIMARY
from production.settings import Settings

WRITTEN = datetime(1970, 1, 1, tzinfo=UTC)  # overrides of a file are older than any that people make
TEXT = WithJsonSchema({"type": "string"})
_Numbers = dict[str, list[int]]


def _zone(said: str) -> str:
    return zones.zone(said).key


def _restriction(said: Any) -> Any:
    return {"days": said} if isinstance(said, str) else said


_EITHER = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
ZoneName = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, BeforeValidator(scheduletext.name), Field(pattern=scheduletext.NAME)]
Role = Annotated[str, BeforeValidator(scheduletext.role), Field(pattern=scheduletext.ROLE)]
Person = Annotated[str, BeforeValidator(scheduletext.person), TEXT]
Moment = Annotated[datetime, BeforeValidator(scheduletext.moment), TEXT]
Cadence = Annotated[InstanceOf[Every] | InstanceOf[Rule], BeforeValidator(scheduletext.every), TEXT]
Order = Annotated[tuple[Person, ...], Field(max_length=500, description="who takes turns; an empty list is nobody")]
Clock = Annotated[tuple[int | None, timedelta], BeforeValidator(scheduletext.hour_of_week), TEXT]
Days = Annotated[tuple[int, ...], BeforeValidator(scheduletext.weekdays), _EITHER]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]


class Part(Settings):
    """Keys are read as they are documented, and no others."""

    model_config = ConfigDict(populate_by_name=False)


class Restriction(Part):
    """One window of the week: `{days: mon-fri, from: "09:00", to: "17:00"}` or `{from: fri 18:00, to: mon 09:00}`."""

    days: Days | None = Field(None, description="weekdays like mon-fri or [sat, sun]; every day where none is said")
    opens: Clock = Field((None, scheduletext.clock("00:00")), alias="from", description="09:00, or fri 18:00")
    closes: Clock = Field((None, scheduletext.clock("24:00")), alias="to", description="not later: over midnight")

    @model_validator(mode="after")
    def _is_a_window(self) -> "Restriction":
        if self.days is not None and self.opens[0] is not None:
            raise ValueError("the weekday stands in `days` or in `from` and `to`, not in both")
        assert self.windows
        return self

    @property
    def windows(self) -> tuple[Window, ...]:
        return scheduletext.windows(self.days or tuple(range(7)), self.opens, self.closes)


class LineUpSettings(Part):
    """From a moment on, another order."""

    since: Moment = Field(alias="from", description="local wall time of the rotation, or with an offset")
    order: Order
    first: Person | None = Field(None, description="who has the turn that is under way then; else the first of order")

    @model_validator(mode="after")
    def _begins_with_one_of_them(self) -> "LineUpSettings":
        _place(self.order, self.first)
        return self


class RotationSettings(Part):
    """People who take turns."""

    name: Name
    order: Order
    every: Cadence = Field(description="12 hours, 1 day, 2 weeks, 1 month, or a rule like FREQ=WEEKLY;BYDAY=MO,TH")
    starts: Moment = Field(description="the first hand-off, local wall time; turns are counted from it")
    roles: dict[Role, Annotated[int, Field(strict=True, ge=0, le=499)]] = Field(
        {PRIMARY: 0}, min_length=1, max_length=20, description="role: offset in the order; 1 is who has 0 next"
    )
    timezone: ZoneName | None = Field(None, description="of hand-offs and restrictions; else the schedule's")
    restrictions: tuple[Annotated[Restriction, BeforeValidator(_restriction)], ...] = Field(
        (), max_length=50, description="only then is anybody of this rotation on call"
    )
    turns: Literal["worked", "all"] = Field("worked", description="whether turns outside of all restrictions count")
    first: Person | None = Field(None, description="who has the first turn; else the first of order")
    since: Moment | None = Field(None, alias="from", description="nobody before")
    until: Moment | None = Field(None, alias="to", description="nobody from then on")
    lineups: tuple[LineUpSettings, ...] = Field((), max_length=1000, description="other orders, each from a moment on")

    @model_validator(mode="after")
    def _makes_sense(self) -> "RotationSettings":
        twice = [role for role, offset in self.roles.items() if list(self.roles.values()).count(offset) > 1]
        if twice:
            raise ValueError(f"{listed(twice)} have the same offset; nobody has two roles at once")
        _place(self.order, self.first)
        if isinstance(self.every, Rule) and not rrule.comes_to_something(self.every, self.starts.replace(tzinfo=None)):
            raise ValueError(f"the rule {quoted(self.every.text)} comes to no hand-off within {rrule.YEARS} years")
        return self

    def rotation(self, outer: str) -> Rotation:
        zone = zones.zone(self.timezone or outer)
        lineups = [
            LineUp(scheduletext.begins(one.since, zone), one.order, _place(one.order, one.first))
            for one in self.lineups
        ]
        return Rotation(
            self.name,
            self.order,
            self.every,
            scheduletext.on_the_wall(self.starts, zone),
            zone,
            self.roles,
            tuple(window for one in self.restrictions for window in one.windows),
            tuple(lineups),
            _place(self.order, self.first),
            self.turns == "all",
            scheduletext.begins(self.since, zone) if self.since else ALWAYS,
            scheduletext.ends(self.until, zone) if self.until else NEVER,
        )


class OverrideSettings(Part):
    """One exception: this person has the role meanwhile."""

    role: Role = PRIMARY
    person: Person
    since: Moment = Field(alias="from", description="local wall time of the schedule, or with an offset")
    until: Moment = Field(alias="to")
    replaces: Person | None = Field(None, description="only where this person would be; others are left untouched")
    by: Person | None = Field(None, description="who arranged it")
    reason: str = Field("", max_length=500)


class ScheduleFile(Part):
    """The whole file."""

    timezone: ZoneName = Field(description="IANA name, like America/Chicago")
    rotations: tuple[RotationSettings, ...] = Field((), max_length=50, description="a later one hides an earlier one")
    overrides: tuple[OverrideSettings, ...] = Field((), max_length=2000, description="the last one wins")
    shares: dict[Person, Share] = Field({}, max_length=500, description="of a fair load; 1 where none is said")

    def schedule(self) -> Schedule:
        zone = zones.zone(self.timezone)
        overrides = tuple(
            Override(
                number,
                one.role,
                one.person,
                scheduletext.begins(one.since, zone),
                scheduletext.ends(one.until, zone),
                WRITTEN,
                by=one.by or "",
                reason=one.reason,
                replaces=one.replaces or "",
            )
            for number, one in enumerate(self.overrides, start=1)
        )
        return Schedule(zone, tuple(one.rotation(self.timezone) for one in self.rotations), overrides, self.shares)


def read(text: bytes | str, name: str) -> Schedule:
    """Return the schedule of a file; an Error has every problem with its place as a reason."""
    file, problems = parse(text, name)
    if file is None:
        raise Error(Code.INVALID, f"{name} is no schedule yet.", reasons=[str(problem) for problem in problems])
    return file.schedule()


def parse(text: bytes | str, name: str) -> tuple[ScheduleFile | None, Sequence[Problem]]:
    """Return what the file says, or everything that is wrong with it."""
    documents, problems = read_yaml(text, name)
    if problems:
        return None, problems
    if len(documents) != 1:
        said = "there is nothing in it" if not documents else f"{len(documents)} documents; a file has one schedule"
        return None, [Problem(Place(name, 1, 1), "documents", said)]
    document = documents[0]
    try:
        file = ScheduleFile.model_validate(document.data)
    except ValidationError as error:
        wrong = problems_of(error, document, model=ScheduleFile) + _unsound(*_rest(document, error), document)
        return None, sorted(wrong, key=lambda problem: problem.place)
    wrong = _unsound(file, {}, document)
    return (None, sorted(wrong, key=lambda problem: problem.place)) if wrong else (file, ())


def spelled(text: bytes | str, name: str) -> Mapping[str, str]:
    """Return how a file that `parse` has found good first writes each person, for answers in its own words."""
    data = read_yaml(text, name)[0][0].data
    rotations = data.get("rotations") or []
    lineups = [lineup for rotation in rotations for lineup in rotation.get("lineups") or []]
    said = [person for one in (*rotations, *lineups) for person in one["order"]]
    said += [one["person"] for one in data.get("overrides") or []]
    return {scheduletext.person(person): person for person in reversed(said)}


def _place(order: Sequence[str], first: str | None) -> int:
    if first is not None and first not in order:
        raise ValueError(f"first: {quoted(first)} is not in the order")
    return order.index(first) if first is not None else 0


def _rest(document: Document, error: ValidationError) -> tuple[ScheduleFile | None, _Numbers]:
    """Return what a file says in the parts that nothing was said about, so that the rest of the faults is said too."""
    bad = {said["loc"][:2] for said in error.errors(include_url=False, include_context=False, include_input=False)}
    numbers: _Numbers = {}
    said: dict[str, Any] = {"timezone": "UTC" if ("timezone",) in bad else document.value(("timezone",))}
    for key in ("rotations", "overrides"):
        parts = document.value((key,))
        parts = parts if isinstance(parts, list) and (key,) not in bad else []
        numbers[key] = [at for at in range(len(parts)) if (key, at) not in bad]
        said[key] = [parts[at] for at in numbers[key]]
    try:
        return ScheduleFile.model_validate(said), numbers
    except ValidationError:  # not even that much
        return None, numbers


def _unsound(file: ScheduleFile | None, numbers: _Numbers, document: Document) -> list[Problem]:
    """Return what only shows when the parts are seen together; `numbers`: which of the file's parts they are."""
    if file is None:
        return []
    rotations = document.value(("rotations",))
    whole = not numbers or not isinstance(rotations, list) or len(numbers["rotations"]) == len(rotations)
    found = []
    for path, code, *said in (*_crossed(file, file.schedule()), *(_unmatched(file) if whole else ())):
        if path[0] == "shares":  # as the file writes the person
            path = next(("shares", one) for one in document.value(("shares",)) if scheduletext.person(one) == path[1])
        elif path[0] in numbers:
            path = (path[0], numbers[str(path[0])][int(path[1])], *path[2:])
        found.append(Problem(document.place(path, key=True), code, *said))
    return found


def _crossed(file: ScheduleFile, schedule: Schedule) -> Iterator[tuple[Path, str, str, str]]:
    """Yield what two times or two names say against one another: path, code, message, hint."""
    names = [one.name for one in file.rotations]
    for at, rotation in enumerate(schedule.rotations):
        path: Path = ("rotations", at)
        if rotation.name in names[:at]:
            yield (*path, "name"), "twice", f"name: {quoted(rotation.name)} stands twice", "give one another name"
        if rotation.until <= rotation.since:
            yield (*path, "to"), "order", "to: is not after `from`", ""
        for number, lineup in enumerate(rotation.lineups):
            if number and lineup.since <= rotation.lineups[number - 1].since:
                yield (*path, "lineups", number, "from"), "order", "from: is not after the line-up before", ""
    for at, override in enumerate(schedule.overrides):
        if override.end <= override.start:
            yield ("overrides", at, "to"), "order", "to: is not after `from`", ""


def _unmatched(file: ScheduleFile) -> Iterator[tuple[Path, str, str, str]]:
    """Yield the roles and people that no rotation has."""
    known = list(dict.fromkeys(role for one in file.rotations for role in one.roles))
    for at, override in enumerate(file.overrides):
        if known and override.role not in known:
            hint = did_you_mean(override.role, known) or f"there are {', '.join(known)}"
            yield ("overrides", at, "role"), "role", f"role: no rotation has the role {quoted(override.role)}", hint
    orders = [order for one in file.rotations for order in (one.order, *(lineup.order for lineup in one.lineups))]
    people = {*(person for order in orders for person in order), *(one.person for one in file.overrides)}
    for person in file.shares:
        if person not in people:
            said = f"shares: {quoted(person)} is in no rotation and no override"
            yield ("shares", person), "person", said, did_you_mean(person, people) or "take the line out"
