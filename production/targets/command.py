"""Has releases run by the repository's own programs: kubectl, helm, terraform, ansible, anything. See docs/command.md.

Each program is a run of its own (production/runs.py), which goes on when the portal does not; a worker only begins it
and looks. What came of it is remembered in the data folder, so nothing is done twice and nothing blindly again.
"""

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ledger.clock import Clock, now
from ledger.errors import Code, Error
from production.checkouts import Checkouts, Export, from_mirror
from production.locks import seized
from production.ports import Done, Failed, Instance, Pending, Progress, Release, Share, Site
from production.refusals import in_words, refuse_folder, refuse_user
from production.runs import KEPT_BYTES, Run
from production.secrets import Masking, Values, no_secrets, unmasked
from production.settings import CommandSettings
from production.supervise import Supervisor
from production.targets.commandbook import Book, Page, Wish
from production.targets.commandenv import Orders
from production.targets.commandstatus import Status, pseudo
from production.targets.commandwork import Work, last_lines

Act = Callable[[Work], Progress]


class CommandTarget:
    """The target of kind `command`.

    `folder` is its own; `path_dirs` come before the system's PATH; `secrets` gives the values that are added to the
    environment; `mask` takes them out of every text that leaves; of a program's output, `log_bytes` are kept.
    """

    def __init__(
        self,
        folder: Path,
        *,
        path_dirs: Sequence[Path] = (),
        export: Export = from_mirror,
        clock: Clock = now,
        secrets: Values = no_secrets,
        mask: Masking = unmasked,
        log_bytes: int = KEPT_BYTES,
    ) -> None:
        self._folder = folder.absolute()
        # Builds are runs here, so this supervisor is never asked.
        self._checkouts = Checkouts(self._folder, Supervisor(self._folder, self._folder), export, clock)
        self._book = Book(self._folder / "sites")
        self._orders = Orders(self._folder, self._checkouts, path_dirs, secrets)
        self._status = Status(self._folder / "status", self._run)
        self._mask, self._most, self._clock = mask, log_bytes, clock

    # What shall be true.

    def prepare(self, site: Site, release: Release, fence: int) -> Progress:
        wish = Wish(step="build", release=release.number)

        def act(work: Work) -> Progress:
            refuse_user(work.settings.user)
            work.keep(work.page.preparing(release.number, release.revision))
            checkout = self._checkouts.have(site.name, release, work.settings.user)
            refuse_folder(work.settings.user, checkout)
            progress = self._built(site, release, work, wish)
            if not isinstance(progress, Done):
                return progress
            self._orders.refuse_missing(work.settings, checkout)
            self._checkouts.prune(site.name, work.page.in_use())
            return progress

        return self._act(site, wish, fence, act, release.build)

    def start(self, site: Site, release: Release, instances: int, fence: int) -> Progress:
        wish = Wish(step="deploy", release=release.number, instances=instances)

        def act(work: Work) -> Progress:
            if not self._checkouts.at(site.name, release.number, release.revision).is_dir():
                return Failed(f"release {release.number} is not prepared; prepare it first")
            work.keep(work.page.changed(revisions={**work.page.revisions, release.number: release.revision}))
            return work.bring(wish)

        return self._act(site, wish, fence, act)

    def weigh(self, site: Site, percents: Mapping[int, float], fence: int) -> Progress:
        given = {number: float(percent) for number, percent in percents.items() if percent > 0}
        order = self._book.page(site.name).order
        newest = next((one for one in reversed(order) if one in given), 0)
        wish = Wish(step="weigh", release=newest or next(reversed(order), 0), percents=given)

        def act(work: Work) -> Progress:
            for number in given:
                if number not in work.page.running:
                    return Failed(f"release {number} has no instance, so it can get no traffic; start it first")
            if len(given) > (1 if work.alone else 2):
                return Failed("the traffic cannot be shared so; give the target a `weigh` command, and two releases")
            return work.is_so(wish) if work.settings.weigh is None else work.bring(wish)

        return self._act(site, wish, fence, act)

    def drain(self, site: Site, keep: int, fence: int) -> Progress:
        """Whoever has no traffic has no connections, as far as can be known; nothing is waited for."""
        return self._act(site, Wish(step="drain", release=keep), fence, lambda _work: Done("nothing to wait for"))

    def stop(self, site: Site, keep: int, fence: int, warm: int | None = None) -> Progress:
        """A program is told of one release that stays, so what stays warm keeps the others running, too."""
        wish = Wish(step="stop", release=keep)

        def act(work: Work) -> Progress:
            if warm is not None:
                return Done(f"the others end with {warm}, which stays warm")
            if work.settings.stop is None or not work.page.order:
                return work.is_so(wish)
            return work.bring(wish)

        return self._act(site, wish, fence, act)

    # What is true.

    def instances(self, site: Site) -> Sequence[Instance]:
        page = self._book.page(site.name)
        if not page.running:
            return []
        settings, now = self._settings(site, page), self._clock()
        if settings.status is None:
            found = pseudo(site.name, settings.url, page)
        else:
            wish = Wish(step="status", release=page.order[-1])
            found = self._status.instances(site.name, lambda: self._orders.order(site, settings, wish, page), page)
        return [replace(one, uptime=page.uptime(one.release, now)) if one.state == "up" else one for one in found]

    def shares(self, site: Site) -> Sequence[Share]:
        page = self._book.page(site.name)
        return [Share(number, page.weights.get(number, 0.0)) for number in sorted(page.running)]

    def address(self, site: Site) -> str | None:
        page = self._book.page(site.name)
        url = self._settings(site, page).url if page.running else None
        return url.rstrip("/") if url else None

    def output(self, site: Site, release: int, lines: int = 200) -> Sequence[str]:
        checkout = self._checkouts.found(site.name, release)
        runs = sorted((self._output(site.name) / checkout.name).glob("*-*")) if checkout else []
        each = max(1, lines // max(1, len(runs)))
        told: list[str] = []
        for folder in runs:
            number, _, step = folder.name.partition("-")
            told += [f"{step} {int(number)} | {line}" for line in self._lines(site, self._run(folder), each)]
        return told[-lines:]

    def _lines(self, site: Site, run: Run, most: int) -> Sequence[str]:
        cut = run.cut() if most > 1 else 0
        note = (f"… {cut:,} bytes before are not kept …",) if cut else ()
        return [*note, *last_lines(run, most - len(note), lambda text: self._mask(site, text))]

    def logs(self, _site: Site, _release: int) -> Sequence[Path]:
        """What instances write is where the script has put them; a deploy's own output is not theirs."""
        return ()

    def checkout(self, service: str, environment: str, release: int) -> Path | None:
        """Return where a release's files are, for checks that are commands."""
        return self._checkouts.found(Site(service, environment, {}).name, release)

    # What only this target does.

    def shutdown(self) -> None:
        """End every run at once. Only for a house that is torn down: what was cut off is doubted afterwards."""
        for name in self._book.sites():
            with contextlib.suppress(Error):  # a page that cannot be read ends no run
                if (current := self._book.page(name).current) is not None:
                    self._run(self._output(name) / current.run).kill()

    # How.

    def _act(self, site: Site, wish: Wish, fence: int, act: Act, build: tuple[str, ...] = ()) -> Progress:
        settings = CommandSettings.model_validate(dict(site.settings))
        self._book.guard(site.name, fence)
        with seized(self._folder / "locks" / f"{site.name}.lock") as mine:
            if not mine:
                return Pending("another worker is still busy with this site")
            self._book.guard(site.name, fence)
            self._status.forget(site.name)
            work = self._work(site, settings, build)
            try:
                work.keep(work.page.changed(fence=fence, settings=dict(site.settings)))
                return work.clear(wish) or act(work)
            except Error as error:
                if error.code is Code.CONFLICT:
                    raise
                return Failed(error.message, tuple(error.detail.splitlines()[-20:]), error.permanent)
            except OSError as error:
                return in_words(error)

    def _work(self, site: Site, settings: CommandSettings, build: tuple[str, ...]) -> Work:
        return Work(
            site.name,
            settings,
            self._book,
            self._book.page(site.name),
            self._output(site.name),
            self._run,
            lambda wish, page: self._orders.order(site, settings, wish, page, build),
            lambda wish, page: self._orders.checkout(site.name, wish, page).name,
            lambda text: self._mask(site, text),
            self._clock,
        )

    def _built(self, site: Site, release: Release, work: Work, wish: Wish) -> Progress:
        checkout = self._checkouts.at(site.name, release.number, release.revision)
        result = checkout.with_name(f"{checkout.name}.build.json")
        if not release.build or result.exists():
            return Done(f"release {release.number} is in {checkout.name}")
        before = work.page.last.get("build")
        if before is not None and before.end == "failed" and before.wish == wish:
            shutil.rmtree(checkout)  # it may have left half of its work
            self._checkouts.have(site.name, release, work.settings.user)
        progress = work.bring(wish)
        if isinstance(progress, Done):
            result.write_text('{"code": 0}')
        return progress

    def _output(self, name: str) -> Path:
        return self._folder / "output" / name

    def _run(self, folder: Path) -> Run:
        return Run(folder, self._most)

    @staticmethod
    def _settings(site: Site, page: Page) -> CommandSettings:
        """A reader may know no more than the site's name."""
        return CommandSettings.model_validate(dict(site.settings if "deploy" in site.settings else page.settings))
