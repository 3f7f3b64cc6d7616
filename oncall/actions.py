"""What people do to incidents: take, note, hand on, put off, merge, end. Each is one fact or a few, in one transaction.

Each door asks beforehand who says it and may they. A second click on the same button is no fault: it says how it is.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Jobs
from oncall import intakestore, silencing, store
from oncall.answering import Answering
from oncall.contention import until_through
from oncall.incident import ENDED, Fact, Incident, Kind, State
from oncall.machine import acknowledgement
from oncall.moving import Mover
from oncall.terms import Severity, is_worse

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)  # of a snooze
LONGEST_NOTE = 4000
ROLES = ("commander", "scribe", "communications")


@dataclass(frozen=True)
class Actions:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    clock: Clock
    fallback: str = ""

    def acknowledge(self, number: int, by: str, reason: str = "") -> Incident:
        """Take it, or answer a reminder. Whoever has it already keeps it."""

        def facts(incident: Incident) -> Sequence[Fact]:
            has_it = by in incident.assigned and incident.state is State.ACKNOWLEDGED
            return () if has_it and not incident.reminded else [acknowledgement(incident, by, reason)]

        return self._do(number, facts)

    def resolve(self, number: int, by: str, reason: str = "") -> Incident:
        """End it. Its alerts end with it; one that is still sent opens a new incident later."""
        fact = Fact(Kind.RESOLVED, by, reason)

        def after(mover: Mover, incident: Incident, at: datetime) -> None:
            store.end_alerts_of(mover.session, number, at)
            silencing.end_with(mover.session, number, at)

        return self._do(number, lambda incident: () if incident.state is State.RESOLVED else [fact], after)

    def reopen(self, number: int, by: str, reason: str = "") -> Incident:
        return self._do(number, lambda incident: [Fact(Kind.REOPENED, by, reason)])

    def snooze(self, number: int, by: str, until: datetime, reason: str = "") -> Incident:
        """Have it wait; then it goes on at level 1."""
        now = self.clock()
        if not SHORTEST <= until - now <= LONGEST:
            raise Error(Code.INVALID, "Snooze it for at least a minute and at most seven days; or resolve it.")
        return self._do(number, lambda incident: [Fact(Kind.SNOOZED, by, reason, until=until)])

    def reassign(self, number: int, by: str, to: str, reason: str = "") -> Incident:
        """Give it to somebody, who is paged at once; the levels follow if she does not come."""
        self._described([to])
        return self._do(number, lambda incident: [Fact(Kind.REASSIGNED, by, reason, person=to)])

    def add_responder(self, number: int, by: str, person: str, reason: str = "") -> Incident:
        """Ask somebody to help; she is paged, and the escalation stays where it is."""
        self._described([person])
        return self._do(number, lambda incident: [Fact(Kind.RESPONDER_ADDED, by, reason, person=person)])

    def note(self, number: int, by: str, text: str) -> Incident:
        text = text.strip()
        if not text:
            raise Error(Code.INVALID, "A note needs some words.")
        return self._do(number, lambda incident: [Fact(Kind.NOTED, by, text[:LONGEST_NOTE])])

    def give_role(self, number: int, by: str, role: str, person: str) -> Incident:
        """Say who leads, writes, or speaks to others; an empty person takes the role away."""
        if role not in ROLES:
            raise Error(Code.INVALID, f"There is no role {role!r}; there are {', '.join(ROLES)}.")
        self._described([person] if person else [])
        return self._do(number, lambda incident: [Fact(Kind.ROLE_GIVEN, by, role=role, person=person)])

    def change_severity(self, number: int, by: str, severity: Severity, reason: str = "") -> Incident:
        fact = Fact(Kind.SEVERITY_CHANGED, by, reason, severity=severity)
        return self._do(number, lambda incident: () if incident.severity is severity else [fact])

    def merge(self, number: int, by: str, into: int, reason: str = "") -> Incident:
        """Have it go on as part of another one, which must be open."""
        if number == into:
            raise Error(Code.INVALID, "An incident cannot be merged into itself; name another one.")

        def after(mover: Mover, incident: Incident, at: datetime) -> None:
            session, target = mover.session, mover.held(into)
            if target.state in ENDED:
                raise Error(Code.CONFLICT, f"Incident {into} is {target.state}; merge into one that is open.")
            store.move_alerts(session, number, into)
            intakestore.move_silences(session, number, into)
            facts = [Fact(Kind.JOINED, by, f"#{number} was merged into it", signal=f"#{number}")]
            if is_worse(incident.severity, target.severity):
                worse = f"#{number} is worse, and was merged into it"
                facts.append(Fact(Kind.SEVERITY_CHANGED, by, worse, severity=incident.severity))
            if target.state is State.MUTED and silencing.covered(session, into, at) is None:
                facts.append(Fact(Kind.UNMUTED, by, f"no silence covers what #{number} brought; it goes on at level 1"))
            mover.happen(target, facts, at)

        return self._do(number, lambda incident: [Fact(Kind.MERGED, by, reason, into=into)], after, [into])

    def _described(self, people: Sequence[str]) -> None:
        with self.database.read() as session:
            known = Answering(session).known.people
        for person in people:
            if person not in known:
                raise Error(Code.NOT_FOUND, f"The catalog knows nobody called {person}; write user:name.")

    def _do(
        self,
        number: int,
        facts: Callable[[Incident], Sequence[Fact]],
        after: Callable[[Mover, Incident, datetime], None] = lambda mover, incident, at: None,
        also: Collection[int] = (),
    ) -> Incident:
        """Let what somebody does happen, all of it or nothing; `also`: other incidents that it changes."""

        def once() -> Incident:
            with self.jobs.transaction() as tx:
                mover = Mover(tx, self.jobs, Answering(tx, self.fallback))
                if also:
                    mover.hold({number, *also})
                incident, at = mover.held(number), self.clock()
                happened = facts(incident)
                if not happened:
                    return incident
                moved = mover.happen(incident, happened, at)
                after(mover, moved, at)
                return moved

        return until_through(once)
