"""How a wish comes true by a run: begun once, looked at again and again, and never begun blindly a second time.

A run that was cut off is doubted: `verify` says whether it came through, or else a person must. A run that failed is
told as often as it is asked for in the same try; on the way back, where nothing was prepared, asking tries again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ledger.clock import Clock
from production.ports import Done, Failed, Pending, Progress
from production.runs import Alive, Asked, Ended, Lost, Order, Run
from production.settings import CommandSettings, written
from production.supervise import until
from production.targets.commandbook import Book, Page, Ran, Wish

INLINE_SECONDS = 0.5  # a run this short is waited for
AGAIN, RARELY = timedelta(milliseconds=100), timedelta(seconds=1)
LINES, COLUMNS = 20, 2000


@dataclass
class Work:
    """What one worker does for one site in one call. `order` says how a wish's program is started."""

    site: str
    settings: CommandSettings
    book: Book
    page: Page
    output: Path
    run: Callable[[Path], Run]
    order: Callable[[Wish, Page], Order]
    where: Callable[[Wish, Page], str]  # a release's folder in the site's output
    mask: Callable[[str], str]
    clock: Clock

    @property
    def alone(self) -> bool:
        return not self.settings.side_by_side

    def keep(self, page: Page) -> None:
        if page != self.page:
            self.book.keep(self.site, page)
            self.page = page

    def clear(self, wish: Wish) -> Pending | None:
        """End what still runs for another wish."""
        current = self.page.current
        if current is None or current.wish.covers(wish):
            return None
        run = self.of(current)
        if not isinstance(run.look(), Asked | Alive):
            return None
        run.end()
        if until(lambda: not isinstance(run.look(), Asked | Alive), INLINE_SECONDS):
            return None
        return Pending(f"{_said(current.wish)} is being ended first", AGAIN)

    def is_so(self, wish: Wish) -> Done:
        """Nothing has to be run for it."""
        self.keep(self.page.being(wish, self.alone, self.clock()))
        return Done(_so(wish))

    def bring(self, wish: Wish) -> Progress:
        """Have it so."""
        ran = self.page.last.get(wish.step)
        if ran is None or not _is_for(ran, wish):
            return self._begin(wish)
        if ran.end == "done":
            return self._doubted(ran) if ran.doubt and self.settings.verify else Done(_so(wish))
        if ran.end == "unknown" and not self.settings.verify:
            return self._unknown(ran, "was cut off")
        if ran.end == "failed" and self._is_new_try(wish):
            return self._begin(wish)
        match self.of(ran).look():
            case Asked():
                return self._go(ran)
            case Alive(since):
                return Pending(
                    f"{_said(wish)} runs since {round(since.total_seconds())} s{self._last(ran)}", _pause(since)
                )
            case Ended(0, ""):
                return self._through(ran)
            case Ended(code, "") if code is not None and code < 0:
                return self._cut_off(ran, f"was killed by signal {-code}")
            case Ended(code, why):
                return self._failed(ran, self._how(code, why))
            case Lost():
                self.of(ran).bury()
                return self._cut_off(ran, "was cut off, with its machine or by somebody who ended it")

    def of(self, ran: Ran) -> Run:
        return self.run(self.output / ran.run)

    def _begin(self, wish: Wish) -> Progress:
        run = f"{self.where(wish, self.page)}/{self.page.count + 1:05d}-{wish.step}"
        (self.output / run).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.keep(self.page.beginning(wish, run, self.alone))
        return self._go(self.page.last[wish.step])

    def _go(self, ran: Ran) -> Progress:
        """From here on it may have happened."""
        run, order = self.of(ran), self.order(ran.wish, self.page)
        self.book.guard(self.site, self.page.fence)
        run.begin(order)
        until(lambda: not isinstance(run.look(), Alive), INLINE_SECONDS)
        return self.bring(ran.wish)

    def _through(self, ran: Ran) -> Done:
        self.keep(self.page.being(ran.wish, self.alone, self.clock()).ended(ran, "done"))
        return Done(_so(ran.wish))

    def _failed(self, ran: Ran, how: str) -> Failed:
        self.keep(self.page.ended(ran, "failed"))
        return Failed(f"{_said(ran.wish)} {how}; its last lines say why", self.lines(ran, LINES))

    def _is_new_try(self, wish: Wish) -> bool:
        """Was it prepared for this? Then it has been tried; who goes back may try what failed again."""
        return wish.step == "build" or (wish.step != "verify" and self.page.prepared != wish.release)

    def _cut_off(self, ran: Ran, how: str) -> Progress:
        if ran.wish.step == "verify":
            return self._begin(ran.wish)  # it only looks
        if ran.wish.step == "build":
            self.keep(self.page.ended(ran, "failed"))
            return Pending(f"{_said(ran.wish)} {how}, and begins again in clean files", AGAIN)
        if not self.settings.verify:
            return self._unknown(ran, how)
        match self.bring(_doubt(ran, ran.run)):
            case Done():
                return self._through(ran)
            case Failed(reason, log):
                self.keep(self.page.ended(ran, "failed"))
                return Failed(f"{_said(ran.wish)} {how}, and it did not come through: {reason}", log)
            case pending:
                return pending

    def _unknown(self, ran: Ran, how: str) -> Failed:
        self.keep(self.page.ended(ran, "unknown"))
        said = f"{_said(ran.wish)} {how}, and nobody knows how far it came; look, and deploy again (or give a `verify`)"
        return Failed(said, self.lines(ran, LINES))

    def _doubted(self, ran: Ran) -> Progress:
        """It was done once, and is asked for by a new deploy: is it still so?"""
        match self.bring(_doubt(ran, f"{ran.run} {ran.doubt}")):
            case Done():
                self.keep(self.page.ended(ran, "done"))
                return Done(_so(ran.wish))
            case Failed():
                return self._begin(ran.wish)
            case pending:
                return pending

    def _how(self, code: int | None, why: str) -> str:
        quiet = written(self.settings.inactivity or timedelta())
        return {
            "start": "could not be started",
            "timeout": f"did not end within {written(self.settings.timeout)} and was ended",
            "inactivity": f"wrote nothing for {quiet} and was ended",
            "asked": "was ended before it was through, for something else was asked for",
        }.get(why, f"ended with code {code}")

    def lines(self, ran: Ran, most: int) -> tuple[str, ...]:
        return last_lines(self.of(ran), most, self.mask)

    def _last(self, ran: Ran) -> str:
        return "".join(f": {line}" for line in self.lines(ran, 1))


def last_lines(run: Run, most: int, mask: Callable[[str], str]) -> tuple[str, ...]:
    """Return the last lines of a run's output as they may be shown; masked before they are cut."""
    lines = mask(run.tail()).splitlines()
    return tuple(line[:COLUMNS] for line in lines[-most:]) if most > 0 else ()


def _is_for(ran: Ran, wish: Wish) -> bool:
    return ran.wish.about == wish.about and ran.wish.of == wish.of and (ran.wish.covers(wish) or ran.wish == wish)


def _doubt(ran: Ran, about: str) -> Wish:
    return ran.wish.model_copy(update={"step": "verify", "of": ran.wish.step, "about": about})


def _pause(since: timedelta) -> timedelta:
    return min(RARELY, max(AGAIN, since / 10))


def _said(wish: Wish) -> str:
    return f"{wish.step} of release {wish.release}" if wish.release else wish.step


def _so(wish: Wish) -> str:
    match wish.step:
        case "weigh":
            shares = ", ".join(f"{release}: {percent:g} %" for release, percent in sorted(wish.percents.items()))
            return shares or "no traffic"
        case "stop":
            return "nothing else is running"
        case "deploy":
            return f"release {wish.release} is deployed"
        case _:
            return f"{_said(wish)} is through"
