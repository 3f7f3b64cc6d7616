"""A thousand random interleavings on the memory jobs; `./dev bench interleavings` plays ten thousand."""

from collections import Counter

import pytest

from ledger.jobs_memory import MemoryJobs
from tests.bench.interleavings import play


@pytest.mark.long
@pytest.mark.parametrize("part", range(2))
def test_random_interleavings_lose_nothing_double_nothing_and_keep_the_order(part: int) -> None:
    count = play(part * 500, part * 500 + 500)

    assert min(count[name] for name in ("request", "abort", "claim", "heartbeat", "finish", "again", "hold")) > 500
    assert count["taken over"] > 100  # or the play would be too tame to show anything
    assert count["lost"] > 100


class ForgetsTheFence(MemoryJobs):
    def _end(self, tx, claim, now, again_at, attempts):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        return super()._end(tx, replace(claim, fence=tx.jobs[claim.job].fence), now, again_at, attempts)


class ForgetsWakes(MemoryJobs):
    def wake(self, tx, kind, key, at):  # type: ignore[no-untyped-def]
        job = tx.find(kind, key)
        if job is not None and job.lease_until is None:
            super().wake(tx, kind, key, at)


class LetsNobodyJump(MemoryJobs):
    def enqueue(self, *args, jumps=False, **more):  # type: ignore[no-untyped-def]
        return super().enqueue(*args, **more)


@pytest.mark.parametrize("broken", [ForgetsTheFence, ForgetsWakes, LetsNobodyJump])
def test_the_play_notices_jobs_that_break_a_promise(broken: type[MemoryJobs]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        play(0, 50, broken)


def test_the_play_is_the_same_each_time() -> None:
    assert play(0, 20) == play(0, 20) != Counter()
