"""A new pathway is contracts/, agents/ and one block of configuration; no other file of Wardflow is touched."""

from pathlib import Path

import pytest

import agents
import contracts
from integrations.fhir import proposals
from integrations.ledger import cases
from tests.ward import Ward, checkout

pytestmark = pytest.mark.integration
CONTRACT = '''
"""Fall watch, a toy."""

from contracts.frozen import Frozen


class FallWatchOptions(Frozen):
    words: tuple[str, ...] = ("fall",)
'''
PATHWAY = '''
"""A toy pathway: somebody fell, shall a watch be kept?"""

from fhir.resources.R4B.flag import Flag
from langgraph.graph import END, START, StateGraph
from typing import TypedDict

from contracts.charts import ChartFacts, Fact, FactKind
from contracts.fall_watch import FallWatchOptions
from contracts.suggestions import Choice, Finding, MadeBy, Suggestion, Support
from contracts.views import View


class State(TypedDict, total=False):
    facts: ChartFacts
    suggestion: Suggestion


class FallWatch:
    name = "fall_watch"

    def __init__(self, options):
        self.options = options

    def chart_queries(self, encounter_id):
        return (f"Condition?encounter=Encounter/{encounter_id}",)

    def read_chart(self, chart, encounter_id, as_of):
        found = [r for r in chart if r["resourceType"] == "Condition"]
        facts = tuple(
            Fact(key=f"condition_{n}", kind=FactKind.PRESENTATION, label="Condition", value=r["code"]["text"],
                 resource=f"Condition/{r['id']}/_history/{r['meta']['versionId']}")
            for n, r in enumerate(found)
        )
        patient = next(r for r in chart if r["resourceType"] == "Encounter")["subject"]["reference"]
        return ChartFacts(encounter_id=encounter_id, patient=patient, as_of=as_of, facts=facts)

    def build(self, ports):
        async def propose(state):
            watch = any(word in f.value for f in state["facts"].facts for word in self.options.words)
            return {"suggestion": Suggestion(
                pathway=self.name, system="urn:toy:watch", made_by=MadeBy.RULES, support=Support.RULES_ONLY,
                choices=(Choice(code="watch", display="Keep a watch"), Choice(code="none", display="No watch")),
                selected="watch" if watch else "none", facts=state["facts"],
                findings=(Finding(rule="word", text="a fall is charted", source="toy"),),
            )}

        graph = StateGraph(State)
        graph.add_node("propose", propose)
        graph.add_edge(START, "propose")
        graph.add_edge("propose", END)
        return graph.compile()

    def attention(self, chart, facts):
        return ()

    def results(self, suggestion, decision, result_id, meta):
        body = {"resourceType": "Flag", "id": result_id, "meta": meta, "status": "active",
                "identifier": [{"system": meta["tag"][0]["system"], "value": decision.case_id}],
                "code": {"text": decision.selected}, "subject": {"reference": suggestion.facts.patient}}
        Flag.model_validate(body)
        return [body]

    def view(self, suggestion):
        return View(noun="answer", reasons=("asked already",))

    def headline(self, facts):
        return ", ".join(f.value for f in facts.facts)

    def colour(self, code):
        return "#f08000"


def configure(options):
    return FallWatch(FallWatchOptions.model_validate(options))
'''
BLOCK = """
[pathways.fall_watch]
feed = "ehr"
roles = ["triage_nurse"]
deadline_s = 300
ladder_s = [600]
[[pathways.fall_watch.triggers]]
resource = "Condition"
where = "Condition.code.text.contains('fall')"
opens = true
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ward:
    root = checkout(tmp_path / "checkout")
    (root / "contracts" / "fall_watch.py").write_text(CONTRACT)
    (root / "agents" / "fall_watch").mkdir()
    (root / "agents" / "fall_watch" / "__init__.py").write_text('"""Toy."""\n')
    (root / "agents" / "fall_watch" / "pathway.py").write_text(PATHWAY)
    # this process looks at the ledger too, with the checkout's own two packages
    monkeypatch.setattr(agents, "__path__", [*agents.__path__, str(root / "agents")])
    monkeypatch.setattr(contracts, "__path__", [*contracts.__path__, str(root / "contracts")])
    return Ward(tmp_path / "state", extra=BLOCK, root=root)


def test_a_toy_pathway_runs_beside_triage_without_touching_another_file(toy: Ward) -> None:
    toy.start()
    try:
        toy.admit("toy-1", "fall from a chair", hr=80)
        fell = {
            "resourceType": "Condition",
            "id": "toy-1-c",
            "code": {"text": "fall at home"},
            "subject": {"reference": "Patient/toy-1"},
            "encounter": {"reference": "Encounter/toy-1"},
        }
        toy.send(fell)
        rows = toy.until(
            lambda: (
                (found := [r for r in toy.page().get("/api/cases").json() if r["decidable"]])
                and len(found) == 2
                and found
            )
        )
        for row in rows:
            assert toy.decide(row).status_code == 200
        assert {row["pathway"]: row["selected"] for row in rows} == {"ed_triage": None, "fall_watch": "watch"}

        def both_ended() -> bool:
            with toy.world.records.db.read() as tx:
                return all(c.ended_at and toy.trajectory_blob(c.case_id) for c in cases.listed(tx))

        toy.until(both_ended)
        (fall,) = [row for row in rows if row["pathway"] == "fall_watch"]
        with toy.world.records.db.read() as tx:
            case = cases.find(tx, fall["case_id"])
        assert case
        assert toy.world.fhir.read("Flag", proposals.resource_id(case.ref, "result"))["code"]["text"] == "watch"
        toy.settled()
        assert toy.audit().findings == ()
    finally:
        toy.stop()
