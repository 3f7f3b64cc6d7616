"""Continuous delivery: what goes out by itself, what it replaces in the queue, and why it waits."""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from pipelines.ci import Standing, Word
from pipelines.continuous import (
    REFUSALS,
    Attempt,
    Candidate,
    Decision,
    Deploy,
    Nothing,
    OpenDeploy,
    Refusal,
    Situation,
    Supersede,
    Wait,
    Withdraw,
    decide,
    has_been,
    spent,
)
from tests.conftest import NOON

MINUTE = timedelta(minutes=1)
WHYS: dict[Word, str] = {
    "green": "tests passed",
    "red": "tests failed",
    "running": "tests is running",
    "unknown": "no CI has said anything",
}


def line(*words: str, **more: object) -> tuple[Candidate, ...]:
    """Commits newest first, named a, b, c …, from words like `green`."""
    return tuple(Candidate(name, Standing(word, WHYS[word], NOON)) for name, word in zip("abcdef", words, strict=False))  # type: ignore[index, arg-type]


def on(*words: str, **more: object) -> Situation:
    return replace(Situation(True, line(*words)), **more)  # type: ignore[arg-type]


def ours(number: int, revision: str, *, begun: bool = False) -> OpenDeploy:
    return OpenDeploy(number, revision, begun, continuous=True)


def hers(number: int, revision: str, *, begun: bool = False, rollback: bool = False) -> OpenDeploy:
    return OpenDeploy(number, revision, begun, rollback=rollback)


LOCKED = Refusal(("It is locked: release week",), NOON + 30 * MINUTE)
WINDOW = Refusal(("Outside the window",), NOON + 10 * MINUTE)
OR_A_PERSON = "it waits for a newer green commit, or for a person"


@dataclass(frozen=True)
class Case:
    name: str
    of: Situation
    answer: Decision


