"""What the local target does beyond the promises: real traffic, real crashes, builds, and words for what is wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from ledger.clock import now
from production import locks, rundir, sockets
from production.ports import Done, Failed, Pending, Release, Site
from production.targets.local import LocalTarget
from tests.promises import stage as stages
from tests.promises.stage import DIES, Stage, settled

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machine")


@pytest.fixture(scope="module")
def stage(folder: Path, worker_id: str) -> Iterator[Stage]:
    made = stages.local_stage(folder, worker_id)
    yield made
    target(made).shutdown()


def target(stage: Stage) -> LocalTarget:
    assert isinstance(stage.target, LocalTarget)
    return stage.target


def get(stage: Stage, site: Site, path: str = "/") -> Any:
    with urllib.request.urlopen(f"{stage.target.address(site)}{path}", timeout=60) as answer:
        return json.load(answer)


def test_ten_percent_of_a_thousand_requests_are_a_hundred(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1, instances=3)
    stage.started(site, 2, 2, instances=1)
    stage.target.weigh(site, {1: 90, 2: 10}, 2)
    connection = HTTPConnection((stage.target.address(site) or "").removeprefix("http://"))

    answers: Counter[int] = Counter()
    for _ in range(1000):
        connection.request("GET", "/")
        answers[json.load(connection.getresponse())["release"]] += 1

    assert answers[2] == pytest.approx(100, abs=2)
    requests = {share.release: share.requests for share in stage.target.shares(site)}
    assert requests == answers


def test_an_instance_gets_what_it_was_promised_and_nothing_else(stage: Stage) -> None:
    site = stage.site(command=["env", "-0"], env={"GREETING": 'it\'s 100 % "free"; really\nyes', "LANG": "C"})
    release = stage.release(1)
    settled(lambda: stage.target.prepare(site, release, 1))
    stage.target.start(site, release, 1, 1)  # it only prints its environment, and ends

    log = next((target(stage)._folder / "output" / site.name).glob("1-*")) / "1.log"
    wait_for(lambda: log.exists() and log.read_bytes().count(b"\0") >= 8)
    env = dict(pair.split("=", 1) for pair in log.read_text().split("\0") if pair)
    path = env.pop("PATH")
    assert path.split(":")[0] == str(Path(sys.executable).parent)
    assert "/usr/bin" in path
    assert env.pop("PORT").isdigit()
    assert env == {
        "GREETING": 'it\'s 100 % "free"; really\nyes',
        "LANG": "C",
        "HOST": "127.0.0.1",
        "REVISION": release.revision,
        "SERVICE": site.service,
        "ENVIRONMENT": "production",
    }
    stage.target.stop(site, 0, 1)


def test_a_request_that_is_being_answered_is_waited_for(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    stage.started(site, 2, 2)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(get, stage, site, "/slow?s=5")
        wait_for(lambda: any(share.connections for share in stage.target.shares(site)))
        stage.target.weigh(site, {2: 100}, 2)

        first = stage.target.drain(site, 2, 2)
        assert isinstance(first, Pending)
        assert get(stage, site)["release"] == 2  # new ones go to the new release meanwhile
        assert isinstance(settled(lambda: stage.target.drain(site, 2, 2)), Done)
        assert isinstance(settled(lambda: stage.target.stop(site, 2, 2)), Done)

        assert slow.result()["release"] == 1


def test_draining_ends_at_the_sites_drain_time(stage: Stage) -> None:
    site = stage.site(drain="200ms")
    stage.live(site, 1)
    stage.started(site, 2, 2)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(get, stage, site, "/slow?s=8")
        wait_for(lambda: any(share.connections for share in stage.target.shares(site)))
        stage.target.weigh(site, {2: 100}, 2)

        assert settled(lambda: stage.target.drain(site, 2, 2)) == Done("1 connection did not end within 200ms")
        assert isinstance(settled(lambda: stage.target.stop(site, 2, 2)), Done)
        assert slow.exception(timeout=60) is not None


def test_cutting_over_under_load_loses_no_request(stage: Stage) -> None:
    site, over = stage.site(), threading.Event()
    stage.live(site, 1)
    address = (stage.target.address(site) or "").removeprefix("http://")

    def load() -> tuple[int, list[str]]:
        count, failures = 0, []
        connection = HTTPConnection(address, timeout=60)
        while not over.is_set():
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failures.append(str(answer.status))
            except OSError as error:
                failures.append(repr(error))
                connection.close()
            count += 1
        return count, failures

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load) for _ in range(4)]
        try:
            for fence, number in enumerate((2, 3, 2, 4), 2):  # forward, forward, back, forward
                stage.live(site, number, fence)
        finally:
            over.set()
        results = [one.result() for one in running]

    assert [failure for _, failures in results for failure in failures] == []
    assert sum(count for count, _ in results) > 200


def test_a_release_wanted_again_while_it_ends_is_served_where_it_runs(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    old = {one.pid for one in stage.target.instances(site)}
    target(stage)._store.keep_only(site.name, 0)  # a worker that was killed in the middle of `stop`

    stage.live(site, 1, fence=2)

    assert not {one.pid for one in stage.target.instances(site)} & old
    assert {answers(stage, site) for _ in range(4)} == {one.pid for one in stage.target.instances(site)}


def test_a_connection_kept_alive_over_a_reload_is_still_answered(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    connection = HTTPConnection((stage.target.address(site) or "").removeprefix("http://"))

    def asked() -> tuple[int, int]:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["release"]

    assert asked() == (200, 1)
    stage.live(stage.site(), 1)  # a new public port: HAProxy is reloaded
    stage.started(site, 2, 2)
    stage.target.weigh(site, {2: 100}, 2)

    assert stage.target.drain(site, 2, 2) == Pending("waiting for 1 connection", timedelta(milliseconds=40))
    assert asked() == (200, 1)  # by HAProxy's old worker, which then closes the connection
    assert settled(lambda: stage.target.drain(site, 2, 2)) == Done("no connection is left")
    stage.target.stop(site, 2, 2)
    assert asked() == (200, 2)


def test_instances_outlive_the_process_that_started_them(stage: Stage, folder: Path, worker_id: str) -> None:
    site = stage.site()
    script = f"""
