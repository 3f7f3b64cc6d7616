"""`fullcycle lock | unlock | locks | approve`: what people say to the gates, from the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from ledger.errors import Code, Error
from portal.cli.deploys import connect, default_environment, json_option, say, slug
from portal.cli.wording import plain
from portal.render import short_ref

Told = Mapping[str, Any]
REVISION = "branch, tag or commit; else the newest of the default branch"


@click.command()
@click.argument("service", required=False, metavar="[SERVICE]")
@click.argument("environment", required=False, metavar="[ENV]")
@click.option("--all", "everything", is_flag=True, help="all services; the first word is then the environment")
@click.option("--reason", required=True, help="for those whom it stops")
@click.option("--for", "lasts", default="", metavar="SPAN", help="how long: 30m, 2h, 3d; else until it is lifted")
@click.option("--until", default="", metavar="TIME", help="2026-11-23T08:00, of this machine's zone unless it has one")
@click.option("--warn", is_flag=True, help="it is only said and stops nothing")
@json_option
def lock(
    service: str | None,
    environment: str | None,
    everything: bool,
    reason: str,
    lasts: str,
    until: str,
    warn: bool,
    as_json: bool,
) -> None:
    """Stop deploys of SERVICE, of all of its environments or of ENV; going back stays possible.

    With --all, of every service: `fullcycle lock --all staging --reason "the cluster moves"`.
    """
    if everything and environment:
        raise Error(Code.INVALID, "With --all there is at most one word, the environment.")
    if not everything and not service:
        raise Error(Code.INVALID, "Say which service, or --all for every one.")
    where = {"environment": service} if everything else {"service": service and slug(service, quoted=False)}
    where |= {"environment": environment} if not everything else {}
    ends = {"for": lasts} if lasts else {}
    ends |= {"until": _moment(until)} if until else {}
    told = connect().post("/locks", {**where, **ends, "reason": reason, "hard": not warn})
    say(told, as_json, line(told))


@click.command()
@click.argument("lock_id", metavar="ID", type=click.IntRange(1))
@json_option
def unlock(lock_id: int, as_json: bool) -> None:
    """Lift a lock; `fullcycle locks` lists them with their numbers."""
    told = connect().post(f"/locks/{lock_id}/lift")
    say(told, as_json, f"lock {lock_id} is lifted: {told['scope']}")


@click.command()
@click.option("--service", help="only what counts for this service")
@click.option("--environment", help="only what counts for this environment")
@click.option("--over", is_flag=True, help="also those that were lifted or have lapsed")
@json_option
def locks(service: str | None, environment: str | None, over: bool, as_json: bool) -> None:
    """List what is locked."""
    asked = slug(service, quoted=False) if service else None
    told = connect().get("/locks", service=asked, environment=environment, over=True if over else None)
    say(told, as_json, *(lines(told["locks"]) if told["locks"] else ["Nothing is locked."]))


@click.command()
@click.argument("service")
@click.argument("environment", required=False, metavar="[ENV]")
@click.option("--revision", default="", help=REVISION)
@click.option("--note", default="", help="what you looked at, for the others and the history")
@click.option("--withdraw", is_flag=True, help="take your approval back")
@json_option
def approve(service: str, environment: str | None, revision: str, note: str, withdraw: bool, as_json: bool) -> None:
    """Say that a revision may go. It does not count for a deploy that you ask for yourself."""
    portal = connect()
    body = {"environment": environment or default_environment(portal, service), "revision": revision}
    path = f"/services/{slug(service)}/approvals"
    told = portal.post(f"{path}/withdraw", body) if withdraw else portal.post(path, {**body, "note": note})
    who = ", ".join(short_ref(one["actor"]) for one in told["approvals"]) or "nobody"
    what = f"{short_ref(told['service'])} {told['revision'][:7]} to {told['environment']}"
    say(told, as_json, f"{what}: approved by {who}")


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Error(Code.INVALID, f"“{text[:40]}” is no time; write 2026-11-23T08:00 or 2026-11-23T08:00Z.") from None
    return (moment if moment.tzinfo else moment.astimezone()).isoformat()


def lines(rows: Sequence[Told]) -> Iterator[str]:
    for row in rows:
        yield line(row)


def line(told: Told) -> str:
    """One lock: its number, what it stops, who and why, until when."""
    kind = "locked" if told["hard"] else "warns"
    if told["lifted_at"]:
        ends = f"lifted {_clock(told['lifted_at'])}"
    elif told["expires_at"]:
        ends = f"{'until' if told['active'] else 'lapsed'} {_clock(told['expires_at'])}"
    else:
        ends = "until somebody lifts it"
    return plain(f"{told['id']:>4}  {told['scope']}: {kind} by {short_ref(told['owner'])}, {ends}: {told['reason']}")


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}"


COMMANDS: Mapping[str, click.Command] = {"lock": lock, "unlock": unlock, "locks": locks, "approve": approve}