CASES = (
    Case(
        "nobody asked for it", replace(on("green"), continuous=False), Nothing("nobody asked for continuous delivery")
    ),
    Case("nothing is new", on(), Nothing("the newest commit serves")),
    Case("the newest is green", on("green"), Deploy("a", "tests passed")),
    Case(
        "it takes the others along",
        on("green", "green", "red"),
        Deploy("a", "tests passed; takes 2 earlier commits along"),
    ),
    Case("one along", on("green", "green"), Deploy("a", "tests passed; takes 1 earlier commit along")),
    Case(
        "the newest green one",
        on("running", "green", "green"),
        Deploy("b", "tests passed; takes 1 earlier commit along"),
    ),
    Case("still running", on("running"), Wait(("a: tests is running",), "a", NOON)),
    Case("red", on("red"), Wait(("a: tests failed",), "a", NOON)),
    Case("silence is no yes", on("unknown"), Wait(("a: no CI has said anything",), "a", NOON)),
    Case("held by a person", on("green", held="mara went back to 3"), Wait(("mara went back to 3",))),
    Case("a train has it", on("green", busy="train 4 is under way"), Wait(("train 4 is under way",))),
    Case("quarantined", on("green", quarantined={"a": "5xx"}), Wait(("a: 5xx", OR_A_PERSON), "a")),
    Case(
        "older than a quarantined one",
        on("red", "green", "green", quarantined={"b": "5xx"}),
        Wait(("a: tests failed",), "a", NOON),
    ),
    Case(
        "newer than a quarantined one",
        on("green", "green", quarantined={"b": "5xx"}),
        Deploy("a", "tests passed; takes 1 earlier commit along"),
    ),
    Case(
        "one attempt each",
        on("green", spent={"a": "deploy #7 of it ended undone"}),
        Wait(("a: deploy #7 of it ended undone", OR_A_PERSON), "a"),
    ),
    Case(
        "nothing older than an attempt",
        on("running", "green", "green", spent={"b": "was undone"}),
        Wait(("a: tests is running",), "a", NOON),
    ),
    Case("on its way", on("green", open=(ours(1, "a"),)), Nothing("the newest commit is on its way")),
    Case("a person was faster", on("green", open=(hers(1, "a"),)), Nothing("the newest commit is on its way")),
    Case(
        "behind what is under way", on("green", "green", open=(ours(1, "b", begun=True),)), Deploy("a", "tests passed")
    ),
    Case(
        "behind what waits",
        on("green", "green", "green", open=(ours(1, "c"),)),
        Deploy("a", "tests passed; takes 1 earlier commit along"),
    ),
    Case(
        "what waits and is older is superseded",
        on("green", "green", open=(ours(1, "b"), ours(2, "a"))),
        Supersede((1,), 2),
    ),
    Case(
        "several at once",
        on("green", "green", "green", open=(ours(1, "c"), ours(2, "b"), ours(3, "a"))),
        Supersede((1, 2), 3),
    ),
    Case(
        "also when it is held", on("green", "green", held="why", open=(ours(1, "b"), ours(2, "a"))), Supersede((1,), 2)
    ),
    Case("also by a person's", on("green", "green", open=(ours(1, "b"), hers(2, "a"))), Supersede((1,), 2)),
    Case(
        "also by what is under way",
        on("green", "green", open=(hers(2, "a", begun=True), ours(1, "b"))),
        Supersede((1,), 2),
    ),
    Case(
        "what is under way goes on",
        on("green", "green", open=(ours(1, "b", begun=True), ours(2, "a"))),
        Nothing("the newest commit is on its way"),
    ),
    Case(
        "a person's is never superseded",
        on("green", "green", open=(hers(1, "b"), ours(2, "a"))),
        Nothing("the newest commit is on its way"),
    ),
    Case(
        "never behind something newer",
        on("red", "green", open=(hers(1, "a"),)),
        Nothing("the newest commit is on its way"),
    ),
    Case(
        "nor in between", on("running", "red", "green", open=(hers(1, "b"),)), Wait(("a: tests is running",), "a", NOON)
    ),
    Case("red meanwhile", on("red", open=(ours(1, "a"),)), Withdraw(1, "tests failed")),
    Case("red and under way", on("red", open=(ours(1, "a", begun=True),)), Nothing("the newest commit is on its way")),
    Case("red and a person's", on("red", open=(hers(1, "a"),)), Nothing("the newest commit is on its way")),
    Case(
        "bad meanwhile",
        on("green", open=(ours(1, "a"),), quarantined={"a": "5xx"}),
        Withdraw(1, "a was bad, and this is no newer"),
    ),
    Case(
        "gone meanwhile",
        on("green", open=(ours(1, "x"),)),
        Withdraw(1, "it is not among what waits to go out any more"),
    ),
    Case(
        "of a branch",
        on("green", open=(hers(1, "xxxxxxxxx"),)),
        Wait(("deploy #1 is on its way, of xxxxxxx, which is none of the commits that wait",)),
    ),
    Case(
        "going back",
        on("green", open=(hers(1, "z", begun=True, rollback=True),)),
        Wait(("deploy #1 goes back to an earlier release",)),
    ),
    Case("refused", on("green", refused={"a": LOCKED}), Wait(LOCKED.reasons, "a", until=NOON + 30 * MINUTE)),
    Case("an older one may still go", on("green", "green", refused={"a": LOCKED}), Deploy("b", "tests passed")),
    Case(
        "all refused: the newest says why, the soonest when",
        on("green", "green", refused={"a": LOCKED, "b": WINDOW}),
        Wait(LOCKED.reasons, "a", until=NOON + 10 * MINUTE),
    ),
    Case(
        "refused, and nobody knows for how long",
        on("green", refused={"a": Refusal(("Asks for a yes",))}),
        Wait(("Asks for a yes",), "a"),
    ),
    Case("the first release", on("green", "red"), Deploy("a", "tests passed; takes 1 earlier commit along")),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_decision(case: Case) -> None:
    assert decide(case.of) == case.answer
    assert decide(case.of) == case.answer  # asked twice


def test_what_does_not_contain_what_serves_waits_for_a_person() -> None:
    commits = tuple(replace(commit, contains=False) for commit in line("green", "green"))

    assert decide(Situation(True, commits)) == Wait(("a: it does not contain what serves now",), "a")


def test_a_commit_that_bars_the_way_bars_it_for_all_that_contain_it() -> None:
    a, b, c = line("green", "green", "green")

    assert decide(Situation(True, (a, replace(b, bars="audit failed"), c))) == Deploy("c", "tests passed")
    assert decide(Situation(True, (a, b, replace(c, bars="audit failed")))) == Wait(
        ("a: c is in it, and there audit failed",), "a"
    )


def test_what_was_not_in_staging_before_lets_the_older_one_go_that_was() -> None:
    a, b = line("green", "green")
    lacks = has_been({"staging": frozenset("b")}, "a")

    assert decide(Situation(True, (replace(a, lacks=lacks), b))) == Deploy("b", "tests passed")


def ended(
    revision: str, word: str, reason: str = "", *, begun: bool = True, number: int = 1, minutes: int = 0
) -> Attempt:
    return Attempt(number, revision, word, reason, begun, NOON + minutes * MINUTE)


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        ([], ""),
        ([ended("a", "undone", "5xx")], "deploy #1 of it ended undone: 5xx"),
        ([ended("a", "stuck")], "deploy #1 of it ended stuck"),
        ([ended("a", "aborted", "mara stopped it")], "deploy #1 of it ended aborted: mara stopped it"),
        ([ended("a", "aborted", "no", begun=False)], "somebody took deploy #1 of it out of the queue"),
        ([ended("a", "aborted", "superseded by #2", begun=False)], ""),
        ([ended("a", "aborted", "taken out of the queue: tests failed", begun=False)], ""),
        ([ended("a", "tried", "a bisect")], ""),
        ([ended("a", "replaced")], "it served since deploy #1, and was rolled back"),
        ([ended("a", "undone", "locked", begun=False)] * (REFUSALS - 1), ""),
        (
            [ended("a", "undone", "locked", begun=False)] * REFUSALS,
            "it was refused 3 times, last because of: locked",
        ),
        ([ended("a", "undone", "new", number=2), ended("a", "undone", "old")], "deploy #2 of it ended undone: new"),
    ],
)
def test_what_counts_as_the_one_attempt(attempts: list[Attempt], said: str) -> None:
    assert spent(attempts, {}).get("a", "") == said