import os, signal, sys
from pathlib import Path
from production.ports import Release, Site
from tests.promises.stage import local_target, settled
target = local_target(Path({str(folder)!r}), {worker_id!r})
site = Site({site.service!r}, "production", {dict(site.settings)!r})
release = Release(1, {stage.revisions[1]!r}, {stage.source!r})
settled(lambda: target.prepare(site, release, 1))
settled(lambda: target.start(site, release, 1, 1))
target.weigh(site, {{1: 100}}, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], timeout=60)

    assert ended.returncode == -signal.SIGKILL
    assert get(stage, site)["release"] == 1


@pytest.mark.parametrize("milliseconds", [5, 40, 90, 160])
def test_killed_anywhere_in_a_cut_over_another_worker_ends_it(
    milliseconds: int, stage: Stage, folder: Path, worker_id: str
) -> None:
    site = stage.site()
    stage.live(site, 1)
    script = f"""
from pathlib import Path
from production.ports import Site
from tests.promises.stage import Stage, local_target
target = local_target(Path({str(folder)!r}), {worker_id!r})
stage = Stage(target, {{}}, {dict(stage.revisions)!r}, {stage.source!r})
print("ready", flush=True)
stage.live(Site({site.service!r}, "production", {dict(site.settings)!r}), 2, fence=2)
"""
    argv = [sys.executable, "-c", script]
    worker = subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"ready\n"
    time.sleep(milliseconds / 1000)
    worker.kill()
    worker.communicate()
    assert answers(stage, site) is not None  # whatever was under way, somebody serves

    stage.live(site, 2, fence=3)

    assert [one.release for one in stage.target.instances(site)] == [2, 2]
    assert {answers(stage, site) for _ in range(6)} == {one.pid for one in stage.target.instances(site)}
    running = {one.name for one in target(stage)._supervisor.programs().values() if one.name.startswith(site.name)}
    assert running == {f"{site.name}-2-1", f"{site.name}-2-2"}


def test_a_killed_instance_comes_back_by_itself(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1, instances=1)
    before = get(stage, site)["pid"]

    os.kill(before, signal.SIGKILL)

    wait_for(lambda: answers(stage, site) not in (None, before))


