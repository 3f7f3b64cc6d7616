"""The terminal against a real server on this machine, as alice unless something else matters."""

import json
import os
import pty
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update
from werkzeug.serving import WSGIRequestHandler, make_server

from ledger import clock, events
from portal import accounts, cli, keyring
from portal.client import Client
from portal.config import Config, environment
from portal.keyring import Login
from tests.doors.served import BAD, PASSWORD, Served, portal, until
from tests.serving import serving

GOOD = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: ledger}
spec:
  type: service
  lifecycle: production
  owner: group:payments
  deploy:
    environments:
      production:
        target: {kind: local, command: [python, app.py], instances: 4}
        strategy: {canary: [10, 50, 100], bake: 5m}
"""


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        pass


@contextmanager
def listening(served: Served) -> Iterator[str]:
    """Serve on 127.0.0.1, at its own port where it has one, else at a free one; yield the address."""
    port = served.services.config.port
    own = 0 if port == Config.model_fields["port"].default else port  # others may be serving there at this moment
    server = make_server("127.0.0.1", own, served.app, threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(self.out)
        return told


@dataclass
class Terminal:
    """Calls commands in this process, with an environment of the test's own."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def be(self, served: Served, who: str) -> None:
        self.monkeypatch.setenv("FULLCYCLE_URL", f"http://127.0.0.1:{served.services.config.port}")
        self.monkeypatch.setenv("FULLCYCLE_TOKEN", served.keys[who])

    def __call__(self, *arguments: str) -> Said:
        self.capsys.readouterr()
        try:
            cli.main(arguments)
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = self.capsys.readouterr()
        return Said(code, told.out, told.err)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Terminal:
    for name in list(environment()):
        if name.startswith(("FULLCYCLE_", "XDG_")) or name in ("HOST", "PORT"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def served(tmp_path: Path, terminal: Terminal) -> Iterator[Served]:
    """A portal that listens, with a worker; the terminal is alice's."""
    with portal(tmp_path, port=free_port()) as made, listening(made), made.working():
        terminal.be(made, "alice")
        yield made


# Deploying.


def test_deploy_and_wait_shows_each_step_and_ends_healthy(served: Served, terminal: Terminal) -> None:
    said = terminal("deploy", "checkout", "--note", "the first", "--wait")

    assert said.code == 0
    steps = [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in said.out.splitlines()]
    assert steps[0] == "deploy 1: checkout 1 to production, asked for"
    assert steps.index("release 1 is prepared") < steps.index("2 are up") < steps.index("1: 100 %")
    assert steps[-2:] == ["healthy: 1 serves", "checkout 1 to production is healthy"]
    assert len(steps) == len(set(steps))  # nothing is said twice


def test_a_bad_release_ends_with_1_and_its_reason(served: Served, terminal: Terminal) -> None:
    assert terminal("deploy", "checkout", "--wait").code == 0
    served.commit("the bad one", target=BAD)

    said = terminal("deploy", "checkout", "production", "--wait")

    assert said.code == 1
    assert "checkout 2 to production is undone" in said.out.splitlines()[-1]
    assert "/healthz answered 503" in said.out.splitlines()[-1]
    assert "undone: 1 serves as before" in said.out


def test_deploy_without_wait_says_where_to_look(served: Served, terminal: Terminal) -> None:
    served.commit("a slow one", bake="1h")
    said = terminal("deploy", "checkout", "staging", "--json")

    assert (said.code, said.json["id"], said.json["already"]) == (0, 1, False)
    assert terminal("deploy", "checkout").out.endswith(f":{served.services.config.port}/deploys/2\n")


def test_json_and_wait_print_one_document(served: Served, terminal: Terminal) -> None:
    said = terminal("deploy", "checkout", "--wait", "--json")

    deploy = said.json["deploy"]
    assert isinstance(deploy, dict)
    assert (said.code, deploy["state"]) == (0, "healthy")


def test_a_refusal_says_every_reason_and_exits_1(served: Served, terminal: Terminal) -> None:
    terminal("deploy", "checkout", "--wait")

    said = terminal("deploy", "checkout")

    assert (said.code, said.out) == (1, "")
    assert said.err == "fullcycle: 1 may not go to production\n  Nothing to do: release 1 serves already\n"


def test_a_stranger_is_told_who_may(served: Served, terminal: Terminal) -> None:
    terminal.be(served, "carol")

    said = terminal("deploy", "checkout")

    assert said.code == 2
    assert "Ask Alice Moreau or Bob Okafor." in said.err


def test_rollback_goes_to_the_last_healthy_release(served: Served, terminal: Terminal) -> None:
    terminal("deploy", "checkout", "--wait")
    served.commit("the second")
    terminal("deploy", "checkout", "--wait")

    said = terminal("rollback", "checkout", "--wait")

    assert (said.code, said.out.splitlines()[-1]) == (0, "checkout 1 to production is healthy")
    assert "held" not in said.out
    assert terminal("rollback", "checkout", "--to", "9").code == 1
    assert terminal("rollback", "checkout", "--to", "2", "--wait").code == 0


def test_abort_stops_what_another_terminal_waits_for(served: Served, terminal: Terminal) -> None:
    terminal("deploy", "checkout", "--wait")
    served.commit("a slow one", bake="1h")
    terminal("deploy", "checkout")

    said = terminal("abort", "2", "--reason", "wrong day")

    assert (said.code, said.out) == (0, "deploy 2: checkout 2 to production is told to stop\n")
    assert served.as_("alice").ended(2)["deploy"]["state"] == "aborted"
    assert terminal("abort", "2").code == 1
    assert terminal("abort", "99").code == 2


def test_deploys_lists_them_in_columns_and_as_json(served: Served, terminal: Terminal) -> None:
    assert terminal("deploys").out == "Nothing was deployed yet.\n"
    terminal("deploy", "checkout", "--wait")

    header, row = terminal("deploys", "--service", "component:default/checkout").out.splitlines()

    assert header.split() == ["ID", "SERVICE", "TO", "RELEASE", "STATE", "BY", "ASKED", "WHY"]
    assert row.split()[:6] == ["1", "checkout", "production", "1", "healthy", "alice"]
    assert row.endswith("the first")
    assert terminal("deploys", "--running").out == "Nothing.\n"
    assert [one["id"] for one in terminal("deploys", "--json").json["deploys"]] == [1]  # type: ignore[attr-defined]


def test_a_portal_that_starts_again_is_waited_for(tmp_path: Path, terminal: Terminal) -> None:
    with portal(tmp_path, port=free_port()) as made:
        terminal.be(made, "alice")
        with listening(made), made.working():
            terminal("deploy", "checkout", "--wait")
            made.commit("a slow one", bake="1s")
            terminal("deploy", "checkout")
        waiting = Client(keyring.find(environment()))
        answers: list[object] = []
        thread = threading.Thread(target=lambda: answers.append(_followed(waiting, 2)))
        thread.start()  # nobody listens
        with listening(made), made.working():
            thread.join(120)

    assert answers == ["healthy"]


def _followed(waiting: Client, deploy_id: int) -> object:
    from portal.cli import follow

    return follow.follow(waiting, deploy_id, follow.Lines(quiet=True))["deploy"]["state"]


def test_on_a_terminal_there_is_a_bar_of_the_waves(served: Served, terminal: Terminal) -> None:
    terminal("deploy", "checkout", "--wait")
    served.commit("the second", bake="300ms")
    ours, theirs = pty.openpty()
    shown = {"TERM": "xterm", "COLUMNS": "120", **environment()}
    command = [sys.executable, "-m", "portal.cli", "deploy", "checkout", "--wait"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=shown) as process:
        os.close(theirs)
        text = b"".join(_everything(ours)).decode()

    assert process.returncode == 0
    assert "wave 1 of 2" in text
    assert "50 % of the traffic" in text
    assert "healthy: 2 serves" in text


def test_who_stops_waiting_stops_nothing(served: Served, terminal: Terminal) -> None:
    terminal("deploy", "checkout", "--wait")
    served.commit("a slow one", bake="1h")
    command = [sys.executable, "-u", "-m", "portal.cli", "deploy", "checkout", "--wait"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(environment()),
        # Whoever runs the tests in the background has Ctrl-C switched off, and a child would inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert any("is watched at 50 %" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)

    assert process.returncode == 130
    assert "`fullcycle abort 2` stops it" in said
    assert served.as_("alice").get("/deploys/2").json["deploy"]["state"] == "baking"


def test_a_subject_cannot_steer_the_terminal(served: Served, terminal: Terminal) -> None:
    served.commit("\x1b]0;owned\x07 the \x1b[31mred\x9b31m one")

    assert terminal("deploy", "checkout", "--note", "fine", "--wait").code == 0
    for command in (("deploys",), ("plan", "checkout", "staging")):
        out = terminal(*command).out
        assert "red" in out
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


def _everything(file: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(file, 4096):
            yield chunk
    except OSError:  # how a pseudo-terminal says that the other side is gone
        pass
    finally:
        os.close(file)


# Planning.


def test_plan_shows_waves_steps_and_gates(served: Served, terminal: Terminal) -> None:
    terminal("deploy", "checkout", "--wait")
    served.commit("the second")

    said = terminal("plan", "checkout")

    assert said.code == 0
    lines = said.out.splitlines()
    assert re.fullmatch(r"checkout: 2 to production  [0-9a-f]{7} the second", lines[0])
    assert "  wave 1   50 %  1 instance" in lines
    assert "  wave 2  100 %  2 instances" in lines
    assert "  ok    There is something to do: 1 serves now" in lines
    blocked = terminal("plan", "checkout", "--revision", "HEAD~1")
    assert blocked.code == 1
    assert "  NO    Nothing to do: release 1 serves already" in blocked.out


def test_plan_of_a_file_needs_no_portal(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "catalog-info.yaml").write_text(GOOD)

    said = terminal("plan", str(tmp_path / "catalog-info.yaml"))

    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == "ledger to production"
    assert "  wave 1   10 %  1 instance" in said.out.splitlines()
    assert "   5  bake    wave 1  5 min, at most 5 min 30 s" in said.out.splitlines()
    assert terminal("plan", str(tmp_path), "production").out == said.out
    assert terminal("plan", str(tmp_path), "staging").code == 2


def test_plan_of_a_wrong_file_says_every_problem_with_its_place(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "catalog-info.yaml"
    path.write_text(GOOD.replace("strategy", "stratgy").replace("owner", "ownr"))

    said = terminal("plan", str(path))

    assert (said.code, said.out) == (1, "")
    assert f'{path}:12:9 production: unknown key "stratgy"; did you mean "strategy"?' in said.err
    assert f'{path}:4:1 spec: "owner" is missing' in said.err


def test_plan_of_a_file_without_spec_deploy_says_so(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "catalog-info.yaml"
    path.write_text(GOOD[: GOOD.index("  deploy:")])

    said = terminal("plan", str(path))

    assert said.code == 1
    assert "has no spec.deploy" in said.err


@pytest.mark.parametrize("name", ["none.yaml", "./nowhere"])
def test_plan_of_a_file_that_is_not_there_is_a_sentence(terminal: Terminal, tmp_path: Path, name: str) -> None:
    terminal.monkeypatch.chdir(tmp_path)

    said = terminal("plan", name)

    assert said.code == 2
    assert said.err.startswith("fullcycle: ")
    assert "cannot be read" in said.err


# Who and where.


def test_a_portal_that_does_not_answer_is_3(terminal: Terminal) -> None:
    terminal.monkeypatch.setenv("FULLCYCLE_URL", f"http://127.0.0.1:{free_port()}")
    terminal.monkeypatch.setenv("FULLCYCLE_TOKEN", "fc_x")

    said = terminal("deploys")

    assert said.code == 3
    assert "does not answer" in said.err


def test_something_else_that_answers_is_3_too(terminal: Terminal) -> None:
    def other(environ: object, start: object) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html")])  # type: ignore[operator]
        return [b"<h1>It works!</h1>"]

    server = make_server("127.0.0.1", 0, other, request_handler=Quiet)  # type: ignore[arg-type]
    with serving(server):
        terminal.monkeypatch.setenv("FULLCYCLE_URL", f"http://127.0.0.1:{server.port}")
        terminal.monkeypatch.setenv("FULLCYCLE_TOKEN", "fc_x")
        said = terminal("deploys")
        server.server_close()

    assert said.code == 3
    assert "is no Fullcycle portal" in said.err


def test_an_order_is_never_sent_twice(terminal: Terminal) -> None:
    arrived: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def silent() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    arrived.append(connection.recv(4096).split(b" ")[0])  # and no answer: it just closes
                if arrived[-1] != b"POST":
                    return

        thread = threading.Thread(target=silent)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        terminal.monkeypatch.setenv("FULLCYCLE_URL", url)
        terminal.monkeypatch.setenv("FULLCYCLE_TOKEN", "fc_x")
        said = terminal("deploy", "checkout", "production")
        terminal("deploys")  # a look ends the server
        thread.join()

    assert said.code == 3
    assert arrived == [b"POST", b"GET"]


def test_who_is_not_logged_in_is_told_how(terminal: Terminal) -> None:
    said = terminal("deploys")

    assert said.code == 2
    assert "run `fullcycle login --url http://127.0.0.1:8000`" in said.err


def test_login_keeps_a_token_that_only_its_owner_can_read(served: Served, terminal: Terminal, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{served.services.config.port}"
    plain = {name: said for name, said in environment().items() if not name.startswith("FULLCYCLE_")}
    command = [sys.executable, "-m", "portal.cli", "login", "--url", url]

    done = subprocess.run(command, input=f"bob\n{PASSWORD}\n", env=plain, capture_output=True, text=True)

    path = tmp_path / "home" / ".config" / "fullcycle" / "login.json"
    token = json.loads(path.read_text())["token"]
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token not in done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    for name in ("FULLCYCLE_URL", "FULLCYCLE_TOKEN"):
        terminal.monkeypatch.delenv(name)
    assert terminal("deploys").code == 0
    assert Client(keyring.find(environment())).get("/me")["account"] == "bob"


def test_a_wrong_password_is_refused_and_nothing_is_kept(served: Served, terminal: Terminal, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{served.services.config.port}"
    command = [sys.executable, "-m", "portal.cli", "login", "--url", url]

    done = subprocess.run(command, input="bob\nwrong\n", env=dict(environment()), capture_output=True, text=True)

    assert done.returncode == 2
    assert "do not belong together" in done.stderr
    assert not (tmp_path / "home" / ".config").exists()


def test_on_the_portals_own_machine_its_data_folder_is_enough(served: Served, terminal: Terminal) -> None:
    services = served.services
    for name in ("FULLCYCLE_URL", "FULLCYCLE_TOKEN"):
        terminal.monkeypatch.delenv(name)
    terminal.monkeypatch.setenv("FULLCYCLE_DATA", str(services.config.data))
    path = keyring.local_token(services.database, services.config, clock.now())
    first = path.read_text()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert terminal("deploys").code == 0
    assert Client(keyring.find(environment())).get("/me")["account"] == "admin"
    assert keyring.local_token(services.database, services.config, clock.now()).read_text() == first


def test_a_lost_token_file_is_made_anew_and_the_old_token_ends(served: Served) -> None:
    services = served.services
    path = keyring.local_token(services.database, services.config, clock.now())
    old = keyring.read(path)
    path.unlink()

    new = keyring.read(keyring.local_token(services.database, services.config, clock.now()))

    assert old is not None
    assert new is not None
    assert accounts.by_key(services.database, old.token, clock.now()) is None
    assert accounts.by_key(services.database, new.token, clock.now()) is not None


def test_a_token_goes_only_to_the_address_that_it_is_for(terminal: Terminal, tmp_path: Path) -> None:
    path = keyring.saved_at(environment())
    keyring.write(path, Login("https://portal.example", "fc_secret"))

    assert keyring.find(environment()).url == "https://portal.example"
    terminal.monkeypatch.setenv("FULLCYCLE_URL", "https://elsewhere.example")
    said = terminal("deploys")
    assert said.code == 2
    assert "not logged in to https://elsewhere.example" in said.err


def test_a_token_may_come_from_a_file(served: Served, terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(served.keys["bob"] + "\n")
    terminal.monkeypatch.delenv("FULLCYCLE_TOKEN")
    terminal.monkeypatch.setenv("FULLCYCLE_TOKEN_FILE", str(tmp_path / "token"))

    assert terminal("deploys").code == 0
    terminal.monkeypatch.setenv("FULLCYCLE_TOKEN_FILE", str(tmp_path / "none"))
    assert terminal("deploys").code == 2


@pytest.mark.parametrize("url", ["portal.example", "http://", "http://[", "ftp://x", "http://a b"])
def test_an_address_that_is_none_is_a_wrong_call(terminal: Terminal, url: str) -> None:
    terminal.monkeypatch.setenv("FULLCYCLE_TOKEN", "fc_x")
    terminal.monkeypatch.setenv("FULLCYCLE_URL", url)

    said = terminal("deploys")

    assert said.code == 2
    assert said.err.startswith("fullcycle: ")


# The audit.


def test_audit_verify_finds_what_was_changed(served: Served, terminal: Terminal) -> None:
    data = str(served.services.config.data)
    terminal("deploy", "checkout", "--wait")

    assert terminal("audit", "verify", "--data", data).code == 0
    with served.services.database.write() as session:
        rewritten = update(events.EventRow).where(events.EventRow.position == 3).values(actor="nobody")
        session.execute(rewritten)
    said = terminal("audit", "verify", "--data", data)
    assert said.code == 1
    assert "broken at 3: fact 3 (account.created) is not what was sealed" in said.out
    assert terminal("audit", "verify", "--data", data, "--json").json["breaks"]


def test_audit_verify_without_a_database_makes_none(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal("audit", "verify", "--data", str(tmp_path))

    assert said.code == 2
    assert "no database" in said.err
    assert not (tmp_path / "fullcycle.db").exists()


# The manual.


def manual(name: str) -> str:
    return (Path(__file__).parents[2] / "docs" / name).read_text()


def typed(terminal: Terminal, text: str) -> int:
    """Type every line of the manual's first block; return how many there were."""
    lines = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[0].splitlines()
    for line in lines:
        wanted = re.search(r"# exit (\d)", line)
        said = terminal(*shlex.split(line, comments=True)[1:])
        assert said.code == (int(wanted[1]) if wanted else 0), (line, said)
    return len(lines)


def test_every_line_of_the_catalogs_manual_does_what_it_says(
    served: Served, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(served.repository)
    monkeypatch.setenv("FULLCYCLE_DATA", str(served.services.config.data))

    assert typed(terminal, manual("catalog.md")) == 10  # or it is no longer written as this test reads it


def test_every_line_of_the_manual_does_what_it_says(
    served: Served, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = manual("api.md")
    monkeypatch.chdir(served.repository)
    monkeypatch.setenv("FULLCYCLE_DATA", str(served.services.config.data))
    lines = typed(terminal, text)

    alice = served.app.test_client()
    sent = re.findall(r"^(GET|POST) (\S+)(?: (\{.*\}))?\n(\d{3})(?: (\{.*\}))?$", text, re.MULTILINE)
    for method, address, body, status, answered in sent:
        answer = alice.open(
            address,
            method=method,
            data=body.replace("…", PASSWORD) or None,
            content_type="application/json",
            headers={"Authorization": f"Bearer {served.keys['alice']}"},
        )
        told = answer.get_data(as_text=True)  # a stream is read to its end, so its deploy has ended
        assert answer.status_code == int(status), (address, told)
        assert not answered or json.loads(told) == json.loads(answered)
    assert (lines, len(sent)) == (9, 8)  # or the manual is no longer written as this test reads it


# The whole.


def test_help_is_quick_for_it_imports_nothing_heavy() -> None:
    script = (
        "import sys, portal.cli; print([name for name in ('flask', 'sqlalchemy', 'httpx2') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_terminal_does_not_wait_for_the_webs_libraries() -> None:
    script = (
        "import sys, portal.cli.deploys, portal.cli.planfile, portal.cli.follow;"
        "print([name for name in ('flask', 'sqlalchemy', 'apiflask', 'rich') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_until_says_what_it_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.doors.served.PATIENCE", 0.05)

    with pytest.raises(AssertionError, match="waited in vain until the moon"):
        until(lambda: False, "the moon")
