"""Asks the classical estimator, which runs in the model environment."""

from collections.abc import Callable
from pathlib import Path

from contracts.classical import CrossFitJob, EstimateJob, Told
from tuning import jobs

MODULE = "tuning.classical"
Progress = Callable[[str], None]


async def score(python: Path, job: EstimateJob, told: Progress) -> Told:
    """Ask a fitted estimator. Raises TuningError."""
    return await jobs.run(python, MODULE, "score", job, Told, _folds(told))


async def cross_fit(python: Path, job: CrossFitJob, told: Progress) -> Told:
    """Ask about each row an estimator that did not learn from it. Raises TuningError."""
    return await jobs.run(python, MODULE, "cross_fit", job, Told, _folds(told))


def _folds(told: Progress) -> jobs.Tell:
    return lambda progress: told(f"fold {progress['step']} of {progress['of']}")
