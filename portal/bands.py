"""The band that opens a page: an icon, a word, and a sentence a stranger understands. Read models in, words out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pipelines.deploy import State
from pipelines.plan import Plan
from pipelines.planning import Preview
from pipelines.query import Page, Row, Summary
from portal import render, telling
from portal.render import Times

Links = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Band:
    """`kind` tints: run, warn, bad, good (an icon only) or nothing. `links`: words and where they lead."""

    kind: str
    icon: str
    word: str
    title: str
    text: str = ""
    links: Links = ()


@dataclass(frozen=True)
class Shown:
    """A state for a table: one of the kit's words, and what is said instead of it where needed."""

    word: str
    text: str = ""


def service_state(summary: Summary) -> Shown:
    """Return what a service is, at a glance."""
    if summary.running is not None:
        return Shown(summary.running.word)
    if summary.last is not None and summary.last.word == "stuck":
        return Shown("stuck")
    if summary.live is not None:
        return Shown("healthy")
    return Shown("queued") if summary.queued else Shown("skipped", "Nothing live")


def commits(count: int) -> str:
    return render.counted(count, "commit")


# --- deploys --------------------------------------------------------------------------------------------------------


def deploys(going: Sequence[Row], day: Sequence[Row]) -> Band:
    """Return what is going out, and what the last day brought."""
    moving = [row for row in going if row.word != "queued"]
    text = day_told((), day)
    if not moving:
        return Band("", "ring", "Calm", "Nothing is going out.", text)
    first = ", ".join(f"{row.name} {row.release} to {row.environment}" for row in moving[:3])
    more = f" and {len(moving) - 3} more" if len(moving) > 3 else ""
    verb = "is" if len(moving) == 1 else "are"
    return Band("run", "run", render.counted(len(moving), "deploy"), f"{first}{more} {verb} going out.", text)


def day_told(running: Sequence[Row], day: Sequence[Row]) -> str:
    going = [row for row in running if row.word != "queued"]
    now = f"{render.counted(len(going), 'deploy is', 'deploys are')} going out. " if going else ""
    ended = [row for row in day if row.ended]
    undone = sum(1 for row in ended if row.word == "undone")
    if not ended:
        return f"{now}None ended in the last {render.unit('24', 'h')}."
    by_itself = f", {undone} of them undone by {'itself' if undone == 1 else 'themselves'}" if undone else ""
    return f"{now}{render.counted(len(ended), 'deploy')} ended in the last {render.unit('24', 'h')}{by_itself}."


# --- service --------------------------------------------------------------------------------------------------------


def not_deployable(name: str) -> Band:
    """A service whose file says nothing of deploying."""
    text = "Its catalog-info.yaml has no spec.deploy; with one it can be deployed from here."
    return Band("", "ring", "Described only", f"Fullcycle does not deploy {name}.", text)


def service(name: str, environment: str, summary: Summary, up: int | None, of: int | None, times: Times) -> Band:
    """Say what runs, how well, and what waits."""
    waits = _waits(summary, times)
    if (running := summary.running) is not None:
        share = f", {render.percent(running.percent)} of traffic" if running.percent else ""
        if running.word == "undoing":
            title = f"{name} is going back from {running.release} in {environment}."
            return Band("warn", "undo", "Undoing", title, render.sentence(running.reason))
        if running.word == "paused":
            asks = f"{name} {running.release} waits in {environment}: shall it go on?"
            return Band("warn", "hand", f"A person is asked{share}", asks, render.sentence(running.reason))
        title = f"{name} {running.release} is going out to {environment}."
        return Band("run", "run", f"Going out{share}", title, f"{_serves(summary, times)} {waits}".strip())
    if summary.last is not None and summary.last.word == "stuck":
        title = f"{name} is stuck between two releases in {environment}."
        return Band("bad", "stop", "Stuck", title, render.sentence(summary.last.reason))
    if summary.live is None:
        title = f"Nothing of {name} serves in {environment} yet."
        return Band("", "ring", "Nothing live", title, waits or "Its first deploy is one click away.")
    serving = summary.live.release
    if of and up is not None and up < of:
        title = f"{name} runs release {serving} on {up} of {of} instances."
        return Band("warn" if up else "bad", "warn" if up else "stop", "Not all there", title, waits)
    count = f" on {up} of {of} instances" if of else ""
    return Band(
        "good", "ok", "Healthy", f"{name} runs release {serving}{count}.", f"{_serves(summary, times)} {waits}".strip()
    )


