"""After a case has ended: what demands a look and no decision showed opens the next one, whatever the level (I17)."""

import asyncio
import json
from datetime import timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa

from activities.reopening import check_chart
from activities.world import World
from agents.pathway import Pathway, Ports, suggest
from contracts.cases import AgentResult, CaseRef, CaseState, ChartSnapshot, OpenRequest
from contracts.decisions import DecisionKind
from contracts.events import Fate, FhirEvent, Ignored
from contracts.suggestions import Suggestion
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, decisions, inbox, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.dispatcher import reopening
from service.dispatcher.loop import Dispatcher
from service.dispatcher.reopening import Reading
from service.dispatcher.triage import NO_EVENTS
from service.process import settings
from service.process.settings import PathwaySettings, Settings, TimingSettings, TriggerSettings
from tests.fakes.parts import PARTS
from tests.fakes.samples import NOW, decision
from tests.fakes.silence import NobodyListens

LAB, TRIAGE = "result_followup", "ed_triage"
STAY = {"resourceType": "Encounter", "id": "enc", "status": "arrived", "subject": {"reference": "Patient/p"}}
Resource = dict[str, Any]


class Hospital:
    """A chart of one stay (see `integrations.fhir.client.FhirClient`)."""

    base_url = "http://chart"

    def __init__(self) -> None:
        self.found: dict[str, Resource] = {}

    def has(self, resource: Resource) -> None:
        before = self.found.get(resource["id"])
        version = int(before["meta"]["versionId"]) + 1 if before else 1
        self.found[resource["id"]] = resource | {"meta": {"versionId": str(version)}}

    def read(self, _type: str, _id: str) -> Resource:
        return STAY

    def find(self, _type: str, id_: str) -> Resource | None:
        return self.found.get(id_)

    def pages(self, _query: str) -> list[list[Resource]]:
        return [list(self.found.values())]


class Stay:
    """One stay of one pathway: results come, suggestions are made by rules, people decide, and the dispatcher looks."""

    def __init__(self, db: Database, blobs: BlobStore, name: str) -> None:
        self.db, self.blobs, self.name, self.hospital = db, blobs, name, Hospital()
        self.pathway: Pathway = settings.pathway_named(name, {})
        given = PathwaySettings(
            feed="ehr", roles=("triage_nurse",), deadline_s=300, ladder_s=(600,),
            triggers=(TriggerSettings(resource="Observation", opens=True), TriggerSettings(resource="Observation")),
        )  # fmt: skip
        opened = Settings.model_validate(
            {"state": ".", "parts": PARTS, "pathways": {name: given}, "timing": TimingSettings(window_quiet_s=0)}
        )
        live, chart, nothing = cast(Any, NobodyListens()), cast(Any, self.hospital), cast(Any, None)
        self.world = World(
            Records(db, blobs, Auditor("gateway", b"a" * 32)), chart, live, {name: self.pathway}, {}, "0.1.0"
        )
        self.dispatcher = Dispatcher(self.world, nothing, opened, "00")
        self.events = 0
        with db.write() as tx:
            ref = CaseRef(case_id="c-1", pathway=name, encounter_id="enc", generation=1)
            self.case = cases.open_new(tx, ref, timedelta(minutes=5), NOW)

    def suggested(self) -> Suggestion:
        resources = [STAY, *self.hospital.found.values()]
        facts = self.pathway.read_chart(resources, "enc", clock.now())
        made = asyncio.run(suggest(self.pathway, facts, Ports()))
        result = AgentResult(
            suggestion_blob=self.blobs.put(made.canonical()), suggestion_hash=made.sha256(), selected=made.selected,
            choices=tuple(choice.code for choice in made.choices), made_by=made.made_by,
        )  # fmt: skip
        chart = {"as_of": facts.as_of.isoformat(), "resources": resources}
        blob = self.blobs.put(json.dumps(chart).encode())
        snapshot = ChartSnapshot(snapshot_blob=blob, facts_hash="facts")
        shown = OpenRequest(ref=self.case.ref, version=1, covers_event=self.events, snapshot=snapshot, result=result)
        with self.db.write() as tx:
            cases.show_version(tx, shown, "1")
        return made

    def decided(self, kind: str, selected: str | None) -> None:
        made = decision(
            decision_id=f"d-{self.case.case_id}", case_id=self.case.case_id, kind=DecisionKind(kind),
            selected=selected, reason="" if kind in ("approve", "choose") else "sample in doubt",
            shown_hash=self.suggested().sha256(),
        )  # fmt: skip
        with self.db.write() as tx:
            assert decisions.decide(tx, made)
            cases.end(tx, self.case.case_id, cases.outcome_state(made.kind))

    def undecided(self) -> None:
        self.suggested()
        with self.db.write() as tx:
            assert cases.close_undecided(tx, self.case.case_id)

    def news(self, *resources: Resource) -> Suggestion | None:
        """Chart these, look once, and return what the next generation shows, or None where there is none."""
        for resource in resources:
            self.hospital.has(resource)
        self.events += 1
        sent = resources[-1] if resources else next(iter(self.hospital.found.values()))
        told = FhirEvent(
            feed="ehr", resource_type="Observation", resource_id=f"o-{self.events}", version_id="1",
            encounter_id="enc", body=json.dumps(sent).encode(),
        )  # fmt: skip
        inbox.accept(self.db, self.blobs, [told])
        (wanted,) = self.dispatcher.look(self.db.write).reexaminations
        reading = Reading(check_chart(self.world, wanted.case), wanted.events)
        again = reopening.conclude(self.dispatcher.writer, wanted, reading, NO_EVENTS, self.db.write)
        if again is None:
            with self.db.read() as tx:
                row = tx.execute(sa.select(tables.inbox).order_by(tables.inbox.c.event_id.desc())).first()
            assert row and (row.fate, row.reason) == (Fate.IGNORED, Ignored.CASE_CLOSED)
            return None
        assert again.generation == wanted.case.generation + 1
        self.case = again
        return self.suggested()


