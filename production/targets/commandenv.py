"""What the programs of a site are told, and where they run: the environment of docs/command.md, and nothing else."""

import os
import pwd
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ledger.errors import Code, Error
from production.checkouts import BUILD_LIMIT, Checkouts
from production.ports import Site
from production.runs import Order
from production.secrets import Values
from production.settings import CommandSettings
from production.targets.commandbook import Page, Wish

STATUS_LIMIT = timedelta(seconds=10)
PROGRAMS = ("deploy", "weigh", "verify", "stop", "status")


@dataclass(frozen=True)
class Orders:
    """`folder` is the target's own; `path_dirs` come before the system's PATH."""

    folder: Path
    checkouts: Checkouts
    path_dirs: Sequence[Path]
    secrets: Values

    def order(
        self, site: Site, settings: CommandSettings, wish: Wish, page: Page, build: tuple[str, ...] = ()
    ) -> Order:
        checkout = self.checkout(site.name, wish, page)
        env = {
            "PATH": self.checkouts.search_path(checkout, self.path_dirs),
            "HOME": str(self._home(settings.user)),
            **settings.env,
            **told(site, wish, page),
            "DEPLOY_DIR": str(checkout),
        }
        argv = build if wish.step == "build" else getattr(settings, wish.step)
        limits = {"build": BUILD_LIMIT, "status": STATUS_LIMIT}
        limit = limits.get(wish.step, settings.timeout)
        secrets = {} if wish.step == "build" else self.secrets(site)
        return Order(tuple(argv), env, checkout, limit, settings.inactivity, settings.user, settings.patience, secrets)

    def checkout(self, name: str, wish: Wish, page: Page) -> Path:
        """Where the wish's programs run: in the files of its release, or of the newest when it is for none."""
        release = wish.release or next(reversed(page.order), 0)
        if (found := self.checkouts.found(name, release)) is None:
            raise Error(
                Code.INVALID, f"the files of release {release} are not on this machine any more; deploy it again"
            )
        return found

    def refuse_missing(self, settings: CommandSettings, checkout: Path) -> None:
        """Raise unless every program is there, before the first of them is started."""
        path = settings.env.get("PATH") or self.checkouts.search_path(checkout, self.path_dirs)
        for step in PROGRAMS:
            name = (getattr(settings, step) or ("",))[0]
            if name and shutil.which(str(checkout / name) if "/" in name else name, path=path) is None:
                said = f"there is no program “{name}” for `{step}`; install it, correct its name, or make it executable"
                raise Error(Code.INVALID, said)

    def _home(self, user: str | None) -> Path:
        home = self.folder / "home" / (user or "portal")
        if not home.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            if user:
                account = pwd.getpwnam(user)
                os.chown(home, account.pw_uid, account.pw_gid)
        return home


def told(site: Site, wish: Wish, page: Page) -> Mapping[str, str]:
    """Return what a program learns of what is asked of it.

    >>> page = Page(revisions={1: "aaa", 2: "bbb"}, order=(1, 2), running={1: 2, 2: 1})
    >>> said = told(Site("component:default/shop", "live", {}), Wish(step="weigh", release=2, percents={2: 10}), page)
    >>> said["REVISION"], said["PERCENT"], said["PREVIOUS_REVISION"]
    ('bbb', '10', 'aaa')
    """
    others = [one for one in wish.percents if one != wish.release]
    previous = page.revisions.get(others[0] if others else page.before(wish.release), "")
    instances = wish.instances or page.running.get(wish.release, 0)
    said = {
        "STEP": wish.step,
        "SERVICE": site.service,
        "ENVIRONMENT": site.environment,
        "RELEASE": str(wish.release),
        "REVISION": page.revisions.get(wish.release, ""),
        "INSTANCES": str(instances) if instances else "",
        "PREVIOUS_REVISION": previous,
        "PERCENT": f"{wish.percents.get(wish.release, 0):g}" if "weigh" in (wish.step, wish.of) else "",
    }
    always = ("STEP", "SERVICE", "ENVIRONMENT", "RELEASE", "REVISION")
    return {name: value for name, value in said.items() if value or name in always}
