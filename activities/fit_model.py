"""Train a candidate, in a process of the model environment."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from temporalio import activity

from activities.workbench import FOLDER, Workbench, code_sha256, combined
from activities.world import boundary
from contracts.errors import TuningError
from contracts.rounds import FitRequest, Fitted
from contracts.tuning import FitJob, FitReport, TrainingRow
from integrations.ledger.registry import UNTUNED
from tuning import trainer


@activity.defn(name="fit_model")
@dataclass(frozen=True)
class FitModel:
    """Idempotent by the job's hash: a finished job's report is read back, a broken one goes on from its checkpoint."""

    bench: Workbench

    async def __call__(self, request: FitRequest) -> Fitted:
        """Return the candidate; the trainer's progress is this activity's heartbeat."""
        with boundary():
            job = self._job(request)
            done = Path(job.out) / "report.json"
            if done.exists():
                report = FitReport.model_validate_json(done.read_bytes())
            else:
                report = await trainer.fit(self.bench.python, job, activity.heartbeat)
                partial = done.with_suffix(".partial")
                partial.write_text(report.model_dump_json())
                partial.replace(done)
            plan = request.round.plan
            return Fitted(
                name=f"{plan.pathway}-{plan.kind}-{combined(report.file_sha256)[:12]}",
                folder=str(Path(report.artefact).relative_to(self.bench.state)),
                report=report,
            )

    def _job(self, request: FitRequest) -> FitJob:
        plan, champion = request.round.plan, self.bench.model(request.round.champion)
        base = self.bench.model(plan.base)
        if champion.base_sha256 != base.base_sha256:
            raise TuningError("other_base", f"{champion.name} is not of the base {base.name}")
        start = "" if champion.verdict == UNTUNED else str(self.bench.artefact(champion) / "adapter")
        told = [plan.kind, champion.base_sha256, champion.adapter_sha256, request.curated.data_sha256]
        named = json.dumps([*told, plan.settings, code_sha256(plan.pathway)], sort_keys=True)
        return FitJob(
            kind=plan.kind,
            base=str(self.bench.artefact(base)),
            start=start,
            out=str(self.bench.state / FOLDER / "jobs" / hashlib.sha256(named.encode()).hexdigest()[:16]),
            rows=tuple(self.bench.get(TrainingRow, request.curated.rows_blob)),
            settings=plan.settings,
        )
