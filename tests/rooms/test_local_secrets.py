"""Secrets on this machine, with real programs: who gets them, where they lie, and that nothing shows them."""

import json
import os
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from ledger import db
from ledger.errors import Code, Error
from production.checks import Looker
from production.ports import Check, Done, Failed, Release, Site
from production.secrets import SiteSecrets
from production.secretstores import MemorySecrets
from production.targets.local import LocalTarget
from tests.promises import stage as stages
from tests.promises.stage import settled

pytestmark = pytest.mark.local

VALUE, NEWER = 'hunter2-π/"old"', "correct-horse-battery"
SEALED = Error(Code.UNAVAILABLE, "the store is sealed; unseal it", permanent=False)
SHOUTS = ["sh", "-c", 'echo "first $DB_PASSWORD"; echo "$DB_PASSWORD" | base64; exec python app.py']
DIES = ["sh", "-c", 'echo "no such password: $DB_PASSWORD" >&2; exit 3']


class Stand:
    """A stage whose target has a store of secrets that can be changed."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.folder, self.memory = folder, MemorySecrets()
        self.stage = stages.local_stage(folder, worker)
        self.target = self.stage.target = self.another(worker)

    def another(self, worker: str) -> LocalTarget:
        """The same target as another process has it: it has seen no value yet."""
        held = SiteSecrets(self.memory, b"key")
        like = stages.local_target(self.folder, worker)
        return LocalTarget(
            db.sqlite(self.folder / "test.db"),
            self.folder / "local",
            path_dirs=[Path(sys.executable).parent],
            first_public_port=like._store._public.start + 100,
            first_port=like._store._private[0] + 100,
            secrets=held.values,
            mask=held.mask,
        )

    def site(self, value: str = VALUE, command: list[str] | None = None) -> Site:
        site = self.stage.site(secrets={"DB_PASSWORD": "payments/db"}, command=command or ["python", "app.py"])
        self.keep(site, value)
        return site

    def keep(self, site: Site, value: str) -> None:
        self.memory.values[site.name.partition("@")[0], site.environment, "payments/db"] = value

    def program(self, site: Site, release: int = 1, number: int = 1) -> Path:
        return self.folder / "local" / "programs" / f"{site.name}-{release}-{number}.json"

    def log(self, site: Site, release: int = 1) -> Path:
        return next((self.folder / "local" / "output" / site.name).glob(f"{release}-*")) / "1.log"

    def env(self, site: Site) -> dict[str, str]:
        with urllib.request.urlopen(f"{self.target.address(site)}/env", timeout=60) as answer:
            said: dict[str, str] = json.load(answer)
        return said

    def holding(self, value: str) -> set[Path]:
        """The files of the data folder in which the value stands, the releases' own left out."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and "repository" not in path.parts]
        needles = [value.encode(), json.dumps(value)[1:-1].encode()]
        return {path for path in files if any(needle in path.read_bytes() for needle in needles)}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Stand]:
    made = Stand(tmp_path_factory.mktemp("secrets"), worker_id)
    yield made
    made.target.shutdown()


@pytest.fixture(autouse=True)
def _unsealed(stand: Stand) -> Iterator[None]:
    yield
    stand.memory.refuses = None


