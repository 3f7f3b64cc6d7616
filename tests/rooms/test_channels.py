"""People's own channels: what an address may reach, what a courier may do, and what its end means for a page."""

import importlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from ledger.errors import Code, Error
from oncall.paging.addresses import Providers
from oncall.paging.channels import ChannelPager, Ways
from oncall.paging.couriers import Couriers, Lost
from oncall.paging.networks import networks
from oncall.paging.ports import Delivered, Key, Page, Refused
from oncall.paging.services import SERVICES
from oncall.terms import Severity, Urgency
from tests import fakemail, fakepagerduty
from tests.conftest import NOON
from tests.fakepagerduty import FakePagerDuty, fake_pagerduty

LIMIT = timedelta(seconds=25)
HOME = networks(["127.0.0.1/32"])
ADA = "user:default/ada"


@pytest.fixture(scope="module")
def server() -> Iterator[FakePagerDuty]:
    with fake_pagerduty() as made:
        yield made


@pytest.fixture
def fake(server: FakePagerDuty) -> FakePagerDuty:
    server.always, server.asked = fakepagerduty.status(200, {"id": "m"}), []
    return server


@pytest.fixture(scope="module")
def home() -> Iterator[ChannelPager]:
    """May reach this machine."""
    yield from _pager(HOME)


@pytest.fixture(scope="module")
def outside() -> Iterator[ChannelPager]:
    """May reach public addresses only."""
    yield from _pager(())


def _pager(allowed: Any) -> Iterator[ChannelPager]:
    pager = ChannelPager(Ways(allowed=allowed, limit=LIMIT, couriers=1), lambda: NOON)
    pager.warm()
    yield pager
    pager.close()


_incidents = iter(range(100, 10_000))


def page(address: str, **more: Any) -> Page:
    key = Key(next(_incidents), 1, 0, ADA, "phone")
    made = Page(
        key, "orders fail", "You are primary.", Severity.CRITICAL, Urgency.HIGH, ADA, address, "https://p.test/31"
    )
    return replace(made, **more)


def at(fake: FakePagerDuty, scheme: str, host: str = "127.0.0.1", rest: str = "ada") -> str:
    return f"{scheme}://{host}:{fake.url.rpartition(':')[2]}/{rest}"


@pytest.mark.parametrize(
    ("scheme", "rest", "path"),
    [
        ("ntfy", "ada", "/"),
        ("json", "pages/ada", "/pages/ada"),
        ("mmost", "3ccdd113474722377935511fc85d3dd4", "/hooks/3ccdd113474722377935511fc85d3dd4"),
        ("gotify", "AbCdEfGhIjKlMnO", "/message"),
    ],
)
def test_a_page_reaches_a_server_of_ones_own(
    fake: FakePagerDuty, home: ChannelPager, scheme: str, rest: str, path: str
) -> None:
    assert home.send(page(at(fake, scheme, rest=rest))) == Delivered(NOON)

    assert [one["path"].partition("?")[0] for one in fake.asked] == [path]
    assert "https://p.test/31" in str(fake.asked[0]["body"])


@pytest.mark.parametrize(("urgency", "priority"), [(Urgency.HIGH, "max"), (Urgency.LOW, None)])
def test_what_wakes_somebody_is_loud(
    fake: FakePagerDuty, home: ChannelPager, urgency: Urgency, priority: str | None
) -> None:
    home.send(page(at(fake, "ntfy"), urgency=urgency))

    assert fake.asked[0]["headers"].get("X-Priority") == priority


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"])
def test_an_address_inside_is_reached_by_no_name_and_no_spelling(
    fake: FakePagerDuty, outside: ChannelPager, host: str
) -> None:
    outcome = outside.send(page(at(fake, "json", host)))

    assert isinstance(outcome, Refused)
    assert outcome.permanent
    assert fake.asked == []


def test_a_spelling_that_is_read_in_two_ways_is_stopped_where_it_connects(
    fake: FakePagerDuty, outside: ChannelPager
) -> None:
    """The courier itself looks at every address, whatever was understood of the URL before."""
    task = {"url": at(fake, "json"), "module": "custom_json", "made": "NotifyJSON", "title": "t", "sentence": "s"}
    answer = outside._couriers.carry(task | {"links": [], "urgent": True, "allowed": [], "seconds": 20}, LIMIT)

    assert answer["refused"]
    assert not answer["done"]
    assert fake.asked == []


