"""From pending events to cases: waits for the window of an encounter, then tells its cases once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import fhirpathpy
import sqlalchemy as sa
import structlog
from fhirpathpy.models import models as fhirpath_models
from temporalio.client import Client
from temporalio.service import RPCError

from activities.world import World, read_resources
from agents import charts
from contracts.cases import CaseRef, CaseState
from contracts.errors import WardflowError
from contracts.events import AcceptedEvent, Fate, FhirEvent, Ignored
from integrations import clock, traces
from integrations.ledger import cases, deliveries, inbox, own_writes, readings
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action
from service.process.case_starts import CaseStarts
from service.process.settings import Settings, TriggerSettings

log = structlog.get_logger()
OWN_WRITE_PATIENCE = timedelta(seconds=60)  # how long a notification may be ahead of our knowledge of our own write
POLL_S = 0.25
LEAST_S = 0.005  # between two looks: under load, windows that close together are looked at together
EVENTS_AT_ONCE = 1000  # looked at for the first time: what is outdated or our own need not wait for a window
# Meanwhile nothing can be accepted. A bound on encounters, not events: one whose events wait can't hide the others.
ENCOUNTERS_AT_ONCE = 50
LATER = timedelta(seconds=10)  # before a case that could not be told is tried again


@dataclass
class Plan:
    """What one look at the inbox decided; everything in it is still pending, so a crash repeats it."""

    tell: dict[str, set[int]] = field(default_factory=dict)
    """Case id to the events that it is told."""
    look_again: list[tuple[cases.CaseRow, set[int]]] = field(default_factory=list)
    """Ended cases with new data: does their pathway need a new one for it?"""
    opened: list[cases.CaseRow] = field(default_factory=list)
    held: set[int] = field(default_factory=set)
    """Events that another pathway's case can't take yet, since its decision is being written."""
    next_close: datetime | None = None
    """When the next open window closes, if nothing more comes."""


class Dispatcher:
    def __init__(self, world: World, client: Client, settings: Settings, verify_key: str) -> None:
        self._world, self._settings, self._timing = world, settings, settings.timing
        self._starts = CaseStarts(world, client, settings, verify_key)
        self.woken = asyncio.Event()
        self._seen = 0
        self._not_before: dict[str, datetime] = {}
        self._conditions = {
            trigger: fhirpathpy.compile(trigger.where, model=fhirpath_models["r4"])
            for pathway in settings.pathways.values()
            for trigger in pathway.triggers
            if trigger.where
        }

    async def step(self) -> float:
        """Look once: settle what needs no case, tell the cases, re-check the ended ones; return when to look again.

        What goes wrong with one case leaves its events pending and does not touch the others.
        """
        self.woken.clear()
        plan = await asyncio.to_thread(self._plan)
        for case in plan.opened:
            _note_opened(case)
        spoken_for = plan.held.union(*plan.tell.values())
        await self._tell_all(plan)
        for case, events in plan.look_again:  # reads charts, which may hang: what needs none goes first
            async with self._alone(case.case_id):
                again = await asyncio.to_thread(self._look_again, case, events, spoken_for)
                if again:
                    _note_opened(again)
                    if await self._tell(again.case_id, events):
                        await asyncio.to_thread(self._absorb, again.case_id, events, plan.held)
        if plan.next_close:  # what comes meanwhile closes later
            return min(max((plan.next_close - clock.now()).total_seconds(), LEAST_S), POLL_S)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), POLL_S)
        return 0.0

    async def _tell_all(self, plan: Plan) -> None:
        """Tell each case its events; what one case could not take stays pending, whoever else took it."""
        reached: list[str] = []
        for case_id, events in plan.tell.items():
            async with self._alone(case_id):
                known = await asyncio.to_thread(self._known, case_id) if events & plan.held else set[int]()
                if events <= known & plan.held:
                    continue  # delivered before, and pending for another pathway's case alone
                if await self._tell(case_id, events - (known & plan.held)):
                    reached.append(case_id)
                    continue
            plan.held |= events
        for case_id in reached:
            async with self._alone(case_id):
                await asyncio.to_thread(self._absorb, case_id, plan.tell[case_id], plan.held)

    def _known(self, case_id: str) -> set[int]:
        with self._world.db.read() as tx:
            return set(deliveries.of_case(tx, case_id))

    async def _tell(self, case_id: str, events: set[int]) -> bool:
        with traces.span("dispatch", case_id, events=len(events)):
            told = await self._starts.tell(case_id, sorted(events))
        if told:
            log.info("case_told", case_id=case_id, count=len(events))
        return told

    @asynccontextmanager
    async def _alone(self, case_id: str) -> AsyncIterator[None]:
        try:
            yield
        except (WardflowError, RPCError, RuntimeError, ValueError, TypeError, LookupError, AttributeError) as fault:
            # RuntimeError is how a lazy client says that Temporal is away; the rest is a chart like none before.
            log.warning("case_waits", case_id=case_id, exc_info=fault)
            self._not_before[case_id] = clock.now() + LATER

    def _plan(self) -> Plan:
        plan = Plan()
        with self._world.db.read() as tx:
            closed: list[str | None] = []
            for window in inbox.windows(tx):
                close = self._close(window)
                if close <= clock.now():
                    closed.append(window.encounter_id)
                else:
                    plan.next_close = min(close, plan.next_close or close)
            fresh = inbox.fresh(tx, self._seen, EVENTS_AT_ONCE)
        if not closed and not fresh:
            return plan
        with self._world.db.write() as tx:
            ready = set(closed[:ENCOUNTERS_AT_ONCE])
            pending = inbox.pending(tx, ready) + [a for a in fresh if a.event.encounter_id not in ready]
            older = inbox.replaced(pending)
            plain: dict[tuple[Fate, Ignored | None], list[int]] = {}
            groups: dict[tuple[str, str], list[AcceptedEvent]] = {}
            replaced: set[int] = set()
            for accepted in pending:
                fate, encounter_id = self._plain_fate(tx, accepted, older), accepted.event.encounter_id
                # Replaced within its window: it still says since when the encounter waits.
                waits = fate == (Fate.SUPERSEDED, None)
                if fate and not (waits and encounter_id):
                    plain.setdefault(fate, []).append(accepted.event_id)
                elif encounter_id and not self._own_under_way(tx, accepted):
                    groups.setdefault((accepted.event.feed, encounter_id), []).append(accepted)
                    replaced |= {accepted.event_id} if waits else set()
            for fate, events in plain.items():
                inbox.settle(tx, events, *fate)
            for (feed, encounter_id), group in groups.items():
                if encounter_id in ready and self._not_before.get(encounter_id, clock.now()) <= clock.now():
                    self._assign(tx, plan, feed, encounter_id, group, replaced)
        self._seen = max([self._seen, *(a.event_id for a in fresh)])
        return plan

    def _close(self, window: inbox.Window) -> datetime:
        if not window.encounter_id or not window.first or not window.last:
            return clock.now()
        quiet, most = (timedelta(seconds=s) for s in (self._timing.window_quiet_s, self._timing.window_most_s))
        return min(window.last + quiet, window.first + most)

    def _plain_fate(
        self, tx: sa.Connection, accepted: AcceptedEvent, older: set[int]
    ) -> tuple[Fate, Ignored | None] | None:
        event = accepted.event
        writer = self._writer(tx, event)
        if writer is not None and (accepted.event_id in older or not self._may_tell_others(event, writer)):
            return Fate.IGNORED, Ignored.OWN_WRITE
        if accepted.event_id in older:
            return Fate.SUPERSEDED, None
        if not event.encounter_id:
            return Fate.IGNORED, Ignored.HINT if event.hint else Ignored.NO_ENCOUNTER
        return None

    def _writer(self, tx: sa.Connection, event: FhirEvent) -> str | None:
        """Return the pathway that wrote what is told, or None where it is news to all."""
        if not event.own:
            return None
        return own_writes.writer(tx, event.resource_type, event.resource_id, event.version)

    def _may_tell_others(self, event: FhirEvent, writer: str) -> bool:
        """Return whether another pathway than the one that wrote it waits for resources of that type.

        That can lead in no circle: between two of our writes stands the decision of a person.
        """
        return bool(event.encounter_id) and any(
            trigger.resource == event.resource_type
            for name, pathway in self._settings.pathways.items()
            if name != writer and pathway.feed == event.feed
            for trigger in pathway.triggers
        )

    def _own_under_way(self, tx: sa.Connection, accepted: AcceptedEvent) -> bool:
        event = accepted.event
        young = clock.now() - accepted.accepted_at < OWN_WRITE_PATIENCE
        return event.own and young and "" in own_writes.versions(tx, event.resource_type, event.resource_id)

    def _assign(
        self,
        tx: sa.Connection,
        plan: Plan,
        feed: str,
        encounter_id: str,
        group: list[AcceptedEvent],
        replaced: set[int],
    ) -> None:
        newest = [a for a in group if a.event_id not in replaced]
        own = {a.event_id: writer for a in newest if (writer := self._writer(tx, a.event)) is not None}
        wanted: set[int] = set()
        broken: set[int] = set()
        body = cache(lambda event_id: json.loads(inbox.body(tx, self._world.blobs, event_id)))
        pathways = {name: p for name, p in self._settings.pathways.items() if p.feed == feed}
        known = {name: cases.latest(tx, name, encounter_id) for name in pathways}

        def matching(name: str, triggers: list[TriggerSettings]) -> dict[int, TriggerSettings]:
            news = (a for a in newest if own.get(a.event_id) != name and not a.event.hint)
            return {a.event_id: t for a in news if (t := self._trigger(body, triggers, a, broken))}

        try:
            # Without a case only what opens one counts, and conditions are costly.
            triggered = {
                name: matching(name, [t for t in pathway.triggers if t.opens or known[name]])
                for name, pathway in pathways.items()
            }
            for name, matched in triggered.items():
                if matched and not known[name]:  # one that opens: what informs it goes along
                    triggered[name] = matching(name, list(pathways[name].triggers))
        except WardflowError as fault:  # a body of this encounter is out of reach; the others don't wait for it
            log.warning("encounter_waits", exc_info=fault)
            self._not_before[encounter_id] = clock.now() + LATER
            return
        hints = {a.event_id for a in newest if a.event.hint}
        for name, matches in triggered.items():
            case, matched = known[name], set(matches)
            if case and case.state == CaseState.OPEN:
                matched |= hints
            if case is None and any(t.opens for t in matches.values()):
                case = self._open(tx, name, encounter_id, 1, min(a.accepted_at for a in group))
                plan.opened.append(case)
            if case is None or not matched:
                continue
            wanted |= matched
            if case.state == CaseState.DECIDED or self._not_before.get(case.case_id, clock.now()) > clock.now():
                plan.held |= matched
            elif case.state == CaseState.OPEN:
                plan.tell[case.case_id] = matched
                inbox.assign(tx, matched, case.case_id)
            else:
                plan.look_again.append((case, matched))
        inbox.settle(tx, broken - wanted, Fate.QUARANTINED, "a trigger's condition can't be evaluated on it")
        inbox.settle(tx, own.keys() - wanted - broken, Fate.IGNORED, Ignored.OWN_WRITE)
        inbox.settle(tx, hints - wanted, Fate.IGNORED, Ignored.HINT)
        inbox.settle(tx, {a.event_id for a in newest} - wanted - broken, Fate.IGNORED, Ignored.NO_TRIGGER)
        inbox.settle(tx, {a.event_id for a in group} & replaced, Fate.SUPERSEDED)

    def _trigger(
        self, body: Callable[[int], Any], triggers: Sequence[TriggerSettings], accepted: AcceptedEvent, broken: set[int]
    ) -> TriggerSettings | None:
        """Return the trigger that the event matches: type first, then category, then FHIRPath on what the feed sent.

        An event on which a condition can't be evaluated is added to `broken`: one must not end the look at all others.
        """
        for trigger in triggers:
            if trigger.resource != accepted.event.resource_type:
                continue
            condition = self._conditions.get(trigger)
            if condition is None and not trigger.category:
                return trigger
            sent = body(accepted.event_id)
            try:
                if trigger.category and trigger.category not in charts.categories(sent):
                    continue
                if condition is None:
                    return trigger
                if condition(sent, None) == [True]:
                    return trigger
            except Exception as fault:
                log.error("event_broken", exc_info=fault)
                broken.add(accepted.event_id)
        return None

    def _open(
        self, tx: sa.Connection, pathway: str, encounter_id: str, generation: int, accepted_at: datetime
    ) -> cases.CaseRow:
        case_id = self._world.blobs.keyring.name("case", pathway, encounter_id, str(generation))
        ref = CaseRef(case_id=case_id, pathway=pathway, encounter_id=encounter_id, generation=generation)
        case = cases.open_new(tx, ref, self._settings.pathways[pathway].deadline, accepted_at)
        rows, fields = (Row(Kind.OPENED, (case_id,)),), {"case_id": case_id, "encounter_id": encounter_id}
        self._world.auditor.append(tx, Action.OPEN, f"case due {case.due_at.isoformat()}", rows, **fields)
        return case

    def _look_again(self, case: cases.CaseRow, events: set[int], spoken_for: set[int]) -> cases.CaseRow | None:
        """Open the next generation if the chart holds what demands a look and no decision showed (I17); return it.

        Else the events need no case, but for those that another pathway's case takes. What a decision showed is what
        its suggestion was made of: an approval, a change and a rejection all cover these versions, whatever the level.
        """
        world, pathway = self._world, self._world.pathways[case.pathway]
        resources = read_resources(world, case.pathway, case.encounter_id)
        facts = pathway.read_chart(resources, case.encounter_id, clock.now())
        with world.db.read() as tx:
            decided = cases.decided_of_stay(tx, case.pathway, case.encounter_id)
        shown = [world.suggestion(row.suggestion_blob).facts for row in decided if row.suggestion_blob]
        demanded = pathway.attention(resources, facts)
        unseen = [item for item in demanded if not any(one.shows(item) for one in shown)]
        with world.db.write() as tx:
            what = f"Encounter/{case.encounter_id}"
            world.auditor.append(tx, Action.READ, what, case_id=case.case_id, detail="re-check of an ended case")
            readings.note_snapshot(tx, case.case_id, resources)
            if not unseen:
                inbox.settle(tx, events - spoken_for, Fate.IGNORED, Ignored.CASE_CLOSED)
                return None
            pending = inbox.pending(tx, [case.encounter_id])
            accepted = min((a.accepted_at for a in pending if a.event_id in events), default=clock.now())
            opened = self._open(tx, case.pathway, case.encounter_id, case.generation + 1, accepted)
            inbox.assign(tx, events, opened.case_id)
            return opened

    def _absorb(self, case_id: str, events: set[int], held: set[int]) -> None:
        """Settle what was told, unless the case ended meanwhile: then the next look re-checks it."""
        with self._world.db.write() as tx:
            case = cases.find(tx, case_id)
            if case and case.state == CaseState.OPEN:
                new = sorted(deliveries.absorb(tx, events, case_id, held))
                if new:
                    rows = [Row(Kind.DELIVERY, (event_id, case_id)) for event_id in new]
                    self._world.auditor.append(tx, Action.TELL, f"{len(new)} events", rows, case_id=case_id)


def _note_opened(case: cases.CaseRow) -> None:
    log.info("case_opened", case_id=case.case_id, pathway=case.pathway)
    traces.root(case.case_id, "receive", case.accepted_at, pathway=case.pathway, generation=case.generation)
