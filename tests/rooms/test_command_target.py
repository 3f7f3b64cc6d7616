"""What the command target does beyond the promises: every ending of a script, crashes on both sides, the ladder."""

import contextlib
import json
import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from ledger.errors import Code, Error
from production.ports import Done, Failed, Pending, Progress, Release, Site
from production.runs import Alive, Ended, Lost, Order, Run
from production.targets.command import CommandTarget
from production.targets.commandbook import Book, Page
from tests.promises.commandstage import command_stage, command_target, ended, journal
from tests.promises.stage import Stage, settled

pytestmark = pytest.mark.long

SH = {"PATH": "/usr/bin:/bin"}
HOLD = 'until [ -e "$WORLD/go" ]; do sleep 0.02; done'  # until the test says so


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("command")
    yield command_stage(folder)
    ended(folder)


class House:
    """One site whose scripts are given as text, in a folder of its own; each call of a script is noted."""

    def __init__(self, base: Stage, folder: Path) -> None:
        self.base, self.folder, self.world = base, folder, folder / "world"
        self.world.mkdir()
        self.target = command_target(folder)

    def site(self, deploy: str = "", **more: Any) -> Site:
        argv = {
            step: ["sh", "-c", f'echo "$STEP $RELEASE" >>"$WORLD/calls"; {text}']
            for step, text in {"deploy": deploy, **more}.items()
            if step in ("deploy", "weigh", "verify", "stop") and isinstance(text, str)
        }
        told = {"kind": "command", "patience": "200ms", "env": {"WORLD": str(self.world)}, **more, **argv}
        return Site("component:default/shop", "production", told)

    def prepared(self, site: Site, number: int = 1, fence: int = 1, **more: Any) -> Release:
        release = self.base.release(number, **more)
        assert isinstance(settled(lambda: self.target.prepare(site, release, fence)), Done)
        return release

    def deployed(self, site: Site, number: int = 1, fence: int = 1) -> Progress:
        release = self.prepared(site, number, fence)
        return settled(lambda: self.target.start(site, release, 1, fence))

    def again(self, site: Site, number: int = 1, fence: int = 1) -> Progress:
        return settled(lambda: self.target.start(site, self.base.release(number), 1, fence))

    def calls(self) -> Sequence[str]:
        file = self.world / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def go(self) -> None:
        (self.world / "go").touch()

    def runs(self, step: str) -> Sequence[Path]:
        return sorted((self.folder / "command" / "output").glob(f"*/*/*-{step}"))

    def keeper(self, step: str = "deploy") -> psutil.Process:
        wait_for(lambda: bool(self.runs(step)) and (self.runs(step)[-1] / "pid").exists())
        return psutil.Process(int((self.runs(step)[-1] / "pid").read_text().split()[0]))

    def machine_dies(self, step: str = "deploy") -> None:
        """Kill the keeper and all that it keeps, without a word."""
        keeper = self.keeper(step)
        wait_for(lambda: bool(keeper.children()))
        for process in [keeper, *keeper.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture
def house(base: Stage, tmp_path: Path) -> Iterator[House]:
    made = House(base, tmp_path)
    yield made
    made.target.shutdown()


def wait_for(is_so: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# How a script can end.

ENDINGS: tuple[tuple[str, dict[str, Any], type, str, tuple[str, ...]], ...] = (
    ("echo fine", {}, Done, "release 1 is deployed", ()),
    ("echo bad >&2; exit 3", {}, Failed, "deploy of release 1 ended with code 3; its last lines say why", ("bad",)),
    ("exit 137", {}, Failed, "ended with code 137", ()),  # a shell says so when what it called was killed
    ("printf 'caf\\351\\n'; exit 1", {}, Failed, "ended with code 1", ("caf\ufffd",)),
    ("kill -9 $$", {}, Failed, "was killed by signal 9, and nobody knows how far it came", ()),
    ("echo a; sleep 60", {"timeout": "1s"}, Failed, "did not end within 1s and was ended", ("a",)),
    ("echo a; sleep 60", {"inactivity": "1s"}, Failed, "wrote nothing for 1s and was ended", ("a",)),
    ("exec >/dev/null 2>&1; sleep 0.1", {}, Done, "release 1 is deployed", ()),  # it closes its output and goes on
    ("for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done", {"inactivity": "2500ms"}, Done, "is deployed", ()),
)


@pytest.mark.parametrize(("script", "more", "answer", "said", "log"), ENDINGS, ids=[one[0] for one in ENDINGS])
def test_every_ending_is_told(
    house: House, script: str, more: dict[str, Any], answer: type, said: str, log: tuple[str, ...]
) -> None:
    came = house.deployed(house.site(script, **more))

    assert isinstance(came, answer)
    assert said in (came.reason if isinstance(came, Failed) else came.detail)
    assert came.log == log if isinstance(came, Failed) else True
    assert house.calls() == ["deploy 1"]


@pytest.mark.parametrize("argv", [["nothere"], ["./ship.sh"], ["./nothere"], ["-rf"]])
def test_a_program_that_is_not_there_is_told_before_anything_runs(house: House, argv: list[str]) -> None:
    site = Site("component:default/shop", "production", {"kind": "command", "deploy": ["true"], "stop": argv})

    came = house.target.prepare(site, house.base.release(1), 1)

    assert isinstance(came, Failed)
    assert f"there is no program “{argv[0]}” for `stop`" in came.reason


def test_only_the_last_twenty_lines_and_no_endless_line_are_shown(house: House) -> None:
    came = house.deployed(house.site("seq 100; head -c 300000 /dev/zero | tr '\\0' x; echo; echo end; exit 1"))

    assert isinstance(came, Failed)
    assert [len(line) for line in came.log] == [2000, 3]
    assert len(house.target.output(house.site(), 1, lines=200)) == 2


def test_a_huge_log_keeps_its_end_and_little_else(house: House) -> None:
    house.target = command_target(house.folder, log_bytes=1_000_000)

    came = house.deployed(house.site("yes 'line of a huge log' | head -c 49400000; echo the end; exit 1"))

    assert isinstance(came, Failed)
    assert came.log[-1] == "the end"
    assert set(came.log[-20:-1]) == {"line of a huge log"}
    kept = [file.stat().st_size for file in house.runs("deploy")[0].glob("log*")]
    assert len(kept) == 2
    assert sum(kept) <= 1_000_000 + 65_536
    cut = 49_400_000 + len("the end\n") - sum(kept)
    assert house.target.output(house.site(), 1)[0] == f"deploy 1 | … {cut:,} bytes before are not kept …"


# What a script is told.


def test_a_script_gets_what_the_page_says_and_nothing_else(house: House) -> None:
    site = house.site(env={"WORLD": str(house.world), "GREETING": 'it\'s 100 % "free"; really\nyes'})
    show = ["sh", "-c", 'env -0 >"$WORLD/$STEP.$RELEASE"']
    settings = {**site.settings, **dict.fromkeys(("deploy", "weigh", "stop"), show)}
    site = Site(site.service, site.environment, settings)
    house.deployed(site, 1)
    house.deployed(site, 2)
    settled(lambda: house.target.weigh(site, {1: 87.5, 2: 12.5}, 1))
    settled(lambda: house.target.stop(site, 0, 1))

    def told(name: str) -> dict[str, str]:
        env = dict(pair.split("=", 1) for pair in (house.world / name).read_text().split("\0") if pair)
        return {key: value for key, value in env.items() if key not in ("PWD", "OLDPWD", "SHLVL", "_")}

    checkout = house.target.checkout(site.service, site.environment, 2)
    always = {
        "WORLD": str(house.world),
        "GREETING": 'it\'s 100 % "free"; really\nyes',
        "SERVICE": "component:default/shop",
        "ENVIRONMENT": "production",
        "DEPLOY_DIR": str(checkout),
        "HOME": str(house.folder / "command" / "home" / "portal"),
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    first, second = house.base.revisions[1], house.base.revisions[2]
    of_2 = {**always, "RELEASE": "2", "REVISION": second, "INSTANCES": "1", "PREVIOUS_REVISION": first}
    assert "PREVIOUS_REVISION" not in told("deploy.1")
    assert told("deploy.2") == {**of_2, "STEP": "deploy"}
    assert told("weigh.2") == {**of_2, "STEP": "weigh", "PERCENT": "12.5"}
    assert told("stop.0") == {**always, "STEP": "stop", "RELEASE": "0", "REVISION": "", "PREVIOUS_REVISION": second}


def test_an_argument_is_one_argument_whatever_it_holds(house: House) -> None:
    words = ["--force", "-rf", "a b", "it's", '"$HOME"', "$(id)", "`id`", "; rm -rf x", "*", "", "a\nb", "é"]
    site = house.site()
    argv = ["sh", "-c", 'printf "%s\\0" "$@" >"$WORLD/words"', "sh", *words]
    house.deployed(Site(site.service, site.environment, {**site.settings, "deploy": argv}))

    assert (house.world / "words").read_text().split("\0")[:-1] == words


def test_secrets_reach_the_script_and_no_text_or_file_of_ours(house: House) -> None:
    secret = "s3cr3t-" * 3
    values = {"TOKEN": secret}
    house.target = command_target(
        house.folder, secrets=lambda _site: values, mask=lambda _site, text: text.replace(secret, "***")
    )
    release = house.prepared(house.site(), build=("sh", "-c", 'echo "build ${TOKEN:-has none}"'))
    site = house.site(f'printf "token $TOKEN\\n"; {HOLD}; printf "now $TOKEN"; exit 1', secrets=["TOKEN"])

    def telling(but: str = "") -> list[str]:
        files = [file for file in (house.folder / "command").rglob("*") if file.is_file() and file.name != but]
        return [file.name for file in files if secret.encode() in file.read_bytes()]

    pending = house.target.start(site, release, 1, 1)
    while_it_runs = telling(but="log")
    house.go()
    failed = settled(lambda: command_target(house.folder, secrets=lambda _site: {}).start(site, release, 1, 1))

    assert isinstance(pending, Pending)
    assert "token ***" in pending.detail
    assert isinstance(failed, Failed)
    assert failed.log == ("token •••TOKEN•••", "now •••TOKEN•••")  # though nobody knows the value any more
    assert list(house.target.output(site, 1)) == [
        "build 1 | build has none",
        *(f"deploy 2 | {line}" for line in failed.log),
    ]
    assert (while_it_runs, telling()) == ([], [])


def test_who_cannot_have_a_secret_begins_nothing_and_is_asked_again(house: House) -> None:
    def closed(_site: Site) -> dict[str, str]:
        raise Error(Code.UNAVAILABLE, "the vault is sealed; unseal it", permanent=False)

    site = house.site(status=["true"])
    release = house.prepared(site)
    house.target = command_target(house.folder, secrets=closed)

    came = house.target.start(site, release, 1, 1)

    assert came == Failed("the vault is sealed; unseal it", permanent=False)
    assert house.calls() == []
    assert isinstance(settled(lambda: command_target(house.folder).start(site, release, 1, 2)), Done)
    assert house.calls() == ["deploy 1"]
    assert [one.state for one in house.target.instances(site)] == ["exited"]  # nobody knows, and no page breaks


def test_a_script_runs_as_the_user_that_is_named(base: Stage) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start programs as somebody else")
    with tempfile.TemporaryDirectory() as name:  # a test's own folder is closed to others
        Path(name).chmod(0o755)
        house = House(base, Path(name))
        argv = ["sh", "-c", 'id -un; touch made "$HOME/made"']
        told = {"kind": "command", "deploy": argv, "user": "nobody"}
        site = Site("component:default/shop", "production", told)

        assert isinstance(house.deployed(site), Done)
        assert list(house.target.output(site, 1)) == ["deploy 1 | nobody"]


# Once, and again when it must be.


def test_what_is_done_is_not_done_again_and_what_was_replaced_is(house: House) -> None:
    site = house.site()

    house.deployed(site, 1)
    house.deployed(site, 1, fence=2)
    house.deployed(site, 2, fence=3)
    assert [one.release for one in house.target.instances(site)] == [2]
    assert isinstance(house.again(site, 1, fence=4), Done)  # the way back

    assert house.calls() == ["deploy 1", "deploy 2", "deploy 1"]
    assert [(one.release, one.percent) for one in house.target.shares(site)] == [(1, 100.0)]


def test_a_new_deploy_of_what_runs_asks_verify_and_repairs_what_has_gone(house: House) -> None:
    site = house.site('touch "$WORLD/there"', verify='test -e "$WORLD/there"')
    house.deployed(site)

    house.deployed(site, fence=2)
    assert house.calls() == ["deploy 1", "verify 1"]

    (house.world / "there").unlink()
    assert isinstance(house.deployed(site, fence=3), Done)
    assert house.calls() == ["deploy 1", "verify 1", "verify 1", "deploy 1"]
    assert isinstance(house.again(site, fence=3), Done)
    assert len(house.calls()) == 4


def test_a_failure_is_told_again_in_its_own_deploy_and_tried_again_in_the_next(house: House) -> None:
    site = house.site("exit 1")

    assert isinstance(house.deployed(site), Failed)
    assert isinstance(house.again(site, fence=2), Failed)  # another worker, which does not know of it
    assert house.calls() == ["deploy 1"]

    assert isinstance(house.deployed(site, fence=3), Failed)
    assert house.calls() == ["deploy 1", "deploy 1"]


def test_on_the_way_back_what_failed_is_tried_again_when_it_is_asked_for_again(house: House) -> None:
    site = house.site('[ "$RELEASE" = 2 ] && exit 1; [ "$(grep -c "deploy 1" "$WORLD/calls")" != 2 ]')
    house.deployed(site, 1)
    assert isinstance(house.deployed(site, 2, fence=2), Failed)

    assert isinstance(house.again(site, 1, fence=2), Failed)
    assert isinstance(house.again(site, 1, fence=2), Done)

    assert house.calls() == ["deploy 1", "deploy 2", "deploy 1", "deploy 1"]


def test_without_weigh_the_traffic_is_not_shared(house: House) -> None:
    site = house.site()
    house.deployed(site, 1)
    house.deployed(site, 2)

    assert isinstance(house.target.weigh(site, {2: 100}, 1), Done)
    assert isinstance(house.target.weigh(site, {1: 50, 2: 50}, 1), Failed)


def test_two_who_begin_one_run_at_once_begin_it_once(tmp_path: Path) -> None:
    order = Order(("sh", "-c", "echo begun >>begun"), SH, tmp_path, timedelta(seconds=10))
    run = Run(tmp_path / "run")
    at_once = threading.Barrier(8)

    def begin() -> None:
        at_once.wait()
        Run(run.folder).begin(order)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: run.look() == Ended(0))

    assert (tmp_path / "begun").read_text() == "begun\n"


def test_a_run_that_was_called_off_before_it_began_never_begins(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.end()

    run.begin(Order(("touch", "begun"), SH, tmp_path, timedelta(seconds=10)))

    assert run.look() == Ended(None, "asked")
    assert not (tmp_path / "begun").exists()


# What a script leaves behind.


def test_what_a_script_leaves_in_its_session_is_ended_and_what_it_detached_stays(house: House) -> None:
    script = """
        sh -c 'echo $$ >"$WORLD/left"; exec sleep 1000' &
        setsid sh -c 'echo $$ >"$WORLD/detached"; exec sleep 1000' </dev/null >/dev/null 2>&1 &
        until [ -s "$WORLD/left" ] && [ -s "$WORLD/detached" ]; do sleep 0.01; done
        echo forked"""

    came = house.deployed(house.site(script))

    left, detached = (int((house.world / name).read_text()) for name in ("left", "detached"))
    try:
        assert isinstance(came, Done)
        assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE
        assert psutil.Process(detached).name() == "sleep"
    finally:
        os.kill(detached, signal.SIGKILL)


# The ladder.

DEAF = "trap 'echo INT' INT; trap 'echo TERM' TERM; echo ready; while :; do sleep 0.05; done"


def heard(lines: Sequence[str]) -> list[str]:
    """What the script wrote itself; its shell says `Terminated` of what it had called."""
    return [line.rpartition(" ")[2] for line in lines if "Terminated" not in line]


def test_a_script_that_is_deaf_is_asked_twice_and_then_killed(house: House) -> None:
    came = house.deployed(house.site(DEAF, timeout="1s"))

    assert isinstance(came, Failed)
    assert "did not end within 1s and was ended" in came.reason
    assert heard(came.log) == ["ready", "INT", "TERM"]


def test_a_script_that_cleans_up_when_asked_to_end_has_not_come_through(house: House) -> None:
    came = house.deployed(
        house.site("trap 'echo cleaned; exit 0' INT; echo ready; while :; do sleep 0.05; done", timeout="1s")
    )

    assert isinstance(came, Failed)
    assert came.log == ("ready", "cleaned")


def test_another_wish_ends_what_still_runs_first(house: House) -> None:
    site = house.site(f'[ "$RELEASE" = 1 ] || {{ {DEAF}; }}', patience="1s")
    house.deployed(site, 1)
    second = house.prepared(site, 2, fence=2)
    assert isinstance(house.target.start(site, second, 1, 2), Pending)
    wait_for(lambda: "ready" in "".join(house.target.output(site, 2)))

    began = time.monotonic()
    back = house.target.start(site, house.base.release(1), 1, 2)

    assert isinstance(back, Pending)  # no call waits for the ladder
    assert "deploy of release 2 is being ended first" in back.detail
    assert time.monotonic() - began < 60
    assert house.calls() == ["deploy 1", "deploy 2"]
    assert isinstance(house.again(site, 1, fence=2), Done)
    assert house.calls() == ["deploy 1", "deploy 2", "deploy 1"]
    assert heard(house.target.output(site, 2)) == ["ready", "INT", "TERM"]


@pytest.mark.parametrize("method", ["prepare", "weigh", "drain", "stop"])
def test_every_other_step_ends_what_still_runs(house: House, method: str) -> None:
    site = house.site(f'[ "$RELEASE" = 1 ] || {{ {HOLD}; }}')
    house.deployed(site, 1)
    second = house.prepared(site, 2)
    assert isinstance(house.target.start(site, second, 1, 1), Pending)
    acts: dict[str, Callable[[], Progress]] = {
        "prepare": lambda: house.target.prepare(site, house.base.release(1), 1),
        "weigh": lambda: house.target.weigh(site, {1: 100}, 1),
        "drain": lambda: house.target.drain(site, 1, 1),
        "stop": lambda: house.target.stop(site, 1, 1),
    }

    assert isinstance(settled(acts[method]), Done)

    assert Run(house.runs("deploy")[-1]).look() == Ended(-signal.SIGINT, "asked")
    assert [one.release for one in house.target.instances(site)] == [1]


# Crashes.


def test_a_worker_that_is_killed_is_taken_over_without_a_second_run(house: House) -> None:
    site = house.site(f"echo begun; {HOLD}; echo through")
    release = house.prepared(site)
    program = f"""
from pathlib import Path
from production.ports import Release, Site
from tests.promises.commandstage import command_target
target = command_target(Path({str(house.folder)!r}))
site = Site("component:default/shop", "production", {dict(site.settings)!r})
while True:
    target.start(site, Release(1, {release.revision!r}, {release.source!r}), 1, 1)
"""
    worker = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    wait_for(lambda: house.calls() == ["deploy 1"])
    worker.kill()
    worker.wait()

    successor = command_target(house.folder)
    pending = successor.start(site, release, 1, 2)
    house.go()
    came = settled(lambda: successor.start(site, release, 1, 2))

    assert isinstance(pending, Pending)
    assert pending.detail.endswith("s: begun")
    assert isinstance(came, Done)
    assert house.calls() == ["deploy 1"]
    with pytest.raises(Error) as refused:
        house.target.start(site, release, 1, 1)
    assert refused.value.code is Code.CONFLICT


@pytest.mark.parametrize("milliseconds", range(0, 120, 8))
def test_killed_at_any_moment_of_the_beginning_a_worker_leaves_one_run(house: House, milliseconds: int) -> None:
    site = house.site()
    release = house.prepared(site)
    worker = multiprocessing.get_context("fork").Process(target=house.target.start, args=(site, release, 1, 1))
    worker.start()
    time.sleep(milliseconds / 1000)  # any moment will do
    worker.kill()
    worker.join()

    came = settled(lambda: command_target(house.folder).start(site, release, 1, 2))

    assert isinstance(came, Done)
    assert house.calls() == ["deploy 1"]


@pytest.mark.parametrize("successor_wants", [1, 2])
def test_a_worker_that_wakes_up_after_it_was_replaced_begins_nothing(house: House, successor_wants: int) -> None:
    site = house.site()
    first, _second = house.prepared(site, 1), house.prepared(site, 2)
    begin = Run.begin

    def freezes_first(run: Run, order: Order) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
        begin(run, order)

    def work() -> None:
        Run.begin = freezes_first  # type: ignore[method-assign, assignment]
        house.target.start(site, first, 1, 1)

    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    assert worker.pid is not None
    frozen = psutil.Process(worker.pid)
    wait_for(lambda: frozen.status() == psutil.STATUS_STOPPED)

    successor = command_target(house.folder)
    wanted = house.base.release(successor_wants)
    assert isinstance(settled(lambda: successor.start(site, wanted, 1, 2)), Done)
    os.kill(worker.pid, signal.SIGCONT)
    worker.join()

    assert worker.exitcode == 1  # it was told that another worker has taken over
    assert house.calls() == [f"deploy {successor_wants}"]
    assert [one.release for one in successor.instances(site)] == [successor_wants]


def test_a_script_ends_while_nobody_looks(house: House) -> None:
    site = house.site(HOLD, verify="exit 1")
    release = house.prepared(site)
    assert isinstance(house.target.start(site, release, 1, 1), Pending)

    house.go()
    wait_for(lambda: Run(house.runs("deploy")[0]).look() == Ended(0))

    assert isinstance(command_target(house.folder).start(site, release, 1, 2), Done)
    assert house.calls() == ["deploy 1"]


def test_a_worker_that_dies_before_its_run_began_is_followed_by_one_that_begins_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = house.site()
    release = house.prepared(site)

    class Killed(BaseException):
        pass

    def dies(_run: Run, _order: Order) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Run, "begin", dies)
        with pytest.raises(Killed):
            house.target.start(site, release, 1, 1)

    assert isinstance(settled(lambda: command_target(house.folder).start(site, release, 1, 2)), Done)
    assert house.calls() == ["deploy 1"]
    assert len(house.runs("deploy")) == 1


@pytest.mark.parametrize("how", ["the machine dies", "the machine was started again", "its files are gone"])
def test_what_was_cut_off_is_never_begun_again_blindly(house: House, how: str) -> None:
    site = house.site(f"echo begun; {HOLD}")
    release = house.prepared(site)
    house.target.start(site, release, 1, 1)
    house.machine_dies()
    if how == "the machine was started again":
        pid = house.runs("deploy")[0] / "pid"
        pid.write_text(f"{os.getpid()} 5 another-boot")  # the number belongs to somebody else by now
    if how == "its files are gone":
        for file in house.runs("deploy")[0].iterdir():
            file.unlink()
        house.runs("deploy")[0].rmdir()

    answers = [house.again(site, fence=2), house.again(site, fence=3)]

    for came in answers:
        assert isinstance(came, Failed)
        assert "cut off" in came.reason
        assert "nobody knows how far it came" in came.reason
        assert came.log == (() if how == "its files are gone" else ("begun",))
    assert house.calls() == ["deploy 1"]
    house.go()
    assert isinstance(house.deployed(site, fence=4), Done)  # a person has looked, and deploys again
    assert house.calls() == ["deploy 1", "deploy 1"]


@pytest.mark.parametrize(("verify", "answer"), [("exit 0", Done), ("echo another one runs; exit 4", Failed)])
def test_what_was_cut_off_is_verified_once(house: House, verify: str, answer: type) -> None:
    site = house.site(HOLD, verify=verify)
    release = house.prepared(site)
    house.target.start(site, release, 1, 1)
    house.machine_dies()

    answers = [house.again(site, fence=2), house.again(site, fence=3)]

    assert [type(came) for came in answers] == [answer, answer]
    assert house.calls() == ["deploy 1", "verify 1"]
    if answer is Failed:
        assert isinstance(answers[0], Failed)
        assert "and it did not come through: verify of release 1 ended with code 4" in answers[0].reason
        assert answers[0].log == ("another one runs",)


def test_a_script_that_somebody_killed_is_verified(house: House) -> None:
    site = house.site('touch "$WORLD/through"; kill -9 $$', verify='test -e "$WORLD/through"')

    assert isinstance(house.deployed(site), Done)
    assert house.calls() == ["deploy 1", "verify 1"]


def test_a_verify_that_is_cut_off_looks_again(house: House) -> None:
    site = house.site("kill -9 $$", verify=f"{HOLD}")
    release = house.prepared(site)
    wait_for(lambda: isinstance(house.target.start(site, release, 1, 1), Pending) and house.calls()[1:] == ["verify 1"])
    house.machine_dies("verify")
    house.go()

    assert isinstance(house.again(site, fence=2), Done)
    assert house.calls() == ["deploy 1", "verify 1", "verify 1"]


def test_what_a_dead_keeper_has_left_is_ended_before_anything_else(house: House) -> None:
    site = house.site(f'echo $$ >"$WORLD/script"; {HOLD}')
    release = house.prepared(site)
    house.target.start(site, release, 1, 1)
    wait_for(lambda: (house.world / "script").exists() and bool((house.world / "script").read_text()))
    house.keeper().kill()
    script = int((house.world / "script").read_text())
    wait_for(lambda: Run(house.runs("deploy")[0]).look() == Lost())
    assert psutil.pid_exists(script)

    assert isinstance(house.again(site, fence=2), Failed)

    wait_for(lambda: not psutil.pid_exists(script) or psutil.Process(script).status() == psutil.STATUS_ZOMBIE)


def test_signals_for_the_whole_machine_do_not_make_the_keeper_forget(house: House) -> None:
    site = house.site(f"{HOLD}; exit 5")
    release = house.prepared(site)
    house.target.start(site, release, 1, 1)
    keeper = house.keeper()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        keeper.send_signal(number)
    house.go()

    came = house.again(site)

    assert isinstance(came, Failed)
    assert "ended with code 5" in came.reason


def test_an_older_worker_neither_begins_nor_ends_anything(house: House) -> None:
    site = house.site(HOLD)
    first, second = house.prepared(site, 1), house.prepared(site, 2)
    assert isinstance(house.target.start(site, second, 1, 7), Pending)

    acts: tuple[Callable[[], Progress], ...] = (
        lambda: house.target.start(site, first, 1, 6),
        lambda: house.target.stop(site, 1, 6),
        lambda: house.target.prepare(site, first, 6),
    )
    for act in acts:
        with pytest.raises(Error) as refused:
            act()
        assert refused.value.code is Code.CONFLICT

    house.go()
    assert isinstance(house.again(site, 2, fence=7), Done)
    assert house.calls() == ["deploy 2"]


# Builds.


def test_a_build_runs_once_and_one_that_was_cut_off_begins_again_in_clean_files(house: House) -> None:
    script = f'echo build >>"$WORLD/calls"; test ! -e half || exit 9; touch half; {HOLD}'
    site, release = house.site(), house.base.release(1, build=("sh", "-c", script))
    assert isinstance(house.target.prepare(site, release, 1), Pending)
    house.machine_dies("build")
    house.go()

    for fence in (2, 3):
        assert isinstance(settled(partial(house.target.prepare, site, release, fence)), Done)

    assert house.calls() == ["build", "build"]


def test_a_build_that_fails_says_why(house: House) -> None:
    release = house.base.release(1, build=("sh", "-c", "echo no compiler; exit 2"))

    came = settled(lambda: house.target.prepare(house.site(), release, 1))

    assert isinstance(came, Failed)
    assert came.log == ("no compiler",)


# Which instances there are.


def test_without_status_one_instance_stands_at_the_url(house: House) -> None:
    site = house.site(url="http://shop.test:8080/")
    assert house.target.address(site) is None
    house.deployed(site)

    (instance,) = house.target.instances(site)

    assert (instance.name, instance.release, instance.host, instance.port) == ("shop-1", 1, "shop.test", 8080)
    assert house.target.address(site) == "http://shop.test:8080"
    assert house.target.address(Site(site.service, site.environment, {})) == "http://shop.test:8080"


STATUS: tuple[tuple[str, list[Any]], ...] = (
    ('[{"name": "a", "port": 8, "state": "starting"}]', [("a", 1, 8, "starting")]),
    ('a warning\n[1] another\n[\n{"name": "a", "host": "h",\n"revision": "REVISION"}]', [("a", 1, 0, "up")]),
    ("[]", []),
    ("", [("shop-status", 1, 0, "exited")]),
    ('{"items": []}', [("shop-status", 1, 0, "exited")]),
    ('[{"name": "a", "port": 99999}]', [("shop-status", 1, 0, "exited")]),
    ('[{"name": "a", "state": "asleep"}]', [("shop-status", 1, 0, "exited")]),
)


@pytest.mark.parametrize(("said", "expected"), STATUS, ids=[one[0][:40] for one in STATUS])
def test_status_says_which_instances_there_are(house: House, said: str, expected: list[Any]) -> None:
    said = said.replace("REVISION", house.base.revisions[1])
    site = house.site(status=["sh", "-c", f"printf %s {shlex.quote(said)}"])
    house.deployed(site)

    found = [(one.name, one.release, one.port, one.state) for one in house.target.instances(site)]

    assert found == expected


def test_a_status_that_fails_now_and_then_is_not_believed_at_once(house: House) -> None:
    good = json.dumps([{"name": "a", "port": 8}])
    site = house.site(status=["sh", "-c", f"test ! -e \"$WORLD/down\" && echo '{good}'"])
    house.deployed(site)
    assert [one.name for one in house.target.instances(site)] == ["a"]

    (house.world / "down").touch()
    house.target.drain(site, 1, 1)  # after an act it is asked anew

    assert [one.name for one in house.target.instances(site)] == ["a"]


def test_what_was_left_by_who_was_killed_while_asking_is_removed(house: House) -> None:
    site = house.site(status=["echo", "[]"])
    house.deployed(site)
    old, new = house.folder / "command" / "status" / "old", house.folder / "command" / "status" / "new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))

    house.target.instances(site)

    assert [one.name for one in old.parent.iterdir()] == ["new"]


def test_what_a_frozen_worker_writes_late_does_not_count(tmp_path: Path) -> None:
    book = Book(tmp_path)
    old, new = Page(fence=1, prepared=1), Page(fence=2, prepared=2)
    book.keep("shop@production", new)

    late = tmp_path / "shop@production" / f"{1:020d}.json"
    late.write_text(old.model_dump_json())  # it had looked before the newer one came

    assert book.page("shop@production") == new
    book.keep("shop@production", new.changed(count=1))
    assert not late.exists()


def test_what_cannot_be_read_any_more_is_no_licence_to_begin_again(house: House) -> None:
    site = house.site()
    house.deployed(site)
    (page,) = (house.folder / "command" / "sites" / site.name).iterdir()
    page.write_text("")

    with pytest.raises(Error) as refused:
        house.again(site, fence=2)

    assert "look what runs" in refused.value.message
    assert house.calls() == ["deploy 1"]


def test_tearing_down_ends_what_still_runs(house: House) -> None:
    site = house.site(HOLD)
    house.target.start(site, house.prepared(site), 1, 1)
    keeper = house.keeper()

    house.target.shutdown()

    wait_for(lambda: not keeper.is_running() or keeper.status() == psutil.STATUS_ZOMBIE)
    assert not isinstance(Run(house.runs("deploy")[0]).look(), Alive)


def test_the_script_of_the_promises_verifies_what_it_has_done(base: Stage) -> None:
    site = base.site()
    base.live(site, 1)
    target = base.target
    assert isinstance(target, CommandTarget)

    base.live(site, 1, fence=2)

    folder = Path(site.settings["env"]["WORLD"]).parent
    assert journal(folder, site)[-1].startswith("verify 1")
