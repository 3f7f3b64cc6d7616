"""Trains and bisects in words and one small picture. Pure: a course goes in, sentences and markup come out."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from pipelines import bisect
from pipelines.bisect import Hunt, Suspect
from pipelines.coursestore import ARRIVED, FOUND, GOING, UNCLEAR, Course
from pipelines.train import Car, Train
from portal import render
from portal.bands import Band, Shown
from portal.render import Times


@dataclass(frozen=True)
class Line:
    """A car or a suspect as a row: what it is, and its state in one of the kit's words."""

    number: int
    shown: Shown
    one: Car | Suspect
    hot: bool = False
    apart: bool = False  # it needs no look any more


def band(course: Course, times: Times, who: str) -> Band:
    """Say how it goes, or how it ended."""
    by = f"{'Started' if course.state == GOING else 'Asked for'} by {who} {times.age(course.asked_at)}."
    way = course.way
    if isinstance(way, Train):
        return _train(course, way, by)
    return _hunt(course, way, by)


def _train(course: Course, way: Train, by: str) -> Band:
    done = f"{way.gone} of {len(way.cars)} out"
    if course.state == ARRIVED:
        return Band("good", "ok", "Train, arrived", f"All {len(way.cars)} cars of {course.name} are out.", by)
    left = render.counted(len(way.left), "car")
    if course.state != GOING:
        failed = any(car.state == "failed" for car in way.cars)
        stays = f"{left} of {len(way.cars)} did not depart" if way.left else _last(failed=failed)
        title = f"The train of {course.name} has stopped; {stays}."
        return Band(
            "warn" if failed else "", "stop" if failed else "pause", f"Train, {done}", title, _reason(course, by)
        )
    if way.waits and way.going is None:
        waits = " ".join(render.sentence(why) for why in way.waits)
        title = f"The next car of {course.name} waits."
        return Band("warn", "wait", f"Train waits, {done}", title, f"{waits} It is looked at again each minute. {by}")
    go_on = f"{render.about(way.expected).capitalize()} to go. " if way.expected else ""
    following = f"{left} {'follows' if len(way.left) == 1 else 'follow'}" if way.left else "it is the last car"
    title = f"{course.name} {way.going.release} is going out, {following}." if way.going else f"{left} to go."
    if not way.left and way.going is None:
        title = f"The last car of {course.name} has ended."
    return Band("run", "run", f"Train, {done}", title, f"{go_on}{by}")


def _last(*, failed: bool) -> str:
    return "its last car did not become healthy" if failed else "its last car goes on alone"


def _hunt(course: Course, way: Hunt, by: str) -> Band:
    tries = render.counted(way.tries, "try", "tries")
    if course.state == FOUND:
        told = way.suspects[culprit(way)]
        title = f"It was “{told.subject}” by {told.author}."
        text = f"{told.revision[:7]} was bad in its trial, and the commit before it was good. {tries}. {by}"
        return Band("warn", "find", "Bisect, found", title, text)
    if course.state == UNCLEAR:
        return Band("", "ask", "Bisect, unclear", f"No one commit of {course.name} can be named.", _reason(course, by))
    if course.state != GOING:
        title = f"The bisect of {course.name} was stopped after {tries}."
        return Band("", "pause", "Bisect, stopped", title, _reason(course, by))
    first, last = between(way)
    count = render.counted(last - first + 1, "commit")
    title = f"The fault is in {'one of ' if last > first else ''}{count} of {course.name}."
    if way.waits and way.going is None:
        waits = " ".join(render.sentence(why) for why in way.waits)
        return Band("warn", "wait", "Bisect waits", title, f"{waits} It is looked at again each minute. {by}")
    number = way.tries + (way.going is None)
    word = f"Bisect, try {number} of at most {max(most(way), number)}"
    trying = f"{way.going.revision[:7]} is tried at {render.percent(way.percent)} of the traffic. " if way.going else ""
    return Band("run", "run", word, title, f"{trying}{by}")


def _reason(course: Course, by: str) -> str:
    return f"{render.sentence(course.reason)} {by}"


def most(way: Hunt) -> int:
    """Return how many tries it takes at most; each commit that cannot be tried may cost one more."""
    skipped = sum(one.verdict == bisect.SKIPPED and one.deploy is not None for one in way.suspects)
    return bisect.most(len(way.suspects)) + skipped


