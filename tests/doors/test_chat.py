"""Chat: what a line means, when it means, who says it, and what is done about it."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from ledger import clock
from portal.chat import grammar, when
from portal.chat.grammar import Order, Unclear
from tests.conftest import NOON
from tests.doors import oncallhall
from tests.doors.browsing import browser
from tests.doors.served import Served, portal

BERLIN = ZoneInfo("Europe/Berlin")
SECRET, TOKEN = "s" * 32, "t" * 26


# --- what a line means ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "verb", "words"),
    [
        ("", "help", {}),
        ("help", "help", {}),
        ("who", "who", {}),
        ("who checkout", "who", {"what": "checkout"}),
        ("Who is on call for checkout?", "who", {"what": "checkout"}),
        ("who's on-call", "who", {}),
        ("oncall payments", "oncall", {"what": "payments"}),
        ("take payments", "take", {"what": "payments"}),
        ("take payments tomorrow 09:00-12:00", "take", {"what": "payments", "when": "tomorrow 09:00-12:00"}),
        ("take payments as secondary fri", "take", {"what": "payments", "role": "secondary", "when": "fri"}),
        ("swap payments fri with mon", "swap", {"what": "payments", "when": "fri", "other": "mon"}),
        ("give back 3", "give", {"number": "3"}),
        ("ack 31", "ack", {"number": "31"}),
        ("ACK #31 looking at it", "ack", {"number": "31", "text": "looking at it"}),
        ("resolve 31", "resolve", {"number": "31"}),
        ("note 31 the disk is full", "note", {"number": "31", "text": "the disk is full"}),
        ("page payments “checkout is slow”", "page", {"what": "payments", "text": "checkout is slow"}),
        ("page group:payments it burns", "page", {"what": "group:payments", "text": "it burns"}),
        ("deploy ledger", "deploy", {"what": "ledger"}),
        ("deploy ledger to staging", "deploy", {"what": "ledger", "other": "staging"}),
        ("roll back ledger", "rollback", {"what": "ledger"}),
        ("locks", "locks", {}),
        ("<@U123> incidents", "incidents", {}),
        ("/fullcycle link", "link", {}),
    ],
)
def test_a_line_is_an_order(line: str, verb: str, words: dict[str, str]) -> None:
    assert grammar.read(line) == Order(verb, words)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("akc 31", 'did you mean "ack 31"?'),
        ("rezolve 31", 'did you mean "resolve 31"?'),
        ("deplyo", 'did you mean "deploy ledger"?'),
        ("ack", "write it like this: ack 31"),
        ("swap payments fri", "write it like this: swap payments fri with mon"),
        ("make me a sandwich", "Say help"),
        ("deploy --force; rm -rf /", "write it like this: deploy ledger"),
    ],
)
def test_what_is_not_understood_is_told_the_nearest_right_thing(line: str, said: str) -> None:
    found = grammar.read(line)
    assert isinstance(found, Unclear)
    assert said in found.sentence


def test_every_example_of_the_help_is_understood_as_what_it_says() -> None:
    for form in grammar.FORMS:
        found = grammar.read(form.example)
        assert isinstance(found, Order)
        assert found.verb == form.verb
        assert form.example in grammar.help_text()


@given(st.text(max_size=300))
def test_no_line_breaks_the_grammar(line: str) -> None:
    assert isinstance(grammar.read(line), Order | Unclear)


# --- when it means ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("now", "2026-03-02T12:00"),
        ("tomorrow", "2026-03-03T11:00"),  # noon in Berlin
        ("fri 18:00", "2026-03-06T17:00"),
        ("friday 18", "2026-03-06T17:00"),
        ("mon 09:00", "2026-03-02T08:00"),  # today is a Monday
        ("14:00", "2026-03-02T13:00"),
        ("09:00", "2026-03-03T08:00"),  # over for today
        ("in 2h", "2026-03-02T14:00"),
        ("2026-03-29 12:00", "2026-03-29T10:00"),  # the clocks have changed
        ("2026-03-29T12:00+05:45", "2026-03-29T06:15"),
    ],
)
def test_a_moment_is_of_the_zone_and_the_next_one(said: str, expected: str) -> None:
    assert when.at(said, NOON, BERLIN) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ("tomorrow 09:00-12:00", "2026-03-03T08:00", "2026-03-03T11:00"),
        ("fri 22:00-06:00", "2026-03-06T21:00", "2026-03-07T05:00"),
        ("14:00-16:00", "2026-03-02T13:00", "2026-03-02T15:00"),
        ("08:00-09:00", "2026-03-03T07:00", "2026-03-03T08:00"),
        ("until 18:00", "2026-03-02T12:00", "2026-03-02T17:00"),
        ("fri until mon", "2026-03-05T23:00", "2026-03-08T23:00"),
        ("for 2h", "2026-03-02T12:00", "2026-03-02T14:00"),
        ("tomorrow 09:00 for 30m", "2026-03-03T08:00", "2026-03-03T08:30"),
        ("2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),  # a day of 23 hours
        ("2026-10-25 02:00-03:00", "2026-10-25T00:00", "2026-10-25T02:00"),  # an hour that comes twice
    ],
)
def test_a_span_is_of_the_zone_and_the_next_one(said: str, start: str, end: str) -> None:
    found = when.span(said, NOON, BERLIN)
    assert found is not None
    assert [found.start, found.end] == [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end)]


@pytest.mark.parametrize(
    "said",
    ["someday", "25:00", "fri 12:60-13:00", "2026-02-30", "for ever", "for 0h", "for 9999d", "fri until 2020-01-01"],
)
def test_what_is_no_time_is_refused_with_a_form_that_is(said: str) -> None:
    with pytest.raises(ValueError, match=r"write|no such day|at most a year|before it begins"):
        when.span(said, NOON, BERLIN)


@given(
    st.text(max_size=60) | st.from_regex(r"(fri|tomorrow|now)? ?\d{0,4}:?\d{0,2}[- ](until|for)?\d{0,2}[hd:]?\d{0,2}")
)
def test_no_words_break_the_times(said: str) -> None:
    for read in (when.at, when.span):
        with suppress(ValueError):
            read(said, NOON, BERLIN)


# --- who says it ------------------------------------------------------------------------------------------------------


@dataclass
class Slack:
    """The portal, and somebody who types commands into Slack."""

    served: Served
    user: str = "U7"
    name: str = "al"

    sent: int = 0

    def post(self, text: str, *, secret: str = SECRET, late: timedelta = timedelta(0), **more: Any) -> TestResponse:
        form = {"team_id": "T1", "user_id": self.user, "user_name": self.name, "command": "/fullcycle", "text": text}
        self.sent += 1
        body = urlencode({**form, "trigger_id": f"{self.user}.{self.sent}", **more.pop("form", {})})
        stamp = more.pop("stamp", str(int((clock.now() - late).timestamp())))
        signature = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"} | more
        client = self.served.app.test_client()
        return client.post("/chat/slack", data=body, headers=headers, content_type="application/x-www-form-urlencoded")

    def __call__(self, text: str) -> str:
        answer = self.post(text)
        assert answer.status_code == 200, answer.text
        assert answer.json["response_type"] == "ephemeral"
        return str(answer.json["text"])

    def linked(self, who: str) -> "Slack":
        """Say that this chat is that account's, as its person does."""
        page = browser(self.served, who)
        path = urlsplit(self("link").rpartition(" ")[2]).path
        assert page.post(path).status_code == 303
        return self


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("chat")
    for name, secret in (("slack", f"{'o' * 32}\n{SECRET}"), ("mattermost", TOKEN)):
        (folder / name).write_text(f"{secret}\n")
    chat = {"slack_secret_file": folder / "slack", "mattermost_token_file": folder / "mattermost"}
    with portal(folder, oncall={"phones": True}, chat=chat) as made:
        oncallhall.plan(made)
        yield made


