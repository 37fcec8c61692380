"""Cases that wait on the code of yesterday can go on with the code of today, or the change is meant."""

from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from contracts.cases import CaseInput, CaseOutcome
from service.process.temporal import data_converter
from tests.replay.recordings import HISTORIES, KEYRING
from workflows import foreign_messages, sandbox
from workflows.case import Case


def replayer(*workflows: type) -> Replayer:
    return Replayer(
        workflows=workflows, workflow_runner=sandbox.runner(), interceptors=[foreign_messages.Refusing()],
        data_converter=data_converter(KEYRING),
    )  # fmt: skip


def recorded(path: Path) -> WorkflowHistory:
    """Return the history under its case's id, which its values are sealed for."""
    return WorkflowHistory.from_json(KEYRING.name("case", "ed_triage", path.stem, "1"), path.read_text())


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_case_goes_on_with_this_code(path: Path) -> None:
    await replayer(Case).replay_workflow(recorded(path))


def test_every_way_that_a_case_ends_is_recorded() -> None:
    assert {path.stem for path in HISTORIES} == {"approved", "rejected", "superseded", "undone", "undecided"}


@workflow.defn(name="case", sandboxed=False)
class HastyCase(Case):
    """The case with a step put in, as a careless change would."""

    @workflow.init
    def __init__(self, case: CaseInput) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseInput) -> CaseOutcome:
        await workflow.sleep(1)
        return await super().run(case)


async def test_a_step_put_in_is_caught() -> None:
    path = HISTORIES[0]
    with pytest.raises(workflow.NondeterminismError):
        await replayer(HastyCase).replay_workflow(recorded(path))
