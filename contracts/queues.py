"""Task queues, named after the machine they need."""

from enum import StrEnum


class TaskQueue(StrEnum):
    CASES = "cases"
    """Any machine that reaches the ledger and the FHIR server."""
    LEDGER = "ledger"
    """Any machine that reaches the ledger; apart from `cases`, so that a hanging chart can't hold up a decision."""
    GPU_REASONING = "gpu-reasoning"
    """A machine that reaches the reasoning model; its slots bound how many agents run at once."""
    GPU_TUNING = "gpu-tuning"
    """A machine with the model environment and the weights; one job at a time."""
