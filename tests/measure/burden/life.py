"""One stay from its first report until nobody waits for anything: what comes, what is shown, and who decides when."""

import heapq
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from activities.evidence import pieces
from activities.open_case import CoverEvents
from activities.record_decision import RecordDecision
from activities.snapshot_chart import SnapshotChart
from agents.pathway import Relevance
from agents.result_followup import results
from agents.result_followup.analytes import ANALYTES
from agents.result_followup.pathway import ResultFollowup
from agents.result_followup.results import Standing
from contracts.cases import AgentRequest, CaseState, CoverRequest, DecisionRequest, OpenRequest, SnapshotRequest
from contracts.charts import ChartFacts
from contracts.decisions import DecisionKind
from contracts.events import FhirEvent
from contracts.result_followup import ResultFollowupOptions
from contracts.suggestions import Suggestion
from integrations.ledger import cases, evidence, inbox
from integrations.ledger.cases import CaseRow
from service.dispatcher import reopening
from service.dispatcher.reopening import Reading
from tests.measure.burden import streams
from tests.measure.burden.assumptions import READ_MIN
from tests.measure.burden.looks import Look, Seen, Unshown, unshown
from tests.measure.burden.people import People, Shown
from tests.measure.burden.stays import Report, Resource, Setting, Stay, content
from tests.measure.burden.variants import Variant
from tests.measure.burden.ward import UNDECIDED_AFTER, Ward, opened

STAYS_A_LEDGER = 25
"""Of stays that know nothing of each other; a ledger that grows takes longer."""
JUDGE = ResultFollowup(ResultFollowupOptions())
"""The pathway as it is, which says what demands a look and what repeats, whatever rule is in force."""


@dataclass
class Outcome:
    """What one stay brought."""

    stay: Stay
    looks: list[Look] = field(default_factory=list)
    decided: int = 0
    undecided: int = 0
    demanding: int = 0
    """Results that demand a look, each content once."""
    unshown: dict[str, Unshown] = field(default_factory=dict)
    """Of these, by version, what was in no version of a case."""
    critical: set[str] = field(default_factory=set)
    """Of these, by version, what is critical."""


def run(variant: Variant, setting: Setting, seed: int, count: int) -> list[Outcome]:
    """Return what so many stays bring by one rule."""
    waiting, outcomes = streams.stays(seed, count, setting), list[Outcome]()
    while some := list(islice(waiting, STAYS_A_LEDGER)):
        with opened(variant) as ward:
            outcomes += [lived(ward, stay, People(f"{seed}/{stay.number}", setting)) for stay in some]
    return outcomes


def lived(ward: Ward, stay: Stay, people: People) -> Outcome:
    """Return what a stay brings with these people."""
    ward.hospital.found.clear()
    return _Life(ward, stay, people).lived()


def is_critical(charted: Resource) -> bool:
    """Return whether a result is critical by its laboratory, or by a limit of the pathway."""
    if charted["resourceType"] != "Observation":
        return False
    found = results.results(charted)
    by_limit = (one.number is not None and ANALYTES[one.analyte].beyond(one.number) for one in found if one.analyte)
    return any(one.standing == Standing.CRITICAL for one in found) or any(by_limit)


@dataclass(order=True)
class _Due:
    at: datetime
    turn: int
    report: Report | None = field(default=None, compare=False)
    looks: bool = field(default=False, compare=False)
    """The dispatcher looks at what was gathered."""
    case_id: str = field(default="", compare=False)
    """Of the case that is decided then, or closed."""
    version: int = field(default=0, compare=False)
    """That a person decides on; 0: nobody has."""


