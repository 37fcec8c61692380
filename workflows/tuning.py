"""Rounds of tuning: each learns from more decisions, and its model is kept as the best, or refused and shown."""

from temporalio import workflow

from activities.curate_decisions import CurateDecisions
from activities.fit_model import FitModel
from activities.judge_model import JudgeModel
from activities.register_model import RegisterModel
from contracts.rounds import (
    FitRequest,
    JudgeRequest,
    RegisterRequest,
    RoundRequest,
    RoundResult,
    RoundsPlan,
    RoundsReport,
)
from contracts.tuning import VerdictOutcome
from workflows import policies


@workflow.defn(name="tuning")
class Tuning:
    """No model that it makes serves anyone: a person promotes one."""

    def __init__(self) -> None:
        self.done: list[RoundResult] = []

    @workflow.run
    async def run(self, plan: RoundsPlan) -> RoundsReport:
        champion = plan.champion
        for number in range(1, len(plan.parts) + 1):
            result = await self._round(RoundRequest(plan=plan, number=number, champion=champion))
            self.done.append(result)
            if result.judged.outcome == VerdictOutcome.BETTER:
                champion = result.name
        return RoundsReport(rounds=tuple(self.done), champion=champion)

    @workflow.query
    def rounds(self) -> list[RoundResult]:
        """Return the rounds that are over."""
        return self.done

    async def _round(self, asked: RoundRequest) -> RoundResult:
        curated = await workflow.execute_activity_class(CurateDecisions, asked, **policies.CURATE)
        fit = FitRequest(round=asked, curated=curated)
        fitted = await workflow.execute_activity_class(FitModel, fit, **policies.FIT)
        judged = await workflow.execute_activity_class(
            JudgeModel, JudgeRequest(round=asked, fitted=fitted), **policies.JUDGE
        )
        made = RegisterRequest(round=asked, curated=curated, fitted=fitted, judged=judged)
        return await workflow.execute_activity_class(RegisterModel, made, **policies.REGISTER)