def test_a_lifted_quarantine_gives_another_attempt_and_only_one() -> None:
    attempts = [ended("a", "undone", minutes=0)]

    assert spent(attempts, {"a": NOON + MINUTE}) == {}
    assert set(spent([ended("a", "undone", minutes=2), *attempts], {"a": NOON + MINUTE})) == {"a"}


# --- A small world in which everything happens at any moment ----------------------------------------------------------


@dataclass
class Made:
    """A deploy of the world."""

    id: int
    commit: int
    continuous: bool
    rollback: bool = False
    state: str = "queued"
    reason: str = ""


@dataclass
class World:
    """One lane, by other means than the product's. Commits are numbers and grow; `words` is what CI says of each."""

    chance: random.Random
    words: list[Word] = field(default_factory=list)
    live: int | None = None
    deploys: list[Made] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)
    held: str = ""
    locked: bool = False
    log: list[str] = field(default_factory=list)

    # What happens.

    def commit(self) -> None:
        self.words.append(self.chance.choice(["running", "running", "green", "unknown"]))

    def hear(self) -> None:
        """CI says something of any commit, also of one that it has said something of."""
        if self.words:
            self.words[self.chance.randrange(len(self.words))] = self.chance.choice(
                ["green", "green", "red", "running"]
            )

    def person_deploys(self) -> None:
        if self.words and not self.locked:
            commit = self.chance.randrange(len(self.words))
            if commit != self.live and not any(one.commit == commit for one in self.open()):
                self.deploys.append(Made(len(self.deploys) + 1, commit, continuous=False))

    def person_stops(self) -> None:
        if found := self.open():
            one = self.chance.choice(found)
            one.state, one.reason = "aborted" if one.state == "queued" else "stopped", "a person"

    def person_goes_back(self) -> None:
        older = [one.commit for one in self.deploys if one.state == "healthy" and one.commit != self.live]
        if older and not any(one.rollback for one in self.open()):
            for one in self.open():
                if one.state == "going":
                    one.state = "stopped"
            made = Made(len(self.deploys) + 1, self.chance.choice(older), continuous=False, rollback=True)
            self.deploys.append(made)
            self.held = "a person went back"

    def let_go(self) -> None:
        self.held = ""

    def lock(self) -> None:
        self.locked = not self.locked

    def work(self) -> None:
        """The worker takes the head of the lane, or ends what goes."""
        going = [one for one in self.open() if one.state == "going"]
        if going:
            (one,) = going
            if self.chance.random() < 0.35:
                one.state = "undone"
                self.bad.add(one.commit)
            else:
                one.state, self.live = "healthy", one.commit
            return
        waiting = sorted(self.open(), key=lambda one: (not one.rollback, one.id))
        for one in waiting:
            if one.rollback or not self.held:
                self.begin(one)
                return

    def begin(self, one: Made) -> None:
        """The gates look again: what is locked is refused, and continuous delivery goes neither back nor sideways."""
        back = one.continuous and self.live is not None and one.commit <= self.live
        one.state = "refused" if (self.locked and not one.rollback) or back or one.commit == self.live else "going"

    def bad_elsewhere(self) -> None:
        """In another environment."""
        if self.words:
            self.bad.add(self.chance.randrange(len(self.words)))

    def lift(self) -> None:
        self.bad.clear()

    # What continuous delivery sees and does.

    def open(self) -> list[Made]:
        return [one for one in self.deploys if one.state in ("queued", "going")]

    def new(self) -> list[int]:
        """Commits that do not serve, newest first."""
        return [commit for commit in range(len(self.words)) if self.live is None or commit > self.live][::-1]

    def tried(self) -> set[int]:
        ends = ("undone", "stopped", "healthy")
        begun = {one.commit for one in self.deploys if one.state in ends and not one.rollback}
        return begun | {one.commit for one in self.deploys if one.state == "aborted" and one.reason == "a person"}

    def situation(self) -> Situation:
        return Situation(
            True,
            tuple(Candidate(str(commit), Standing(self.words[commit], self.words[commit])) for commit in self.new()),
            tuple(
                OpenDeploy(one.id, str(one.commit), one.state == "going", one.continuous, one.rollback)
                for one in self.open()
            ),
            {str(commit): "bad" for commit in self.bad},
            {str(commit): "tried" for commit in self.tried()},
            self.held,
        )

    def consider(self) -> None:
        """Ask and do until there is nothing to do at once; check each order by other means than the product's."""
        of = self.situation()
        for _ in range(50):
            decision = decide(of)
            assert decide(of) == decision
            self.log.append(type(decision).__name__)
            match decision:
                case Deploy(revision):
                    self.check(int(revision))
                    if self.locked:
                        of = replace(of, refused={**of.refused, revision: Refusal(("locked",))})
                        continue
                    self.deploys.append(Made(len(self.deploys) + 1, int(revision), continuous=True))
                case Supersede(numbers, by):
                    for number in numbers:
                        self.end(number)
                        assert self.deploys[by - 1].commit > self.deploys[number - 1].commit
                        assert self.deploys[by - 1].state in ("queued", "going")
                case Withdraw(number):
                    self.end(number)
                case _:
                    self.check_queue()
                    return
            of = replace(self.situation(), refused=of.refused)
        raise AssertionError("it never comes to rest")

    def end(self, number: int) -> None:
        one = self.deploys[number - 1]
        assert one.continuous, "a person's deploy was taken out of the queue"
        assert one.state == "queued", "what was under way was taken out"
        one.state, one.reason = "aborted", "superseded"

    def check(self, commit: int) -> None:
        assert self.words[commit] == "green"
        assert not self.held
        assert commit not in self.tried(), "a second attempt"
        assert all(commit > bad for bad in self.bad), "not newer than what was bad"
        assert self.live is None or commit > self.live, "back"
        assert all(commit > one.commit for one in self.open()), "behind something newer"

    def check_queue(self) -> None:
        """What of its own waits is one at most, and may still go."""
        ours = [one for one in self.open() if one.continuous and one.state == "queued"]
        assert len(ours) <= 1
        for one in ours:
            assert self.words[one.commit] != "red"
            assert all(one.commit > bad for bad in self.bad)

    def wanted(self) -> int | None:
        """By brute force: the newest commit that may go now."""
        floor = [*self.bad, *self.tried(), *(one.commit for one in self.open()), -1 if self.live is None else self.live]
        found = [commit for commit, word in enumerate(self.words) if word == "green" and commit > max(floor)]
        return max(found, default=None)


