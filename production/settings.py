"""What `spec.deploy.environments.NAME` may say about targets and checks. Pure; read by pipelines/spec.py.

Every model refuses unknown keys and is frozen, so it can travel inside a plan as JSON and come back the same.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from production.ports import Check

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: Any) -> timedelta:
    """Read `500ms`, `30s`, `5m`, `1h`, `1h30m` or `7d`; a bare number is refused, for nobody knows its unit.

    >>> duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    parts = _DURATION.findall(text) if isinstance(text, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
        raise ValueError("a duration with its unit is needed, like 500ms, 30s, 5m or 1h30m")
    try:
        return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError("that is longer than anything lasts; write a duration like 30s, 5m or 7d") from None


def written(span: timedelta) -> str:
    """Write a duration so that `duration` reads it back.

    >>> written(timedelta(minutes=5)), written(timedelta(milliseconds=200))
    ('5m', '200ms')
    """
    seconds = span.total_seconds()
    for unit in ("d", "h", "m", "s"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{int(seconds / _SECONDS[unit])}{unit}"
    return f"{round(seconds * 1000)}ms" if seconds else "0s"


Duration = Annotated[
    timedelta, BeforeValidator(duration), PlainSerializer(written), Field(json_schema_extra={"type": "string"})
]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


class Settings(BaseModel):
    """What all of our blocks share: frozen, strict about keys; `x-` keys are free."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _without_free_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if not str(key).startswith("x-")}
        return data


SecretKey = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$", max_length=200)
]
TOLD = ("PATH", "PORT", "HOST", "REVISION", "SERVICE", "ENVIRONMENT")  # names whose values only the target knows


def _by_name(said: Any) -> Any:
    """Read `[DB_PASSWORD]` as `{DB_PASSWORD: DB_PASSWORD}`."""
    if isinstance(said, list | tuple):
        names = [name for name in said if isinstance(name, str)]
        if len(names) != len(said) or len(set(names)) != len(names):
            raise ValueError("a list of names is needed, each once, like [DB_PASSWORD, API_KEY]")
        return {name: name for name in names}
    return said


def _or_a_list(schema: dict[str, Any]) -> None:
    mapping = {key: schema.pop(key) for key in tuple(schema) if key not in ("title", "description", "default")}
    schema["anyOf"] = [{"type": "array", "items": {"type": "string"}, "uniqueItems": True}, mapping]


# The name a program sees -> the key under which the secret is kept. Never a value.
SecretNames = Annotated[
    dict[Name, SecretKey],
    BeforeValidator(_by_name),
    Field(description="names, or name: key; in a list each key is its name", json_schema_extra=_or_a_list),
]


class Variables(Settings):
    """What programs of a site get besides what the target tells them: plain values, and secrets by their names."""

    env: dict[Name, str] = Field(default_factory=dict)
    secrets: SecretNames = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_each_name_once(self) -> Self:
        if twice := sorted(self.env.keys() & self.secrets.keys()):
            raise ValueError(f"{', '.join(twice)} stands in env and in secrets; keep one of them")
        if told := [name for name in TOLD if name in self.secrets]:
            raise ValueError(f"{', '.join(told)} is told by Fullcycle itself; give the secret another name")
        return self


class LocalSettings(Variables):
    """Instances on the portal's own machine, behind HAProxy. The command is a repository's own code and is trusted."""

    kind: Literal["local"]
    command: tuple[str, ...] = Field(min_length=1, description="argv; no shell")
    instances: int = Field(2, ge=1, le=50)
    port: int | None = Field(None, ge=1024, le=65535, description="public port; else one from 20000 up")
    user: str | None = Field(None, pattern=r"^[a-z_][a-z0-9_-]*$", description="OS user to run as")
    drain: Duration = timedelta(seconds=30)
    longest: ClassVar[timedelta] = timedelta(0)  # what a step's own program may take

    @property
    def side_by_side(self) -> bool:
        """Can two releases share the traffic?"""
        return True


class MemorySettings(Settings):
    """Nothing runs; the target only remembers. For trying out, for tests and for talks."""

    kind: Literal["memory"]
    instances: int = Field(2, ge=1, le=50)
    fails: dict[str, str] = Field(default_factory=dict, description="revision (or *) -> method that fails for it")
    takes: Duration = timedelta(0)
    drain: Duration = timedelta(seconds=30)
    longest: ClassVar[timedelta] = timedelta(0)

    @property
    def side_by_side(self) -> bool:
        """Can two releases share the traffic?"""
        return True


STEP_NAMES = ("RELEASE", "REVISION", "PREVIOUS_REVISION", "SERVICE", "ENVIRONMENT", "PERCENT", "INSTANCES", "STEP")
Argv = Annotated[tuple[str, ...], Field(min_length=1, description="argv; no shell")]


class CommandSettings(Variables):
    """The repository's own programs do the work: kubectl, helm, terraform, ansible, anything. They are trusted."""

    kind: Literal["command"]
    deploy: Argv = Field(description="argv that makes REVISION run")
    weigh: Argv | None = Field(None, description="argv that gives RELEASE the PERCENT of the traffic")
    verify: Argv | None = Field(None, description="argv that ends with 0 when REVISION is what runs")
    stop: Argv | None = Field(None, description="argv that ends whatever is not REVISION")
    status: Argv | None = Field(None, description="argv that prints the instances as JSON")
    url: str | None = Field(
        None,
        pattern=r"^http://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?/?$",
        description="where it answers, and checks ask",
    )
    timeout: Duration = Field(timedelta(minutes=10), description="for each program, from its start to its end")
    inactivity: Duration | None = Field(None, description="a program that writes nothing for so long is ended")
    patience: Duration = Field(timedelta(seconds=5), description="between INT, TERM and KILL, when one must end")
    instances: int = Field(1, ge=1, le=10_000)
    user: str | None = Field(None, pattern=r"^[a-z_][a-z0-9_-]*$", description="OS user to run as")
    drain: Duration = timedelta(0)

    @property
    def side_by_side(self) -> bool:
        """Can two releases share the traffic? Else a release replaces the other one when it is started."""
        return self.weigh is not None

    @property
    def longest(self) -> timedelta:
        """What a step may take: its program, the ladder when that must end, and a look whether it came through."""
        return self.timeout + 2 * self.patience + (self.timeout if self.verify else timedelta(0))

    @model_validator(mode="after")
    def _is_told_by_us(self) -> Self:
        if twice := [name for name in (*STEP_NAMES, "DEPLOY_DIR") if name in self.env or name in self.secrets]:
            raise ValueError(f"{', '.join(twice)} is told by Fullcycle itself; choose another name")
        if self.timeout <= timedelta(0) or (self.inactivity is not None and self.inactivity <= timedelta(0)):
            raise ValueError("timeout and inactivity must be longer than nothing")
        if not timedelta(0) < self.patience <= timedelta(minutes=10):
            raise ValueError("patience must be longer than nothing, and at most 10m")
        return self


TargetSettings = Annotated[LocalSettings | MemorySettings | CommandSettings, Field(discriminator="kind")]

CHECK_KINDS = ("http", "tcp", "alive", "command")


class CheckSettings(Settings):
    """One check: exactly one of http, tcp, alive and command, and how often it must pass."""

    http: str | None = Field(None, pattern=r"^/[^\s]*$", description="path, asked on the instance's own port")
    tcp: Literal[True] | None = None
    alive: Literal[True] | None = None
    command: tuple[str, ...] | None = Field(None, min_length=1)
    status: tuple[int, ...] = Field((), description="accepted answers; empty means any 2xx")
    passes: int = Field(3, ge=1, le=1000)
    every: Duration = timedelta(seconds=1)
    timeout: Duration = timedelta(seconds=5)
    deadline: Duration = timedelta(seconds=30)
    delay: Duration = Field(timedelta(0), description="before the first look; the deadline counts from then")

    @model_validator(mode="after")
    def _is_one_kind(self) -> "CheckSettings":
        said = [kind for kind in CHECK_KINDS if getattr(self, kind) is not None]
        if len(said) != 1:
            raise ValueError(
                f"a check is exactly one of {', '.join(CHECK_KINDS)}; this says {' and '.join(said) or 'none'}"
            )
        if self.every <= timedelta(0) or self.timeout <= timedelta(0):
            raise ValueError("every and timeout must be longer than nothing")
        return self

    def check(self) -> Check:
        """Return the same as the port's value."""
        kind = next(kind for kind in CHECK_KINDS if getattr(self, kind) is not None)
        said = getattr(self, kind)
        what = () if said is True else (said,) if isinstance(said, str) else tuple(said)
        return Check(kind, what, self.status, self.passes, self.every, self.timeout, self.deadline, self.delay)  # type: ignore[arg-type]
