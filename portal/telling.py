"""A deploy told for people: its stairs and its story. Pure: plan and moments in, words out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from pipelines.deploy import ENDED, Answered, Deploy, State, Took
from pipelines.plan import Plan, Step, StepKind
from portal import pictures, render

QUICK = 300.0  # seconds; a picture of less than that needs seconds at its foot


@dataclass(frozen=True)
class Span:
    """When a step of the plan was or should be, in seconds from the beginning."""

    step: Step
    begin: float
    end: float


def spans(plan: Plan, story: Sequence[Took], began: datetime, now: datetime) -> list[Span]:
    """Return each step with its times: as they were, and from now on as expected."""
    cursor, told = 0.0, []
    by_step, elapsed = _by_step(story), (now - began).total_seconds()
    for index, step in enumerate(plan.steps):
        tries = by_step.get(index, ())
        # What has not begun begins now at the earliest: a pause may have taken long.
        begin = (tries[0].began - began).total_seconds() if tries else max(cursor, elapsed)
        last = tries[-1] if tries else None
        if last is None:
            end = begin + (timedelta(0) if step.kind is StepKind.PAUSE else step.expected).total_seconds()
        elif last.ended is not None:
            end = (last.ended - began).total_seconds()
        else:
            end = max(begin + step.expected.total_seconds(), (now - began).total_seconds())
        told.append(Span(step, begin, end))
        cursor = end
    return told


def _by_step(story: Sequence[Took]) -> dict[int, list[Took]]:
    """Return how often and when each step of the plan was tried; one may be repeated after a pause."""
    tries: dict[int, list[Took]] = {}
    for place, took in enumerate(took for took in story if not took.undo):
        tries.setdefault(place if took.step is None else took.step, []).append(took)
    return tries


def planned_stairs(plan: Plan, at: datetime, zone: ZoneInfo) -> Markup:
    """Draw the plan as if it began now: dashed."""
    steps = _stairs(spans(plan, (), at, at), at, zone)
    said = ", ".join(f"{step.text} at {step.below}" for step in steps[1:])
    return pictures.stairs(steps, f"Traffic on release {plan.release.number}: {said}")


def _stairs(told: Sequence[Span], began: datetime, zone: ZoneInfo) -> list[pictures.Step]:
    """Cut the spans at each change of weight."""
    cuts = [span for span in told if span.step.kind is StepKind.WEIGH]
    if not cuts:
        return []
    end = max(told[-1].end, cuts[-1].begin + 1)

    written = render.clock if end < QUICK else render.short_clock

    def at(seconds: float) -> str:
        return written(began + timedelta(seconds=seconds), zone)

    first = max(cuts[0].begin, 0.001)
    steps = [pictures.Step(0, first, 0, "start", at(0))]
    for cut, after in zip(cuts, [*(cut.begin for cut in cuts[1:]), end], strict=True):
        percent = cut.step.percent
        steps.append(pictures.Step(cut.begin, after, percent, render.percent(percent), at(cut.begin)))
    return steps


def stairs(deploy: Deploy, now: datetime, zone: ZoneInfo) -> Markup:
    """Draw a deploy under way or over: filled as far as it came."""
    if deploy.plan is None or deploy.started_at is None:
        return Markup("")
    began = deploy.started_at
    until = deploy.ended_at or now
    told = spans(deploy.plan, deploy.story, began, until)
    steps = _stairs(told, began, zone)
    passed = (until - began).total_seconds()
    last = last_forward(deploy)
    turned = next((took.began for took in deploy.story if took.undo), last.ended if last else None)
    if deploy.state in (State.UNDOING, State.UNDONE, State.STUCK):
        if not any(took.kind == StepKind.WEIGH for took in deploy.story):
            return Markup("")  # it never had any traffic
        back_at = ((turned or until) - began).total_seconds()
        written = render.clock if passed < QUICK else render.short_clock
        steps = _cut(
            steps, back_at, passed, written(turned or until, zone), "stuck" if deploy.state is State.STUCK else "back"
        )
    release = deploy.plan.release.number
    said = ", ".join(f"{step.text} at {step.below}" for step in steps if step.begin <= passed)
    over = deploy.state in ENDED
    return pictures.stairs(steps, f"Traffic on release {release}: {said}", passed, done=over)


def _cut(steps: Sequence[pictures.Step], at: float, end: float, below: str, text: str) -> list[pictures.Step]:
    """Leave out what never came, and show the way back as the last stair."""
    kept = [
        pictures.Step(step.begin, min(step.end, at), step.percent, step.text, step.below)
        for step in steps
        if step.begin < at
    ]
    return [*kept, pictures.Step(at, max(end, at + 0.001), 0, text, below)]


def left(deploy: Deploy, now: datetime) -> timedelta | None:
    """Return how long it should still take, None when nobody can say."""
    if deploy.plan is None or deploy.started_at is None or deploy.state not in (State.GOING, State.ACTING):
        return None
    told = spans(deploy.plan, deploy.story, deploy.started_at, now)
    return timedelta(seconds=max(told[-1].end - (now - deploy.started_at).total_seconds(), 0))


@dataclass(frozen=True)
class Chapter:
    """One line of the story at the side: an icon and its tone, when, what, and how long."""

    icon: str
    tone: str
    at: datetime | None
    title: str
    text: str = ""
    took: timedelta | None = None
    planned: bool = False


_NAMES = {
    StepKind.MEASURE: "Metrics known",
    StepKind.TIDY: "Leftovers stopped",
    StepKind.PAUSE: "A person says when it goes on",
    StepKind.PREPARE: "Made ready",
    StepKind.START: "Instances started",
    StepKind.PROBE: "Instances ready",
    StepKind.BAKE: "Watched",
    StepKind.DRAIN: "Old release drained",
    StepKind.STOP: "Old release stopped",
}
_DOING = {
    StepKind.MEASURE: "Metrics are asked for",
    StepKind.TIDY: "Leftovers stop",
    StepKind.PAUSE: "A person is asked",
    StepKind.PREPARE: "Being made ready",
    StepKind.START: "Instances start",
    StepKind.PROBE: "Instances are asked",
    StepKind.BAKE: "Being watched",
    StepKind.DRAIN: "Old release drains",
    StepKind.STOP: "Old release stops",
}
_BACK = {
    StepKind.START: "Old instances start",
    StepKind.PROBE: "Old instances are asked",
    StepKind.WEIGH: "Traffic goes back",
    StepKind.DRAIN: "New release drains",
    StepKind.STOP: "New release stops",
    StepKind.VERIFY: "Old release looked at",
}


UTC = ZoneInfo("UTC")
NEVER = datetime.min.replace(tzinfo=UTC)


def story(deploy: Deploy, zone: ZoneInfo = UTC, naming: Callable[[str], str] = render.short_ref) -> list[Chapter]:
    """Tell the steps: those done, the one under way, and those to come; and what people were asked in between."""
    if deploy.plan is None:
        return []
    told, done = [], 0
    for index, took in enumerate(deploy.story):
        last = index == len(deploy.story) - 1
        place = done if took.step is None else took.step
        if not took.undo and place < len(deploy.plan.steps):
            told.append(_chapter(took, deploy.plan.steps[place], deploy, last))
            done = place + 1
        elif took.undo:
            told.append(_back(took, deploy, last))
    told = sorted([*told, *(_asked(one, zone, naming) for one in deploy.answered)], key=lambda one: one.at or NEVER)
    if deploy.pause is not None:
        told.append(Chapter("pause", "t-warn", deploy.pause.at, "A person is asked", render.sentence(deploy.pause.why)))
    if deploy.state in (State.GOING, State.ACTING, State.QUEUED, State.PAUSED):
        told += [
            Chapter("ring", "dim", None, _title(step, _NAMES), planned=True)
            for step in deploy.plan.steps[max(done, deploy.step + (deploy.pause is not None and deploy.pause.step)) :]
            if step.kind in (StepKind.WEIGH, StepKind.BAKE, StepKind.PAUSE, StepKind.STOP)
        ]
    return told


_PAUSED = {"strategy": "Paused, as planned", "person": "Paused by a person"}
_ANSWERED = {"on": "let it go on", "again": "asked for it once more", "back": "sent it back"}


def _asked(one: Answered, zone: ZoneInfo, naming: Callable[[str], str]) -> Chapter:
    """Tell a pause that is over, with who ended it, and when."""
    who = f"{naming(one.actor)} {_ANSWERED[one.said]}" if one.actor else "nobody answered; it went back"
    text = f"{render.sentence(one.pause.why)} {who[:1].upper()}{who[1:]} at {render.clock(one.at, zone)}."
    title = _PAUSED.get(one.pause.asks, "A person was asked")
    return Chapter("hand", "t-warn", one.pause.at, title, text.strip(), one.at - one.pause.at)


def _title(step: Step, names: dict[StepKind, str]) -> str:
    if step.kind is StepKind.WEIGH:
        return f"{render.percent(step.percent)} of traffic"
    watched = step.kind is StepKind.BAKE
    return f"{names[step.kind]} at {render.percent(step.percent)}" if watched else names[step.kind]


def _chapter(took: Took, step: Step, deploy: Deploy, last: bool) -> Chapter:
    if took.ended is None:
        return Chapter("run", "t-run", took.began, _title(step, _DOING))
    failed = last_forward(deploy) is took and deploy.state in (State.UNDOING, State.UNDONE, State.STUCK)
    if failed and not took.said:
        return Chapter("undo", "dim", took.began, _title(step, _DOING), "Stopped by a person.", took.ended - took.began)
    if failed:
        text = render.sentence(took.said)
        return Chapter("stop", "t-bad", took.began, _title(step, _DOING), text, took.ended - took.began)
    numbers = took.said.partition("; ")[2] if step.kind is StepKind.BAKE else ""
    return Chapter("ok", "t-good", took.began, _title(step, _NAMES), render.sentence(numbers), took.ended - took.began)


def last_forward(deploy: Deploy) -> Took | None:
    return next((took for took in reversed(deploy.story) if not took.undo), None)


def _back(took: Took, deploy: Deploy, last: bool) -> Chapter:
    title = _BACK.get(StepKind(took.kind), took.kind)
    if took.ended is None:
        return (
            Chapter("stop", "t-bad", took.began, title, render.sentence(deploy.reason))
            if (deploy.state is State.STUCK and last)
            else Chapter("undo", "t-warn", took.began, title)
        )
    text = render.sentence(took.said) if took.kind == StepKind.VERIFY else ""
    return Chapter("undo", "t-warn", took.began, title, text, took.ended - took.began)
