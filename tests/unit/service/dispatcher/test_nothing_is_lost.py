"""Whatever comes in whatever order: each item that demands a look is in a decision, a repeat, or the open case (I17),
and what was decided on and is not so any more is asked about once (I18)."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities import earlier
from activities.reopening import check_chart
from activities.snapshot_chart import freeze
from activities.world import World
from agents.pathway import Pathway, Ports, suggest
from contracts.cases import AgentResult, CaseRef, CaseState, OpenRequest
from contracts.decisions import DecisionKind
from contracts.suggestions import Suggestion
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, decisions
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.operate import attention
from service.process.settings import pathway_named
from tests.fakes.samples import KEYRING, NOW, decision
from tests.fakes.silence import NobodyListens

Resource = dict[str, Any]
STAY = {"resourceType": "Encounter", "id": "enc", "status": "arrived", "subject": {"reference": "Patient/p"}}
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1960-02-03", "gender": "female"}
TESTS = {"2823-3": "mmol/L", "2345-7": "mmol/L", "718-7": "g/L", "6598-7": "ng/mL", "2160-0": "umol/L"}
FLAGS = ("HH", "LL", "H", "L", "N", "A", "POS", "", ">")
RESULTS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["r1", "r2", "r3", "r4"]),
        "code": st.sampled_from(sorted(TESTS)),
        "value": st.sampled_from([1.1, 4.2, 7.2, 38.0, 140.0, "positive", None]),
        "flag": st.sampled_from(FLAGS),
        "status": st.sampled_from(["final", "final", "corrected", "entered-in-error"]),
        "stay": st.sampled_from(["enc", "enc", "enc", "other"]),
        "minute": st.integers(0, 50),
    }
)
STEPS = st.lists(
    st.one_of(
        RESULTS.map(lambda told: ("chart", told)),
        st.sampled_from(["r1", "r2", "r3"]).map(lambda id_: ("delete", id_)),
        st.sampled_from(["1950-01-01", "1960-02-03", "2015-01-01"]).map(lambda born: ("born", born)),
        st.just(("look", None)),
        st.sampled_from(["accept", "reject", "keep", "withdraw"]).map(lambda kind: ("decide", kind)),
    ),
    min_size=3,
    max_size=14,
)


class Chart:
    """The resources of a hospital as they are now (see `integrations.fhir.client.FhirClient`)."""

    base_url = "http://chart"

    def __init__(self) -> None:
        self.kept: dict[str, Resource] = {}
        self.version = 0

    def put(self, resource: Resource) -> None:
        self.version += 1
        self.kept[resource["id"]] = resource | {"meta": {"versionId": str(self.version)}}

    def read(self, _type: str, id_: str) -> Resource:
        return self.kept[id_]

    def find(self, _type: str, id_: str) -> Resource | None:
        return self.kept.get(id_)

    def pages(self, query: str) -> list[list[Resource]]:
        type_, _, asked = query.partition("?")
        found = [one for one in self.kept.values() if one["resourceType"] == type_]
        mine = f"Encounter/{asked.rpartition('/')[2]}" if type_ == "Observation" else ""
        return [[one for one in found if not mine or one["encounter"]["reference"] == mine]]


class Played:
    """One stay: a hospital charts, the case is looked at, people decide; as the dispatcher and the workflow do it."""

    def __init__(self, folder: Path) -> None:
        db = Database(f"sqlite:///{folder}/ledger.db")
        db.create()
        self.chart, live = Chart(), cast(Any, NobodyListens())
        self.pathway: Pathway = pathway_named("result_followup", {})
        records = Records(db, BlobStore.at(f"{folder}/blobs", KEYRING), Auditor("dispatcher", b"a" * 32))
        self.world = World(records, cast(Any, self.chart), live, {"result_followup": self.pathway}, {}, "0.1.0")
        for one in (STAY, PATIENT):
            self.chart.put(one)
        self.case: cases.CaseRow | None = None

    def play(self, step: tuple[str, Any]) -> None:
        kind, told = step
        if kind == "chart":
            self.chart.put(observed(**told))
        elif kind == "delete":
            self.chart.kept.pop(told, None)
        elif kind == "born":
            self.chart.put(PATIENT | {"birthDate": told})
        elif kind == "look":
            self.look()
        else:
            self.decide(told)

    def look(self) -> None:
        """Do what events of the stay lead to: a first case, a new version, or the next generation."""
        if self.case is None:
            facts = self.pathway.read_chart(self.resources(), "enc", clock.now())
            if self.pathway.attention(self.resources(), facts):
                self.open(1)
        elif self.case.state == CaseState.OPEN:
            self.show()
        elif check_chart(self.world, self.case).demanded:
            self.open(self.case.generation + 1)

    def resources(self) -> list[Resource]:
        kept = self.chart.kept
        mine = self.chart.pages("Observation?encounter=Encounter/enc")[0]
        return [kept["enc"], *mine, kept["p"]]

    def open(self, generation: int) -> None:
        ref = CaseRef(case_id=f"c-{generation}", pathway="result_followup", encounter_id="enc", generation=generation)
        with self.world.records.db.write() as tx:
            self.case = cases.open_new(tx, ref, timedelta(minutes=5), NOW)
        self.show()

    def show(self) -> Suggestion:
        assert self.case is not None
        snapshot = freeze(self.world, "result_followup", "enc", self.resources(), clock.now(), self.case.case_id)
        frozen = self.world.records.chart(snapshot.snapshot_blob)
        facts = self.pathway.read_chart(frozen.resources, "enc", frozen.as_of)
        made = asyncio.run(suggest(self.pathway, facts, Ports())).model_copy(update={"earlier": frozen.earlier})
        result = AgentResult(
            suggestion_blob=self.world.records.blobs.put(made.canonical()), suggestion_hash=made.sha256(),
            selected=made.selected, choices=("1", "2", "3"), made_by=made.made_by,
        )  # fmt: skip
        shown = OpenRequest(
            ref=self.case.ref, version=self.case.version + 1, covers_event=0, snapshot=snapshot, result=result
        )
        with self.world.records.db.write() as tx:
            cases.show_version(tx, shown, "1")
            self.case = cases.find(tx, self.case.case_id)
        return made

    def decide(self, how: str) -> None:
        """Decide on what the chart is now: a look at the evidence refuses anything older."""
        if self.case is None or self.case.state != CaseState.OPEN:
            return
        made = self.show()
        revises = made.revises
        kind = {"accept": DecisionKind.CHOOSE, "reject": DecisionKind.KEEP if revises else DecisionKind.REJECT}.get(how)
        kind = kind or (DecisionKind(how) if revises else DecisionKind.CHOOSE)
        taken = decision(
            decision_id=f"d-{self.case.case_id}", case_id=self.case.case_id, kind=kind, reason="seen",
            selected="1" if kind == DecisionKind.CHOOSE else None, shown_hash=made.sha256(), version=self.case.version,
        )  # fmt: skip
        with self.world.records.db.write() as tx:
            assert decisions.decide(tx, taken)
            cases.end(tx, self.case.case_id, cases.outcome_state(kind))
            self.case = cases.find(tx, self.case.case_id)


def observed(id: str, code: str, value: float | str | None, flag: str, status: str, stay: str, minute: int) -> Resource:
    value_of = {"valueQuantity": {"value": value, "unit": TESTS[code]}} if isinstance(value, float) else {}
    words = {"valueString": value} if isinstance(value, str) else {}
    return {
        "resourceType": "Observation",
        "id": id,
        "status": status,
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p" if stay == "enc" else "Patient/q"},
        "encounter": {"reference": f"Encounter/{stay}"},
        "effectiveDateTime": f"2026-01-05T08:{minute:02}:00Z",
        **value_of,
        **words,
        **({"interpretation": [{"coding": [{"code": flag}]}]} if flag else {}),
    }


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_nothing_is_unaccounted_and_nothing_asks_for_ever(
    steps: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    played = Played(tmp_path_factory.mktemp("stay"))
    for step in steps:
        played.play(step)
    played.look()
    if played.case is not None:
        told = attention.account(played.world)
        assert told.findings == () and told.items["unaccounted"] == 0
        assert told.items["items"] == sum(told.items[fate] for fate in attention.FATES)
        stay = earlier.of_stay(played.world, "result_followup", "enc")
        facts = played.pathway.read_chart(played.resources(), "enc", clock.now())
        open_ = played.case.state == CaseState.OPEN
        changed = earlier.changes(played.world, played.pathway, stay, played.resources(), facts, frozen=True)
        assert open_ or not changed, "what was decided on and is not so any more is asked about"
        played.decide("accept")
        assert not check_chart(played.world, played.case).demanded, "a chart that stays as it is asks nobody again"
    played.world.records.db.close()


@given(
    charted=st.lists(RESULTS, min_size=1, max_size=5, unique_by=(lambda told: told["id"], lambda told: told["minute"])),
    data=st.data(),
)
@settings(max_examples=30, deadline=None)
def test_the_order_and_the_windows_in_which_results_come_change_nothing_of_what_is_shown_last(
    charted: list[dict[str, Any]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ends: list[set[str]] = []
    for order in (charted, data.draw(st.permutations(charted))):
        played = Played(tmp_path_factory.mktemp("stay"))
        for told in order:
            played.play(("chart", told))
            if data.draw(st.booleans()):
                played.look()
        played.look()
        blob = played.case.suggestion_blob if played.case else None
        shown = played.world.records.suggestion(blob) if blob else None
        ends.append({fact.resource.split("/")[1] + fact.value for fact in shown.facts.facts} if shown else set())
        if shown:
            assert attention.account(played.world).items["unaccounted"] == 0
        played.world.records.db.close()
    if all(ends):  # what was in order again before anybody looked opened no case
        assert ends[0] == ends[1]
