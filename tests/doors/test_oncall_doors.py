"""What the doors of on-call must not let through: a merge into what is not one's own, a secret address in a log."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.enqueue import _without_key
from portal.oncalling import OnCall
from portal.services import Services
from tests.doors.oncallhall import plan, wake
from tests.doors.served import Served, portal


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path, oncall={"phones": True}) as made:
        plan(made)
        yield made


def test_an_incident_is_merged_only_into_one_that_is_hers_as_well(served: Served) -> None:
    theirs, mine = wake(served), wake(served, "group:search", who="carol", title="nothing is found")
    refused = served.as_("carol").post(f"/incidents/{mine}/merge", {"into": theirs})
    assert refused.status_code == 403
    assert served.as_("carol").post(f"/incidents/{mine}/merge", {"into": 999}).status_code == 404
    assert served.as_("admin").post(f"/incidents/{mine}/merge", {"into": theirs}).status_code == 200


@pytest.mark.parametrize("said", ["http://[secret", "ftp://secret", "http://\x00secret", None])
def test_an_outside_heartbeat_that_is_no_address_breaks_nothing_and_is_not_told(
    served: Served, tmp_path: Path, said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    services: Services = served.services
    file = tmp_path / "heartbeat"
    if said is not None:
        file.write_text(said)
    told = services.config.oncall.model_copy(update={"heartbeat_file": file})
    config = services.config.model_copy(update={"oncall": told})
    OnCall(config, services.database, services.jobs, services.clock)._all_fine()
    captured = capsys.readouterr()
    assert "secret" not in captured.out + captured.err


def test_a_key_is_kept_nowhere_however_json_writes_it() -> None:
    key = "ab" * 16
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in key)
    for written in (key, escaped):
        body = f'{{"routing_key": "{written}", "payload": {{"summary": "{key} is slow", "n": 1e3}}}}'.encode()
        kept = _without_key(body, key)
        assert key.encode() not in kept
        assert escaped.encode() not in kept
        assert json.loads(kept)["payload"]["n"] == 1000