@pytest.fixture
def lab(db: Database, blobs: BlobStore) -> Stay:
    return Stay(db, blobs, LAB)


@pytest.fixture
def triage(db: Database, blobs: BlobStore) -> Stay:
    return Stay(db, blobs, TRIAGE)


def observed(id_: str, code: str, value: float, unit: str, flag: str = "", **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": f"Test {code}"},
        "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/enc"},
        "valueQuantity": {"value": value, "unit": unit},
        **({"interpretation": [{"coding": [{"code": flag}]}]} if flag else {}),
        **more,
    }


def potassium(value: float, id_: str = "k", flag: str = "HH", **more: Any) -> Resource:
    return observed(id_, "2823-3", value, "mmol/L", flag, **more)


GLUCOSE = observed("glu", "2345-7", 1.4, "mmol/L", "LL")


def texts(made: Suggestion | None) -> str:
    assert made is not None
    return "; ".join(found.text for found in made.findings if found.floor)


def test_a_level_covers_no_other_result(lab: Stay) -> None:
    lab.hospital.has(potassium(7.1))
    lab.decided("approve", "1")
    again = lab.news(GLUCOSE)
    assert again and again.floor == again.selected == "1" and "Glucose 1.4" in texts(again)


def test_a_rejection_covers_only_the_versions_that_it_showed(lab: Stay) -> None:
    lab.hospital.has(potassium(7.1))
    lab.decided("reject", None)
    assert lab.news() is None, "the very result that was rejected"
    again = lab.news(potassium(7.3, "k-2", effectiveDateTime="2026-01-05T08:00:00Z"))
    assert again and again.floor == "1" and "Potassium 7.3" in texts(again)


def test_a_corrected_version_that_is_still_critical_comes_again_and_an_equal_one_does_not(lab: Stay) -> None:
    lab.hospital.has(potassium(7.1))
    lab.decided("approve", "1")
    assert lab.news() is None
    assert "Potassium 6.9" in texts(lab.news(potassium(6.9)))
    lab.decided("change", "2")
    assert lab.news(observed("na", "2951-2", 140, "mmol/L", "N")) is None, "in order, so that nothing demands a look"


def test_what_any_decided_case_of_the_stay_showed_stays_covered(lab: Stay) -> None:
    lab.hospital.has(potassium(7.1))
    lab.decided("approve", "1")
    assert lab.news(GLUCOSE)
    lab.hospital.found.pop("k")  # out of the chart while the second case is decided
    lab.decided("approve", "1")
    lab.hospital.found["k"] = potassium(7.1) | {"meta": {"versionId": "1"}}
    assert lab.news() is None


def test_what_nobody_decided_is_not_covered(lab: Stay) -> None:
    lab.hospital.has(potassium(7.1))
    lab.undecided()
    assert "Potassium 7.1" in texts(lab.news())


