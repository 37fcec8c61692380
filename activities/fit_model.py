"""Train a candidate, in a process of the model environment."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from temporalio import activity

from activities.boundary import boundary
from activities.workbench import FOLDER, Workbench, code_sha256, reporting
from contracts.errors import TuningError, TuningFault
from contracts.rounds import FitRequest, Fitted
from contracts.tuning import FitJob, TrainingRow, VerdictOutcome
from tuning import folders, trainer


@activity.defn(name="fit_model")
@dataclass(frozen=True)
class FitModel:
    """Idempotent by the job's hash, which names its folder: a finished job's report is read back from there, a broken
    one goes on from its checkpoint, and of two trainers one waits."""

    bench: Workbench

    async def __call__(self, request: FitRequest) -> Fitted:
        """Return the candidate."""
        with boundary():
            async with reporting(request.round) as tell:
                report = await trainer.fit(self.bench.python, self._job(request), tell)
            plan = request.round.plan
            return Fitted(
                name=f"{plan.pathway}-{plan.kind}-{folders.combined(report.file_sha256)[:12]}",
                folder=str(Path(report.artefact).relative_to(self.bench.state)),
                report=report,
            )

    def _job(self, request: FitRequest) -> FitJob:
        plan, champion = request.round.plan, self.bench.model(request.round.champion)
        base = self.bench.model(plan.base)
        if champion.base_sha256 != base.base_sha256:
            raise TuningError(TuningFault.OTHER_BASE, f"{champion.name} is not of the base {base.name}")
        start = "" if champion.outcome == VerdictOutcome.UNTUNED else str(self.bench.artefact(champion) / "adapter")
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