@pytest.fixture(scope="module")
def alice(served: Served) -> Slack:
    return Slack(served).linked("alice")


@pytest.fixture(scope="module")
def carol(served: Served) -> Slack:
    return Slack(served, "U9", "carol").linked("carol")


def test_a_stranger_is_told_how_to_say_who_she_is_and_nothing_else(served: Served) -> None:
    nobody = Slack(served, "U0")
    assert "Say `link`" in nobody("who")
    assert "Say `link`" in nobody("ack 1")
    assert "ack 31" in nobody("help")


def test_an_address_links_once_and_only_whoever_is_logged_in(served: Served) -> None:
    slack = Slack(served, "U1", "<b>bo</b>")
    path = urlsplit(slack("link").rpartition(" ")[2]).path

    assert browser(served).get(path).status_code == 303  # to the login
    bob = browser(served, "bob")
    shown = bob.get(path)
    assert "&lt;b&gt;bo&lt;/b&gt;" in shown.text
    assert slack("who").startswith("I do not know yet")  # to look at it links nothing
    assert bob.post(path).status_code == 303
    assert "payments:" in slack("who")
    assert browser(served, "carol").post(path).status_code == 409  # once
    assert bob.get(path[:-3]).status_code == 404

    assert slack("unlink") == "This chat is nobody's any more."
    assert slack("who").startswith("I do not know yet")


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "x" * 32},
        {"late": timedelta(minutes=6)},
        {"late": timedelta(minutes=-6)},
        {"stamp": "soon"},
        {"stamp": "9" * 40},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Signature": "v1=" + "0" * 64},
    ],
)
def test_a_command_that_slack_did_not_sign_just_now_does_nothing(served: Served, wrong: dict[str, Any]) -> None:
    answer = Slack(served).post("who", **wrong)
    assert answer.status_code == 401
    assert SECRET not in answer.text