def _serves(summary: Summary, times: Times) -> str:
    if summary.live is None:
        return ""
    live = summary.live
    return f"{render.revision(live.revision)} “{live.subject}”, live for {render.duration(times.since(live.since))}."


def _waits(summary: Summary, times: Times) -> str:
    waiting = summary.waiting
    if waiting is None or not waiting.commits:
        return "Nothing waits to go out." if waiting is not None else ""
    newer = "newer commit waits" if waiting.commits == 1 else "newer commits wait"
    oldest = f", the oldest for {render.span(times.since(waiting.oldest_at))}" if waiting.oldest_at else ""
    return f"{render.number(waiting.commits)} {newer} to go out{oldest}."


# --- plan -----------------------------------------------------------------------------------------------------------


def plan(preview: Preview, name: str) -> Band:
    """Say what pressing the button would do."""
    told = preview.plan
    warned = sum(1 for gate in preview.gates if gate.verdict == "warn")
    blocked = [gate for gate in preview.gates if gate.verdict == "bad" and gate.kind != "checklist"]
    title = f"{_what(told, name)} in {render.about(told.expected)}."
    if blocked:
        why = " ".join(f"{gate.title}: {render.sentence(gate.why)}" for gate in blocked)
        return Band("bad", "stop", "Blocked", f"{_what(told, name, may=False)}.", why)
    text = f"{_size(told)}{_undone(told)}"
    if warned:
        word = f"Ready, with {'one warning' if warned == 1 else f'{warned} warnings'}"
        return Band("warn", "warn", word, title, text)
    return Band("", "ok", "Ready", title, text) if told.rollback else Band("good", "ok", "Ready", title, text)


def _what(told: Plan, name: str, *, may: bool = True) -> str:
    verb = "goes" if may else "may not go"
    if told.rollback:
        return f"{name} {verb} back to release {told.release.number} in {told.environment}"
    count = len(told.change.commits)
    if told.change.back or not count:
        return f"{name} {told.release.number} {verb} to {told.environment}"
    verbs = verb if count == 1 or not may else "go"
    return f"{commits(count)} of {name} {verbs} to {told.environment}"


def _size(told: Plan) -> str:
    if told.rollback:
        return "Users get what they had before. "
    if not told.change.commits:
        return ""
    return "Small. " if told.change.small else f"Large: {'; '.join(told.change.large)}. "


def _undone(told: Plan) -> str:
    if told.base is None:
        return "Nothing serves yet, so there is nothing to go back to."
    if told.irreversible:
        return f"It cannot be taken back by itself: {told.irreversible}."
    if told.trial:
        return "It is a trial: whatever it shows, it goes back."
    return f"It can be undone in {render.about(told.back)}."


# --- deploy ---------------------------------------------------------------------------------------------------------


def deploy(page: Page, times: Times, who: str) -> Band:
    """Say how it goes, or how it ended. `who` is how a sentence names the one who asked."""
    row = page.row
    state = page.deploy.state
    if state is State.QUEUED:
        return _queued(page, times, who)
    if state is State.HEALTHY:
        return _healthy(page, times, who)
    if state is State.UNDONE:
        return _undone_band(page, times)
    if state is State.STUCK:
        title = f"{row.name} is stuck between {row.release} and {row.base or 'nothing'}."
        text = f"{render.sentence(page.deploy.reason)} Neither forward nor back worked; a person is needed."
        return Band("bad", "stop", "Stuck", title, text)
    if state is State.PAUSED:
        return _paused(page, times)
    if state is State.UNDOING:
        back = f"{row.name} goes back to {row.base}." if row.base else f"{row.name} {row.release} is taken away again."
        word = "Undoing, as ordered" if page.deploy.ending == "aborted" else "Undoing"
        return Band("warn", "undo", word, back, render.sentence(page.deploy.reason))
    return _going(page, times, who)


def _started(page: Page, times: Times, who: str) -> str:
    at = page.row.requested_at
    return f"Started by {who} at {times.short_clock(at)}, {times.age(at)}."


