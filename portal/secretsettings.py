"""`[secrets]` of `fullcycle.toml`: where secrets are kept. Names and places stand there, never a value.

The environment is handed in by portal/config.py, which alone reads it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ledger.clock import Clock, now
from production.secrets import Cached, Secrets
from production.secretstores import CommandSecrets, EnvironmentSecrets, FileSecrets, NoSecrets, template_problem
from production.settings import Name

PREFIX = "SECRET_"


def _argv(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


class SecretSettings(BaseModel):
    """Which store there is. `variables` are what the command gets besides PATH; what is secret of them is in files."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["none", "files", "environment", "command"] = "none"
    folder: Path | None = None  # files; else `secrets` in the data folder
    prefix: str = Field(PREFIX, pattern=r"^[A-Z][A-Z0-9_]*_$")  # environment
    command: Annotated[tuple[str, ...], BeforeValidator(_argv)] = ()  # {service}, {environment} and {key} are filled in
    variables: dict[Name, str] = Field(default_factory=dict)  # VAULT_ADDR = "https://vault.example.org"
    variable_files: dict[Name, Path] = Field(default_factory=dict)  # VAULT_TOKEN = "/etc/fullcycle/vault-token"

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        if self.kind == "command" and (problem := template_problem(self.command)):
            raise ValueError(problem)
        return self


def secrets(settings: SecretSettings, environ: Mapping[str, str], data: Path, clock: Clock = now) -> Secrets:
    """Return the store, whose values are kept in memory for seconds."""
    match settings.kind:
        case "none":
            return NoSecrets()
        case "files":
            return Cached(FileSecrets((settings.folder or data / "secrets").expanduser()), clock)
        case "environment":
            return Cached(EnvironmentSecrets(environ, settings.prefix), clock)
        case _:
            store = CommandSecrets(settings.command, settings.variables, settings.variable_files)
            return Cached(store, clock)
