"""Make lessons of the decisions of a round."""

from dataclasses import dataclass

from temporalio import activity

from activities.boundary import boundary
from activities.workbench import Workbench, reporting
from agents.pathway import TeachingPathway
from contracts.classical import LEAST_ROWS
from contracts.errors import TuningError, TuningFault
from contracts.rounds import Curated, MeasuredCase, RoundRequest
from contracts.tuning import DecidedCase
from tuning import curate


@activity.defn(name="curate_decisions")
@dataclass(frozen=True)
class CurateDecisions:
    """Idempotent: a blob is named by its content."""

    bench: Workbench

    async def __call__(self, request: RoundRequest) -> Curated:
        """Return the rows by reference; what measures never trains (I13). Raises TuningError for a biased set."""
        plan = request.plan
        with boundary():
            async with reporting(request):
                decided = self.bench.get(DecidedCase, plan.decided_blob)[: plan.parts[request.number - 1]]
                measured = [case.facts for case in self.bench.get(MeasuredCase, plan.measured_blob)]
                pathway = self.bench.pathway(plan.pathway, dict(plan.options))
                if not isinstance(pathway, TeachingPathway):
                    raise TuningError(TuningFault.NO_LESSONS, f"{plan.pathway} makes no lessons of decisions")
                made = curate.curate(decided, pathway, measured)
                if len(made.rows) >= LEAST_ROWS:  # else no estimator can judge the people who decided
                    beliefs = await curate.believe(self.bench.python, made.rows, pathway.subgroups, lambda _: None)
                    made = curate.curate(decided, pathway, measured, beliefs)
                return Curated(
                    rows_blob=self.bench.put(made.rows),
                    data_sha256=made.manifest_sha256,
                    rows=len(made.rows),
                    refused=made.refused,
                )