def test_a_redirect_inside_is_not_followed(fake: FakePagerDuty, home: ChannelPager) -> None:
    fake.always = fakepagerduty.status(307, Location=f"{fake.url}/elsewhere")

    outcome = home.send(page(at(fake, "json")))

    assert isinstance(outcome, Refused)
    assert [one["path"] for one in fake.asked] == ["/ada"]


@pytest.mark.parametrize(
    "address",
    ["workflows://host:443/a/b?template=/etc/passwd", "ntfy://h/t?attach=file:///etc/passwd", "ntfy://h/t?verify=no"],
)
def test_options_that_are_not_a_pages_to_decide_are_refused(home: ChannelPager, address: str) -> None:
    outcome = home.send(page(address))

    assert isinstance(outcome, Refused)
    assert "leave “" in outcome.why


def test_a_courier_reads_no_file_of_the_machine(home: ChannelPager, tmp_path: Path) -> None:
    """The address would have apprise read a template; even unchecked it gets nothing."""
    secret = tmp_path / "secret.json"
    secret.write_text('{"text": "secret"}')
    url = f"workflows://127.0.0.1:1/aaaaaaaa/bbbbbbbb?template={secret}"
    task = {"url": url, "module": "workflows", "made": "NotifyWorkflows", "title": "t", "sentence": "s", "links": []}

    answer = home._couriers.carry(task | {"urgent": True, "allowed": ["127.0.0.0/8"], "seconds": 20}, LIMIT)

    assert not answer.get("done")


ACTS = (
    "subprocess.run(['true'])",
    "os.system('true')",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "os.fork() or os._exit(0)",
    "open('/etc/passwd')",
    "open('/etc/../etc/passwd')",
    "open('/tmp/written', 'w')",
    "socket.socket(socket.AF_UNIX).connect('/tmp/any.sock')",
    "socket.socket().connect(('127.0.0.1', 1))",
    "socket.socket().connect(('localhost', 1))",
    "socket.create_connection(('localhost', 1))",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.0.0.1', 514))",
)


