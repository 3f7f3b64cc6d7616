"""Webhooks in the shape of each forge: what is done, what is refused, and what is never told."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

import catalog.query
from ledger import events, inbox
from ledger.inbox import DeliveryRow
from portal import hooks, repositories, wiring
from tests.doors.served import Served, portal

URL = "https://git.example.com/shop/checkout.git"
REF = "refs/heads/main"
OLD, NEW = "a" * 40, "b" * 40


def github(number: int = 1) -> dict[str, Any]:
    """A push as GitHub writes it, with what is read and some of what is not."""
    return {
        "ref": REF,
        "before": OLD,
        "after": NEW,
        "created": False,
        "deleted": False,
        "forced": False,
        "compare": "https://git.example.com/shop/checkout/compare/aaaa...bbbb",
        "commits": [{"id": NEW, "message": "a change", "added": [], "removed": [], "modified": ["a.txt"]}],
        "head_commit": {"id": NEW, "message": "a change"},
        "repository": {
            "id": 140,
            "name": "checkout",
            "full_name": "shop/checkout",
            "private": True,
            "html_url": "https://git.example.com/shop/checkout",
            "git_url": "git://git.example.com/shop/checkout.git",
            "ssh_url": "git@git.example.com:shop/checkout.git",
            "clone_url": URL,
            "default_branch": "main",
            "pushed_at": 1772452800 + number,
        },
        "pusher": {"name": "alice", "email": "alice@example.com"},
        "sender": {"login": "alice", "id": 7},
    }


def gitlab(number: int = 1) -> dict[str, Any]:
    """A push as GitLab writes it."""
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": OLD,
        "after": NEW,
        "ref": REF,
        "checkout_sha": NEW,
        "user_name": "Alice",
        "project_id": 140 + number,
        "project": {
            "name": "checkout",
            "web_url": "https://git.example.com/shop/checkout",
            "git_ssh_url": "git@git.example.com:shop/checkout.git",
            "git_http_url": URL,
            "path_with_namespace": "shop/checkout",
            "default_branch": "main",
        },
        "repository": {
            "name": "checkout",
            "url": "git@git.example.com:shop/checkout.git",
            "homepage": "https://git.example.com/shop/checkout",
            "git_http_url": URL,
            "git_ssh_url": "git@git.example.com:shop/checkout.git",
        },
        "commits": [],
        "total_commits_count": 0,
    }


def gitea(number: int = 1) -> dict[str, Any]:
    """A push as Gitea writes it."""
    return {
        "ref": REF,
        "before": OLD,
        "after": NEW,
        "compare_url": "https://git.example.com/shop/checkout/compare/aaaa...bbbb",
        "commits": [{"id": NEW, "message": "a change"}],
        "repository": {
            "id": 140,
            "name": "checkout",
            "full_name": "shop/checkout",
            "html_url": "https://git.example.com/shop/checkout",
            "ssh_url": "git@git.example.com:shop/checkout.git",
            "clone_url": URL,
            "updated_at": f"2026-03-02T12:00:{number:02}Z",
        },
        "pusher": {"id": 1, "login": "alice"},
        "sender": {"id": 1, "login": "alice"},
    }


PAYLOADS = {"github": github, "gitlab": gitlab, "gitea": gitea}
FORGES = sorted(PAYLOADS)


@dataclass
class Forge:
    """A forge that knows the secret of one repository."""

    served: Served
    secret: str

    def send(
        self, name: str, body: Any, delivery: str = "1", event: str = "", secret: str | None = None, **more: str
    ) -> TestResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = dict(signed(name, raw, delivery, event, self.secret if secret is None else secret), **more)
        headers = {key: value for key, value in headers.items() if value != "-"}
        kind = headers.pop("Content-Type", "application/json")
        return self.served.app.test_client().post(f"/hooks/{name}", data=raw, headers=headers, content_type=kind)

    @property
    def asked(self) -> bool:
        """Whether the repository is to be read; asked once, it is so no more."""
        jobs, at = self.served.services.jobs, self.served.services.clock()
        claim = jobs.claim("test", [wiring.SYNC], at)
        if claim is None:
            return False
        with jobs.transaction() as tx:
            jobs.finish(tx, claim, at)
        return True

    @property
    def kept(self) -> list[bytes]:
        with self.served.services.database.read() as session:
            return list(
                session.scalars(select(DeliveryRow.body).where(DeliveryRow.body != b"").order_by(DeliveryRow.id))
            )


def signed(name: str, body: bytes, delivery: str, event: str, secret: str) -> Mapping[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if name == "github":
        return {
            "X-GitHub-Event": event or "push",
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": f"sha256={digest}",
        }
    if name == "gitlab":
        return {"X-Gitlab-Event": event or "Push Hook", "X-Gitlab-Event-UUID": delivery, "X-Gitlab-Token": secret}
    return {"X-Gitea-Event": event or "push", "X-Gitea-Delivery": delivery, "X-Gitea-Signature": digest}


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """A portal that reads checkout from the forge; everything that is to be read has been."""
    with portal(tmp_path) as served:
        number = served.services.register(URL, "account:admin")
        made = Forge(served, secret_of(served, number))
        while made.asked:
            pass
        yield made


def secret_of(served: Served, number: int) -> str:
    with served.services.database.read() as session:
        return repositories.webhook_secret(served.services.config, repositories.known(session, number))


@pytest.mark.parametrize("name", FORGES)
def test_a_push_has_its_repository_read_at_once(forge: Forge, name: str) -> None:
    answer = forge.send(name, PAYLOADS[name]())

    assert (answer.status_code, answer.json) == (202, {"message": "checkout is read again now."})
    assert forge.asked
    assert [json.loads(body) for body in forge.kept] == [PAYLOADS[name]()]
    with forge.served.services.database.read() as session:
        (fact,) = [one for one in events.latest(session) if one.kind == "repository.pushed"]
        assert inbox.unread(session, hooks.READER, name) == []
    assert (fact.actor, fact.data) == (f"forge:{name}", {"by": name, "ref": REF, "delivery": "1"})


@pytest.mark.parametrize("name", FORGES)
def test_the_same_call_twice_is_refused_and_nothing_is_done(forge: Forge, name: str) -> None:
    forge.send(name, PAYLOADS[name]())
    assert forge.asked

    again = forge.send(name, PAYLOADS[name]())

    assert (again.status_code, again.json["error"]["message"]) == (409, hooks.AGAIN)
    assert not forge.asked
    assert len(forge.kept) == 1


@pytest.mark.parametrize("name", FORGES)
def test_the_same_id_with_another_body_is_refused(forge: Forge, name: str) -> None:
    forge.send(name, PAYLOADS[name](1))

    assert forge.send(name, PAYLOADS[name](2)).status_code == 409


@pytest.mark.parametrize("name", ["github", "gitea"])
def test_a_replay_under_another_id_is_refused_because_the_body_is_what_is_signed(forge: Forge, name: str) -> None:
    forge.send(name, PAYLOADS[name](), delivery="1")
    assert forge.asked

    assert forge.send(name, PAYLOADS[name](), delivery="2").status_code == 409
    assert not forge.asked


@pytest.mark.parametrize("name", FORGES)
def test_two_pushes_are_two(forge: Forge, name: str) -> None:
    for number in (1, 2):
        assert forge.send(name, PAYLOADS[name](number), delivery=str(number)).status_code == 202
        assert forge.asked


def test_a_later_try_of_gitlab_has_another_id_and_the_same_key(forge: Forge) -> None:
    first = forge.send("gitlab", gitlab(), delivery="1", **{"Idempotency-Key": "one"})
    again = forge.send("gitlab", gitlab(), delivery="2", **{"Idempotency-Key": "one"})

    assert (first.status_code, again.status_code) == (202, 409)


@pytest.mark.parametrize(
    ("name", "event"), [("github", "ping"), ("github", "issues"), ("gitlab", "Note Hook"), ("gitea", "create")]
)
def test_what_is_no_push_is_kept_and_not_acted_upon(forge: Forge, name: str, event: str) -> None:
    answer = forge.send(name, {"zen": "-", "repository": PAYLOADS[name]()["repository"]}, event=event)

    assert (answer.status_code, answer.json) == (202, {"message": "Taken; checkout is read when something is pushed."})
    assert not forge.asked
    assert len(forge.kept) == 1


def test_a_form_carries_the_same(forge: Forge) -> None:
    body = urlencode({"payload": json.dumps(github())}).encode()

    assert forge.send("github", body, **{"Content-Type": "application/x-www-form-urlencoded"}).status_code == 202
    assert forge.asked


WRONG: Mapping[str, Mapping[str, str]] = {
    "github": {"X-Hub-Signature-256": "-"},
    "gitlab": {"X-Gitlab-Token": "-"},
    "gitea": {"X-Gitea-Signature": "-"},
}


@pytest.mark.parametrize("name", FORGES)
def test_whoever_knows_no_secret_learns_nothing_and_leaves_nothing(forge: Forge, name: str) -> None:
    stranger = json.loads(json.dumps(PAYLOADS[name]()).replace("checkout", "nowhere"))
    header = next(iter(WRONG[name]))

    answers = [
        forge.send(name, PAYLOADS[name](), secret="guessed"),
        forge.send(name, PAYLOADS[name](), secret=""),
        forge.send(name, PAYLOADS[name](), **WRONG[name]),
        forge.send(name, PAYLOADS[name](), **{header: "ü"}),
        forge.send(name, stranger),
        forge.send(name, b"{"),
        forge.send(name, b"[" * 100_000),
        forge.send(name, b""),
        forge.send(name, b"\xff\xfe"),
        forge.send(name, {"repository": []}),
        forge.send(name, {"repository": {"clone_url": {"a": 1}, "ssh_url": "\0", "html_url": "https://["}}),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json["error"]["message"] for answer in answers} == {hooks.NOBODY}
    assert not forge.asked
    assert forge.kept == []


@pytest.mark.parametrize("name", FORGES)
def test_the_secret_of_one_repository_opens_no_other(forge: Forge, name: str) -> None:
    other = forge.served.services.register("https://git.example.com/shop/ledger.git", "account:admin")

    assert forge.send(name, PAYLOADS[name](), secret=secret_of(forge.served, other)).status_code == 401


@pytest.mark.parametrize("name", [name for name in FORGES if name != "gitlab"])  # which signs nothing
def test_a_changed_body_is_refused(forge: Forge, name: str) -> None:
    proof = dict(signed(name, json.dumps(PAYLOADS[name](1)).encode(), "1", "", forge.secret))

    assert forge.send(name, PAYLOADS[name](2), **proof).status_code == 401


@pytest.mark.parametrize("name", FORGES)
@pytest.mark.parametrize("delivery", ["-", "x" * 151, "a\tb"])
def test_a_call_without_an_id_that_can_be_kept_is_refused(forge: Forge, name: str, delivery: str) -> None:
    answer = forge.send(name, PAYLOADS[name](), delivery=delivery)

    assert answer.status_code == 400
    assert "needs its own id" in answer.json["error"]["message"]


def test_a_body_that_is_too_large_is_refused(forge: Forge) -> None:
    assert forge.send("github", b" " * (2 * 1024 * 1024 + 1)).status_code == 413
    assert forge.kept == []


def test_only_calls_of_forges_that_are_known_are_taken(forge: Forge) -> None:
    client = forge.served.app.test_client()

    assert client.post("/hooks/bitbucket").status_code == 404
    assert client.get("/hooks/github").status_code == 405


def test_guessing_is_slowed_down(forge: Forge) -> None:
    answers = [forge.send("github", github(), secret="guessed").status_code for _ in range(62)]

    assert answers == [401] * 60 + [429] * 2


def test_no_secret_stands_in_what_is_kept(forge: Forge) -> None:
    for name in FORGES:
        forge.send(name, PAYLOADS[name]())

    with forge.served.services.database.read() as session:
        kept = session.execute(select(DeliveryRow.headers, DeliveryRow.delivery)).all()
        facts = [str(one.data) for one in events.latest(session)]
        assert session.scalar(select(func.count()).select_from(DeliveryRow)) == 5  # two forges sign their bodies
    assert forge.secret not in str(kept) + str(facts)


def test_a_portal_with_another_key_has_other_secrets(forge: Forge, tmp_path: Path) -> None:
    number = catalog_number(forge.served)
    (forge.served.services.config.data / "secret_key").write_text("x" * 40)

    assert secret_of(forge.served, number) != forge.secret


def catalog_number(served: Served) -> int:
    with served.services.database.read() as session:
        return next(one.id for one in catalog.query.repositories(session) if one.url == URL)
