"""`fullcycle train | bisect`: many small deploys for one order, from the terminal.

Exit codes: 0 arrived, found, or asked for; 1 stopped, unclear or refused; 2 a wrong call; 3 the portal does not answer.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta

import click

from portal.cli import wording
from portal.cli.deploys import connect, default_environment, json_option, note_option, say, slug
from portal.client import Client, Told, printable

PATIENCE = timedelta(minutes=1)  # a portal that starts again meanwhile is waited for
BREATH = 0.5  # seconds between two looks
GOOD = frozenset({"arrived", "found"})

wait_option = click.option("--wait", is_flag=True, help="say each step until it has ended")


@click.command()
@click.argument("service")
@click.argument("environment", required=False, metavar="[ENV]")
@click.option("--revision", default="", help="up to this branch, tag or commit; else the newest of the default branch")
@click.option(
    "--per-car", type=click.IntRange(1, 20), default=1, show_default=True, help="commits that go out together"
)
@note_option
@wait_option
@json_option
def train(
    service: str, environment: str | None, revision: str, per_car: int, note: str, wait: bool, as_json: bool
) -> None:
    """Send what waits out, one small deploy after another; it stops at the first that is not healthy."""
    portal = connect()
    place = environment or default_environment(portal, service)
    body = {"environment": place, "revision": revision, "note": note, "per_car": per_car}
    _go(portal, portal.post(f"/services/{slug(service)}/trains", body), wait, as_json)


@click.command()
@click.argument("deploy_id", metavar="DEPLOY", type=click.IntRange(1))
@wait_option
@json_option
def bisect(deploy_id: int, wait: bool, as_json: bool) -> None:
    """Find the commit that made a deploy bad, by trials that give a commit the first wave and take it back."""
    portal = connect()
    _go(portal, portal.post(f"/deploys/{deploy_id}/bisect"), wait, as_json)


def _go(portal: Client, begun: Told, wait: bool, as_json: bool) -> None:
    course = begun["course"]
    lines = [_asked(begun), f"  {course['page']}"]
    if not wait:
        say(begun, as_json, *lines)
        return
    if not as_json:
        click.echo(printable("\n".join(lines)))
    course = _ended(portal, course, quiet=as_json)
    say(course, as_json, f"{_name(course)} {ENDINGS[course['state']]}" + _why(course))
    sys.exit(0 if course["state"] in GOOD else 1)


ENDINGS = {"arrived": "has arrived", "found": "has found it", "unclear": "cannot say which", "stopped": "has stopped"}


def _name(course: Told) -> str:
    return f"{course['kind']} {course['id']} of {course['name']} to {course['environment']}"


def _why(course: Told) -> str:
    return f": {wording.plain(course['reason'])}" if course["reason"] else ""


def _asked(begun: Told) -> str:
    """Say what has been asked for, and what it will cost."""
    course = begun["course"]
    kind = "is under way already" if begun["already"] else "asked for"
    took = f"about {wording.seconds(course['expected_seconds'])}"
    if course["kind"] == "train":
        return f"{_name(course)}, {kind}: {wording.counted(len(course['cars']), 'car')}, {took}"
    size = f"{wording.counted(len(course['suspects']), 'commit')}, at most {course['most']} tries"
    return f"{_name(course)}, {kind}: {size} at {course['percent']} % of the traffic, {took}"


def _ended(portal: Client, course: Told, *, quiet: bool) -> Told:
    """Say what is new until it has ended; return it then."""
    said: set[str] = set()
    try:
        while True:
            for line in _lines(course):
                if line not in said and not quiet:
                    click.echo(printable(line))
                said.add(line)
            if course["state"] != "going":
                return course
            time.sleep(BREATH)
            course = portal.get(f"/courses/{course['id']}", PATIENCE)
    except KeyboardInterrupt:
        click.echo(f"\nIt goes on without you; {course['page']} stops it.", err=True)
        sys.exit(130)


STATES = {"going": "is going out", "gone": "is out", "failed": "is not healthy"}


def _lines(course: Told) -> Iterator[str]:
    for number, car in enumerate(course["cars"], start=1):
        if car["state"] in STATES:
            what = f"{car['revision'][:7]} {wording.plain(car['subject'])}"
            yield f"  car {number} of {len(course['cars'])} {STATES[car['state']]}: {what}"
    for one in course["suspects"]:
        if one["going"] or one["verdict"]:
            what = f"{one['revision'][:7]} {wording.plain(one['subject'])}"
            yield f"  {one['verdict'] or 'trying':<8}{what}"
    for why in course["waits"]:
        yield f"  waits: {wording.plain(why)}"


COMMANDS: Mapping[str, click.Command] = {"train": train, "bisect": bisect}