def test_after_a_restart_of_everything_all_is_as_before(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    stage.started(site, 2, 2)
    stage.target.weigh(site, {1: 75, 2: 25}, 2)
    before = stage.seen(site)

    target(stage).shutdown()
    assert answers(stage, site) is None
    assert target(stage).converge() == []

    wait_for(lambda: answers(stage, site) is not None)
    assert without_pids(stage.seen(site)) == without_pids(before)


def test_a_supervisor_that_was_killed_leaves_nothing_behind(stage: Stage, folder: Path) -> None:
    site = stage.site()
    stage.live(site, 1)
    orphans = [one.pid for one in stage.target.instances(site)]
    supervisor = psutil.Process(int((folder / "local" / "supervisord.pid").read_text()))
    children = supervisor.children(recursive=True)
    supervisor.kill()

    assert target(stage).converge() == []

    wait_for(lambda: answers(stage, site) is not None)
    assert not {one.pid for one in stage.target.instances(site)} & set(orphans)
    assert [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


def test_after_a_restart_of_haproxy_alone_the_weights_are_as_before(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    stage.started(site, 2, 2)
    stage.target.weigh(site, {1: 60, 2: 40}, 2)
    before = stage.seen(site)

    target(stage)._supervisor.signal("haproxy", "KILL")

    wait_for(lambda: answers(stage, site) is not None)
    wait_for(lambda: stage.seen(site) == before)


def test_a_taken_public_port_is_named_and_disturbs_nobody(stage: Stage) -> None:
    healthy = stage.site()
    stage.live(healthy, 1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = stage.started(stage.site(port=port), 1)

    assert isinstance(answer, Failed)
    assert f"port {port}, the public port of " in answer.reason
    assert "is used by another program" in answer.reason
    assert get(stage, healthy)["release"] == 1


def test_a_port_that_was_only_found_free_and_is_lost_before_it_served_is_found_anew(stage: Stage) -> None:
    site = stage.site()
    settled(lambda: stage.target.prepare(site, stage.release(1), 1))
    store = target(stage)._store
    with socket.create_server(("127.0.0.1", 0)) as other:
        lost = other.getsockname()[1]
        store.publish(site.name, lost, lambda _port: True)
        stage.started(site, 1)
        settled(lambda: stage.target.weigh(site, {1: 100}, 1))

        assert get(stage, site)["release"] == 1
        assert stage.target.address(site) != f"http://127.0.0.1:{lost}"


@pytest.mark.parametrize("others", [0, 1])
def test_a_port_that_is_lost_while_haproxy_takes_it_is_found_anew_elsewhere(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    for _ in range(others):  # then it is a reload that fails
        stage.live(stage.site(), 1)
    site, is_free = stage.site(), sockets.is_free
    settled(lambda: stage.target.prepare(site, stage.release(1), 1))
    store = target(stage)._store
    with socket.create_server(("127.0.0.1", 0)) as other:
        lost = other.getsockname()[1]
        monkeypatch.setattr(sockets, "is_free", lambda host, port: port == lost or is_free(host, port))
        store.publish(site.name, lost, lambda _port: True)
        stage.started(site, 1)
        settled(lambda: stage.target.weigh(site, {1: 100}, 1))

        assert get(stage, site)["release"] == 1
        assert f":{lost}]" in (target(stage)._folder / "haproxy.log").read_text()
    port = int((stage.target.address(site) or "").rpartition(":")[2])
    assert port >= stages.FIRST_PUBLIC_PORT + rundir.spread(target(stage)._folder)


def test_two_sites_cannot_have_one_public_port(stage: Stage) -> None:
    first, second = (stage.site(port=stages.CHOSEN_PORT) for _ in range(2))
    stage.live(first, 1)

    answer = stage.started(second, 1)

    assert isinstance(answer, Failed)
    assert f"already belongs to {first.name}" in answer.reason


def test_a_changed_public_port_is_served_and_the_old_one_let_go(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    old = stage.target.address(site)

    moved = Site(site.service, site.environment, {**site.settings, "port": stages.CHOSEN_PORT + 1})
    settled(lambda: stage.target.start(moved, stage.release(1), 2, 2))

    assert stage.target.address(site) == f"http://127.0.0.1:{stages.CHOSEN_PORT + 1}"
    assert get(stage, site)["release"] == 1
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(old or "", timeout=60)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"command": ["no-such-program"]}, "there is no program “no-such-program” to start"),
        ({"command": ["./no-such-file"]}, "there is no program “./no-such-file” to start"),
        ({"user": "nobody-of-that-name"}, "there is no OS user “nobody-of-that-name” on this machine"),
    ],
)
def test_what_cannot_be_started_is_said_in_words(stage: Stage, settings: dict[str, Any], said: str) -> None:
    answer = stage.started(stage.site(**settings), 1)

    assert isinstance(answer, Failed)
    assert said in answer.reason


def test_a_dying_release_shows_its_last_lines_and_its_code(stage: Stage) -> None:
    answer = stage.started(stage.site(), DIES)

    assert isinstance(answer, Failed)
    assert "exits at once with code 1" in answer.reason
    assert answer.log[-1] == "no database is configured"


@pytest.mark.parametrize("revision", ["--upload-pack=touch /tmp/x", "main", "f" * 40])
def test_a_revision_that_is_not_there_is_said_in_words(stage: Stage, revision: str) -> None:
    answer = stage.target.prepare(stage.site(), Release(1, revision, stage.source), 1)

    assert isinstance(answer, Failed)
    assert revision[:7] in answer.reason


def test_a_build_runs_once_and_its_programs_come_first(stage: Stage) -> None:
    site = stage.site(command=["hello-server"])
    server = "(echo '#!/bin/sh'; echo 'exec python app.py') > bin/hello-server; chmod +x bin/hello-server"
    release = stage.release(1, build=("sh", "-c", f"mkdir bin; echo built; {server}"))

    answers = [settled(lambda: stage.target.prepare(site, release, 1)) for _ in range(2)]

    assert [type(answer) for answer in answers] == [Done, Done]
    assert isinstance(settled(lambda: stage.target.start(site, release, 1, 1)), Done)
    assert [line for line in stage.target.output(site, 1) if "built" in line] == ["build | built"]


def test_a_build_that_fails_shows_its_last_lines(stage: Stage) -> None:
    site, release = stage.site(), stage.release(1, build=("sh", "-c", "echo compiling; echo no such module; exit 4"))

    answer = settled(lambda: stage.target.prepare(site, release, 1))

    assert isinstance(answer, Failed)
    assert "ended with code 4" in answer.reason
    assert answer.log == ("compiling", "no such module")


def test_a_build_goes_on_when_the_worker_does_not(stage: Stage) -> None:
    site, release = stage.site(), stage.release(1, build=("sh", "-c", "sleep 0.8; touch done"))

    assert isinstance(stage.target.prepare(site, release, 1), Pending)
    checkout = target(stage).checkout(site.service, site.environment, 1)
    assert checkout is not None
    wait_for((checkout / "done").exists)  # nobody asked meanwhile

    assert isinstance(settled(lambda: stage.target.prepare(site, release, 2)), Done)


def test_only_the_newest_five_releases_and_those_in_use_are_kept(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    for number in range(2, 9):
        stage.target.prepare(site, stage.release(number), number)

    kept = [number for number in range(1, 9) if target(stage).checkout(site.service, site.environment, number)]

    assert kept == [1, 4, 5, 6, 7, 8]


def test_a_frozen_workers_lock_is_not_waited_for(tmp_path: Path) -> None:
    lock = tmp_path / "site.lock"
    script = f"""
import os, signal
from pathlib import Path
from production.locks import seized
with seized(Path({str(lock)!r})) as mine:
    print(mine, flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""
    argv = [sys.executable, "-c", script]
    frozen = subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    try:
        assert frozen.stdout is not None
        assert frozen.stdout.readline() == b"True\n"
        wait_for(lambda: psutil.Process(frozen.pid).status() == psutil.STATUS_STOPPED)

        with locks.seized(lock) as mine, locks.seized(lock) as other:
            assert (mine, other) == (True, False)
    finally:
        frozen.kill()
        frozen.communicate()


def answers(stage: Stage, site: Site) -> int | None:
    """The number of the process that answers, or None when nobody does."""
    try:
        return int(get(stage, site)["pid"])
    except OSError:
        return None


def without_pids(seen: tuple[Any, ...]) -> tuple[Any, ...]:
    instances, *rest = seen
    return [(name, port) for name, port, _pid, _state in instances], *rest


def wait_for(is_so: Any, within: timedelta = timedelta(seconds=120)) -> None:
    deadline = now() + within
    while not is_so():
        assert now() < deadline, "it did not become so"
        time.sleep(0.02)
