"""Keep what happened in a case, for tuning and for those who ask later."""

from dataclasses import dataclass

from temporalio import activity

from activities.boundary import boundary
from activities.world import World
from contracts.cases import CaseOutcome, CaseRef
from contracts.model_calls import ModelCall
from integrations.ledger import calls, cases, decisions, trajectories
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action
from tuning import trajectory


@activity.defn(name="record_trajectory")
@dataclass(frozen=True)
class RecordTrajectory:
    """Idempotent: one row for a case, and the file is named by its content."""

    world: World

    def __call__(self, ref: CaseRef) -> CaseOutcome:
        """Return how the case ended, once its file is kept."""
        with boundary():
            with self.world.records.db.read() as tx:
                case, decision = cases.find(tx, ref.case_id), decisions.of_case(tx, ref.case_id)
                shown, called = cases.runs_of(tx, ref.case_id), calls.of_case(tx, ref.case_id)
            assert case is not None
            runs = [
                trajectory.Run(
                    version=row.version,
                    snapshot_blob=row.snapshot_blob,
                    suggestion=(suggestion := self.world.records.suggestion(row.suggestion_blob)),
                    suggestion_hash=suggestion.sha256(),
                    shown_at=row.shown_at,
                    calls=tuple(
                        ModelCall.model_validate_json(self.world.records.blobs.get(call.call_blob))
                        for call in called
                        if call.version == row.version
                    ),
                )
                for row in shown
            ]
            kept = trajectory.build(ref, case.state, runs, decision, self.world.version)
            self._keep(ref, self.world.records.blobs.put(kept.canonical()), kept.case.trainable)
            decided = decision.decision_id if decision else None
            return CaseOutcome(case_id=ref.case_id, state=case.state, decision_id=decided)

    def _keep(self, ref: CaseRef, blob: str, trainable: bool) -> None:
        with self.world.records.db.write() as tx:
            trajectories.keep(tx, ref.case_id, blob, trainable=trainable)
            rows = (Row(Kind.TRAJECTORY, (ref.case_id,)),)
            detail = "trainable" if trainable else ""
            self.world.records.auditor.append(
                tx, Action.RECORD, f"trajectory {blob[:16]}", rows, case_id=ref.case_id, detail=detail
            )
