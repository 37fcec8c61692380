"""Runs stays through the real pathway, dispatcher, ledger and re-examination, by one rule, on a clock of their own.

Left out are Temporal, the model, and what is written to the chart: the proposal's Task and the result of a decision.
"""

import asyncio
import heapq
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from activities.evidence import pieces
from activities.open_case import CoverEvents
from activities.record_decision import RecordDecision
from activities.snapshot_chart import SnapshotChart
from activities.world import World
from agents.pathway import Ports, Relevance, suggest
from agents.result_followup import results
from agents.result_followup.flags import Words
from agents.result_followup.pathway import ResultFollowup
from agents.result_followup.results import Result
from contracts.cases import (
    AgentRequest,
    AgentResult,
    CaseState,
    CoverRequest,
    DecisionRequest,
    OpenRequest,
    SnapshotRequest,
)  # fmt: skip
from contracts.decisions import Decision, DecisionKind
from contracts.events import FhirEvent
from contracts.result_followup import ResultFollowupOptions
from contracts.suggestions import Suggestion
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, inbox
from integrations.ledger import evidence as ledger_evidence
from integrations.ledger.audit import Auditor
from integrations.ledger.cases import CaseRow
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.dispatcher import reopening
from service.dispatcher.loop import Dispatcher
from service.dispatcher.reopening import Reading
from service.process.settings import PathwaySettings, Settings, TimingSettings, TriggerSettings
from tests.fakes.parts import PARTS
from tests.fakes.samples import KEYRING
from tests.fakes.silence import NobodyListens
from tests.measure.burden import streams
from tests.measure.burden.looks import Look, Seen, Unshown, unshown
from tests.measure.burden.people import People, Shown
from tests.measure.burden.streams import Report, Resource, Setting, Stay
from tests.measure.burden.variants import Variant

NAME = "result_followup"
GIVEN = PathwaySettings(
    feed="ehr", roles=("physician",), deadline_s=900, ladder_s=(900, 1800, 3600),
    triggers=(TriggerSettings(resource="Observation", opens=True), TriggerSettings(resource="Observation")),
)  # fmt: skip
"""As the packaged configuration has it."""
UNDECIDED_AFTER = timedelta(seconds=sum(GIVEN.ladder_s))
"""From the deadline until a case is closed undecided."""
MEMORY = Path("/dev/shm")
"""Where there is no disk to wait for."""
JUDGE = ResultFollowup(ResultFollowupOptions())
"""The pathway as it is, which says what demands a look and what repeats, whatever rule is in force."""


class Hospital:
    """The chart of the stay that is under way (see `integrations.fhir.client.FhirClient`)."""

    base_url = "http://chart"

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Resource] = {}

    def has(self, resource: Resource, at: datetime) -> Resource:
        """Chart a resource as its next version, and return that."""
        name = resource["resourceType"], resource["id"]
        before = self.found.get(name)
        version = int(before["meta"]["versionId"]) + 1 if before else 1
        self.found[name] = resource | {"meta": {"versionId": str(version), "lastUpdated": at.isoformat()}}
        return self.found[name]

    def read(self, type_: str, id_: str) -> Resource:
        return self.found[type_, id_]

    def find(self, type_: str, id_: str) -> Resource | None:
        return self.found.get((type_, id_))

    def pages(self, query: str) -> list[list[Resource]]:
        wanted = query.partition("?")[0]
        return [[one for (type_, _), one in self.found.items() if type_ == wanted]]


@dataclass
class Outcome:
    """What one stay brought."""

    stay: Stay
    looks: list[Look] = field(default_factory=list)
    cases: int = 0
    decided: int = 0
    undecided: int = 0
    demanding: int = 0
    """Results that demand a look, each content once."""
    unshown: dict[str, Unshown] = field(default_factory=dict)
    """By version, with those of critical results among `critical_unshown`."""
    critical_unshown: dict[str, Unshown] = field(default_factory=dict)


