"""A few hundred random interleavings of whole deploys; `./dev bench interleavings` plays ten thousand."""

from collections import Counter
from typing import Any

import pytest

from ledger.errors import Error
from ledger.jobs_memory import MemoryJobs
from pipelines.actions import Actions
from tests.bench.deploys_interleaved import play
from tests.rooms.memoryhouse import Kept


@pytest.mark.long
@pytest.mark.parametrize("part", range(2))
def test_no_deploy_is_lost_or_doubled_each_ends_and_says_why(part: int) -> None:
    count = play(part * 150, part * 150 + 150)

    for name in ("request", "rollback", "approve", "abort", "pause", "lock", "unlock", "crash", "frozen", "lost"):
        assert count[name] > 50, f"too little of {name} to show anything: {count}"
    for ending in ("healthy", "aborted", "failed", "refused", "stuck", "good"):
        assert count[f"ended {ending}"], f"none ended {ending}: {count}"


def _forgets_the_fence(patch: pytest.MonkeyPatch) -> None:
    end = MemoryJobs._end

    def anybody(self: MemoryJobs, tx: Any, claim: Any, *arguments: Any, **more: Any) -> None:
        if claim.job in tx.jobs:
            claim = type(claim)(**{**vars(claim), "fence": tx.jobs[claim.job].fence})
        end(self, tx, claim, *arguments, **more)

    patch.setattr(MemoryJobs, "_end", anybody)
    patch.setattr(MemoryJobs, "guard", lambda self, tx, claim: None)
    patch.setattr(Kept, "save", _saves_blindly)


def _saves_blindly(kept: Kept, tx: Any, before: Any, after: Any) -> None:
    kept.deploys[before.id] = (kept.deploys[before.id][0], after)


def _hears_no_aborts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Actions, "_write_order", lambda *arguments: None)


def _asks_no_gate_again(patch: pytest.MonkeyPatch) -> None:
    bind = Actions.bind

    def bound(self: Actions, asked: Any, deploy_id: int, at: Any) -> Any:
        locks, self.planner.locks = self.planner.locks, ()  # type: ignore[attr-defined]
        try:
            return bind(self, asked, deploy_id, at)
        finally:
            self.planner.locks = locks  # type: ignore[attr-defined]

    patch.setattr(Actions, "bind", bound)


def _ends_its_job_too_early(patch: pytest.MonkeyPatch) -> None:
    leave = MemoryJobs.finish

    def finish(self: MemoryJobs, tx: Any, claim: Any, now: Any, *, again_at: Any = None) -> None:
        waits = again_at is not None and tx.jobs[claim.job].asked_at is None
        leave(self, tx, claim, now, again_at=None if waits and claim.fence % 7 == 0 else again_at)

    patch.setattr(MemoryJobs, "finish", finish)


@pytest.mark.long
@pytest.mark.parametrize(
    "broken",
    [_forgets_the_fence, _hears_no_aborts, _asks_no_gate_again, _ends_its_job_too_early],
)
def test_the_play_notices_what_breaks_a_promise(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch)

    with pytest.raises((AssertionError, KeyError, Error)):
        play(0, 60)


def test_the_play_is_the_same_each_time() -> None:
    assert play(0, 5) == play(0, 5) != Counter()
