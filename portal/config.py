"""What this installation is told: `fullcycle.toml` and FULLCYCLE_*; the only place that reads the environment.

Every setting may be given as FULLCYCLE_NAME or, for secrets, as FULLCYCLE_NAME_FILE that names a file with the value.
The environment wins over the file. All that is wrong is said at once, in one sentence.
"""

import contextlib
import difflib
import os
import secrets
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from ledger.errors import Code, Error
from portal.chatsettings import ChatSettings
from portal.oncallsettings import OnCallSettings
from portal.secretsettings import SecretSettings
from production.settings import Duration

PREFIX = "FULLCYCLE_"
# Read by ./dev and the terminal, not by the portal.
ELSEWHERE = frozenset({"VENV", "PYTHON", "TOKEN", "TOKEN_FILE", "CONFIG"})


def _folders(value: Any) -> Any:
    return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value


class Local(BaseModel):
    """How the `local` target runs things on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: Annotated[tuple[str, ...], BeforeValidator(_folders)] = ()  # extra folders for the PATH of instances
    host: str = "127.0.0.1"


class Credential(BaseModel):
    """How to log in at repositories whose address begins with `url`. Secrets stay in files of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str = Field(min_length=8)
    user: str = ""
    token_file: Path | None = None
    key_file: Path | None = None


class Catalog(BaseModel):
    """What is read, and who may read it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    public_export: bool = False  # /export/catalog-info.yaml without a login, for a portal that can send none
    follow_locations: bool = True  # take in repositories that a Location names, from hosts that are read already


class Network(BaseModel):
    """How the portal reaches the hosts of repositories; nothing of it is taken from the usual variables."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    proxy: str = Field("", repr=False)  # https://proxy.example.org:3128; may hold a password
    no_proxy: str = ""  # hosts, with commas between
    ca_file: Path | None = None  # whose word is trusted besides