class Ward:
    """One ledger, in which stays follow each other."""

    def __init__(self, folder: Path, variant: Variant, setting: Setting, seed: int) -> None:
        self.variant, self.setting, self.seed = variant, setting, seed
        self.db = Database(f"sqlite:///{folder}/ledger.db")
        self.db.create()
        self.hospital, self.now = Hospital(), streams.BEGIN
        blobs = BlobStore.at(f"{folder}/blobs", KEYRING)
        self.pathway = variant.pathway(ResultFollowupOptions())
        chart, live, nothing = cast(Any, self.hospital), cast(Any, NobodyListens()), cast(Any, None)
        records = Records(self.db, blobs, Auditor("gateway", b"a" * 32))
        self.world = World(records, chart, live, {NAME: self.pathway}, {}, "measured")
        opened = Settings.model_validate(
            {"state": ".", "parts": PARTS, "pathways": {NAME: GIVEN}, "timing": TimingSettings(window_quiet_s=0)}
        )
        self.dispatcher = Dispatcher(self.world, nothing, opened, "00")
        self.loop = asyncio.Runner()

    @contextmanager
    def clocked(self) -> Iterator[None]:
        """Let everything read this ward's clock, by the rule of its variant."""
        once = _once_a_version(results.results)
        with patch.object(clock, "now", lambda: self.now), patch.object(results, "results", once):
            with self.variant.in_force():
                yield

    def agent(self, asked: AgentRequest) -> AgentResult:
        """Return what the pathway's graph makes of a frozen chart, by rules alone (`activities.run_agent`)."""
        ref, blob = asked.ref, asked.snapshot.snapshot_blob
        facts = self.world.facts(NAME, ref.encounter_id, blob)
        made = self.loop.run(suggest(self.pathway, facts, Ports()))
        made = made.model_copy(update={"earlier": self.world.records.chart(blob).earlier})
        return AgentResult(
            case_id=ref.case_id, version=asked.version, snapshot_blob=blob, approvable=made.approvable,
            revises=made.revises, suggestion_blob=self.world.records.blobs.put(made.canonical()),
            suggestion_hash=made.sha256(), choices=tuple(choice.code for choice in made.choices),
            selected=made.selected, made_by=made.made_by, fallback=made.fallback,
        )  # fmt: skip

    def close(self) -> None:
        self.loop.close()
        self.db.close()

    def live(self, stay: Stay) -> Outcome:
        """Return what a stay brings, from its first report until nobody waits for anything."""
        self.hospital.found.clear()
        return _Life(self, stay).lived()


def _once_a_version(judge: Callable[..., tuple[Result, ...]]) -> Callable[..., tuple[Result, ...]]:
    """Let a version of a result be judged once: it is a pure function, and half of the time of a run."""
    known: dict[tuple[str, str], tuple[Result, ...]] = {}

    def judged(resource: Resource, *words: Words) -> tuple[Result, ...]:
        key = resource["id"], resource["meta"]["versionId"]
        if key not in known:
            known[key] = judge(resource, *words)
        return known[key]

    return judged