@pytest.mark.parametrize(
    "new",
    [
        potassium(5.7, "k-2", "H", effectiveDateTime="2026-01-05T08:00:00Z"),  # known, flagged, by no rule critical
        observed("trop", "6598-7", 0.9, "ng/mL", "H"),  # known to no rule
        observed("trop", "6598-7", 0.9, "ng/mL"),  # neither flag nor range
        potassium(5.1, "k-2", "N", valueQuantity={"value": 5.1, "unit": "furlong"}),  # can't be compared
    ],
    ids=["flagged", "unknown", "unsaid", "uncomparable"],
)  # fmt: skip
def test_a_flagged_or_uncomparable_result_comes_again_however_urgent_the_last_was(lab: Stay, new: Resource) -> None:
    lab.hospital.has(potassium(7.1, effectiveDateTime="2026-01-05T07:00:00Z"))
    lab.decided("approve", "1")
    assert lab.news(new)
    lab.decided("choose" if lab.suggested().selected is None else "approve", lab.suggested().selected or "3")
    assert lab.news() is None, "it was shown"


def at(hour: int, minute: int = 0) -> Resource:
    return {"effectiveDateTime": f"2026-01-05T{hour:02}:{minute:02}:00Z"}


@pytest.mark.parametrize(
    ("kind", "value", "hour", "asks"),
    [
        ("approve", 7.1, 8, False),
        ("approve", 7.0, 8, False),
        ("choose", 7.0, 8, False),
        ("approve", 7.2, 8, True),  # worse
        ("approve", 6.6, 8, True),  # far from it
        ("approve", 7.1, 12, True),  # long after
        ("reject", 7.1, 8, True),  # not accepted
    ],
)
def test_a_repeat_of_what_was_accepted_does_not_ask_again(
    lab: Stay, kind: str, value: float, hour: int, asks: bool
) -> None:
    lab.hospital.has(potassium(7.1, **at(7)))
    lab.decided(kind, "1" if kind != "reject" else None)
    assert bool(lab.news(potassium(value, "k-2", **at(hour)))) == asks


def test_a_repeat_with_another_flag_or_of_unknown_time_asks(lab: Stay) -> None:
    lab.hospital.has(potassium(5.7, flag="H", **at(7)))
    lab.decided("choose", "1")
    assert lab.news(potassium(5.7, "k-2", "HH", **at(8)))
    lab.decided("approve", "1")
    assert lab.news(potassium(7.1, "k-3"))


def test_a_pulse_that_stays_as_it_was_does_not_bring_the_triage_back(triage: Stay) -> None:
    triage.hospital.has(vital("hr", "8867-4", 140, "/min") | at(7))
    triage.decided("choose" if triage.suggested().selected is None else "approve", "3")
    assert triage.news(vital("hr-2", "8867-4", 136, "/min") | at(7, 20)) is None
    assert triage.news(vital("hr-3", "8867-4", 139, "/min") | at(8, 30)), "more than an hour after what was accepted"


def test_a_pulse_that_gets_worse_brings_the_triage_back(triage: Stay) -> None:
    triage.hospital.has(vital("hr", "8867-4", 140, "/min") | at(7))
    triage.decided("choose" if triage.suggested().selected is None else "approve", "3")
    assert triage.news(vital("hr-2", "8867-4", 144, "/min") | at(7, 20))


def vital(id_: str, code: str, value: float, unit: str) -> Resource:
    return observed(id_, code, value, unit, category=[])


def test_a_floor_of_vitals_that_were_not_shown_brings_the_triage_back(triage: Stay) -> None:
    triage.hospital.has(vital("hr", "8867-4", 82, "/min"))
    triage.decided("choose", "1")
    assert triage.news(vital("hr-2", "8867-4", 84, "/min")) is None, "no floor rests on it"
    again = triage.news(vital("spo2", "2708-6", 84, "%"))
    assert again and (again.floor, again.selected) == ("3", "3"), "though 1 was decided, of other facts"
    triage.decided("approve", "3")
    assert triage.news() is None
    assert triage.news(vital("temp", "8310-5", 36.9, "Cel")) is None


def test_a_case_that_ended_is_looked_at_by_its_own_generation(lab: Stay) -> None:
    lab.hospital.has(potassium(7.1))
    lab.decided("approve", "1")
    assert lab.news(GLUCOSE)
    assert (lab.case.generation, lab.case.state) == (2, CaseState.OPEN)