class _Life:
    def __init__(self, ward: Ward, stay: Stay, people: People) -> None:
        self.ward, self.stay, self.people, self.world = ward, stay, people, ward.world
        self.out, self.seen = Outcome(stay), Seen(stay)
        self.due: list[_Due] = []
        self.open: OpenRequest | None = None
        """What the newest case shows."""
        self.shown: Shown | None = None
        self.planned: datetime | None = None
        """When somebody decides on it."""
        self.accepted: list[ChartFacts] = []
        self.waiting: dict[str, Resource] = {}
        """Versions that demand a look and that no version of a case has shown."""
        self.gathering_since: datetime | None = None
        self.gathered_at: datetime | None = None
        """When the dispatcher looks at what was gathered, if nothing more comes."""
        self._turn = 0

    def lived(self) -> Outcome:
        self._plan(self.ward.now, report=Report(self.ward.now, (self.stay.patient,)))
        for report in self.stay.reports:
            self._plan(report.at, report=report)
        while self.due:
            due = heapq.heappop(self.due)
            self.ward.now = max(due.at, self.ward.now)
            if due.report:
                self._chart(due.report)
            elif due.looks:
                self._look_at_gathered()
            elif due.version:
                self._decide(due)
            else:
                self._close(due.case_id)
        return self.out

    def _plan(self, at: datetime, **what: Any) -> None:
        self._turn += 1
        heapq.heappush(self.due, _Due(at, self._turn, **what))

    def _chart(self, report: Report) -> None:
        """Chart a report, and let the dispatcher look once, now or when enough was gathered."""
        charted = [self.ward.hospital.has(resource, report.at) for resource in report.resources]
        for one in charted:
            self._note(one)
        inbox.accept(self.ward.db, self.world.records.blobs, [self._event(one) for one in charted])
        gather = self.ward.variant.gather
        if gather is None or any(map(is_critical, charted)):
            self._look_now()
            return
        self.gathering_since = self.gathering_since or self.ward.now
        self.gathered_at = min(self.ward.now + gather.quiet, self.gathering_since + gather.most)
        self._plan(self.gathered_at, looks=True)

    def _look_at_gathered(self) -> None:
        if self.gathered_at and self.gathered_at <= self.ward.now:  # else there was more meanwhile
            self._look_now()

    def _look_now(self) -> None:
        self.gathering_since = self.gathered_at = None
        self._dispatch()
        self._explain()

    def _event(self, charted: Resource) -> FhirEvent:
        of_stay = charted["resourceType"] != "Patient"
        return FhirEvent(
            feed="ehr", resource_type=charted["resourceType"], resource_id=charted["id"],
            version_id=charted["meta"]["versionId"], body=json.dumps(charted).encode(),
            encounter_id=self.stay.encounter_id if of_stay else None,
        )  # fmt: skip

    def _note(self, charted: Resource) -> None:
        """Note a result, and whether it demands a look that nobody had."""
        if charted["resourceType"] != "Observation":
            return
        version = f"Observation/{charted['id']}/_history/{charted['meta']['versionId']}"
        before = self.seen.current.get(charted["id"])
        self.seen.charted(charted, version)
        if JUDGE.relevance(charted) != Relevance.OPENS or self.seen.has_shown(charted):
            return
        if before is None or content(before) != content(charted):
            self.out.demanding += 1
            self.waiting[version] = charted
            truth = self.stay.truth(charted)
            if truth and truth.side.critical:
                self.out.critical.add(version)

    def _dispatch(self) -> None:
        """Do what `service.dispatcher.loop.Dispatcher.step` does, without Temporal."""
        dispatcher, write = self.ward.dispatcher, self.ward.db.write
        written = dispatcher.look(write)
        for delivery in written.deliveries:
            self._give(delivery.case_id, delivery.events)
        for wanted in written.reexaminations:
            reading = Reading(self.ward.variant.check_chart(self.world, wanted.case), wanted.events)
            again = reopening.conclude(dispatcher.writer, wanted, reading, written.taken, write)
            if again:
                self._give(again.case_id, wanted.events)

    def _give(self, case_id: str, events: frozenset[int]) -> None:
        """Deliver events to a case, which reads the chart and suggests, as `workflows.case.Case` does."""
        self.ward.dispatcher.writer.absorb(case_id, events, (), self.ward.db.write)
        case = self._case(case_id)
        if self.open is None or self.open.ref.case_id != case_id:
            self.open, self.shown, self.planned = None, None, None
            self._plan(case.due_at + UNDECIDED_AFTER, case_id=case_id)
        snapshot = SnapshotChart(self.world)(SnapshotRequest(ref=case.ref))
        if self.open and self.open.snapshot.facts_hash == snapshot.facts_hash:
            covered = CoverRequest(ref=case.ref, version=self.open.version, covers_event=max(events))
            CoverEvents(self.world)(covered)
            return
        version = self.open.version + 1 if self.open else 1
        result = self.ward.agent(AgentRequest(ref=case.ref, version=version, snapshot=snapshot))
        self.open = OpenRequest(
            ref=case.ref, version=version, covers_event=max(events), snapshot=snapshot, result=result
        )
        self._show(case, self.open)

    def _show(self, case: CaseRow, request: OpenRequest) -> None:
        """Show a version, as `activities.open_case` does, and plan when somebody decides on it."""
        suggestion = self.world.records.suggestion(request.result.suggestion_blob)
        with self.ward.db.write() as tx:
            cases.show_version(tx, request, "1")
            found = pieces(self.world, case.ref, request.snapshot.snapshot_blob, suggestion.facts)
            evidence.keep(tx, case.case_id, request.version, found)
        self._bring(case, request.version, suggestion)
        floor_before = self.shown.suggestion.floor if self.shown else None
        self.shown = Shown(case.case_id, request.version, suggestion, self.ward.now)
        self.planned = self.people.decides_at(self.shown, self.planned, floor_before)
        self._plan(self.planned, case_id=case.case_id, version=request.version)

    def _bring(self, case: CaseRow, version: int, suggestion: Suggestion) -> None:
        items = JUDGE.attention(list(self.ward.hospital.found.values()), suggestion.facts)
        brings, told = self.seen.look(suggestion, items, opens=version == 1)
        self.out.looks.append(Look(self.stay.number, case.generation, version, brings, told))

    def _decide(self, due: _Due) -> None:
        if not self.shown or (self.shown.case_id, self.shown.version) != (due.case_id, due.version):
            return  # there is a newer version
        if self.gathered_at:  # what was accepted makes it stale (I6)
            until = self.gathered_at + timedelta(minutes=READ_MIN.value)
            self._plan(until, case_id=due.case_id, version=due.version)
            return
        case = self._case(due.case_id)
        if case.state != CaseState.OPEN:
            return
        made = self.people.decision(self.shown, self.ward.now)
        RecordDecision(self.world)(DecisionRequest(ref=case.ref, decision=made))
        with self.ward.db.write() as tx:
            cases.end(tx, case.case_id, cases.outcome_state(made.kind))
        self.out.decided += 1
        self.seen.decided()
        if made.kind != DecisionKind.REJECT:
            self.accepted.append(self.shown.suggestion.facts)
        self._explain()

    def _close(self, case_id: str) -> None:
        with self.ward.db.write() as tx:
            self.out.undecided += cases.close_undecided(tx, case_id)

    def _explain(self) -> None:
        """Note why each result that demands a look is not shown.

        What is shown later is taken off again; what was missed and is accepted by a later decision is a repeat.
        """
        for version, resource in list(self.waiting.items()):
            if self.seen.has_shown(resource):
                del self.waiting[version]
                self.out.unshown.pop(version, None)
        unsure = [one for one in self.waiting if self.out.unshown.get(one) in (None, Unshown.MISSED)]
        if not unsure:
            return
        chart = list(self.ward.hospital.found.values())
        facts = JUDGE.read_chart(chart, self.stay.encounter_id, self.ward.now)
        for version in unsure:
            why = unshown(JUDGE, version, facts, self.accepted)
            if version not in self.out.unshown or why == Unshown.REPEAT:
                self.out.unshown[version] = why

    def _case(self, case_id: str) -> CaseRow:
        with self.ward.db.read() as tx:
            case = cases.find(tx, case_id)
        assert case
        return case
