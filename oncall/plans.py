"""What people do to schedules and escalations: write, take, cover, swap, give back. Each is shown before it is saved.

The past never changes, whoever is on call now stays so unless it is asked for, and the people affected are told. Each
door asks beforehand who says it and may they. What takes long, the review, is made before anything is locked; where
somebody else wrote meanwhile, it is made again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from ledger import events
from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Jobs
from oncall import notices, overrides, planstore, policyfile, schedulefile
from oncall.answering import Answering
from oncall.overrides import Override
from oncall.planstore import ESCALATION, SCHEDULE, Kept
from oncall.policy import Policy
from oncall.proposing import Proposal, proposal
from oncall.reviewing import Review
from oncall.schedule import Schedule
from oncall.terms import PRIMARY, Kind, Shift

__all__ = ["Plans", "Proposal"]

TRIES = 3  # until a review and the writing of it are one transaction
LONGEST = timedelta(days=366)  # of one override


@dataclass(frozen=True)
class Plans:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    clock: Clock
    fallback: str = ""
    only_looks: bool = False  # overrides are proposed and not kept: what is shown before it is saved

    # --- schedules and escalations as they are written ----------------------------------------------------------------

    def propose(self, name: str, text: str) -> Proposal:
        """Return what a schedule's new text would do; Error(INVALID) with every problem of it."""
        schedule, now = self._read(name, text), self.clock()
        with self.database.read() as session:
            return proposal(Answering(session, self.fallback), name, schedule, now)

    def save(self, name: str, team: str, text: str, by: str, why: str = "") -> Proposal:
        """Keep a schedule's new text, which holds from now on; tell whom it affects."""
        schedule, now = self._read(name, text), self.clock()

        def review(session: Session) -> Proposal:
            return proposal(Answering(session, self.fallback), name, schedule, now)

        def write(tx: Session, made: Proposal) -> None:
            written = planstore.write(tx, SCHEDULE, name, team, text, now, by, why)
            data = {"version": written.version, "why": why, "said": list(made.review.sentences)[:50]}
            events.record(tx, "oncall.schedule_written", f"schedule:{name}", by, now, data)

        return self._kept(name, by, now, review, write)

    def _kept(
        self,
        schedule: str,
        by: str,
        now: datetime,
        review: Callable[[Session], Proposal],
        write: Callable[[Session, Proposal], None],
    ) -> Proposal:
        """Review, then write that if nobody changed the schedule meanwhile; the last time, both at once."""
        for _ in range(TRIES):
            with self.database.read() as session:
                seen, made = planstore.state(session, schedule, now), review(session)
            if self.only_looks:
                return made
            with self.jobs.transaction() as tx:
                if planstore.state(tx, schedule, now) == seen:
                    write(tx, made)
                    self._tell(tx, schedule, made.review, by, now)
                    return made
        with self.jobs.transaction() as tx:
            made = review(tx)
            write(tx, made)
            self._tell(tx, schedule, made.review, by, now)
        return made

    def take_away(self, kind: str, name: str, by: str, why: str = "") -> None:
        """Take a schedule or an escalation away; what it was stays."""
        now = self.clock()
        with self.jobs.transaction() as tx:
            there = planstore.documents(tx, kind).get(name)
            if there is None:
                raise Error(Code.NOT_FOUND, f"There is no {kind} {name}.")
            if kind == SCHEDULE and (users := self._users_of(tx, name)):
                reasons = [f"{one} pages a role of it" for one in users]
                raise Error(Code.CONFLICT, f"{name} is in use; change these escalations first", reasons=reasons)
            planstore.write(tx, kind, name, there.team, "", now, by, why)
            events.record(tx, f"oncall.{kind}_taken_away", f"{kind}:{name}", by, now, {"why": why})

    def propose_escalation(self, name: str, text: str) -> Policy:
        """Return the escalation that a text is; Error(INVALID) with every problem of it."""
        with self.database.read() as session:
            return self._policy(session, name, text)

    def save_escalation(self, name: str, team: str, text: str, by: str, why: str = "") -> Policy:
        """Keep an escalation; incidents that are open go on with the one that they opened with."""
        now = self.clock()
        with self.jobs.transaction() as tx:
            policy = self._policy(tx, name, text)
            written = planstore.write(tx, ESCALATION, name, team, text, now, by, why)
            data = {"version": written.version, "why": why}
            events.record(tx, "oncall.escalation_written", f"escalation:{name}", by, now, data)
        return policy

    def _policy(self, session: Session, name: str, text: str) -> Policy:
        answering = Answering(session, self.fallback)
        roles = [f"{one}/{role}" for one in answering.schedules for role in self._roles(answering, one)]
        known = policyfile.Known(list(answering.known.people), list(answering.known.groups), roles)
        policy, problems = policyfile.read(text, name, known)
        if policy is None:
            raise Error(Code.INVALID, f"{name} is no escalation yet.", reasons=[str(one) for one in problems])
        if policy.name != name:
            raise Error(Code.INVALID, f"The file says name: {policy.name}; save it under that name, or change it.")
        return policy

    def _read(self, name: str, text: str) -> Schedule:
        schedule = schedulefile.read(text, name)
        with self.database.read() as session:
            known = Answering(session).known.people
        unknown = sorted({person for one in schedule.rotations for person in one.people} - set(known))
        if unknown:
            reasons = [f"the catalog knows nobody called {person}" for person in unknown]
            raise Error(Code.INVALID, f"{name} names people who are not in the catalog", reasons=reasons)
        return schedule

    def _roles(self, answering: Answering, name: str) -> Sequence[str]:
        schedule = answering.schedule(name)
        return schedule.roles if schedule else ()

    def _users_of(self, session: Session, schedule: str) -> Sequence[str]:
        return [name for name, one in planstore.documents(session, ESCALATION).items() if f"{schedule}/" in one.text]

    # --- overrides ----------------------------------------------------------------------------------------------------

    def override(
        self, schedule: str, role: str, person: str, start: datetime, end: datetime, by: str, reason: str = ""
    ) -> Proposal:
        """Have somebody hold a role for a while, whatever the rotation says."""
        now = self.clock()
        if not timedelta(0) < end - start <= LONGEST:
            raise Error(Code.INVALID, "An override ends after it begins, and lasts at most a year.")
        if end <= now:
            raise Error(Code.CONFLICT, "That time is over; choose one that is still to come.")
        made = Override(0, role, person, max(start, now), end, now, by=by, reason=reason)
        return self._put(schedule, lambda _: [made], by)

    def cover(
        self,
        schedule: str,
        role: str,
        at: datetime,
        person: str,
        by: str,
        start: datetime | None = None,
        end: datetime | None = None,
        reason: str = "",
    ) -> Proposal:
        """Have somebody take the shift that a moment is in, or a part of it; `person` may be who asks."""

        def made(answering: Answering) -> Sequence[Override]:
            shift = self._shift(answering, schedule, role, at)
            return [replace(overrides.covered(shift, person, by, self.clock(), start, end), reason=reason)]

        return self._put(schedule, made, by)

    def swap(self, schedule: str, role: str, at: datetime, other_at: datetime, by: str, reason: str = "") -> Proposal:
        """Exchange the shifts that two moments are in."""

        def made(answering: Answering) -> Sequence[Override]:
            one, other = (self._shift(answering, schedule, role, moment) for moment in (at, other_at))
            return overrides.swapped(one, other, by, self.clock(), reason)

        return self._put(schedule, made, by)

    def give_back(self, number: int, by: str) -> Proposal:
        """Take an override away; one in progress is cut short, and what was of it stays. A swap goes as a whole."""
        now = self.clock()
        with self.database.read() as session:
            schedule = self._standing(session, number)[0].schedule

        def review(session: Session) -> Proposal:
            gone = [one.override.number for one in self._standing(session, number)]
            answering = Answering(session, self.fallback)
            return proposal(answering, schedule, self._schedule(answering, schedule), now, but=gone)

        def write(tx: Session, _: Proposal) -> None:
            both = self._standing(tx, number)
            for one in both:
                self._end(tx, one, now)
            events.record(tx, "oncall.given_back", f"schedule:{schedule}", by, now, _told(both[0].override))

        return self._kept(schedule, by, now, review, write)

    def _standing(self, session: Session, number: int) -> Sequence[Kept]:
        """Return an override, and the other half of a swap."""
        kept = planstore.override(session, number)
        if kept is None:
            raise Error(Code.NOT_FOUND, f"There is no override {number}; it may have been taken away already.")
        other = planstore.override(session, kept.pair or 0)
        return [kept] if other is None else [kept, other]

    def _end(self, session: Session, kept: Kept, now: datetime) -> None:
        if overrides.is_over(kept.override, now):
            return
        if overrides.deleted(kept.override, now) is None:
            planstore.remove_override(session, kept.override.number, now)
        else:
            planstore.cut_override(session, kept.override.number, now)

    def _put(self, schedule: str, make: Callable[[Answering], Sequence[Override]], by: str) -> Proposal:
        now = self.clock()

        def review(session: Session) -> Proposal:
            answering = Answering(session, self.fallback)
            found, more = self._schedule(answering, schedule), make(answering)
            self._sensible(answering, found, more)
            return proposal(answering, schedule, found, now, more)

        def write(tx: Session, made: Proposal) -> None:
            numbers = [planstore.put_override(tx, schedule, one) for one in made.more]
            if len(numbers) == 2:
                planstore.pair_overrides(tx, *numbers)
            for one in made.more:
                kind = "oncall.swapped" if one.kind is Kind.SWAP else "oncall.overridden"
                events.record(tx, kind, f"schedule:{schedule}", by, now, _told(one))

        return self._kept(schedule, by, now, review, write)

    def _sensible(self, answering: Answering, schedule: Schedule, made: Sequence[Override]) -> None:
        known = answering.known.people
        faults = [f"the catalog knows nobody called {one.person}" for one in made if one.person not in known]
        faults += [
            f"there is no role {one.role}; there are {', '.join(schedule.roles)}"
            for one in made
            if schedule.roles and one.role not in schedule.roles
        ]
        if faults:
            raise Error(Code.INVALID, "This cannot be planned", reasons=list(dict.fromkeys(faults)))

    def _schedule(self, answering: Answering, name: str) -> Schedule:
        found = answering.schedule(name)
        if found is None:
            raise Error(Code.NOT_FOUND, f"There is no schedule {name}; look at the list of all.")
        return found

    def _shift(self, answering: Answering, schedule: str, role: str, at: datetime) -> Shift:
        shift = answering.who(schedule, at).get(role)
        if shift is None or not shift.person:
            raise Error(Code.NOT_FOUND, f"Nobody is {role} of {schedule} then; an override fills it.")
        return shift

    def _tell(self, session: Session, schedule: str, review: Review, by: str, now: datetime) -> None:
        """Tell everybody whose shifts change, but for who did it."""
        put = partial(notices.notify, session, self.jobs)
        for person, sentence in zip(review.affected, review.sentences, strict=False):
            if person != by:
                put(person, f"Your shifts of {schedule} have changed", sentence, f"/oncall/{schedule}", now)


def _told(one: Override) -> dict[str, str]:
    span = {"start": one.start.isoformat(), "end": one.end.isoformat()}
    return {"role": one.role or PRIMARY, "person": one.person, "reason": one.reason, **span}
