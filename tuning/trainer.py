"""Asks the trainer of language models, which runs in the model environment."""

from collections.abc import Sequence
from pathlib import Path

from contracts.model_calls import ChatRequest
from contracts.tuning import FitJob, FitReport, ScoreJob, ScoreReport
from tuning import jobs
from tuning.jobs import Tell

MODULE = "tuning.train"


async def fit(python: Path, job: FitJob, progress: Tell) -> FitReport:
    """Train; a job that was broken off goes on from its checkpoint. Raises TuningError."""
    return await jobs.run(python, MODULE, "fit", job, FitReport, progress)


async def score(python: Path, model: Path, requests: Sequence[ChatRequest], progress: Tell) -> list[list[float]]:
    """Return the model's probability of each choice, request by request, without a server. Raises TuningError."""
    job = ScoreJob(model=str(model), requests=tuple(requests))
    report = await jobs.run(python, MODULE, "score", job, ScoreReport, progress)
    return [list(row) for row in report.probabilities]
