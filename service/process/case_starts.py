"""The one way in which a case is started in Temporal, or told news there."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.world import World
from contracts.cases import CaseInput, CaseSignal, CaseState
from contracts.queues import TaskQueue
from integrations.ledger import cases, decisions, deliveries
from service.process.settings import Settings
from workflows import policies
from workflows.case import Case


@dataclass(frozen=True)
class CaseStarts:
    world: World
    client: Client
    settings: Settings
    verify_key: str

    async def tell(
        self, case_id: str, events: list[int], *, again: bool = False, instead: bool = False, completed: bool = False
    ) -> bool:
        """Signal the case, starting it as the ledger has it if it is not there; False if its workflow has ended.

        With `again`, one that failed or was terminated is started anew, with `completed` also one that completed; with
        `instead`, one that runs is ended for it.
        """
        reuse, conflict = WorkflowIDReusePolicy, WorkflowIDConflictPolicy
        unless = reuse.ALLOW_DUPLICATE_FAILED_ONLY if again else reuse.REJECT_DUPLICATE
        if completed:
            unless = reuse.ALLOW_DUPLICATE
        try:
            await self.client.start_workflow(
                Case.run,
                self.input(case_id),
                id=case_id,
                task_queue=TaskQueue.CASES,
                id_reuse_policy=unless,
                id_conflict_policy=conflict.TERMINATE_EXISTING if instead else conflict.USE_EXISTING,
                start_signal="chart_changed",
                start_signal_args=[CaseSignal(event_ids=tuple(events))],
                task_timeout=policies.WORKFLOW_TASK,
                rpc_timeout=timedelta(seconds=5),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def again(self, case_id: str, *, instead: bool = False, completed: bool = False) -> bool:
        """Start a case anew that Temporal has lost or ended, or instead of the one that runs; False if it is over."""
        with self.world.records.db.read() as tx:
            events = deliveries.of_case(tx, case_id)
        return await self.tell(case_id, events, again=True, instead=instead, completed=completed)

    def input(self, case_id: str) -> CaseInput:
        """Return what the workflow of this case starts from, now or when Temporal has lost it."""
        with self.world.records.db.read() as tx:
            case, version = cases.find(tx, case_id), cases.newest_version(tx, case_id)
            begun, receipt = decisions.write_begun(tx, case_id), decisions.receipt_of(tx, case_id)
        assert case is not None
        pathway = self.settings.pathways[case.pathway]
        return CaseInput(
            ref=case.ref, due_at=case.due_at, ladder=pathway.ladder, roles=pathway.roles, verify_key=self.verify_key,
            model_limit=pathway.model_limit, version=version, decided=case.state != CaseState.OPEN,
            undo=timedelta(seconds=self.settings.timing.undo_s),
            receipt=receipt if case.state == CaseState.DECIDED and begun is None else None,
        )  # fmt: skip
