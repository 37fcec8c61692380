"""Which modules the workflow sandbox passes through, for worker and replayer alike."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = (
    "contracts",  # else a result's class differs from the one that the workflow compares it with
    "activities",  # referenced by type only
    "agents",
    "integrations",
    "tuning",
    "pydantic",  # its compiled core can't be loaded twice
    "pydantic_core",
    "cryptography",  # compiled; verifies signatures, which is deterministic
)


def runner() -> SandboxedWorkflowRunner:
    """Return the runner."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))