def _going(page: Page, times: Times, who: str) -> Band:
    row = page.row
    wave = f", wave {row.wave} of {row.waves}" if row.waves > 1 and row.wave else ""
    word = f"{'Going back' if row.rollback else 'Going out'}{wave}"
    left = telling.left(page.deploy, times.now)
    ready = f"Ready in {render.about(left)}. " if left else ""
    now = "An abort is ordered; it goes back at once. " if page.abort_ordered else ""
    return Band("run", "run", word, f"{_traffic(row)}.", f"{now}{ready}{_started(page, times, who)}")


_ASKED = {
    "inconclusive": ("ask", "Nobody can tell yet"),
    "irreversible": ("stop", "Stopped, it cannot be taken back by itself"),
    "strategy": ("pause", "Paused, as planned"),
    "person": ("pause", "Paused by a person"),
}


def _paused(page: Page, times: Times) -> Band:
    """Say what is asked of a person, and what happens when nobody answers."""
    row, pause, plan = page.row, page.deploy.pause, page.deploy.plan
    assert pause is not None
    assert plan is not None
    icon, word = _ASKED[pause.asks]
    if pause.asks == "irreversible":
        text = f"{render.sentence(pause.why)} Going back would leave this behind: {plan.irreversible}."
        return Band("bad", icon, word, f"{_traffic(row)}, and it fails.", text)
    until = f" Without an answer it goes back {times.moment(pause.at + plan.patience)}."
    return Band("warn", icon, word, f"{_traffic(row)}. Shall it go on?", f"{render.sentence(pause.why)}{until}".strip())


def _traffic(row: Row) -> str:
    on = f"of the traffic is on {row.name} {row.release}"
    if row.percent:
        return f"{ {100: 'All', 50: 'Half'}.get(row.percent, render.percent(row.percent)) } {on}"
    return f"{row.name} {row.release} is being made ready; no traffic is on it yet"


def _queued(page: Page, times: Times, who: str) -> Band:
    row, place = page.row, page.place or 0
    where = "is next" if place == 0 else f"waits behind {render.counted(place, 'other')}"
    text = f"Nothing has happened yet. {_started(page, times, who)}"
    if page.hold is not None and not row.rollback:
        held = f"The lane is held: {render.sentence(page.hold.reason)} It goes on when somebody lets it."
        return Band(
            "warn", "pause", "Queued, the lane is held", f"{row.name} {row.release} waits for {row.environment}.", held
        )
    return Band("", "wait", "Queued", f"{row.name} {row.release} {where} for {row.environment}.", text)


def _took(page: Page) -> timedelta:
    row = page.row
    return (row.ended_at or row.requested_at) - (row.started_at or row.requested_at)


def _healthy(page: Page, times: Times, who: str) -> Band:
    row = page.row
    ended = times.moment(row.ended_at) if row.ended_at else ""
    took = f"It took {render.duration(_took(page))}, ended {ended}; asked for by {who}."
    if page.deploy.proof.said:
        took = f"{render.sentence(page.deploy.proof.said)} {took}"
    if row.word == "replaced":
        return Band("", "ring", "Replaced", f"{row.name} {row.release} was healthy; a newer one serves now.", took)
    return Band("good", "ok", "Healthy", f"{row.name} {row.release} serves all of {row.environment}.", took)


def _undone_band(page: Page, times: Times) -> Band:
    row = page.row
    since = f" since {times.short_clock(row.ended_at)}" if row.ended_at else ""
    serves = f"{row.name} {row.base} serves as before{since}." if row.base else "Nothing serves, as before."
    reason = render.sentence(page.deploy.reason)
    if page.deploy.ending == "aborted":
        return Band(
            "", "undo", "Aborted", f"{row.name} {row.release} was stopped by a person.", f"{reason} {serves}".strip()
        )
    if page.deploy.ending in ("good", "bad"):
        word = "Tried, good" if page.deploy.ending == "good" else "Tried, bad"
        told = "passed its first wave" if page.deploy.ending == "good" else "failed its first wave"
        title = f"{row.name} {row.release} {told}, and is away again."
        return Band("", "undo", word, title, f"{reason} {serves}".strip())
    if page.deploy.ending == "refused":
        return Band(
            "warn", "undo", "Undone, it never began", f"{row.name} {row.release} could not go any more.", reason
        )
    return Band(
        "warn", "undo", "Undone", f"{row.name} {row.release} was put back by itself.", f"{reason} {serves}".strip()
    )
