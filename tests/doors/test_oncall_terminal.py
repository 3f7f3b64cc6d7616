"""`fullcycle oncall | page | ack | resolve | incidents`, against a real server on this machine, as alice."""

import json
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import stamina

from ledger import clock
from tests.doors import oncallhall
from tests.doors.oncallhall import ALICE, BOB, ROTA, STEPS
from tests.doors.served import Served, portal
from tests.doors.test_cli_deploys import Terminal, free_port, listening, terminal
from tests.fakepagerduty import API_KEY, fake_pagerduty

__all__ = ["terminal"]

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("terminal")
    with portal(folder, port=free_port(), oncall={"phones": True}) as made, listening(made), made.working():
        oncallhall.plan(made)
        yield made


@pytest.fixture
def alice(hall: Served, terminal: Terminal) -> Terminal:
    terminal.be(hall, "alice")
    return terminal


def day(ahead: int) -> str:
    return f"{(clock.now() + ahead * DAY).date()} 12:00"


# --- looking ----------------------------------------------------------------------------------------------------------


def test_who_is_on_call_for_everything_a_service_a_team_and_then(alice: Terminal) -> None:
    everything = alice("oncall", "who")
    assert (everything.code, everything.err) == (0, "")
    assert everything.out.split()[:5] == ["SCHEDULE", "ROLE", "WHO", "UNTIL", "WHY"]
    assert "rotation main" in everything.out

    service = alice("oncall", "who", "checkout")
    assert service.out.startswith("checkout: payments (owns checkout), by payments\n  1  ")
    assert alice("oncall", "who", "group:payments", "--at", "tomorrow 12:00").code == 0
    then = alice("oncall", "who", "payments", "--at", f"{day(9)[:10]}T12:00+00:00", "--json").json
    assert then["at"].startswith(day(9)[:10])
    assert {one["person"] for one in then["schedules"][0]["roles"]} == {ALICE, BOB}


def test_nobody_whom_a_page_reaches_is_an_answer_of_its_own(alice: Terminal) -> None:
    assert alice("oncall", "who", "search").code == 1
    unknown = alice("oncall", "who", "nothing")
    assert (unknown.code, "There is no schedule nothing; there are payments" in unknown.err) == (2, True)
    assert alice("oncall", "who", "--at", "someday").code == 2


def test_shifts_are_listed_in_the_zone_of_the_schedule(alice: Terminal) -> None:
    said = alice("oncall", "schedule", "payments", "--from", day(2), "--until", day(4), "--role", "primary")
    assert said.code == 0
    assert said.out.endswith("times of UTC\n")
    assert len(said.out.splitlines()) == 1 + 3 + 1  # a head, what is left of a day, two more, the zone
    assert len(alice("oncall", "schedule", "payments", "--json").json["shifts"]) >= 28


def test_gaps_are_an_exit_code(alice: Terminal, hall: Served) -> None:
    fine = alice("oncall", "gaps")
    assert (fine.code, fine.out) == (0, "Somebody is on call all the time, for the next 28 days.\n")

    empty = ROTA.replace("order: [user:alice, user:bob]", "order: []")
    hall.as_("alice").put("/oncall/schedules/nights", {"text": empty, "team": "payments"})
    bad = alice("oncall", "gaps", "nights")
    assert (bad.code, "nights: " in bad.out) == (1, True)
    hall.as_("alice").delete("/oncall/schedules/nights")


# --- changing ---------------------------------------------------------------------------------------------------------


