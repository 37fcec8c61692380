"""Freeze the chart of an encounter."""

import hashlib
import json
from dataclasses import dataclass

from temporalio import activity

from activities import recordings
from activities.world import World, boundary, read_resources
from contracts.cases import ChartSnapshot, SnapshotRequest
from integrations import traces
from integrations.ledger.audit import Action
from integrations.ledger.tables import now


@activity.defn(name="snapshot_chart")
@dataclass(frozen=True)
class SnapshotChart:
    """Idempotent: reads only; a second try freezes the chart as it is then."""

    world: World

    def __call__(self, request: SnapshotRequest) -> ChartSnapshot:
        """Read with our own credentials, whatever the notification said; audit, then keep the blob."""
        ref = request.ref
        with boundary():
            as_of = now()
            with traces.span("chart_read"):
                resources = read_resources(self.world, ref.pathway, ref.encounter_id)
                recordings.freeze(self.world, resources)
            with self.world.db.write() as tx:
                what, detail = f"Encounter/{ref.encounter_id}", f"{len(resources)} resources"
                self.world.auditor.append(tx, Action.READ, what, case_id=ref.case_id, detail=detail)
            chart = json.dumps({"as_of": as_of.isoformat(), "resources": resources}, sort_keys=True)
            blob = self.world.blobs.put(chart.encode())
            facts = self.world.facts(ref.pathway, ref.encounter_id, blob)
            # Whose it is and what was left out count too: a person is shown both, and the result names the patient.
            values = [[fact.key, fact.value, fact.unit] for fact in facts.facts]
            heard = [[r.resource.partition("/_history/")[0], r.blob, r.told] for r in facts.recordings]
            coded = json.dumps([values, facts.patient, sorted(facts.left_out), *([heard] if heard else [])])
            return ChartSnapshot(snapshot_blob=blob, facts_hash=hashlib.sha256(coded.encode()).hexdigest())