def test_a_command_that_is_replayed_is_not_done_again(alice: Slack) -> None:
    stamp = str(int(clock.now().timestamp()))
    first, again = (alice.post("locks", stamp=stamp, form={"trigger_id": "one"}) for _ in range(2))
    assert first.json["text"] == "Nothing is locked."
    assert again.json["text"].startswith("This very command came before")


def test_either_of_two_secrets_fits_while_one_is_changed(served: Served) -> None:
    assert Slack(served).post("help", secret="o" * 32).status_code == 200


def test_mattermost_proves_itself_by_its_token(served: Served) -> None:
    client = served.app.test_client()
    form = {"user_id": "abc", "user_name": "al", "text": "help"}
    assert client.post("/chat/mattermost", data={**form, "token": TOKEN}).status_code == 200
    assert client.post("/chat/mattermost", data=form, headers={"Authorization": f"Token {TOKEN}"}).status_code == 200
    for token in ("", "x" * 26, TOKEN + "x"):
        assert client.post("/chat/mattermost", data={**form, "token": token}).status_code == 401
    assert client.post("/chat/mattermost", data={"token": TOKEN}).status_code == 400


def test_a_chat_that_is_not_configured_is_closed(tmp_path: Path) -> None:
    with portal(tmp_path) as made:
        client = made.app.test_client()
        assert client.post("/chat/slack").status_code == 404
        assert client.post("/chat/mattermost").status_code == 404


# --- what is done about it --------------------------------------------------------------------------------------------


def test_who_says_who_is_on_call_by_schedule_service_and_team(alice: Slack) -> None:
    everything = alice("who")
    assert "is primary until" in everything
    assert "Times of UTC" in everything
    assert alice("who payments").startswith("payments, by the escalation payments:\n1. ")
    assert alice("who checkout").startswith("payments answers for checkout")
    assert "Alice Moreau" in alice("oncall payments")
    assert 'did you mean "payments"?' in alice("oncall paymets")


def test_a_shift_is_taken_in_part_and_given_back(carol: Slack) -> None:
    said = carol("take payments tomorrow 10:00-11:00")
    assert said.startswith("You are primary of payments, ")
    assert "10:00 to 11:00 (UTC)" in said
    (kept,) = carol.served.as_("carol").get("/oncall/schedules/payments/overrides").json["overrides"]
    assert (kept["person"], kept["reason"]) == ("user:default/carol", "asked for in chat")
    assert carol(f"give back {kept['id']}").startswith(f"Override {kept['id']} is taken back.")
    assert carol.served.as_("carol").get("/oncall/schedules/payments/overrides").json["overrides"] == []
    assert "is no span of time" in carol("take payments someday")


def test_two_shifts_are_swapped_by_who_has_one_of_them_and_by_no_stranger(alice: Slack, carol: Slack) -> None:
    days = [(clock.now() + timedelta(days=ahead)).date().isoformat() for ahead in (3, 4)]
    line = f"swap payments {days[0]} with {days[1]}"
    assert "may plan shifts of payments" in carol(line)
    said = alice(line)
    assert said.startswith("Swapped in payments: ")
    assert "Bob Okafor" in said


def test_whoever_is_paged_takes_it_in_one_line(alice: Slack, carol: Slack) -> None:
    served = alice.served
    assert "is paged first" in carol('page payments "nobody can *pay* <!channel>"')
    oncallhall.work(served)
    number = served.as_("alice").get("/incidents", open=True).json["incidents"][0]["number"]

    assert f"#{number} nobody can *pay* &lt;!channel&gt; (critical, open" in alice("incidents")
    assert "You have it." in alice(f"ack {number}")
    assert "it is acknowledged already" in alice(f"ack {number}")
    assert "may decide about incidents of payments" in carol(f"resolve {number}")
    assert "Noted" in carol(f"note {number} the graphs say no")
    assert "It is over" in alice(f"resolve {number} all good")
    assert "There is no incident 999999" in alice("ack 999999")


def test_a_deploy_is_asked_for_with_the_rights_that_the_pages_ask_for(alice: Slack, carol: Slack) -> None:
    assert "may deploy checkout" in carol("deploy checkout")
    assert "checkout 1 to staging, asked for." in alice("deploy checkout to staging")
    assert "is under way already" in alice("deploy checkout staging")
    assert "no earlier healthy release" in alice("rollback checkout")
    assert "has no environment nowhere" in alice("deploy checkout to nowhere")
    assert alice("deploy nothing").startswith('There is no service "nothing"')
    assert alice("locks") == "Nothing is locked."


@given(line=st.text(max_size=60) | st.from_regex(r"(take|swap|who|page|deploy) \S{1,9} \S{0,9}"))
def test_no_line_breaks_the_doing(carol: Slack, line: str) -> None:
    from portal.chat import acting
    from portal.chat.linking import Chatter

    with carol.served.app.app_context():
        assert acting.answer(carol.served.services, Chatter("slack:T1:U9", "carol"), line)
