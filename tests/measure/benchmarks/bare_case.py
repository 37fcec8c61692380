"""A triage on bare Temporal: five plain activities, and an Update without a validator."""

from temporalio import workflow

from contracts.decisions import Decision
from tests.measure.benchmarks.bare_steps import Decided, Proposed, Steps
from workflows import policies


@workflow.defn(name="bare_case")
class BareCase:
    def __init__(self) -> None:
        self.suggestion = None
        self.recorded = False
        self.decision: Decision | None = None

    @workflow.run
    async def run(self, encounter_id: str) -> None:
        self.encounter_id = encounter_id
        facts = await workflow.execute_activity_method(Steps.read_chart, encounter_id, **policies.RECORD)
        self.suggestion = await workflow.execute_activity_method(Steps.ask, facts, **policies.RECORD)
        proposed = Proposed(encounter_id=encounter_id, suggestion=self.suggestion)
        await workflow.execute_activity_method(Steps.propose, proposed, **policies.RECORD)
        await workflow.wait_condition(lambda: self.recorded)
        await workflow.wait_condition(workflow.all_handlers_finished)
        await workflow.execute_activity_method(Steps.write_back, self._decided(), **policies.RECORD)

    @workflow.update
    async def decide(self, decision: Decision) -> str:
        self.decision = decision
        told = await workflow.execute_activity_method(Steps.record, self._decided(), **policies.RECORD)
        self.recorded = True
        return told

    def _decided(self) -> Decided:
        assert self.suggestion and self.decision
        return Decided(encounter_id=self.encounter_id, suggestion=self.suggestion, decision=self.decision)
