"""The tour: the demo's story played without anybody watching, one line per step, each with its figures."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import click
from sqlalchemy import create_engine, make_url, text

from ledger.clock import stopwatch
from ledger.errors import Error
from portal import wiring
from portal.config import Config
from portal.demo import chapters, findings, setup, stage
from portal.demo.chaptercontinuous import CONTINUOUS
from portal.demo.chaptercourses import CHAPTERS as COURSES
from portal.demo.chaptergates import GATES
from portal.demo.chaptermetrics import METRICS
from portal.demo.chapteroncall import ON_CALL
from portal.demo.chapterpauses import PAUSES
from portal.demo.past import Say
from portal.demo.stage import Stage
from portal.demo.story import FOR_THE_TOUR

Figures = Mapping[str, Any]

CHAPTERS: chapters.Chapters = {
    **chapters.RELEASES,
    **METRICS,
    **COURSES,
    **chapters.TROUBLE,
    **CONTINUOUS,
    **PAUSES,
    **GATES,
    **ON_CALL,
    **chapters.AUDIT,
    **findings.FINDINGS,
}


@dataclass
class Report:
    """Says each step when it is over, and remembers whether all went well."""

    ok: bool = True
    total: Callable[[], Any] = field(default_factory=stopwatch)

    def step(self, name: str, act: Callable[[], Figures]) -> bool:
        took, figures, ok = stopwatch(), {}, True
        try:
            figures = dict(act())
        except Error as error:
            ok, figures = False, {"why": "; ".join([error.message, *error.reasons])}
        self.ok = self.ok and ok
        click.echo(json.dumps({"step": name, "seconds": round(took().total_seconds(), 1), "ok": ok, **figures}))
        return ok


def play(config: Config, environ: Mapping[str, str], say: Say, steps: Sequence[str]) -> bool:
    """Play those steps of the story and return whether it went as it should."""
    report = Report()
    target = wiring.local(config, wiring.database(config))
    opened: list[Stage] = []
    with contextlib.ExitStack() as doors:
        doors.callback(target.shutdown)

        def set_up() -> Figures:
            _, notes = setup.ready(config, FOR_THE_TOUR, say, tour=True)
            opened.append(doors.enter_context(stage.opened(config, environ, target, notes.left_out)))
            return {}

        if report.step("set up", set_up):
            _chapters(report, opened[0], say, steps)
        if not report.ok:
            say(stage.log(config))
    report.step("stopped", lambda: _stopped(config))
    seconds = round(report.total().total_seconds(), 1)
    say(f"The tour took {seconds} s and {'went well' if report.ok else 'did not go well'}.")
    return report.ok


def _chapters(report: Report, opened: Stage, say: Say, steps: Sequence[str]) -> None:
    """Play until the first step that goes wrong: what follows would only stumble over it."""
    for name, chapter in ((name, CHAPTERS[name]) for name in steps):
        say((chapter.__doc__ or name).splitlines()[0])
        if not report.step(name, partial(chapter, opened)):
            return


def _stopped(config: Config) -> Figures:
    left = stage.left_behind(config.data)
    chapters.so(not left, f"still running: {'; '.join(left)}")
    return {"processes_left": 0}


@contextlib.contextmanager
def own_schema(url: str, name: str) -> Iterator[str]:
    """Yield a URL for a PostgreSQL schema of the tour's own, which is dropped at the end; what else is there stays."""
    engine = create_engine(make_url(url.replace("postgres://", "postgresql://", 1)))
    try:
        with engine.begin() as connection:
            connection.execute(text(f'CREATE SCHEMA "{name}"'))
        inside = engine.url.update_query_dict({"options": f"-csearch_path={name}"})
        try:
            yield inside.render_as_string(hide_password=False)
        finally:
            with engine.begin() as connection:
                connection.execute(text(f'DROP SCHEMA "{name}" CASCADE'))
    finally:
        engine.dispose()
