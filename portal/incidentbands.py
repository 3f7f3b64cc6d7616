"""What a page says of incidents in one breath: the bands, who was paged and what came of it, and what is next.

Read models in, words out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from oncall.incident import ENDED, Incident, State
from oncall.outbox import Waiting
from oncall.query import Row
from oncall.terms import Urgency
from portal import render
from portal.bands import Band
from portal.incidenttelling import Names, level_said, render_list
from portal.render import Times

Say = Callable[[datetime], str]
"""Writes a moment."""

WORDS = {"snoozed": "muted", "merged": "skipped"}  # of the kit, for states that it has no word for


def word(state: str, *, nobody: bool = False) -> tuple[str, str]:
    """Return the kit's word for a state, and what is said instead of it.

    >>> word("open"), word("snoozed"), word("open", nobody=True)
    (('open', 'Open'), ('muted', 'Snoozed'), ('nobody', 'Nobody came'))
    """
    if nobody:
        return "nobody", "Nobody came"
    return WORDS.get(state, state), state.capitalize()


def holder(row: Row, names: Names) -> str:
    """Say who has it, empty when nobody does."""
    return render_list([names(one) for one in row.holder])


# --- one incident -----------------------------------------------------------------------------------------------------


def incident(row: Row, told: Incident, names: Names, times: Times, follows: str = "", *, reached: bool = True) -> Band:
    """Say how it stands. `follows`: what happens when nobody does anything; `reached`: did any message arrive?"""
    open_for, title = render.span(times.since(row.opened_at)), render.sentence(row.title)
    if told.state in ENDED:
        return _ended(row, told, title, times)
    if told.state is State.SNOOZED and told.until is not None:
        text = f"{_because(told)}Then it goes on at level 1."
        return Band("warn", "pause", f"Snoozed until {times.moment(told.until)}", title, text)
    if told.state is State.MUTED:
        until = f" until {times.moment(told.until)}" if told.until else ""
        return Band("", "pause", f"Muted{until}", title, f"{_because(told)}Nobody is paged for it.")
    kind = "bad" if told.urgency is Urgency.HIGH else "warn"
    if told.state is State.ACKNOWLEDGED:
        who = holder(row, names) or "somebody"
        verb = "have" if who == "you" or len(row.holder) > 1 else "has"
        return Band(kind, "stop" if kind == "bad" else "hand", f"Open for {open_for} · {who} {verb} it", title, follows)
    if told.exhausted_at is not None:
        at = times.moment(told.exhausted_at)
        heard = f"Every level was asked, and everybody in the team was told {at}."
        text = heard if reached else f"No message has reached anybody. Every level was tried, and the team {at}."
        return Band("bad", "gap", f"Open for {open_for} · nobody came", title, text)
    return Band(kind, "stop", f"Open for {open_for} · nobody has it yet", title, follows)


def _because(told: Incident) -> str:
    return f"{render.sentence(told.reason)} " if told.reason else ""


def _ended(row: Row, told: Incident, title: str, times: Times) -> Band:
    at = row.resolved_at or told.ended_at or times.now
    lasted = f"It lasted {render.duration(at - row.opened_at)}, until {times.moment(at)}."
    if told.state is State.MERGED:
        return Band("", "swap", f"Merged into {told.merged_into}", title, f"It goes on there. {_because(told)}".strip())
    return Band("good", "ok", "Resolved", title, f"{lasted} {_because(told)}".strip())


def next_step(told: Incident, people: Sequence[str], names: Names, times: Times) -> str:
    """Say what happens by itself, and when. `people`: who would be paged."""
    if told.state is State.ACKNOWLEDGED:
        if told.reminder_at is None:
            return "Nobody is reminded; it stays with whoever has it."
        who = render_list([names(one) for one in told.assigned]) or "nobody"
        asks = "are you still on it?" if who == "you" else f"is {who} still on it?"
        if told.reminded >= told.policy.reminders:
            return f"Without a sign of {who} it escalates again {times.moment(told.reminder_at)}."
        return f"Next, {times.moment(told.reminder_at)}: {asks} Without an answer it escalates again."
    if told.state is not State.OPEN or told.due_at is None:
        return ""
    when = by(told.due_at, times)
    if told.is_past_the_end:
        return f"Without an answer {when} everybody in the team is told that nobody came."
    level = level_said(told.level, told.loop, len(told.policy.levels))
    whom = render_list([names(one) for one in people])
    verb = "are" if whom == "you" or len(people) > 1 else "is"
    who = f"{whom} {verb} paged, {level}" if people else f"it goes to {level}, where nobody is now"
    return f"Without an answer {when} {who}."


def by(at: datetime, times: Times) -> str:
    """Say until when something may wait: a clock time today, a whole moment later."""
    if at <= times.now:
        return "now"
    return f"by {times.short_clock(at) if at - times.now < timedelta(hours=12) else times.moment(at)}"


def in_short(told: Incident, names: Names, times: Times) -> str:
    """Say the same in a few words, for a list: who was asked last, and what comes next."""
    if told.state in (State.SNOOZED, State.MUTED):
        until = f"until {times.moment(told.until)}" if told.until else ""
        return render.sentence(", ".join(part for part in (until, told.reason) if part))
    if told.state is State.ACKNOWLEDGED:
        return f"Asked again {times.moment(told.reminder_at)}." if told.reminder_at else ""
    if told.exhausted_at is not None:
        return f"Every level was asked, the last {times.age(told.exhausted_at)}."
    step = told.step
    who = render_list([names(one) for one in step.people]) if step else ""
    was = "was" if step and len(step.people) == 1 and who != "you" else "were"
    said = f"{who} {was} paged {times.age(step.at)}" if step else ""
    if told.due_at is None or told.is_past_the_end or not told.level:
        return render.sentence(said)
    comes = f"level {told.level} {by(told.due_at, times).replace('by ', 'at ')}"
    return render.sentence("; ".join(part for part in (said, comes) if part))


# --- who was paged ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attempt:
    """One message. `word` says what came of it, `trouble` what its provider answered."""

    at: datetime
    channel: str
    word: str
    trouble: str = ""
    doubled: bool = False


@dataclass(frozen=True)
class Asked:
    """Somebody who was paged, why, and what came of it: an icon, a tone and a word."""

    person: str
    why: str
    icon: str
    tone: str
    word: str
    attempts: tuple[Attempt, ...] = field(default=())


_BECAUSE = {"called": "asked to help", "reminded": "reminded", "exhausted": "told that nobody came"}
_ENDINGS = {"delivered": "delivered", "refused": "not taken", "withdrawn": "not sent, not needed any more"}


def asked(pages: Sequence[Waiting], told: Incident, channels: Mapping[str, str], say: Say) -> list[Asked]:
    """Return everybody who was paged, in the order in which they first were. `say` writes a moment."""
    by_person: dict[str, list[Waiting]] = {}
    for page in pages:
        by_person.setdefault(page.person, []).append(page)
    return [_asked(person, ones, told, channels, say) for person, ones in by_person.items()]


def _asked(person: str, pages: Sequence[Waiting], told: Incident, channels: Mapping[str, str], say: Say) -> Asked:
    whys = list(dict.fromkeys(why(page, len(told.policy.levels)) for page in pages))
    icon, tone, came = _came(person, pages, told)
    return Asked(person, ", ".join(whys), icon, tone, came, tuple(_attempt(page, channels, say) for page in pages))


def why(page: Waiting, levels: int = 0) -> str:
    """Say why somebody was paged: as what, and at which level."""
    if page.because in _BECAUSE:
        return _BECAUSE[page.because]
    target = page.target
    if page.level == 0:
        return "by name"
    if target.startswith("everybody in "):
        what = f"in {render.short_ref(target.removeprefix('everybody in '))}"
    elif target.startswith("user:"):
        what = ""
    else:
        what = f"on call for {render.short_ref(target)}" if ":" in target else target.replace("/", " ")
    return ", ".join(part for part in (what, level_said(page.level, 0, levels)) if part)


def _came(person: str, pages: Sequence[Waiting], told: Incident) -> tuple[str, str, str]:
    if person in told.acked:
        return "ok", "good", "Answered"
    if any(page.ending == "delivered" for page in pages):
        is_over = told.state is not State.OPEN
        return (
            ("ring", "", "Paged, another answered" if told.acked else "Paged")
            if is_over
            else ("wait", "", "No answer yet")
        )
    if any(page.ended_at is None for page in pages):
        tried = any(page.attempts for page in pages)
        return ("warn", "warn", "Tried again and again") if tried else ("wait", "", "Waits")
    if any(page.ending == "refused" for page in pages):
        return "stop", "bad", "Not reached"
    return "ring", "", "Not needed any more"


def _attempt(page: Waiting, channels: Mapping[str, str], say: Say) -> Attempt:
    at = page.ended_at or page.begun_at or page.due_at
    if page.ended_at is not None:
        came = _ENDINGS.get(page.ending, page.ending)
    elif page.attempts:
        came = f"tried {render.counted(page.attempts, 'time')}, next {say(page.due_at)}"
    else:
        came = f"goes out {say(page.due_at)}"
    trouble = page.said if page.ending == "refused" or (page.ended_at is None and page.attempts) else ""
    return Attempt(at, channels.get(page.channel, "a channel that is gone"), came, trouble, page.repeated)


# --- the list ---------------------------------------------------------------------------------------------------------


def inbox(rows: Sequence[Row], exhausted: Sequence[Incident], last: Row | None, names: Names, times: Times) -> Band:
    """Say how many are open, and whether somebody has them. `last`: the newest that has ended."""
    if exhausted:
        worst = exhausted[0]
        title = f"Nobody came for {worst.number}: {render.sentence(worst.title)}"
        text = "Every level was asked, and everybody in the team was told. Whoever reads this can take it."
        word_said = "Nobody came" if len(exhausted) == 1 else f"Nobody came for {len(exhausted)} incidents"
        return Band("bad", "gap", word_said, title, text)
    live = [row for row in rows if row.state in ("open", "acknowledged")]
    quiet = len(rows) - len(live)
    resting = f"{render.counted(quiet, 'more is', 'more are')} snoozed or muted." if quiet else ""
    alone = [row for row in live if row.state == "open"]
    if alone:
        first, count = alone[0], len(alone)
        title = f"{render.sentence(first.title)}" if count == 1 else f"{count} incidents wait for somebody."
        text = (
            f"{first.name or 'It'} is open for {render.span(times.since(first.opened_at))}; it is on its way to people."
        )
        others = f" {render.counted(len(live) - count, 'other', 'others')} in good hands." if len(live) > count else ""
        return Band(
            "bad",
            "stop",
            render.counted(len(live), "incident is open", "incidents are open"),
            title,
            f"{text if count == 1 else ''}{others} {resting}".strip(),
        )
    if live:
        who = render_list(list(dict.fromkeys(names(one) for row in live for one in row.holder)))
        verb = "have" if who == "you" or " and " in who else "has"
        title = f"{render.sentence(live[0].title)}" if len(live) == 1 else f"{len(live)} incidents are being worked on."
        return Band("warn", "hand", f"{who or 'Somebody'} {verb} {'it' if len(live) == 1 else 'them'}", title, resting)
    if last is None:
        return Band("", "ring", "Calm", "Nothing has ever gone wrong here.", resting)
    ended = times.age(last.resolved_at or last.opened_at)
    text = (
        f"The last one, {last.number}, {'was merged' if last.state == 'merged' else 'was resolved'} {ended}. {resting}"
    )
    return Band("good", "ok", "All quiet", "Nothing is open.", text.strip())


def home(rows: Sequence[Row], names: Names, times: Times) -> tuple[Band, int] | None:
    """Return the worst of what is open for the top of home, and its number; None when nothing open is urgent."""
    urgent = [row for row in rows if row.urgency == Urgency.HIGH and row.state in ("open", "acknowledged")]
    if not urgent:
        return None
    worst = min(urgent, key=lambda row: (row.state != "open", row.number))
    who = holder(worst, names)
    has = f"{who[:1].upper()}{who[1:]} {'have' if who == 'you' or len(worst.holder) > 1 else 'has'} it." if who else ""
    more = f" {render.counted(len(urgent) - 1, 'more is', 'more are')} open." if len(urgent) > 1 else ""
    title = f"{worst.title.rstrip('.')}, for {render.span(times.since(worst.opened_at))}."
    text = f"{worst.name or 'It'}: {has or 'nobody has it yet.'}{more}"
    count = "One thing needs people" if len(urgent) == 1 else f"{len(urgent)} things need people"
    return Band("bad", "stop", count, title, text), worst.number
