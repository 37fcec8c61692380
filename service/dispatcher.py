"""From pending events to cases: waits for the window of an encounter, then tells its cases once."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import fhirpathpy
import sqlalchemy as sa
import structlog
from fhirpathpy.models import models as fhirpath_models
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.world import World, read_resources
from contracts.cases import CaseInput, CaseRef, CaseSignal, CaseState
from contracts.errors import FhirError, LedgerError
from contracts.events import AcceptedEvent, Fate, Ignored
from contracts.queues import TaskQueue
from integrations.ledger import cases, inbox, tables
from integrations.ledger.audit import Action
from service.settings import PathwaySettings, Settings, TriggerSettings
from workflows import policies
from workflows.case import Case

log = structlog.get_logger()
OWN_WRITE_PATIENCE = timedelta(seconds=60)  # how long a notification may be ahead of our knowledge of our own write
POLL_S = 0.25


@dataclass
class Plan:
    """What one look at the inbox decided; everything in it is still pending, so a crash repeats it."""

    tell: dict[str, set[int]] = field(default_factory=dict)
    """Case id to the events that it is told."""
    look_again: list[tuple[cases.CaseRow, set[int]]] = field(default_factory=list)
    """Ended cases with new data: does the rules' floor rise above what was decided?"""


class Dispatcher:
    def __init__(self, world: World, client: Client, settings: Settings, verify_key: str) -> None:
        self._world, self._client, self._settings, self._verify_key = world, client, settings, verify_key
        self._conditions = {
            trigger: fhirpathpy.compile(trigger.where, model=fhirpath_models["r4"])
            for pathway in settings.pathways.values()
            for trigger in pathway.triggers
            if trigger.where
        }

    async def run(self, woken: asyncio.Event) -> None:
        """Work for ever; a part that is away leaves events pending, and they are tried again."""
        while True:
            try:
                await self.step()
            except (LedgerError, RPCError) as fault:
                log.warning("dispatch_waits", error=type(fault).__name__)
                await asyncio.sleep(1)
            woken.clear()
            try:
                await asyncio.wait_for(woken.wait(), POLL_S)
            except TimeoutError:
                continue

    async def step(self) -> None:
        """Look once: settle what needs no case, tell the cases, re-check the ended ones."""
        plan = await asyncio.to_thread(self._plan)
        for case, events in plan.look_again:
            try:
                again = await asyncio.to_thread(self._look_again, case, events)
            except FhirError as fault:
                log.warning("recheck_waits", kind=fault.kind)
                continue
            if again:
                plan.tell.setdefault(again, set()).update(events)
        for case_id, events in plan.tell.items():
            if await self._tell(case_id, sorted(events)):
                await asyncio.to_thread(self._absorb, case_id, events)

    def _plan(self) -> Plan:
        plan = Plan()
        with self._world.db.read() as tx:
            if not tx.scalar(sa.select(tables.inbox.c.event_id).where(tables.inbox.c.fate == Fate.PENDING).limit(1)):
                return plan
        with self._world.db.write() as tx:
            groups: dict[tuple[str, str], list[AcceptedEvent]] = {}
            for accepted in inbox.pending(tx):
                fate = self._plain_fate(tx, accepted)
                if fate:
                    inbox.settle(tx, [accepted.event_id], *fate)
                elif accepted.event.encounter_id and not self._own_under_way(tx, accepted):
                    groups.setdefault((accepted.event.feed, accepted.event.encounter_id), []).append(accepted)
            for (feed, encounter_id), group in groups.items():
                if self._window_closed(group):
                    self._assign(tx, plan, feed, encounter_id, group)
        return plan

    def _plain_fate(self, tx: sa.Connection, accepted: AcceptedEvent) -> tuple[Fate, Ignored | None] | None:
        event = accepted.event
        if event.own and event.version_id in cases.own_versions(tx, event.resource_type, event.resource_id):
            return Fate.IGNORED, Ignored.OWN_WRITE
        if event.version_id.isdecimal() and int(event.version_id) < inbox.newest_version(tx, event):
            return Fate.SUPERSEDED, None
        if not event.encounter_id:
            return Fate.IGNORED, Ignored.NO_ENCOUNTER
        return None

    def _own_under_way(self, tx: sa.Connection, accepted: AcceptedEvent) -> bool:
        event = accepted.event
        young = tables.now() - accepted.accepted_at < OWN_WRITE_PATIENCE
        return event.own and young and "" in cases.own_versions(tx, event.resource_type, event.resource_id)

    def _window_closed(self, group: list[AcceptedEvent]) -> bool:
        moment, timing = tables.now(), self._settings.timing
        accepted = [event.accepted_at for event in group]
        return (moment - max(accepted)).total_seconds() >= timing.window_quiet_s or (
            moment - min(accepted)
        ).total_seconds() >= timing.window_most_s

    def _assign(self, tx: sa.Connection, plan: Plan, feed: str, encounter_id: str, group: list[AcceptedEvent]) -> None:
        wanted: set[int] = set()
        for name, pathway in self._settings.pathways.items():
            if pathway.feed != feed:
                continue
            matched = {a.event_id: t for a in group if (t := self._trigger(tx, pathway, a))}
            case = cases.latest(tx, name, encounter_id)
            if case is None and any(t.opens for t in matched.values()):
                case = self._open(tx, name, encounter_id, 1, self._first_accepted(tx, encounter_id))
            if case is None or not matched:
                continue
            if case.state == CaseState.OPEN:
                plan.tell[case.case_id] = set(matched)
                inbox.assign(tx, matched, case.case_id)
            elif case.state != CaseState.DECIDED:  # else its write is under way: they wait until it has ended
                plan.look_again.append((case, set(matched)))
            wanted |= set(matched)
        inbox.settle(tx, {a.event_id for a in group} - wanted, Fate.IGNORED, Ignored.NO_TRIGGER)

    def _trigger(self, tx: sa.Connection, pathway: PathwaySettings, accepted: AcceptedEvent) -> TriggerSettings | None:
        """Return the trigger that the event matches: type first, then FHIRPath on what the feed sent."""
        for trigger in pathway.triggers:
            if trigger.resource != accepted.event.resource_type:
                continue
            condition = self._conditions.get(trigger)
            if condition is None or condition(json.loads(inbox.body(tx, self._world.blobs, accepted.event_id))) == [
                True
            ]:
                return trigger
        return None

    def _open(
        self, tx: sa.Connection, pathway: str, encounter_id: str, generation: int, accepted_at: datetime
    ) -> cases.CaseRow:
        case_id = self._world.blobs.keyring.name("case", pathway, encounter_id, str(generation))
        ref = CaseRef(case_id=case_id, pathway=pathway, encounter_id=encounter_id, generation=generation)
        return cases.open_new(tx, ref, self._settings.pathways[pathway].deadline, accepted_at)

    def _first_accepted(self, tx: sa.Connection, encounter_id: str) -> datetime:
        first = tx.scalar(
            sa.select(sa.func.min(tables.inbox.c.accepted_at)).where(tables.inbox.c.encounter_id == encounter_id)
        )
        assert isinstance(first, datetime)
        return first

    def _look_again(self, case: cases.CaseRow, events: set[int]) -> str | None:
        """Open the next generation if the rules now demand more than was decided; return its case id."""
        world, pathway = self._world, self._world.pathways[case.pathway]
        resources = read_resources(world, case.pathway, case.encounter_id)
        floor = pathway.floor(pathway.read_chart(resources, case.encounter_id, tables.now()))
        with world.db.write() as tx:
            what = f"Encounter/{case.encounter_id}"
            world.auditor.append(tx, Action.READ, what, case_id=case.case_id, detail="re-check of an ended case")
            decision = cases.decision_of(tx, case.case_id)
            shown = world.suggestion(case.suggestion_blob).selected if case.suggestion_blob else None
            held = (decision and decision.selected) or shown
            if floor is None or (held and not pathway.more_urgent(floor, held)):
                inbox.settle(tx, events, Fate.IGNORED, Ignored.CASE_CLOSED)
                return None
            accepted = min(a.accepted_at for a in inbox.pending(tx) if a.event_id in events)
            opened = self._open(tx, case.pathway, case.encounter_id, case.generation + 1, accepted)
            inbox.assign(tx, events, opened.case_id)
            return opened.case_id

    async def _tell(self, case_id: str, events: list[int]) -> bool:
        """Signal the case, starting it if it is not there; False if it has ended meanwhile."""
        with self._world.db.read() as tx:
            case = cases.find(tx, case_id)
        assert case is not None
        pathway = self._settings.pathways[case.pathway]
        start = CaseInput(
            ref=case.ref, due_at=case.due_at, ladder=pathway.ladder, roles=pathway.roles, verify_key=self._verify_key
        )
        try:
            await self._client.start_workflow(
                Case.run,
                start,
                id=case_id,
                task_queue=TaskQueue.CASES,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                start_signal="chart_changed",
                start_signal_args=[CaseSignal(event_ids=tuple(events))],
                task_timeout=policies.WORKFLOW_TASK,
                rpc_timeout=timedelta(seconds=5),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    def _absorb(self, case_id: str, events: set[int]) -> None:
        """Settle what was told, unless the case ended meanwhile: then the next look re-checks it."""
        with self._world.db.write() as tx:
            case = cases.find(tx, case_id)
            if case and case.state == CaseState.OPEN:
                inbox.absorb(tx, events, case_id)
