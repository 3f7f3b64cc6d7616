"""`[oncall]` of `fullcycle.toml`: who answers for what nobody else does, and through which services people are reached.

Addresses of services hold passwords, so they stay in files of their own; here stand only the paths.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from catalog import refs
from oncall.paging.networks import networks


def _listed(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _whom(said: str) -> str:
    if not said:
        return said
    ref = refs.parse(said, "group")
    if ref.kind not in ("group", "user"):
        raise ValueError("must name a team or a person, like group:platform or user:ada")
    return str(ref)


def _networks(said: tuple[str, ...]) -> tuple[str, ...]:
    networks(said)
    return said


class OnCallSettings(BaseModel):
    """How people are paged. A file of a service holds one apprise address with {to} where the receiver goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    fallback: Annotated[str, AfterValidator(_whom)] = ""  # group:platform
    mail_file: Path | None = None  # mailtos://user:password@mail.example.org?to={to}
    sms_file: Path | None = None
    voice_file: Path | None = None
    allowed_networks: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_networks)] = ()
    heartbeat_file: Path | None = None  # an address that hears each minute that every page was sent
    phones: bool = False  # phones that only remember, shown on a page: for trying out
    pagerduty_url: str = "https://events.pagerduty.com"  # in the EU https://events.eu.pagerduty.com
    pagerduty_webhook_file: Path | None = None  # the secrets of the webhooks V3 that tell us, one a line
    rate: int = Field(1200, ge=60, le=1_000_000)  # events of one integration in a minute
    limit: timedelta = timedelta(seconds=10)  # for one message