def test_a_shift_is_overridden_covered_swapped_and_given_back(alice: Terminal, hall: Served) -> None:
    before = hall.as_("alice").get("/oncall/schedules/payments/shifts").json["shifts"]

    assert alice("oncall", "override", "payments", "--person", "bob", "--from", day(3), "--until", day(4)).code == 0
    assert alice("oncall", "swap", "payments", "--mine", day(5), "--with", day(6), "--reason", "a wedding").code == 0
    covered = alice("oncall", "cover", "payments", "--at", day(8), "--person", "carol")
    assert (covered.code, "Carol Lind gains" in covered.out) == (0, True)

    kept = hall.as_("alice").get("/oncall/schedules/payments/overrides").json["overrides"]
    assert [one["kind"] for one in kept] == ["override", "swap", "swap", "override"]
    assert {one["reason"] for one in kept} == {"", "a wedding"}
    for number in (kept[0]["id"], kept[1]["id"], kept[3]["id"]):  # a swap goes as a whole
        assert alice("oncall", "give-back", str(number)).code == 0
    after = hall.as_("alice").get("/oncall/schedules/payments/shifts").json["shifts"]
    assert [one["person"] for one in after] == [one["person"] for one in before]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("override", "payments", "--until", "someday"), 2, "is no time"),
        (("override", "payments", "--person", "nobody", "--until", "in 2h"), 2, "the catalog knows nobody called"),
        (("override", "payments", "--until", "2020-01-01"), 2, "ends after it begins"),
        (("swap", "payments", "--mine", "now", "--with", "now"), 2, "nothing to swap"),
        (("give-back", "999"), 2, "There is no override 999"),
        (("schedule", "nothing"), 2, "There is no schedule nothing"),
    ],
)
def test_a_change_that_cannot_be_says_so(alice: Terminal, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended = alice("oncall", *arguments)
    assert (ended.code, said in ended.err) == (code, True), ended.err


def test_a_file_is_shown_before_it_is_written(alice: Terminal, hall: Served, tmp_path: Path) -> None:
    file = tmp_path / "payments.yaml"
    file.write_text(ROTA.replace("1 day", "1 week"))
    shown = alice("oncall", "apply", str(file))
    assert (shown.code, "gains" in shown.out, "--yes" in shown.err) == (2, True, True)
    assert hall.as_("alice").get("/oncall/schedules/payments").json["version"] == 1

    assert alice("oncall", "apply", str(file), "--yes", "--why", "fewer hand-offs").code == 0
    file.write_text(ROTA)
    assert alice("oncall", "apply", str(file), "--yes").out.endswith("schedule payments is written\n")
    assert [one["version"] for one in hall.as_("alice").get("/oncall/schedules").json["documents"]] == [3]

    steps = tmp_path / "steps.yaml"
    steps.write_text(STEPS % ("payments", "payments"))
    written = alice("oncall", "apply", str(steps), "--name", "payments", "--yes")
    assert written.out == "payments: 2 levels, gone through 1 times\nescalation payments is written\n"

    file.write_text(ROTA.replace("UTC", "Europe/Atlantis"))
    bad = alice("oncall", "apply", str(file), "--yes")
    assert (bad.code, 'no time zone "Europe/Atlantis"' in bad.err) == (2, True)
    assert alice("oncall", "apply", str(tmp_path / "none"), "--yes").code == 2


def test_what_pagerduty_has_becomes_files(alice: Terminal, tmp_path: Path) -> None:
    layer = {
        "id": "L1",
        "name": "days",
        "start": "2026-01-01T00:00:00Z",
        "rotation_virtual_start": "2026-01-01T09:00:00Z",
        "rotation_turn_length_seconds": 86_400,
        "users": [{"user": {"id": "U1"}}, {"user": {"id": "U2"}}],
        "restrictions": [],
    }
    dump = {
        "users": [
            {"id": "U1", "name": "Ada", "email": "ada@example.org"},
            {"id": "U2", "name": "Bo", "email": "b@x.org"},
        ],
        "schedules": [{"id": "S1", "name": "Payments", "time_zone": "UTC", "schedule_layers": [layer]}],
    }
    (tmp_path / "dump.json").write_text(json.dumps(dump))
    (tmp_path / "people.json").write_text('{"ada@example.org": "user:default/alice"}')
    asked = ("oncall", "import", "pagerduty", "--file", str(tmp_path / "dump.json"), "--into", str(tmp_path / "out"))

    said = alice(*asked, "--people", str(tmp_path / "people.json"))

    assert said.code == 0
    assert '"Bo" is nobody in the catalog' in said.out
    text = (tmp_path / "out" / "schedules" / "payments.yaml").read_text()
    assert "user:default/alice" in text or "user:alice" in text
    assert alice("schedule", "render", str(tmp_path / "out" / "schedules" / "payments.yaml")).code == 0
    again = alice(*asked)
    assert (again.code, "is there already" in again.err) == (1, True)
    assert alice("oncall", "import", "pagerduty", "--into", str(tmp_path)).code == 2
    (tmp_path / "dump.json").write_text('{"schedules": 7}')
    assert alice(*asked).code == 2


def test_a_team_gets_pagerduty_by_the_name_of_its_secret(alice: Terminal) -> None:
    assert alice("oncall", "pager", "payments").out == "payments is paged over its people's channels\n"
    connected = alice("oncall", "pager", "group:payments", "--secret", "pagerduty")
    assert connected.out == "payments is paged through PagerDuty first (secret pagerduty)\n"
    assert alice("oncall", "pager", "payments", "--none", "--json").json["pagerduty"] == ""
    assert alice("oncall", "pager", "payments", "--secret", "../x").code == 2
    assert alice("oncall", "pager", "search", "--secret", "pagerduty").code == 2


def test_an_account_is_read_with_a_key_from_a_file_and_a_wrong_key_is_said(alice: Terminal, tmp_path: Path) -> None:
    rules = [{"escalation_delay_in_minutes": 5, "targets": [{"id": "PA", "type": "user_reference"}]}]
    policy = {"id": "PP", "name": "Payments", "num_loops": 0, "escalation_rules": rules}
    (tmp_path / "key").write_text(f"{API_KEY}\n")
    asked = ("oncall", "import", "pagerduty", "--key-file", str(tmp_path / "key"), "--into", str(tmp_path / "out"))
    with fake_pagerduty() as fake:
        users = [{"id": "PA", "name": "Ada", "email": "ada@shop.test"}]
        fake.entities |= {"/users": users, "/schedules": [], "/escalation_policies": [policy]}
        read = alice(*asked, "--url", fake.url, "--json")
        (tmp_path / "key").write_text("another")
        refused = alice(*asked, "--url", fake.url)

    assert (read.code, [one["kind"] for one in read.json]) == (0, ["escalation"])
    assert "levels:" in (tmp_path / "out" / "escalations" / "payments.yaml").read_text()
    assert (refused.code, "does not accept the key" in refused.err) == (2, True)
    assert API_KEY not in read.out + refused.err


# --- incidents --------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_somebody_is_paged_takes_it_and_ends_it(alice: Terminal) -> None:
    paged = alice("page", "checkout", "nobody can pay")
    assert paged.code == 0
    assert paged.out.startswith("incident 1: nobody can pay: open\n")
    assert "(payments/primary): " in paged.out

    listed = alice("incidents")
    assert listed.out.split()[:3] == ["NO", "SERVICE", "SEVERITY"]
    assert "nobody can pay" in listed.out
    assert "acknowledged by alice" in alice("ack", "1", "--reason", "looking").out
    assert [one["number"] for one in alice("incidents", "--mine", "--json").json["incidents"]] == [1]
    assert "resolved" in alice("resolve", "1").out
    assert alice("incidents").out == "Nothing is open.\n"
    assert "nobody can pay" in alice("incidents", "--all", "--service", "checkout").out
    assert alice("ack", "1").code == 1
    assert alice("ack", "7").code == 2
    assert alice("page", "nobody", "help").code == 2


def test_every_line_of_the_manual_is_a_command(alice: Terminal, tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "oncall-terminal.md").read_text()
    lines = manual.partition("```sh\n")[2].partition("```")[0].splitlines()
    (tmp_path / "payments.yaml").write_text(ROTA)
    alice.monkeypatch.chdir(tmp_path)
    alice.monkeypatch.setenv("FULLCYCLE_URL", f"http://127.0.0.1:{free_port()}")
    stamina.set_active(False)
    try:
        codes = {line: alice(*shlex.split(line, comments=True)[1:]).code for line in lines}
    finally:
        stamina.set_active(True)

    assert len(codes) >= 14
    assert set(codes.values()) == {3}, codes  # understood, and only the portal is missing


def test_a_portal_that_does_not_answer_has_an_exit_code_of_its_own(alice: Terminal) -> None:
    alice.monkeypatch.setenv("FULLCYCLE_URL", f"http://127.0.0.1:{free_port()}")
    assert alice("ack", "1").code == 3


# --- what is only looked at, and free days ----------------------------------------------------------------------------


def test_a_dry_run_says_what_a_change_would_do_and_keeps_nothing(alice: Terminal) -> None:
    said = alice("oncall", "swap", "payments", "--mine", day(12), "--with", day(13), "--dry-run")
    assert (said.code, said.out.splitlines()[0]) == (0, "payments would be changed")
    assert "swap" not in alice("oncall", "schedule", "payments", "--from", day(12), "--until", day(14)).out
    assert alice("oncall", "override", "payments", "--until", day(3), "--dry-run", "--json").json["saved"] is False


def test_public_holidays_are_given_listed_and_ended(alice: Terminal, tmp_path: Path) -> None:
    assert alice("oncall", "holidays").out == "alice has no public holidays to come\n"
    (file := tmp_path / "days.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY\nSUMMARY:Christmas\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    given = alice("oncall", "holidays", "schedule:payments", "--file", str(file))
    assert (given.code, given.out.split()[:2], given.out.count("-12-25 ")) == (0, ["DAY", "HOLIDAY"], 10)
    assert len(alice("oncall", "holidays", "schedule:payments", "--json").json["days"]) == 11
    assert alice("oncall", "holidays", "schedule:payments", "--none").code == 0
    assert alice("oncall", "holidays", "schedule:payments", "--none").code == 2
    assert "begin with BEGIN:VCALENDAR" in alice("oncall", "holidays", "--file", __file__).err
