"""The pages of a service and of a deploy name the secrets that a release runs with, and never show a value."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal import secretsettings
from production.secretstores import MemorySecrets
from tests.doors.browsing import browser
from tests.doors.served import Served, portal
from tests.doors.test_orders import DEPLOY, PRODUCTION, SCRIPT, commit, order

PLACES = ("/services/checkout/production", "/deploys/1")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    kept = {("checkout", "production", key): "correct horse" for key in ("DB_PASSWORD", "partner/key")}
    monkeypatch.setattr(secretsettings, "secrets", lambda *_: MemorySecrets(kept))
    with portal(tmp_path) as made:
        yield made


def deployed(served: Served, target: dict[str, Any]) -> None:
    commit(served, "a script", {"target": target, "checks": []})
    with served.working():
        ended = served.as_("alice").ended(order(served, DEPLOY, PRODUCTION)["id"])
    assert ended["deploy"]["state"] == "healthy", ended["deploy"]["reason"]


def test_the_names_of_secrets_are_shown_where_a_release_is(served: Served) -> None:
    deployed(served, SCRIPT | {"secrets": {"DB_PASSWORD": "DB_PASSWORD", "API_KEY": "partner/key"}})

    for place in PLACES:
        assert "Secrets API_KEY (partner/key), DB_PASSWORD names only" in browser(served, "bob").shown(place)
        assert "horse" not in browser(served, "bob").get(place).text


def test_a_release_without_secrets_speaks_of_none(served: Served) -> None:
    deployed(served, {key: said for key, said in SCRIPT.items() if key != "secrets"})

    for place in PLACES:
        assert "Secrets" not in browser(served, "bob").shown(place)