class MetricsSource(BaseModel):
    """A Prometheus, or what speaks like one. The token stays in a file of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str = Field(min_length=8)
    token_file: Path | None = None
    user: str | None = None
    ca_file: Path | None = None
    timeout: Duration = timedelta(seconds=5)


class Config(BaseModel):
    """All settings, understood. `data` holds everything that must be kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    data: Path
    database_url: str = ""  # empty: SQLite in the data folder
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    url: str = ""  # where people reach the portal; empty: http://host:port
    session: Duration = timedelta(hours=12)
    threads: int = Field(200, ge=8, le=5000)  # of the web process; live streams may take all but 64 of them
    workers: int = Field(1, ge=0, le=64)
    allow_local_repositories: bool = True  # paths and file:// as repositories
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    local: Local = Local()
    catalog: Catalog = Catalog()
    network: Network = Network()
    secrets: SecretSettings = SecretSettings()
    oncall: OnCallSettings = OnCallSettings()
    chat: ChatSettings = ChatSettings()
    metrics: dict[str, MetricsSource] = Field(default_factory=dict)  # only in the file: [metrics.prometheus]
    credentials: tuple[Credential, ...] = ()  # only in the file; the longest address that fits is taken

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// or http://")
        return value.rstrip("/")

    @field_validator("host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        if value != "localhost":
            ip_address(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if not value:
            return value
        from sqlalchemy.engine import make_url  # here, so that the terminal need not wait for it
        from sqlalchemy.exc import ArgumentError

        try:
            backend = make_url(value.replace("postgres://", "postgresql://", 1)).get_backend_name()
        except ArgumentError:
            raise ValueError("must look like postgresql://user@host/name or sqlite:////path") from None
        if backend not in ("sqlite", "postgresql"):
            raise ValueError(f"{backend} is not supported; it may be sqlite or postgresql")
        return value

    @property
    def address(self) -> str:
        """Where people reach the portal."""
        return self.url or f"http://{self.host}:{self.port}"

    @property
    def is_https(self) -> bool:
        return self.address.startswith("https://")

    @property
    def mirrors(self) -> Path:
        """Where repositories are mirrored."""
        return self.data / "mirrors"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data / 'fullcycle.db'}"


SECTIONS: Mapping[str, tuple[str, ...]] = {  # [local] in the file, FULLCYCLE_LOCAL_… in the environment
    "local": tuple(Local.model_fields),
    "catalog": tuple(Catalog.model_fields),
    "network": tuple(Network.model_fields),
    "secrets": tuple(SecretSettings.model_fields),
    "oncall": tuple(OnCallSettings.model_fields),
    "chat": tuple(ChatSettings.model_fields),
}
ONLY_IN_FILE = ("credentials", "metrics")
NAMES = tuple(name for name in Config.model_fields if name not in (*SECTIONS, *ONLY_IN_FILE))


def environment() -> Mapping[str, str]:
    """Return the process's environment, for `load` and for the terminal."""
    return os.environ


def load(environ: Mapping[str, str], path: Path | None = None) -> Config:
    """Return what file and environment say together; raise Error(INVALID) with every problem at once."""
    said, problems = _from_environment(environ)
    data = Path(said.get("data") or _default_data(environ)).expanduser()
    chosen = path or (Path(environ[PREFIX + "CONFIG"]) if environ.get(PREFIX + "CONFIG") else None)
    told = _from_file(chosen or data / "fullcycle.toml", must_exist=chosen is not None)
    merged = {"data": str(data), **told, **{key: value for key, value in said.items() if key not in SECTIONS}}
    for section in SECTIONS:
        if section in said and isinstance(told.get(section, {}), dict):
            merged[section] = {**told.get(section, {}), **said[section]}
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        problems += [_sentence(problem) for problem in error.errors()]
    if problems:
        raise Error(Code.INVALID, "The configuration is wrong: " + "; ".join(problems) + ".")
    return config.model_copy(update={"data": config.data.expanduser().absolute()})


def _default_data(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME") or "~") / ".local" / "share")
    return Path(base) / "fullcycle"


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    said: dict[str, Any] = {}
    problems: list[str] = []
    # PORT and HOST are what a program is given that Fullcycle runs; so Fullcycle can run Fullcycle.
    for name in ("port", "host"):
        if value := environ.get(name.upper()):
            said[name] = value
    for variable in sorted(key for key in environ if key.startswith(PREFIX)):
        name = variable.removeprefix(PREFIX)
        if name in ELSEWHERE or not environ[variable]:
            continue
        value, wrong = _value(environ, variable)
        key = name.removesuffix("_FILE").lower()
        if wrong:
            problems.append(wrong)
        elif key in NAMES:
            said[key] = value
        elif place := _section(key):
            said.setdefault(place[0], {})[place[1]] = value
        else:
            below = (f"{section}_{name}" for section, names in SECTIONS.items() for name in names)
            known = [PREFIX + known.upper() for known in (*NAMES, *below)]
            problems.append(f"{variable} is not a setting{_nearest(variable, known)}")
    return said, problems


def _section(key: str) -> tuple[str, str] | None:
    """Return the section and the name that `local_path` stands for."""
    section, _, name = key.partition("_")
    return (section, name) if name in SECTIONS.get(section, ()) else None


def _value(environ: Mapping[str, str], variable: str) -> tuple[str, str]:
    if not variable.endswith("_FILE"):
        return environ[variable], ""
    try:
        return Path(environ[variable]).read_text().strip(), ""
    except OSError as error:
        return "", f"{variable} names {environ[variable]}, which cannot be read ({error.strerror})"


def _from_file(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        if must_exist:
            raise Error(Code.INVALID, f"There is no configuration file {path}.") from None
        return {}
    except OSError as error:
        raise Error(Code.INVALID, f"{path} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Error(Code.INVALID, f"{path} is not TOML: {error}.") from error


def _sentence(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"][:2])
    if problem["type"] == "extra_forbidden":
        section, dot, _ = name.partition(".")
        inside = [f"{section}.{field}" for field in SECTIONS.get(section, ())] if dot else []
        known = inside or [*NAMES, *SECTIONS, *ONLY_IN_FILE]
        return f"{name} is not a setting{_nearest(name, known)}"
    said = str(problem["msg"]).removeprefix("Value error, ")
    value = "not understood" if name == "database_url" else repr(problem["input"])  # it may hold a password
    return f"{name} is {value}: {said[0].lower() + said[1:]}"


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f" (did you mean {near[0]}?)" if near else ""


def secret_key(config: Config) -> str:
    """Return the key that signs sessions; the first start makes one that only this user can read."""
    path = config.data / "secret_key"
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _place(path, secrets.token_urlsafe(48))
    key = path.read_text().strip()
    if len(key) < 32:
        raise Error(Code.INVALID, f"{path} is too short to be a key; delete it and a new one is made.")
    return key


def _place(path: Path, secret: str) -> None:
    """Write a file that only this user can read, whole or not at all; of two that begin at once, the first counts."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def shown(config: Config) -> dict[str, Any]:
    """Return the settings for people to read: a database's password is left out."""
    from sqlalchemy.engine import make_url

    values: dict[str, Any] = config.model_dump(mode="json")
    values["database_url"] = make_url(config.database).render_as_string(hide_password=True)
    values["url"] = config.address
    values["network"]["proxy"] = _without_login(config.network.proxy)
    return values


def _without_login(url: str) -> str:
    scheme, there, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if there else url
