"""What an escalation file may say: YAML text in, a policy out, or everything that is wrong with its place. Pure.

Unknown keys are errors with a hint. With the names that exist, a person, team or role that does not is one too. The
whole form stands in examples/oncall/escalation.yaml.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from catalog import refs
from catalog.places import Document, Place, Problem, did_you_mean, quoted
from catalog.yamlfile import problems_of
from catalog.yamlfile import read as read_yaml
from oncall import policy
from oncall.policy import DAY, MINUTE, MOST_LEVELS, MOST_ROUNDS, MOST_TARGETS, Policy, Target, TargetKind
from production.settings import Duration, Settings, duration, written

FORM = "write user:ada, group:payments, or the role of a schedule like payments/primary"
_KINDS = {"user": TargetKind.PERSON, "group": TargetKind.TEAM}


@dataclass(frozen=True)
class Known:
    """What exists, as whole references and as `schedule/role`."""

    people: Collection[str] = ()
    teams: Collection[str] = ()
    roles: Collection[str] = ()


def target(said: Any) -> Target:
    """Read whom a level names; raise ValueError with a sentence.

    >>> target("user:ada").ref, target("payments/primary").kind.value
    ('user:default/ada', 'role')
    """
    if not isinstance(said, str):
        raise ValueError(f"needs a name, not {quoted(said)}; {FORM}")
    if ":" not in said:
        return Target(TargetKind.ROLE, _role(said))
    ref = refs.parse(said)
    if ref.kind not in _KINDS:
        near = did_you_mean(ref.kind, _KINDS) or FORM
        raise ValueError(f"{quoted(said)} is neither a person nor a team; {near}")
    return Target(_KINDS[ref.kind], str(ref))


def _role(said: str) -> str:
    schedule, slash, role = said.partition("/")
    if not slash or not refs.NAME.fullmatch(schedule) or not refs.NAME.fullmatch(role):
        raise ValueError(f"{quoted(said)} names nobody; {FORM}")
    return said


def _target(said: Any) -> Any:
    if isinstance(said, dict):
        return said
    return target(said)


def _team(said: str) -> str:
    ref = refs.parse(said, "group")
    if ref.kind != "group":
        raise ValueError(f"{quoted(said)} is no team; write group:payments")
    return str(ref)


Team = Annotated[str, AfterValidator(_team)]


class TeamSettings(Settings):
    """A team as a target, where more than its name is said."""

    team: Team
    who: Literal["on-call", "everybody"] = Field("on-call", description="or everybody in it, on call or not")

    @property
    def ref(self) -> Target:
        return Target(TargetKind.TEAM if self.who == "on-call" else TargetKind.MEMBERS, self.team)


def _between(least: timedelta, most: timedelta) -> AfterValidator:
    def checked(span: timedelta) -> timedelta:
        if not least <= span <= most:
            raise ValueError(f"needs {written(least)} to {written(most)}, not {written(span)}")
        return span

    return AfterValidator(checked)


def _reminder(said: Any) -> timedelta:
    return timedelta(0) if said is False or said == "never" else duration(said)


def _reminder_fits(span: timedelta) -> timedelta:
    if span and not MINUTE <= span <= DAY:
        raise ValueError(f"needs {written(MINUTE)} to {written(DAY)}, or never, not {written(span)}")
    return span


class LevelSettings(Settings):
    """One level: whom it names, and how long they have."""

    targets: tuple[Annotated[Target | TeamSettings, BeforeValidator(_target)], ...] = Field(
        min_length=1, max_length=MOST_TARGETS
    )
    delay: Annotated[Duration, BeforeValidator(duration), _between(MINUTE, DAY)] = Field(
        policy.DELAY, description="until the next level is paged"
    )
    strategy: policy.Strategy = policy.Strategy.EVERYONE

    @model_validator(mode="after")
    def _names_nobody_twice(self) -> "LevelSettings":
        names = [str(one) for one in self.named]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{quoted(twice)} stands here twice; keep one of them")
        return self

    @property
    def named(self) -> tuple[Target, ...]:
        return tuple(one.ref if isinstance(one, TeamSettings) else one for one in self.targets)


class PolicySettings(Settings):
    """The whole file."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    team: Team | None = Field(None, description="told when nobody came; else the owner of what is broken")
    levels: tuple[LevelSettings, ...] = Field(min_length=1, max_length=MOST_LEVELS)
    repeat: Annotated[int, Field(strict=True, ge=0, le=MOST_ROUNDS)] = 0
    reminder: Annotated[Duration, BeforeValidator(_reminder), AfterValidator(_reminder_fits)] = policy.REMINDER
    reminders: Annotated[int, Field(strict=True, ge=0, le=20)] = policy.REMINDERS

    def policy(self) -> Policy:
        levels = tuple(policy.Level(level.named, level.delay, level.strategy) for level in self.levels)
        return Policy(self.name, levels, self.repeat, self.reminder, self.reminders, self.team or "")