def wait_for(is_so: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_instance_gets_its_secrets_and_nobody_else_sees_them(stand: Stand) -> None:
    value = "only-here/π"
    site = stand.site(value)

    stand.stage.live(site, 1, instances=1)

    assert stand.env(site)["DB_PASSWORD"] == value
    file = stand.program(site)
    assert stand.holding(value) == {file}  # not the database, not the supervisor's configuration, no log
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((stand.folder / "local" / "output").stat().st_mode) == 0o700
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert str(stand.folder) in listed  # the supervisor's line, for one
    assert value not in listed
    others = [one for one in psutil.process_iter() if one.pid not in family(stand, site) and one.pid != os.getpid()]
    assert [one.pid for one in others if value in environ(one).values()] == []
    (placed,) = stand.target._store.known(site.name).placed
    assert placed.launch["secrets"] == {"DB_PASSWORD": "payments/db"}


def family(stand: Stand, site: Site) -> set[int]:
    pids = [one.pid for one in stand.target.instances(site) if one.pid]
    return {*pids, *(child.pid for pid in pids for child in psutil.Process(pid).children(recursive=True))}


def environ(process: psutil.Process) -> dict[str, str]:
    try:
        found: dict[str, str] = process.environ()
    except (psutil.Error, OSError):
        return {}
    return found


def test_what_an_instance_writes_is_shown_without_the_value(stand: Stand, worker_id: str) -> None:
    site = stand.site(command=SHOUTS)
    stand.stage.live(site, 1, instances=1)
    stand.memory.refuses = SEALED  # not even asked for: the program's file knows what to look for

    said = [*stand.target.output(site, 1), *stand.another(worker_id).output(site, 1)]

    shown = [line for line in said if "•••" in line]
    assert shown == ["instance 1 | first •••DB_PASSWORD•••", "instance 1 | •••DB_PASSWORD•••"] * 2
    assert VALUE not in "".join(said)


@pytest.mark.long
def test_what_a_dying_instance_says_is_masked_where_it_becomes_a_fact(stand: Stand) -> None:
    answer = stand.stage.started(stand.site(command=DIES), 1, instances=1)

    assert isinstance(answer, Failed)
    assert answer.log[-1] == "no such password: •••DB_PASSWORD•••"
    assert VALUE not in str(answer)


def test_when_a_program_ends_its_values_leave_the_disk(stand: Stand) -> None:
    site = stand.site(command=SHOUTS)
    stand.stage.live(site, 1, instances=1)
    wait_for(lambda: stand.log(site) in stand.holding(VALUE))
    stand.keep(site, NEWER)

    stand.stage.live(site, 2, fence=2, instances=1)

    assert stand.env(site)["DB_PASSWORD"] == NEWER
    assert not {path for path in stand.holding(VALUE) if site.name in str(path)}
    assert stand.log(site).read_text().startswith("first •••DB_PASSWORD•••\n•••DB_PASSWORD•••\n")
    assert "instance 1 | first •••DB_PASSWORD•••" in stand.target.output(site, 1)


def test_a_changed_value_restarts_nobody(stand: Stand) -> None:
    site = stand.site()
    stand.stage.live(site, 1, instances=1)
    before = stand.stage.seen(site)
    stand.keep(site, NEWER)

    assert stand.target.converge() == []
    assert isinstance(stand.stage.started(site, 1, 2, instances=1), Done)

    assert stand.stage.seen(site) == before
    assert stand.env(site)["DB_PASSWORD"] == VALUE


def test_going_back_runs_the_old_release_with_its_variables_and_the_secrets_of_now(stand: Stand) -> None:
    """A rollback is a deploy with the frozen settings of then."""
    then = stand.site()
    then = Site(then.service, then.environment, {**then.settings, "env": {"LEVEL": "info"}})
    later = Site(then.service, then.environment, {**then.settings, "env": {"LEVEL": "debug", "MORE": "yes"}})
    stand.stage.live(then, 1, fence=1, instances=1)
    stand.stage.live(later, 2, fence=2, instances=1)
    assert (stand.env(later)["LEVEL"], stand.env(later)["MORE"]) == ("debug", "yes")
    stand.keep(then, NEWER)

    stand.stage.live(then, 1, fence=3, instances=1)

    env = stand.env(then)
    assert (env["LEVEL"], env.get("MORE"), env["DB_PASSWORD"]) == ("info", None, NEWER)


@pytest.mark.parametrize("refusal", [None, SEALED])
def test_a_secret_that_cannot_be_had_starts_nothing_and_what_serves_goes_on(
    stand: Stand, refusal: Error | None
) -> None:
    site = stand.site()
    stand.stage.live(site, 1, instances=1)
    before = stand.stage.seen(site)
    stand.memory.values.clear()
    stand.memory.refuses = refusal

    settled(lambda: stand.target.prepare(site, stand.stage.release(2), 2))
    answer = stand.target.start(site, stand.stage.release(2), 1, 2)

    assert isinstance(answer, Failed)
    missing = f"the secret payments/db of {site.name} is not there; keep it in the memory of this portal"
    assert answer.reason == (refusal.message if refusal else missing)
    assert answer.permanent is (refusal is None)
    assert stand.stage.seen(site) == before
    assert stand.env(site)["DB_PASSWORD"] == VALUE


def test_a_build_gets_no_secret_and_a_check_neither(stand: Stand) -> None:
    site = stand.site()
    release = Release(1, stand.stage.revisions[1], stand.stage.source, ("sh", "-c", "env; echo password: $DB_PASSWORD"))
    settled(lambda: stand.target.prepare(site, release, 1))
    settled(lambda: stand.target.start(site, release, 1, 1))
    settled(lambda: stand.target.weigh(site, {1: 100}, 1))
    assert "build | password:" in stand.target.output(site, 1)

    looker = Looker([Path(sys.executable).parent], stand.target.checkout, stand.target.masked)
    (instance,) = stand.target.instances(site)
    check = Check("command", ("sh", "-c", "echo got: $DB_PASSWORD; exit 1"))
    env = {"SERVICE": site.service, "ENVIRONMENT": site.environment, "REVISION": release.revision}
    assert looker.look(check, instance, env).said.endswith(": got:")


def test_what_a_check_says_is_masked(stand: Stand, worker_id: str) -> None:
    site = stand.site()
    stand.stage.live(site, 1, instances=1)
    (instance,) = stand.target.instances(site)
    target = stand.another(worker_id)
    looker = Looker([Path(sys.executable).parent], target.checkout, target.masked)
    script = (
        "import json, os, sys, urllib.request as u;"
        "sys.exit(json.load(u.urlopen('http://%s:%s/env' % (os.environ['HOST'], os.environ['PORT'])))['DB_PASSWORD'])"
    )
    check = Check("command", ("python", "-c", script), timeout=timedelta(seconds=60))
    env = {"SERVICE": site.service, "ENVIRONMENT": site.environment, "REVISION": "abc1234"}

    answer = looker.look(check, instance, env)

    assert not answer.passed
    assert answer.said.endswith(": •••DB_PASSWORD•••")


@pytest.mark.long
def test_after_a_restart_of_everything_the_values_of_now_are_taken(stand: Stand) -> None:
    site = stand.site(command=SHOUTS)
    stand.stage.live(site, 1, instances=1)
    wait_for(lambda: stand.log(site) in stand.holding(VALUE))
    stand.keep(site, NEWER)
    stand.target.shutdown()

    assert stand.target.converge() == []

    wait_for(lambda: answers(stand, site))
    assert stand.env(site)["DB_PASSWORD"] == NEWER
    assert not {path for path in stand.holding(VALUE) if site.name in str(path)}


@pytest.mark.long
def test_after_a_restart_without_a_store_everybody_starts_with_what_they_had(stand: Stand) -> None:
    site, other = stand.site(), stand.stage.site()
    stand.stage.live(site, 1, instances=1)
    stand.stage.live(other, 1, instances=1)
    stand.target.shutdown()
    stand.memory.refuses = SEALED

    assert stand.target.converge() == []

    wait_for(lambda: answers(stand, site) and answers(stand, other))
    assert stand.env(site)["DB_PASSWORD"] == VALUE


@pytest.mark.long
def test_after_a_restart_one_site_without_its_secret_disturbs_no_other(stand: Stand) -> None:
    site, other = stand.site(), stand.stage.site()
    stand.stage.live(site, 1, instances=1)
    stand.stage.live(other, 1, instances=1)
    stand.target.shutdown()
    stand.program(site).unlink()
    stand.memory.refuses = SEALED

    problems = stand.target.converge()

    assert problems == [f"{site.name}: the store is sealed; unseal it"]
    wait_for(lambda: answers(stand, other))
    stand.memory.refuses = None
    assert stand.target.converge() == []
    wait_for(lambda: answers(stand, site))


@pytest.mark.long
def test_a_supervisor_that_was_killed_leaves_no_value_of_what_is_gone(stand: Stand) -> None:
    site = stand.site(command=SHOUTS)
    stand.stage.live(site, 1, instances=1)
    wait_for(lambda: stand.log(site) in stand.holding(VALUE))
    supervisor = psutil.Process(int((stand.folder / "local" / "supervisord.pid").read_text()))
    supervisor.kill()
    stand.target._store.keep_only(site.name, 0)  # decided, and not done yet

    stand.target.converge()

    assert not stand.program(site).exists()
    assert not {path for path in stand.holding(VALUE) if site.name in str(path)}


def answers(stand: Stand, site: Site) -> bool:
    try:
        stand.env(site)
    except OSError:
        return False
    return True


def test_a_release_from_before_there_were_secrets_is_not_restarted(stand: Stand) -> None:
    site = stand.stage.site()
    stand.stage.live(site, 1, instances=1)
    file = stand.program(site)
    said: dict[str, Any] = json.loads(file.read_text())
    file.write_text(json.dumps({key: value for key, value in said.items() if key != "log"}, sort_keys=True))
    before = stand.stage.seen(site)

    assert stand.target.converge() == []

    assert stand.stage.seen(site) == before
