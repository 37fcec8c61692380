"""The steps of a triage as plain activities: the same requests to chart and model, one SQLite row, nothing else.

No inbox, audit, blobs, recorded calls, notes of own writes, trajectory or signature; what the chart says travels in
history.
"""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from temporalio import activity

from agents.pathway import Pathway, Ports
from contracts.cases import CaseRef
from contracts.charts import ChartFacts
from contracts.decisions import Decision
from contracts.frozen import Frozen
from contracts.suggestions import Suggestion
from integrations import clock
from integrations.fhir import proposals
from integrations.fhir.client import FhirClient, Resource
from integrations.inference.chat import ChatClient

TASK_QUEUE = "bare"


class Proposed(Frozen):
    encounter_id: str
    suggestion: Suggestion


class Decided(Frozen):
    encounter_id: str
    suggestion: Suggestion
    decision: Decision


def ref(encounter_id: str) -> CaseRef:
    return CaseRef(case_id=f"bare-{encounter_id}", pathway="ed_triage", encounter_id=encounter_id, generation=1)


@dataclass(frozen=True)
class Steps:
    fhir: FhirClient
    chat: ChatClient
    pathway: Pathway
    database: Path

    def rows(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.database, isolation_level=None, timeout=5)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE IF NOT EXISTS rows (encounter PRIMARY KEY, suggestion, decision)")
        return db

    @activity.defn
    def read_chart(self, encounter_id: str) -> ChartFacts:
        found = [self.fhir.read("Encounter", encounter_id)]
        for query in self.pathway.chart_queries(encounter_id):
            found += self.fhir.search(query.format(patient=encounter_id))
        return self.pathway.read_chart(found, encounter_id, clock.now())

    @activity.defn
    async def ask(self, facts: ChartFacts) -> Suggestion:
        return (await self.pathway.build(Ports({"reasoning": self.chat})).ainvoke({"facts": facts}))["suggestion"]

    @activity.defn
    def propose(self, what: Proposed) -> None:
        task = proposals.proposal(ref(what.encounter_id), what.suggestion, what.suggestion.sha256())
        self.fhir.search(f"Task?_id={task['id']}")
        self._write([{"resource": task, "request": {"method": "PUT", "url": f"Task/{task['id']}"}}])
        self._keep("INSERT OR REPLACE INTO rows VALUES (?, ?, NULL)", what.encounter_id, what.suggestion.selected)

    @activity.defn
    def record(self, what: Decided) -> str:
        document = what.decision.model_dump_json()
        self._keep("UPDATE rows SET decision = ? WHERE encounter = ?", document, what.encounter_id)
        return what.decision.decision_id

    @activity.defn
    def write_back(self, what: Decided) -> None:
        case = ref(what.encounter_id)
        task = self.fhir.read("Task", proposals.resource_id(case, "task"))
        id_, meta = proposals.resource_id(case, "result"), proposals.own_meta(ai=False)
        results = self.pathway.results(what.suggestion, what.decision, id_, meta)
        self._write(proposals.decision_entries(case, what.suggestion, what.decision, task, results))

    def _write(self, entries: list[Resource]) -> None:
        self.fhir.bundle(entries)
        for entry in entries:
            self.fhir.read(entry["resource"]["resourceType"], entry["resource"]["id"])

    def _keep(self, statement: str, *values: str) -> None:
        db = self.rows()
        db.execute(statement, values)
        db.close()

    def all(self) -> list[object]:
        return [self.read_chart, self.ask, self.propose, self.record, self.write_back]


def parsed(raw: bytes) -> str:
    """Return the encounter that a notification names."""
    body = json.loads(raw)
    return body["id"] if body["resourceType"] == "Encounter" else body["encounter"]["reference"].partition("/")[2]
