"""Writes a plan to the ledger in short transactions, each of which first checks that the plan still holds."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from activities.opening import open_case
from activities.world import World
from contracts.cases import CaseState
from contracts.events import Fate
from integrations.ledger import cases, deliveries, inbox
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action
from integrations.ledger.cases import CaseRow
from integrations.ledger.database import Transaction
from integrations.ledger.leases import Write
from service.dispatcher.triage import Delivery, EncounterPlan, EventIds, Plan, Reexamination, Settlement
from service.process.settings import PathwaySettings

WRITE_S = 0.003
"""After so many seconds a transaction takes up nothing more and commits: nobody else writes meanwhile."""
EVENTS_AT_ONCE = 100
"""Events settled by one statement."""


@dataclass
class Written:
    """What of a plan is in the ledger; what is missing stayed pending, since the ledger had changed meanwhile."""

    opened: list[CaseRow] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    """To the cases that were open and to those just opened."""
    reexaminations: list[Reexamination] = field(default_factory=list)
    held: set[int] = field(default_factory=set)
    """Events that a case of another pathway can't take yet."""
    next_close: datetime | None = None

    @property
    def taken(self) -> EventIds:
        """Events that some open case is to get, or that stay pending for a case."""
        return frozenset(self.held).union(*(delivery.events for delivery in self.deliveries))


@dataclass(frozen=True)
class PlanWriter:
    world: World
    pathways: Mapping[str, PathwaySettings]

    def apply(self, plan: Plan, write: Write) -> Written:
        """Write the plan and return what was written. Raises LedgerError; what was committed before it stays."""
        written = Written(next_close=plan.next_close)
        steps = deque[_Step](_settling(part) for part in _parts(plan.settlements))
        steps.extend(self._step_of(encounter) for encounter in plan.encounters)
        while steps:
            with write() as tx:
                begun, done = time.monotonic(), list[_Outcome]()
                while steps and time.monotonic() - begun < WRITE_S:
                    done.append(steps.popleft()(tx))
                    steps.extendleft(done[-1].rest)
            for outcome in done:
                outcome.note(written)
        return written

    def open(self, tx: Transaction, pathway: str, encounter_id: str, generation: int, accepted_at: datetime) -> CaseRow:
        """Open a case and audit it."""
        limit = self.pathways[pathway].deadline
        return open_case(self.world, tx, pathway, encounter_id, generation, limit, accepted_at)

    def absorb(self, case_id: str, events: EventIds, held: Iterable[int], write: Write) -> None:
        """Settle events that a case has got, unless the case ended meanwhile: then the next look re-examines it."""
        for some in _slices(events):
            with write() as tx:
                case = cases.find(tx, case_id)
                if case is None or case.state != CaseState.OPEN:
                    return
                new = sorted(deliveries.absorb(tx, some, case_id, set(held)))
                if new:
                    rows = [Row(Kind.DELIVERY, (event_id, case_id)) for event_id in new]
                    self.world.records.auditor.append(tx, Action.TELL, f"{len(new)} events", rows, case_id=case_id)

    def _step_of(self, encounter: EncounterPlan) -> "_Step":
        def step(tx: Transaction) -> _Outcome:
            if not holds(tx, encounter):
                return _Outcome()
            outcome = _Outcome(encounter)
            for opening in encounter.openings:
                case = self.open(tx, opening.pathway, encounter.encounter_id, 1, opening.accepted_at)
                outcome.opened.append(case)
                outcome.deliveries.append(Delivery(case.case_id, opening.events))
            outcome.deliveries += encounter.deliveries
            for delivery in outcome.deliveries:
                inbox.assign(tx, delivery.events, delivery.case_id)
            settlements = iter(list(_parts(encounter.settlements)))
            for settlement in islice(settlements, len(Fate)):  # of an ordinary window that is all
                settle(tx, settlement)
            outcome.rest = [_settling(settlement) for settlement in settlements]
            return outcome

        return step


@dataclass
class _Outcome:
    """What one step wrote; counted once its transaction is committed."""

    encounter: EncounterPlan | None = None
    opened: list[CaseRow] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    rest: "list[_Step]" = field(default_factory=list)
    """Steps that are due next."""

    def note(self, written: Written) -> None:
        if self.encounter:
            written.opened += self.opened
            written.deliveries += self.deliveries
            written.reexaminations += self.encounter.reexaminations
            written.held |= self.encounter.held


_Step = Callable[[Transaction], _Outcome]


def holds(tx: Transaction, encounter: EncounterPlan) -> bool:
    """Return whether its events are all pending and its cases as the plan takes them to be."""
    if not inbox.all_pending(tx, encounter.events):
        return False
    for assumed in encounter.assumed:
        case = cases.latest(tx, assumed.pathway, encounter.encounter_id)
        if (assumed.case_id, assumed.state) != ((case.case_id, case.state) if case else (None, None)):
            return False
    return True


def settle(tx: Transaction, settlement: Settlement) -> None:
    """Give these events their fate; those that have one keep it."""
    inbox.settle(tx, sorted(settlement.events), settlement.fate, settlement.reason)


def _settling(settlement: Settlement) -> _Step:
    def step(tx: Transaction) -> _Outcome:
        settle(tx, settlement)
        return _Outcome()

    return step


def _parts(settlements: Iterable[Settlement]) -> Iterator[Settlement]:
    for one in settlements:
        for some in _slices(one.events):
            yield Settlement(one.fate, one.reason, some)


def _slices(events: EventIds) -> Iterator[EventIds]:
    ordered = sorted(events)
    for start in range(0, len(ordered), EVENTS_AT_ONCE):
        yield frozenset(ordered[start : start + EVENTS_AT_ONCE])