def read(text: bytes | str, path: str, known: Known | None = None) -> tuple[Policy | None, Sequence[Problem]]:
    """Return the policy, or everything that is wrong with the file."""
    documents, problems = read_yaml(text, path)
    if problems:
        return None, problems
    if len(documents) != 1:
        said = "there is nothing in it" if not documents else f"{len(documents)} documents; one policy stands in a file"
        return None, [Problem(Place(path, 1, 1), "documents", said)]
    try:
        settings = PolicySettings.model_validate(documents[0].data)
    except ValidationError as error:
        found = problems_of(error, documents[0], model=PolicySettings)
        return None, sorted(found, key=lambda problem: problem.place)
    unknown = _unknown(settings, documents[0], known) if known else []
    return (None, unknown) if unknown else (settings.policy(), ())


def _unknown(settings: PolicySettings, document: Document, known: Known) -> list[Problem]:
    problems = []
    for number, level in enumerate(settings.levels):
        for index, one in enumerate(level.named):
            what, names = _names(one.kind, known)
            if one.ref not in names:
                place = document.place(("levels", number, "targets", index), key=True)
                message = f"targets[{index}]: no {what} {quoted(one.ref)}"
                problems.append(Problem(place, "unknown-target", message, _near(one.ref, names)))
    if settings.team and settings.team not in known.teams:
        message = f"team: no team {quoted(settings.team)}"
        hint = _near(settings.team, known.teams)
        problems.append(Problem(document.place(("team",), key=True), "unknown-team", message, hint))
    return sorted(problems, key=lambda problem: problem.place)


def _near(ref: str, names: Collection[str]) -> str:
    """Compare the names alone, for all references of a kind begin alike."""
    return did_you_mean(_bare(ref), [_bare(name) for name in names])


def _bare(ref: str) -> str:
    return ref.rpartition(":")[2].removeprefix(f"{refs.DEFAULT_NAMESPACE}/")


def _names(kind: TargetKind, known: Known) -> tuple[str, Collection[str]]:
    if kind is TargetKind.PERSON:
        return "person", known.people
    return ("role of a schedule", known.roles) if kind is TargetKind.ROLE else ("team", known.teams)


def write(one: Policy) -> str:
    """Write a policy as the file that `read` reads back, for what was imported or put together on a page."""
    levels = [
        {"targets": [_said(each) for each in level.targets], "delay": written(level.delay), "strategy": level.strategy}
        for level in one.levels
    ]
    said: dict[str, Any] = {"name": one.name} | ({"team": one.team} if one.team else {})
    reminder = written(one.reminder) if one.reminder else "never"
    said |= {"levels": levels, "repeat": one.repeat, "reminder": reminder, "reminders": one.reminders}
    return yaml.safe_dump(_plain(said), sort_keys=False, allow_unicode=True)


def _said(one: Target) -> Any:
    return {"team": one.ref, "who": "everybody"} if one.kind is TargetKind.MEMBERS else one.ref


def _plain(value: Any) -> Any:
    """Words of an enumeration as text, as YAML can write them."""
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return str(value) if isinstance(value, str) else value
