"""The bands over all services: of home, and of their list. Read models in, words out."""

from collections.abc import Sequence

from pipelines.query import Row
from portal import render
from portal.bands import Band, Links, day_told

_NONE = "Nothing is deployed from here yet"


def home(
    count: int,
    everything: int,
    stuck: Sequence[Row],
    running: Sequence[Row],
    day: Sequence[Row],
    look: int = 0,
    links: Links = (),
) -> Band:
    """Return the worst thing, or that all is well. `count`: of the services that go out from here; `look`: of all."""
    text = day_told(running, day)
    if stuck:
        first = stuck[0]
        title = f"{first.name} is stuck between two releases in {first.environment}."
        word = "One thing needs people" if len(stuck) == 1 else f"{len(stuck)} things need people"
        return Band("bad", "stop", word, title, f"{render.sentence(first.reason)} {text}".strip())
    asking = [row for row in running if row.word == "paused"]
    if asking:
        title = f"{asking[0].name} waits in {asking[0].environment}: shall {asking[0].release} go on?"
        word = "A deploy asks" if len(asking) == 1 else f"{len(asking)} deploys ask"
        return Band("warn", "hand", word, title, f"{render.sentence(asking[0].reason)} {text}".strip())
    undoing = [row for row in running if row.word == "undoing"]
    if undoing:
        title = f"{undoing[0].name} is being put back in {undoing[0].environment}."
        return Band("warn", "undo", "Going back", title, f"{render.sentence(undoing[0].reason)} {text}".strip())
    if not everything:
        return Band("", "ring", "Nothing here yet", "Fullcycle does not know a service yet.")
    services = "Your one service is" if count == 1 else f"All {render.number(count)} services are"
    they = f"{services} where {'it' if count == 1 else 'they'} should be" if count else _NONE
    if look:
        return Band("warn", "warn", "Some need a look", f"{they}; {_look(look, everything)}.", text, links)
    return Band("good", "ok", "All quiet", f"{they}.", text) if count else Band("", "ring", "Calm", f"{they}.", text)


def _look(count: int, everything: int) -> str:
    of = f" of all {render.number(everything)}" if everything > 1 else ""
    return f"{render.number(count)}{of} {'needs' if count == 1 else 'need'} a look in the catalog"


def services(
    count: int, everything: int, stuck: Sequence[Row], running: Sequence[Row], look: int = 0, links: Links = ()
) -> Band:
    """Return how all services are, in one line. `count`: of those that go out from here; `look`: of all."""
    if not everything:
        return Band("", "ring", "Nothing here yet", "No service here yet.")
    going = [row for row in running if row.word in ("going out", "baking")]
    back = [row for row in running if row.word == "undoing"]
    asking = [row for row in running if row.word == "paused"]
    parts = [
        f"{len(going)} going out" if going else "",
        f"{len(back)} going back" if back else "",
        f"{len(asking)} asking a person" if asking else "",
    ]
    text = render.sentence(", ".join(part for part in parts if part)) or "Nothing is going out."
    if stuck:
        names = ", ".join(sorted({row.name for row in stuck})[:3])
        return Band(
            "bad", "stop", "Stuck", f"{names} {'is' if len(stuck) == 1 else 'are'} stuck.", text, links if look else ()
        )
    known = "One service, and it is" if count == 1 else f"{render.number(count)} services, all"
    they = f"{known} where {'it' if count == 1 else 'they'} should be" if count else _NONE
    if look:
        return Band("warn", "warn", "Some need a look", f"{they}; {_look(look, everything)}.", text, links)
    return Band("good", "ok", "Healthy", f"{they}.", text) if count else Band("", "ring", "Calm", f"{they}.", text)