@pytest.mark.long
def test_a_cage_lets_nothing_out() -> None:
    text = f"""
import os, socket, subprocess
from oncall.paging.courier import Cage
Cage([]).shut()
for act in {ACTS!r}:
    try:
        exec(act)
        print("done:", act)
    except PermissionError:
        print("refused:", act)
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.splitlines() == [f"refused: {act}" for act in ACTS]


@pytest.mark.long
def test_the_command_line_and_the_environment_of_a_courier_hold_nothing(
    home: ChannelPager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FULLCYCLE_TOKEN", "a secret of the portal")
    couriers = Couriers(1)
    try:
        couriers.warm()
        mine = [one for one in psutil.Process().children() if "oncall.paging.courier" in " ".join(one.cmdline())]

        assert {tuple(one.cmdline()[1:]) for one in mine} == {("-I", "-B", "-m", "oncall.paging.courier")}
        assert all(set(one.environ()) <= {"HOME", "LANG", "LC_CTYPE"} for one in mine)
    finally:
        couriers.close()


@pytest.mark.long
def test_a_courier_that_dies_on_its_way_leaves_it_open_whether_the_page_arrived(fake: FakePagerDuty) -> None:
    pager = ChannelPager(Ways(allowed=HOME, limit=LIMIT, couriers=1), lambda: NOON)
    try:
        pager.warm()
        fake.always = _kills_its_caller
        outcome = pager.send(page(at(fake, "json")))
        fake.always = fakepagerduty.status(200)
        after = pager.send(page(at(fake, "json")))
    finally:
        pager.close()

    assert isinstance(outcome, Refused)
    assert outcome.uncertain
    assert isinstance(after, Delivered)


def _kills_its_caller(handler: fakepagerduty.Handler) -> None:
    port = handler.client_address[1]
    for one in psutil.Process().children():
        if any(link.laddr.port == port for link in one.net_connections("inet") if link.laddr):
            one.kill()
            one.wait(60)
    handler.close_connection = True


@pytest.mark.long
def test_when_all_couriers_are_on_their_way_a_page_is_surely_not_sent(fake: FakePagerDuty) -> None:
    arrived, release = threading.Event(), threading.Event()
    fake.always = _holds(arrived, release)
    pager = ChannelPager(Ways(allowed=HOME, limit=timedelta(seconds=20), couriers=1), lambda: NOON)
    pager.warm()
    try:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(pager.send, page(at(fake, "json")))
            assert arrived.wait(60)
            with pytest.raises(Lost) as lost:
                pager._couriers.carry({}, timedelta(milliseconds=20))
            release.set()
            outcome = first.result()
    finally:
        release.set()
        pager.close()

    assert not lost.value.sent
    assert outcome == Delivered(NOON)


@pytest.mark.long
def test_who_waits_the_longest_is_served_first(fake: FakePagerDuty) -> None:
    arrived, release = threading.Event(), threading.Event()
    fake.troubles = [_holds(arrived, release)]
    pager = ChannelPager(Ways(allowed=HOME, limit=timedelta(seconds=20), couriers=1), lambda: NOON)
    pager.warm()
    try:
        with ThreadPoolExecutor(4) as pool:
            first = pool.submit(pager.send, page(at(fake, "json", rest="0")))
            assert arrived.wait(60)
            for number in range(1, 4):
                pool.submit(pager.send, page(at(fake, "json", rest=str(number))))
                _until(lambda number=number: len(pager._couriers._waiting) == number)  # type: ignore[misc]
            release.set()
            pager.send(page(at(fake, "json", rest="last")))
            assert first.result() == Delivered(NOON)
    finally:
        release.set()
        pager.close()

    assert [one["path"] for one in fake.asked] == ["/0", "/1", "/2", "/3", "/last"]


def _until(true: Callable[[], bool]) -> None:
    """Wait for another thread, at most for as long as no machine needs."""
    for _ in range(20_000):
        if true():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it never came")


def _holds(arrived: threading.Event, release: threading.Event) -> Callable[[fakepagerduty.Handler], None]:
    def act(handler: fakepagerduty.Handler) -> None:
        arrived.set()
        release.wait(20)
        handler.send({})

    return act


@pytest.mark.long
def test_closing_ends_every_process() -> None:
    before = set(psutil.Process().children())
    couriers = Couriers(2)
    couriers.warm()
    mine = set(psutil.Process().children()) - before

    couriers.close()

    assert len(mine) == 2
    assert not any(one.is_running() for one in mine)


@pytest.mark.long
@pytest.mark.parametrize("scheme", sorted(SERVICES))
def test_a_service_on_our_list_is_one_of_apprise_by_that_scheme(scheme: str) -> None:
    service = SERVICES[scheme]
    made = getattr(importlib.import_module(f"apprise.plugins.{service.module}"), service.made)
    known = [made.protocol, made.secure_protocol]

    assert scheme in [one for names in known for one in ((names,) if isinstance(names, str) else names or ())]
    assert made.service_name


# Mail.


@pytest.mark.long
def test_mail_goes_over_the_portals_own_server_with_its_address_written_out() -> None:
    with fakemail.fake_mail() as fake:
        providers = Providers(mail=f"mailto://127.0.0.1:{fake.port}?from=oncall@portal.test&to={{to}}")
        pager = ChannelPager(Ways(providers, limit=LIMIT, couriers=1), lambda: NOON)
        try:
            pager.warm()
            outcome = pager.send(page("ada+pager@shop.test"))
            bounced = pager.send(page("nobody@shop.test"))
        finally:
            pager.close()

    assert outcome == Delivered(NOON)
    assert fake.envelopes == [("ada+pager@shop.test",)]
    assert fake.mails[0]["From"].addresses[0].addr_spec == "oncall@portal.test"
    assert isinstance(bounced, Refused)
    assert bounced.permanent
    assert "(550)" in bounced.why


@pytest.mark.parametrize(
    "providers",
    [
        Providers(mail="https://mail.test"),
        Providers(mail="mailto://mail.test?to=fixed@shop.test"),
        Providers(sms="mailto://mail.test?to={to}"),
        Providers(voice="twilio://sid:token@+15550100/{to}"),
    ],
)
def test_a_provider_that_cannot_work_stops_the_start_without_its_secret(providers: Providers) -> None:
    with pytest.raises(Error) as refused:
        ChannelPager(Ways(providers))

    assert refused.value.code is Code.INVALID
    assert "token" not in str(refused.value)
    assert "mail.test" not in str(refused.value)
