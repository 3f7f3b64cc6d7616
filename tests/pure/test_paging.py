"""What a page says and where it may go: words, addresses, networks, signatures, and what an answer means."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Code, Error
from oncall.paging.addresses import Providers, loud, masked, understood
from oncall.paging.answers import LONGEST, refusal, silence
from oncall.paging.networks import networks, reachable
from oncall.paging.ports import Key, Page
from oncall.paging.services import LOCAL, PERSONAL, SERVICES, Kind
from oncall.paging.signing import FRESH, delivery, signature, verified
from oncall.paging.wording import Message, fitted, message, plain
from oncall.terms import Severity, Urgency
from tests.conftest import NOON

ADA = "user:default/ada"
KEY = Key(31, 1, 0, ADA, "phone")
PAGE = Page(KEY, "orders fail", "You are primary.", Severity.CRITICAL, Urgency.HIGH, ADA, "ntfys://h/t", "https://p/31")
PROVIDERS = Providers(
    mail="mailtos://portal:secret@mail.test:587?from=oncall@shop.test&to={to}",
    sms="twilio://sid:token@+15550100/{to}",
    voice="twilio://sid:token@+15550100/{to}?method=call",
)
texts = st.text(max_size=60)


# Words.


@given(texts, texts, st.lists(texts, max_size=3), st.integers(0, 80), st.integers(0, 200))
def test_nothing_is_longer_than_the_provider_takes_and_a_link_is_whole_or_left_out(
    title: str, sentence: str, links: list[str], title_most: int, body_most: int
) -> None:
    head, body = fitted(Message(title, sentence, tuple(links)), title_most, body_most)

    assert len(head) <= title_most
    assert len(body) <= body_most
    if title_most == 0 and body_most >= len(title) + len(sentence) + sum(map(len, links)) + 5:
        assert title in body
        assert all(link in body for link in links)


@pytest.mark.parametrize("most", range(40, 400, 40))
def test_words_are_cut_before_the_link_that_acknowledges(most: int) -> None:
    page = replace(PAGE, sentence="why " * 200, ack_url="https://p/a/0123456789")

    _, body = fitted(message(page), 0, most)

    assert "Acknowledge: https://p/a/0123456789" in body


@given(st.text())
def test_plain_text_is_one_line_of_what_can_be_seen_and_stays_as_it_is(text: str) -> None:
    once = plain(text)

    assert "\n" not in once
    assert not {"\r", "\0", "\u202e"} & set(once)
    assert len(plain(once)) >= len(once) - once.count("\u2060")


def test_neither_the_address_nor_the_link_that_acknowledges_is_shown() -> None:
    page = replace(PAGE, ack_url="https://p/a/0123456789")

    assert "ntfys" not in repr(page)
    assert "0123456789" not in repr(page)


# Addresses.


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        ("ada@shop.test", Kind.MAIL, "mailtos://portal:secret@mail.test:587?from=oncall@shop.test&to=ada%40shop.test"),
        ("mailto:ada@shop.test", Kind.MAIL, None),
        ("ada+on.call@sub.shop.test", Kind.MAIL, None),
        ("+49 170 123".replace(" ", "") + "4567", Kind.SMS, "twilio://sid:token@+15550100/%2B491701234567"),
        ("sms:+49(170)1234-567", Kind.SMS, "twilio://sid:token@+15550100/%2B491701234567"),
        ("voice:+491701234567", Kind.VOICE, "twilio://sid:token@+15550100/%2B491701234567?method=call"),
        ("ntfys://ntfy.sh/topic", Kind.PUSH, "ntfys://ntfy.sh/topic"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", Kind.CHAT, None),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", Kind.CHAT, None),
        ("NTFY://10.1.2.3/topic", Kind.PUSH, None),
    ],
)
def test_an_address_is_understood(text: str, kind: Kind, url: str | None) -> None:
    address = understood(text, PROVIDERS, networks(["10.0.0.0/8"]))

    assert address.kind is kind or (kind is Kind.VOICE and address.kind is Kind.VOICE)
    assert url is None or address.url == url
    assert address.trusted is (kind not in PERSONAL)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write an address"),
        ("ada", "that is no address"),
        ("ada@shop", "no mail address"),
        ("ada@shop.test,eve@evil.test", "no mail address"),
        ("ada@shop.test?bcc=eve@evil.test", "no mail address"),
        ("ada@shop.test\nBcc: eve@evil.test", "write an address"),
        ("sms:0170123456", "with its country"),
        ("sms:+49", "with its country"),
        ("voice:+1555/../../x", "with its country"),
        ("dbus://", "reaches nobody's phone"),
        ("file:///etc/passwd", "reaches nobody's phone"),
        ("syslog://", "reaches nobody's phone"),
        ("https://shop.test/hook", "reaches nobody's phone"),
        ("ntfi://h/t", "did you mean ntfy://?"),
        ("pagerduty://a@b", "pages cannot go to pagerduty://"),
        ("mailto://user:pw@smtp.test", "write only the address"),
        ("twilio://sid:token@+1/+2", "write only the address"),
        ("ntfy://", "nothing after the slashes"),
        ("ntfy://[::1/t", "is broken"),
        ("ntfy://h:99999/t", "is broken"),
        ("ntfy://127.0.0.1/t", "inside a network"),
        ("json://localhost/t", "inside a network"),
        ("mmosts://169.254.169.254/latest", "inside a network"),
        ("gotify://[fd00::1]/t", "inside a network"),
        ("json://h/?+X-Header=1", "leave “"),
        ("json://h/?verify=no", "leave “verify”"),
        ("x" * 2000, "write an address"),
    ],
)
def test_what_is_no_address_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(Error) as refused:
        understood(text, PROVIDERS)

    assert refused.value.code is Code.INVALID
    assert said in refused.value.message


@given(st.text(max_size=80) | st.text("abn tfy:/@.+?=&[]%1270", max_size=40).map(lambda text: f"ntfy://{text}"))
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    with suppress(Error):
        address = understood(text, PROVIDERS)
        assert address.service in SERVICES.values()
        assert loud(address).startswith(address.url)


def test_without_a_provider_it_says_who_can_help() -> None:
    with pytest.raises(Error, match="no provider for sms"):
        understood("+491701234567", Providers())


def test_nothing_that_is_local_is_among_the_services() -> None:
    assert LOCAL.isdisjoint(SERVICES)


@given(st.text() | st.text("a@.:/+0149smv", max_size=30))
def test_a_masked_address_tells_little(text: str) -> None:
    shown = masked(text)

    assert "•••" in shown
    assert len(text) < 4 or text not in shown


def test_a_priority_that_the_person_named_is_theirs() -> None:
    assert loud(understood("ntfys://ntfy.sh/t?priority=low", PROVIDERS)) == "ntfys://ntfy.sh/t?priority=low"
    assert loud(understood("ntfys://ntfy.sh/t", PROVIDERS)) == "ntfys://ntfy.sh/t?priority=max"


# Networks.


@pytest.mark.parametrize(
    "inside",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "ff02::1",
        "localhost",
        "",
        "0x7f000001",
    ],
)
def test_what_is_inside_is_not_reachable_in_any_spelling(inside: str) -> None:
    assert not reachable(inside, ())


@pytest.mark.parametrize("outside", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::909:909"])
def test_what_is_outside_is_reachable(outside: str) -> None:
    assert reachable(outside, ())


def test_a_network_that_is_allowed_is_reachable_and_its_neighbour_is_not() -> None:
    allowed = networks(["10.1.0.0/16", "fd00:1::/32"])

    assert [
        reachable(one, allowed) for one in ("10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1", "fd00:1::5", "fd00:2::5")
    ] == [
        True,
        True,
        False,
        True,
        False,
    ]


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(Error, match="no network"):
        networks(["10.0.0.1/8"])


# Signatures of what is posted.


def test_a_signed_page_is_believed_now_and_not_later() -> None:
    header = signature(b"{}", NOON, ["the old secret", "the new secret"])

    later = [verified(b"{}", header, ["the new secret"], NOON + span) for span in (FRESH, FRESH * 2, -FRESH * 2)]

    assert later == [True, False, False]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=abc",
        "t=x,v1=abc",
        "t=1772452800,v1=ü",
        "t=1772452800,t=1772452801,v1=a",
        "," * 9999,
        "t=" + "9" * 99,
    ],
)
def test_what_is_no_signature_is_not_believed(header: str) -> None:
    assert not verified(b"{}", header, ["a secret"], NOON)


def test_a_second_attempt_is_the_same_delivery_and_another_channel_another() -> None:
    assert delivery(KEY) == delivery(replace(KEY))
    assert len({delivery(replace(KEY, **one)) for one in ({}, {"step": 2}, {"loop": 1}, {"channel": "mail"})}) == 4  # type: ignore[arg-type]


# Answers.


@pytest.mark.parametrize(
    ("status", "headers", "after", "permanent", "uncertain"),
    [
        (429, {}, timedelta(seconds=60), False, False),
        (429, {"Retry-After": "3600"}, timedelta(hours=1), False, False),
        (429, {"RATELIMIT-RESET": "17"}, timedelta(seconds=17), False, False),
        (429, {"retry-after": "Mon, 02 Mar 2026 12:30:00 GMT"}, timedelta(minutes=30), False, False),
        (429, {"retry-after": "Mon, 02 Mar 2026 11:00:00 GMT"}, timedelta(seconds=1), False, False),
        (429, {"retry-after": "99999999"}, LONGEST, False, False),
        (429, {"retry-after": "-5"}, timedelta(seconds=60), False, False),
        (429, {"retry-after": "soon"}, timedelta(seconds=60), False, False),
        (500, {}, timedelta(seconds=30), False, True),
        (503, {"retry-after": "120"}, timedelta(minutes=2), False, False),
        (504, {}, timedelta(seconds=30), False, True),
        (408, {}, timedelta(seconds=30), False, False),
        (301, {}, None, True, False),
        (400, {}, None, True, False),
        (401, {}, None, True, False),
        (413, {}, None, True, False),
    ],
)
def test_an_answer_says_when_to_come_again(
    status: int, headers: dict[str, str], after: timedelta | None, permanent: bool, uncertain: bool
) -> None:
    refused = refusal("ntfy", status, headers, NOON)

    assert (refused.again_after, refused.permanent, refused.uncertain) == (after, permanent, uncertain)
    assert f"({status})" in refused.why


@given(st.text(max_size=40))
def test_any_wish_of_a_provider_is_between_a_second_and_a_day(said: str) -> None:
    after = refusal("ntfy", 429, {"Retry-After": said}, NOON).again_after

    assert after is not None
    assert timedelta(seconds=1) <= after <= LONGEST


def test_silence_is_uncertain_when_the_page_was_sent() -> None:
    assert [silence("ntfy", sent, timedelta(seconds=10)).uncertain for sent in (True, False)] == [True, False]


def test_a_date_without_a_zone_is_in_utc() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)

    assert refusal("ntfy", 429, {"Retry-After": "Mon, 02 Mar 2026 12:01:00 -0000"}, noon).again_after == timedelta(
        minutes=1
    )
