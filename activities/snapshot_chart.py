"""Freeze the chart of an encounter."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities import earlier, recordings
from activities.boundary import boundary
from activities.chart_reads import read_resources
from activities.world import World
from agents.pathway import EndingPathway, Pathway
from contracts.cases import ChartSnapshot, SnapshotRequest
from contracts.charts import ChartFacts
from integrations import clock, traces
from integrations.fhir.client import Resource
from integrations.ledger import readings
from integrations.ledger.audit import Action


@activity.defn(name="snapshot_chart")
@dataclass(frozen=True)
class SnapshotChart:
    """Idempotent: reads only; a second try freezes the chart as it is then."""

    world: World

    def __call__(self, request: SnapshotRequest) -> ChartSnapshot:
        """Read with our own credentials, whatever the notification said; audited before anybody uses it."""
        ref = request.ref
        with boundary():
            as_of = clock.now()
            with traces.span("chart_read"):
                resources = read_resources(self.world, ref.pathway, ref.encounter_id)
                frozen = freeze(self.world, ref.pathway, ref.encounter_id, resources, as_of, ref.case_id)
            with self.world.records.db.write() as tx:
                readings.note_snapshot(tx, ref.case_id, resources)
                what, detail = f"Encounter/{ref.encounter_id}", f"snapshot {frozen.snapshot_blob[:16]}"
                self.world.records.auditor.append(tx, Action.READ, what, case_id=ref.case_id, detail=detail)
            return frozen


def freeze(
    world: World, pathway: str, encounter_id: str, resources: list[Resource], as_of: datetime, case_id: str = ""
) -> ChartSnapshot:
    """Keep a chart that was read at that moment as a blob, with its recordings; for a case also how it stands to what
    was decided before in the stay. Raises FhirError, LedgerError."""
    if case_id:
        resources = earlier.undealt(world, pathway, encounter_id, resources, case_id)
    recordings.freeze(world, resources)
    facts = world.pathways[pathway].read_chart(resources, encounter_id, as_of)
    before = earlier.compare(world, pathway, resources, facts, case_id) if case_id else None
    told = {"earlier": before.model_dump(mode="json")} if before else {}
    chart = json.dumps({"as_of": as_of.isoformat(), "resources": resources, **told}, sort_keys=True)
    shown = facts_hash(facts)
    return ChartSnapshot(
        snapshot_blob=world.records.blobs.put(chart.encode()),
        facts_hash=hashlib.sha256(f"{shown} {before.sha256()}".encode()).hexdigest() if before else shown,
        over=_over(world.pathways[pathway], resources, encounter_id) and not (before and before.asks),
    )


def _over(pathway: Pathway, resources: list[Resource], encounter_id: str) -> bool:
    return isinstance(pathway, EndingPathway) and pathway.over(resources, encounter_id)


def facts_hash(facts: ChartFacts) -> str:
    """Return a hash that is equal when nothing changed of what a person is shown.

    Whose chart it is and what was left out count too: a person is shown both, and the result names the patient.
    """
    values = [[fact.key, fact.value, fact.unit] for fact in facts.facts]
    heard = [[r.resource.partition("/_history/")[0], r.blob, r.told] for r in facts.recordings]
    coded = json.dumps([values, facts.patient, sorted(facts.left_out), *([heard] if heard else [])])
    return hashlib.sha256(coded.encode()).hexdigest()