def between(way: Hunt) -> tuple[int, int]:
    """Return the first and the last of the commits that it may still be."""
    good = max((at for at, verdict in way.verdicts.items() if verdict == bisect.GOOD), default=-1)
    bad = min((at for at, verdict in way.verdicts.items() if verdict == bisect.BAD), default=len(way.suspects) - 1)
    return (good + 1, bad) if good < bad else (0, good)  # a good one after a bad one clears nobody


def culprit(way: Hunt) -> int:
    """Return the place of the oldest commit that was bad."""
    return min(at for at, verdict in way.verdicts.items() if verdict == bisect.BAD)


def lines(course: Course) -> Sequence[Line]:
    """Return the cars or the suspects, oldest first."""
    way = course.way
    if isinstance(way, Train):
        return [_car(number, car, course.state == GOING) for number, car in enumerate(way.cars, start=1)]
    first, last = between(way)
    return [_suspect(at, one, first, last, course) for at, one in enumerate(way.suspects)]


def _car(number: int, car: Car, is_going: bool) -> Line:
    words = {"going": Shown("going out"), "gone": Shown("healthy", "Out"), "failed": Shown("undone", "Not healthy")}
    waiting = Shown("planned", "Waits") if is_going else Shown("skipped", "Stays behind")
    return Line(number, words.get(car.state, waiting), car, hot=car.state == "failed")


def _suspect(at: int, one: Suspect, first: int, last: int, course: Course) -> Line:
    is_it = course.state == FOUND and at == last
    words = {bisect.GOOD: Shown("passing", "Good"), bisect.BAD: Shown("worse", "Bad"), bisect.SKIPPED: Shown("skipped")}
    if one.going:
        return Line(at + 1, Shown("watching", "Being tried"), one)
    if one.verdict:
        return Line(at + 1, Shown("worse", "This one") if is_it else words[one.verdict], one, hot=is_it)
    if at < first:
        return Line(at + 1, Shown("skipped", "Cleared"), one, apart=True)
    if at > last:
        return Line(at + 1, Shown("skipped", "Came later"), one, apart=True)
    return Line(at + 1, Shown("waiting", "May be it"), one)


KINDS = {bisect.GOOD: "f-good", bisect.BAD: "f-bad", bisect.SKIPPED: "f-old"}
MARK, TALL, WORDS, GAP = 8, 26, 18, 0.4  # pixels: the range above, the cells, the words below; percent


def strip(course: Course) -> Markup:
    """Draw the suspects from the oldest to the newest: good, bad, left out, being tried, and what it may still be."""
    way = course.way
    if not isinstance(way, Hunt):
        return Markup("")
    first, last = between(way)
    wide = 100 / len(way.suspects)
    gap = GAP if len(way.suspects) <= 60 else 0
    parts = []
    for at, one in enumerate(way.suspects):
        kind = "f-new" if one.going else KINDS.get(one.verdict) or ("f-todo" if first <= at <= last else "f-well")
        title = f"{one.revision[:7]} {one.subject}"
        parts.append(
            f'<rect class="{kind}" x="{at * wide:.2f}%" width="{max(wide - gap, 0.2):.2f}%" y="{MARK}"'
            f' height="{TALL}" rx="2"><title>{escape(title)}</title></rect>'
        )
    if course.state == GOING or course.state == UNCLEAR:
        x1, x2 = first * wide, (last + 1) * wide - gap
        parts.append(f'<line class="mk now" x1="{x1:.2f}%" x2="{x2:.2f}%" y1="3" y2="3"/>')
    for x, anchor, word in ((0, "start", "oldest"), (100, "end", "newest")):
        parts.append(f'<text x="{x}%" y="{MARK + TALL + WORDS - 4}" text-anchor="{anchor}">{word}</text>')
    inside = "".join(parts)
    attributes = (
        f'width="100%" height="{MARK + TALL + WORDS}" role="img" aria-label="{escape(_seen(course, way, first, last))}"'
    )
    return Markup(f"<svg {attributes}>{inside}</svg>")


def _seen(course: Course, way: Hunt, first: int, last: int) -> str:
    if course.state == FOUND:
        return f"commit {last + 1} of {len(way.suspects)} is the one"
    return f"of {len(way.suspects)} commits it may be {first + 1} to {last + 1}"


def summary(course: Course) -> str:
    """Say in one line where it stands, for lists."""
    way = course.way
    if isinstance(way, Train):
        return f"{way.gone} of {len(way.cars)} cars out" + (f"; {course.reason}" if course.state == "stopped" else "")
    if course.state != GOING:
        return course.reason
    first, last = between(way)
    return (
        f"it is one of {render.counted(last - first + 1, 'commit')}, after {render.counted(way.tries, 'try', 'tries')}"
    )