def run(variant: Variant, setting: Setting, seed: int, count: int) -> list[Outcome]:
    """Return what so many stays bring by one rule."""
    with tempfile.TemporaryDirectory(prefix="burden-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        ward = Ward(Path(folder), variant, setting, seed)
        try:
            with ward.clocked():
                return [ward.live(stay) for stay in streams.stays(seed, count, setting)]
        finally:
            ward.close()


@dataclass(order=True)
class _Due:
    at: datetime
    turn: int
    report: Report | None = field(default=None, compare=False)
    case_id: str = field(default="", compare=False)
    """Of the case that is decided then, or closed."""
    version: int = field(default=0, compare=False)
    """That a person decides on; 0: nobody has."""


class _Life:
    """One stay."""

    def __init__(self, ward: Ward, stay: Stay) -> None:
        self.ward, self.stay, self.world = ward, stay, ward.world
        self.people = People(ward.seed, stay.number, ward.setting)
        self.out, self.seen = Outcome(stay), Seen(stay)
        self.due: list[_Due] = []
        self.turn = 0
        self.open: OpenRequest | None = None
        """What the open case shows."""
        self.shown: Shown | None = None
        self.planned: datetime | None = None
        self.accepted: list[Suggestion] = []
        self.waiting: dict[str, Resource] = {}
        """Versions that demand a look and that no version of a case has shown."""

    def lived(self) -> Outcome:
        self._plan(self.ward.now, report=Report(self.ward.now, (self.stay.patient,)))
        for report in self.stay.reports:
            self._plan(report.at, report=report)
        while self.due:
            due = heapq.heappop(self.due)
            self.ward.now = max(due.at, self.ward.now)
            if due.report:
                self._chart(due.report)
            elif due.version:
                self._decide(due)
            else:
                self._close(due.case_id)
        return self.out

    def _plan(self, at: datetime, report: Report | None = None, case_id: str = "", version: int = 0) -> None:
        self.turn += 1
        heapq.heappush(self.due, _Due(at, self.turn, report, case_id, version))

    def _chart(self, report: Report) -> None:
        """Chart a report, and let the dispatcher look once."""
        events: list[FhirEvent] = []
        for resource in report.resources:
            charted = self.ward.hospital.has(resource, report.at)
            self._note(charted)
            of_stay = resource["resourceType"] != "Patient"
            events.append(
                FhirEvent(
                    feed="ehr", resource_type=resource["resourceType"], resource_id=resource["id"],
                    version_id=charted["meta"]["versionId"], body=json.dumps(charted).encode(),
                    encounter_id=self.stay.encounter_id if of_stay else None,
                )
            )  # fmt: skip
        inbox.accept(self.ward.db, self.world.records.blobs, events)
        self._dispatch()
        self._explain()

    def _note(self, charted: Resource) -> None:
        if charted["resourceType"] != "Observation":
            return
        version = f"Observation/{charted['id']}/_history/{charted['meta']['versionId']}"
        before = self.seen.current.get(charted["id"])
        self.seen.charted(charted, version)
        if JUDGE.relevance(charted) != Relevance.OPENS or self.seen.has_shown(charted):
            return
        if before is None or streams.content(before) != streams.content(charted):
            self.out.demanding += 1
            self.waiting[version] = charted

    def _dispatch(self) -> None:
        ward, write = self.ward, self.ward.db.write
        written = ward.dispatcher.look(write)
        for delivery in written.deliveries:
            self._give(delivery.case_id, delivery.events)
        for wanted in written.reexaminations:
            reading = Reading(ward.variant.check_chart(self.world, wanted.case), wanted.events)
            again = reopening.conclude(ward.dispatcher.writer, wanted, reading, written.taken, write)
            if again:
                self._give(again.case_id, wanted.events)

    def _give(self, case_id: str, events: frozenset[int]) -> None:
        """Deliver events to an open case, which reads the chart (`workflows.case.Case`)."""
        self.ward.dispatcher.writer.absorb(case_id, events, (), self.ward.db.write)
        case = self._case(case_id)
        if self.open is None or self.open.ref.case_id != case_id:
            self.open, self.shown, self.planned = None, None, None
            self.out.cases += 1
            self._plan(case.due_at + UNDECIDED_AFTER, case_id=case_id)
        self._suggest(case, max(events))

    def _suggest(self, case: CaseRow, covers: int) -> None:
        snapshot = SnapshotChart(self.world)(SnapshotRequest(ref=case.ref))
        if self.open and self.open.snapshot.facts_hash == snapshot.facts_hash:
            CoverEvents(self.world)(CoverRequest(ref=case.ref, version=self.open.version, covers_event=covers))
            return
        version = self.open.version + 1 if self.open else 1
        asked = AgentRequest(ref=case.ref, version=version, snapshot=snapshot)
        result = self.ward.agent(asked)
        self.open = OpenRequest(ref=case.ref, version=version, covers_event=covers, snapshot=snapshot, result=result)
        suggestion = self.world.records.suggestion(result.suggestion_blob)
        with self.ward.db.write() as tx:
            cases.show_version(tx, self.open, "1")
            found = pieces(self.world, case.ref, snapshot.snapshot_blob, suggestion.facts)
            ledger_evidence.keep(tx, case.case_id, version, found)
        self._show(case, suggestion)

    def _show(self, case: CaseRow, suggestion: Suggestion) -> None:
        """Let a person look at a version, and plan when one decides."""
        assert self.open
        chart = list(self.ward.hospital.found.values())
        items = JUDGE.attention(chart, suggestion.facts)
        brings, told = self.seen.look(suggestion.facts, items, undecided=self.open.version == 1)
        self.out.looks.append(Look(self.stay.number, case.generation, self.open.version, brings, told))
        floor_before = self.shown.suggestion.floor if self.shown else None
        self.shown = Shown(case.case_id, self.open.version, suggestion, self.ward.now)
        self.planned = self.people.decides_at(self.shown, self.planned, floor_before)
        self._plan(self.planned, case_id=case.case_id, version=self.open.version)

    def _decide(self, due: _Due) -> None:
        if not self.shown or (self.shown.case_id, self.shown.version) != (due.case_id, due.version):
            return  # there is a newer version
        case = self._case(due.case_id)
        if case.state != CaseState.OPEN:
            return
        made = self.people.decision(self.shown, self.ward.now)
        RecordDecision(self.world)(DecisionRequest(ref=case.ref, decision=made))
        with self.ward.db.write() as tx:
            cases.end(tx, case.case_id, cases.outcome_state(made.kind))
        self.out.decided += 1
        self._remember(made, self.shown.suggestion)

    def _remember(self, made: Decision, suggestion: Suggestion) -> None:
        if made.kind != DecisionKind.REJECT:
            self.accepted.append(suggestion)

    def _close(self, case_id: str) -> None:
        with self.ward.db.write() as tx:
            self.out.undecided += cases.close_undecided(tx, case_id)

    def _explain(self) -> None:
        """Note of each result that demands a look and is not shown why; what is shown later is taken off again."""
        for version, resource in list(self.waiting.items()):
            if self.seen.has_shown(resource):
                del self.waiting[version]
                self.out.unshown.pop(version, None)
                self.out.critical_unshown.pop(version, None)
        fresh = [version for version in self.waiting if version not in self.out.unshown]
        if not fresh:
            return
        chart = list(self.ward.hospital.found.values())
        facts = JUDGE.read_chart(chart, self.stay.encounter_id, self.ward.now)
        for version in fresh:
            why = unshown(JUDGE, version, facts, [one.facts for one in self.accepted])
            self.out.unshown[version] = why
            truth = self.seen.truth(version)
            if truth and truth.side.critical:
                self.out.critical_unshown[version] = why

    def _case(self, case_id: str) -> CaseRow:
        with self.ward.db.read() as tx:
            case = cases.find(tx, case_id)
        assert case
        return case
