"""From pending events to cases: gathers what `triage` decides on, writes its plan, and signals the cases."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.world import World
from contracts.cases import CaseState
from contracts.errors import WardflowError
from contracts.events import AcceptedEvent
from integrations import clock, traces
from integrations.ledger import cases, corrections, deliveries, evidence, inbox, own_writes
from integrations.ledger.cases import CaseRow
from integrations.ledger.database import Transaction
from integrations.ledger.leases import LeaseLostError, Write
from service.dispatcher import reopening, rules, triage, windows
from service.dispatcher.plan_writing import PlanWriter, Written
from service.dispatcher.reopening import ChartReader, Reading
from service.dispatcher.triage import NO_EVENTS, Bodies, Delivery, EventIds, Look, NoBody, OwnWrite, Reexamination
from service.dispatcher.windows import Closing
from service.process.case_starts import CaseStarts
from service.process.settings import Settings

log = structlog.get_logger()
POLL_S = 0.25
LEAST_S = 0.005
"""Between two looks: under load, windows that close together are looked at together."""
EVENTS_AT_ONCE = 1000
"""Events looked at for the first time: what is outdated or our own need not wait for a window."""
ENCOUNTERS_AT_ONCE = 50
"""A bound on encounters, not events; where more wait, they take turns, so that none hides the others."""
FAULTS_S = 2.0
"""Time that signals which fail may cost one look."""
LATER = timedelta(seconds=10)
"""Before a case or an encounter is tried again after a fault."""


@dataclass
class Delays:
    """Until when cases and encounters are left alone after a fault; lost with the process, which does no harm."""

    cases: dict[str, datetime] = field(default_factory=dict)
    encounters: dict[str, datetime] = field(default_factory=dict)

    def prune(self, now: datetime) -> None:
        """Forget delays that are over."""
        self.cases = {case_id: until for case_id, until in self.cases.items() if until > now}
        self.encounters = {encounter_id: until for encounter_id, until in self.encounters.items() if until > now}


class Dispatcher:
    """Looks at the inbox again and again. `write` begins each transaction of a step (`integrations.ledger.leases`)."""

    def __init__(self, world: World, client: Client, settings: Settings, verify_key: str) -> None:
        self._world, self._settings = world, settings
        self.rules = rules.compiled(settings.pathways, world.pathways)
        self.starts = CaseStarts(world, client, settings, verify_key)
        self.writer = PlanWriter(world, settings.pathways)
        self.woken = asyncio.Event()
        self.delays = Delays()
        self._charts = ChartReader(world, self.woken)
        self._seen = 0
        self._started = set[str]()
        """Cases opened by people that this process has started, and that have not shown anything yet."""
        self._turn = 0
        """Position in the list of waiting encounters at which the next look begins, where not all fit into one."""

    async def step(self, write: Write) -> float:
        """Look once: settle what needs no case, signal the cases, re-examine the ended ones; return when to look again.

        What goes wrong with one case leaves its events pending and does not touch the others. Raises LedgerError.
        """
        self.woken.clear()
        written = await asyncio.to_thread(self.look, write)
        for case in written.opened:
            _note_opened(case)
        await self._start_corrections()
        readings = await self._read_charts(written)
        taken, held = written.taken, set(written.held)
        reached = await self._deliver_all(written.deliveries, held)
        reached += await self._reexamine_all(readings, taken, held, write)
        await self._absorb_all(reached, held, write)
        if written.next_close:  # what comes meanwhile closes later
            return min(max((written.next_close - clock.now()).total_seconds(), LEAST_S), POLL_S)
        with suppress(TimeoutError):  # `wait_for` of Python 3.11 loses a cancellation that comes with the wake
            async with asyncio.timeout(POLL_S):
                await self.woken.wait()
        return 0.0

    async def _start_corrections(self) -> None:
        """Start the cases that people opened to correct what was decided: the page only writes them to the ledger."""
        with self._world.records.db.read() as tx:
            waiting = set(corrections.waiting(tx))
        self._started &= waiting
        for case_id in sorted(waiting - self._started - self.delays.cases.keys()):
            async with self._isolated(case_id):
                await self._signal(case_id, NO_EVENTS)
                self._started.add(case_id)

    def look(self, write: Write) -> Written:
        """Plan from one consistent view, outside of any write transaction, and write the plan. Raises LedgerError."""
        now = clock.now()
        self.delays.prune(now)
        with self._world.records.db.read() as tx:
            closing = windows.closing(inbox.windows(tx), self._settings.timing, now)
            fresh = inbox.fresh(tx, self._seen, EVENTS_AT_ONCE)
            if not closing.closed and not fresh:
                return Written(next_close=closing.next_close)
            plan = triage.decide(self._gather(tx, closing, fresh), self.rules, self._bodies(tx), now)
        self.delays.encounters |= dict.fromkeys(plan.unreadable, now + LATER)
        written = self.writer.apply(plan, write)
        self._seen = max([self._seen, *(a.event_id for a in fresh)])
        return written

    def _gather(self, tx: Transaction, closing: Closing, fresh: Sequence[AcceptedEvent]) -> Look:
        closed = frozenset(self._next_of(closing.closed))
        pending = inbox.pending(tx, closed) + [a for a in fresh if a.event.encounter_id not in closed]
        looked_at = {(a.event.feed, a.event.encounter_id) for a in pending if a.event.encounter_id in closed}
        known = {
            (name, encounter_id): case
            for feed, encounter_id in looked_at
            if encounter_id
            for name, pathway in self.rules.items()
            if pathway.feed == feed and (case := cases.latest(tx, name, encounter_id))
        }
        new = [case.case_id for case in known.values() if case.state == CaseState.OPEN and not case.version]
        return Look(
            pending=tuple(pending),
            closed=closed,
            cases=known,
            undelivered=deliveries.without(tx, new) if new else (),
            own_writes={a.event_id: _own_write(tx, a) for a in pending if a.event.own},
            delayed_cases=frozenset(self.delays.cases),
            delayed_encounters=frozenset(self.delays.encounters),
            next_close=closing.next_close,
            used=_used(tx, [a for a in pending if a.event.encounter_id in closed]),
        )

    def _next_of(self, closed: Sequence[str | None]) -> Sequence[str | None]:
        """Return the encounters of this look: with more than can be looked at at once, all get their turn."""
        if len(closed) <= ENCOUNTERS_AT_ONCE:
            return closed
        start = self._turn % len(closed)
        self._turn = start + ENCOUNTERS_AT_ONCE
        return [*closed[start:], *closed[:start]][:ENCOUNTERS_AT_ONCE]

    def _bodies(self, tx: Transaction) -> Bodies:
        def body(event_id: int) -> Any:
            try:
                return json.loads(inbox.body(tx, self._world.records.blobs, event_id))
            except WardflowError as fault:
                log.warning("encounter_waits", exc_info=fault)
                return NoBody.OUT_OF_REACH
            except (ValueError, RecursionError) as fault:
                log.error("event_broken", exc_info=fault)
                return NoBody.NO_JSON

        return body

    async def _deliver_all(self, wanted: Sequence[Delivery], held: set[int]) -> list[Delivery]:
        """Signal each case with its events; return what was taken, and add to `held` what was not.

        Where Temporal answers so slowly that faults have cost `FAULTS_S`, the rest waits for the next look, so that new
        cases are opened meanwhile.
        """
        reached: list[Delivery] = []
        lost_s = 0.0
        for delivery in wanted:
            if lost_s > FAULTS_S:
                held |= delivery.events
                continue
            begun = time.monotonic()
            async with self._isolated(delivery.case_id):
                shared = delivery.events & held
                known = await asyncio.to_thread(self._delivered, delivery.case_id) if shared else NO_EVENTS
                if delivery.events <= known & shared:
                    continue  # delivered before, and pending for another pathway's case alone
                if await self._signal(delivery.case_id, delivery.events - (known & shared)):
                    reached.append(delivery)
                    continue
            held |= delivery.events
            lost_s += time.monotonic() - begun
        return reached

    async def _absorb_all(self, reached: Sequence[Delivery], held: set[int], write: Write) -> None:
        """Record what each case got. The last one that got an event gives it its fate, so that a fault in between
        leaves it pending; what some case could not be given stays pending, whoever else got it."""
        for position, delivery in enumerate(reached):
            later = NO_EVENTS.union(*(other.events for other in reached[position + 1 :]))
            async with self._isolated(delivery.case_id):
                await asyncio.to_thread(self.writer.absorb, delivery.case_id, delivery.events, held | later, write)
                continue
            held |= delivery.events

    async def _read_charts(self, written: Written) -> list[tuple[Reexamination, Reading]]:
        """Return what was read of the ended cases; the events of those whose chart is not read yet are held."""
        self._charts.keep({wanted.case.case_id for wanted in written.reexaminations})
        found: list[tuple[Reexamination, Reading]] = []
        for wanted in written.reexaminations:
            async with self._isolated(wanted.case.case_id):
                reading = self._charts.reading(wanted)
                if reading:
                    found.append((wanted, reading))
                    continue
            written.held |= wanted.events
        return found

    async def _reexamine_all(
        self, readings: list[tuple[Reexamination, Reading]], taken: EventIds, held: set[int], write: Write
    ) -> list[Delivery]:
        """Conclude on what was read and signal the new cases; return and hold as `_deliver_all` does."""
        reached: list[Delivery] = []
        # An event that a new case gets is no event that no case needs, whatever another pathway finds.
        for wanted, reading in sorted(readings, key=lambda found: not found[1].check.demanded):
            if reading.check.demanded:  # before anything can fail: the case may be opened at the next look
                taken |= wanted.events
            async with self._isolated(wanted.case.case_id):
                again = await asyncio.to_thread(reopening.conclude, self.writer, wanted, reading, taken, write)
                if again is None:
                    continue
                _note_opened(again)
                if await self._signal(again.case_id, wanted.events):
                    reached.append(Delivery(again.case_id, wanted.events))
                    continue
            held |= wanted.events
        return reached

    def _delivered(self, case_id: str) -> EventIds:
        with self._world.records.db.read() as tx:
            return frozenset(deliveries.of_case(tx, case_id))

    async def _signal(self, case_id: str, events: EventIds) -> bool:
        """Signal a case, starting it where it does not run; False if it has ended.

        A case keeps the ids of the events that it got, so that a signal sent twice changes nothing
        (`workflows.case.Case.chart_changed`).
        """
        with traces.span("dispatch", case_id, events=len(events)):
            reached = await self.starts.tell(case_id, sorted(events))
        if reached:
            log.info("case_told", case_id=case_id, count=len(events))
        return reached

    @asynccontextmanager
    async def _isolated(self, case_id: str) -> AsyncIterator[None]:
        """Keep what goes wrong with one case from the others, and leave that case alone for a while."""
        try:
            yield
        except LeaseLostError:
            raise
        except (
            WardflowError, RPCError, RuntimeError, TimeoutError, ValueError, TypeError, LookupError, AttributeError,
        ) as fault:  # fmt: skip
            # RuntimeError is how a lazy client says that Temporal is away; the rest is a chart like none before.
            log.warning("case_waits", case_id=case_id, exc_info=fault)
            self.delays.cases[case_id] = clock.now() + LATER


def _used(tx: Transaction, pending: Sequence[AcceptedEvent]) -> dict[int, frozenset[str]]:
    """Return the pathways whose cases of its encounter use the resource of each event."""
    names = {a.event_id: f"{a.event.resource_type}/{a.event.resource_id}" for a in pending}
    uses = evidence.uses(tx, names.values(), clock.now() - inbox.USED_FOR)
    found: dict[int, frozenset[str]] = {}
    for accepted in pending:
        name, encounter_id = names[accepted.event_id], accepted.event.encounter_id
        using = {use.pathway for use in uses if (use.resource, use.encounter_id) == (name, encounter_id)}
        if using:
            found[accepted.event_id] = frozenset(using)
    return found


def _own_write(tx: Transaction, accepted: AcceptedEvent) -> OwnWrite:
    event = accepted.event
    writer = own_writes.writer(tx, event.resource_type, event.resource_id, event.version)
    return OwnWrite(writer, "" in own_writes.versions(tx, event.resource_type, event.resource_id))


def _note_opened(case: CaseRow) -> None:
    log.info("case_opened", case_id=case.case_id, pathway=case.pathway)
    traces.root(case.case_id, "receive", case.accepted_at, pathway=case.pathway, generation=case.generation)