HAPPENS = (
    *[World.commit] * 4,
    *[World.hear] * 6,
    *[World.work] * 2,
    World.person_deploys,
    World.person_stops,
    World.person_goes_back,
    World.let_go,
    World.lock,
    World.bad_elsewhere,
    World.lift,
    World.lift,
)


@pytest.mark.parametrize("seed", range(300))
def test_in_any_order_of_events_only_what_may_go_goes_and_all_that_may_go_does(seed: int) -> None:
    chance = random.Random(seed)
    world = World(chance)
    for _ in range(60):
        chance.choice(HAPPENS)(world)
        if chance.random() < 0.6:  # it is asked after every event, some time later
            world.consider()
    world.held, world.locked = "", False
    for _ in range(200):
        world.consider()
        if not world.open():
            break
        world.work()
    assert not world.open()
    assert world.wanted() is None


def test_that_model_orders_supersedes_withdraws_and_waits() -> None:
    """Or the model above would say little."""
    seen: list[str] = []
    for seed in range(100):
        world = World(random.Random(seed))
        for _ in range(60):
            world.chance.choice(HAPPENS)(world)
            world.consider()
        seen += world.log

    assert min(seen.count(kind.__name__) for kind in (Deploy, Supersede, Withdraw, Wait, Nothing)) >= 20
