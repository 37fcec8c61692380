"""The process of the classical estimator: `python -m tuning.classical fit|score|cross_fit` in the model environment.

`tuning.jobs` says how it is asked and answers.
"""

import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold  # pyright: ignore[reportMissingImports]

from contracts.classical import LEAST_ROWS, CrossFitJob, EstimateJob, Probabilities, Told
from contracts.errors import TuningError, TuningFault
from contracts.tuning import FitJob, FitKind, FitReport, TrainingRow
from tuning import decoding, estimator, folders, jobs
from tuning.estimator import Array, Settings
from tuning.jobs import Tell

STATE, DECODING, REPORT = "estimator.npz", "decoding.json", "report.json"
INNER_FOLDS = 5
KIB = 1024.0
Folds = NDArray[np.int64]


def fit(job: FitJob, tell: Tell) -> FitReport:
    """Fit on all rows; how its probabilities become a level is fixed on cross-fitted ones of the same rows."""
    start, settings = time.monotonic(), _settings(job.settings)
    targets, weights = _lessons(job.rows)
    told, _ = _cross_fitted(job.rows, _folds(targets, INNER_FOLDS, settings), settings, tell=tell)
    decided = targets.argmax(axis=1)
    fixed = decoding.fit(told, decided, weights)
    state = estimator.fit([row.features for row in job.rows], targets, weights, settings)
    folder = Path(job.out)
    folder.mkdir(parents=True, exist_ok=True)
    estimator.save(state, folder / STATE)
    (folder / DECODING).write_text(fixed.model_dump_json())
    likely = fixed.calibrated(told)[np.arange(len(decided)), decided]
    used = resource.getrusage(resource.RUSAGE_SELF)
    report = FitReport(
        kind=FitKind.CLASSICAL,
        rows=len(job.rows),
        steps=1,
        resumed_from=0,
        seconds=time.monotonic() - start,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_memory_mb=used.ru_maxrss / KIB,
        settings=settings,
        losses=(float(-(weights * np.log(likely)).sum() / weights.sum()),),
        artefact=str(folder),
        file_sha256={name: folders.sha256(folder / name) for name in (STATE, DECODING)},
    )
    (folder / REPORT).write_text(report.model_dump_json())
    return report


def score(job: EstimateJob, _tell: Tell) -> Told:
    """Return the estimator's probabilities. Raises TuningError where its files are not those of the report."""
    folder = Path(job.artefact)
    for name in (STATE, DECODING):
        if not (folder / name).is_file() or folders.sha256(folder / name) != job.file_sha256.get(name):
            raise TuningError(TuningFault.CHANGED_ON_DISK, f"{name} is not the file that was fitted")
    return Told(probabilities=_listed(estimator.probabilities(estimator.load(folder / STATE), job.rows)))


def cross_fit(job: CrossFitJob, tell: Tell) -> Told:
    """Return for each row what an estimator says that did not learn from it."""
    settings = _settings(job.settings)
    targets, _ = _lessons(job.rows)
    if job.apart_by:
        fold = np.array([int(row.features.numbers[job.apart_by] or 0) for row in job.rows])
    else:
        fold = _folds(targets, job.folds, settings)
    told, inner = _cross_fitted(job.rows, fold, settings, job.inner_folds, tell)
    return Told(probabilities=_listed(told), fold=tuple(fold.tolist()), inner=tuple(map(_listed, inner)))


def _cross_fitted(
    rows: Sequence[TrainingRow], fold: Folds, settings: Settings, inner_folds: int = 0, tell: Tell = lambda _: None
) -> tuple[Array, list[Array]]:
    targets, weights = _lessons(rows)
    told, inner = np.empty_like(targets), []
    for number in range(int(fold.max()) + 1):
        learned, asked = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if not len(learned) or not len(asked):
            raise TuningError(TuningFault.ONE_SIDED, "all rows are on one side, so that none can be asked of the other")
        taught = [rows[int(at)] for at in learned]
        state = estimator.fit([row.features for row in taught], targets[learned], weights[learned], settings)
        told[asked] = estimator.probabilities(state, [rows[int(at)].features for at in asked])
        if inner_folds:
            within = _folds(targets[learned], inner_folds, settings)
            inner.append(_cross_fitted(taught, within, settings)[0])
        tell({"step": number + 1, "of": int(fold.max()) + 1})
    return told, inner


def _lessons(rows: Sequence[TrainingRow]) -> tuple[Array, Array]:
    if len(rows) < LEAST_ROWS:
        raise TuningError(TuningFault.TOO_FEW, f"{len(rows)} decisions; the estimator needs {LEAST_ROWS}")
    return np.array([row.target for row in rows]), np.array([row.weight for row in rows])


def _folds(targets: Array, count: int, settings: Settings) -> Folds:
    fold = np.empty(len(targets), int)
    shuffled = StratifiedKFold(count, shuffle=True, random_state=int(settings["seed"]))
    for number, (_, asked) in enumerate(shuffled.split(targets, targets.argmax(axis=1))):
        fold[asked] = number
    return fold


def _settings(given: Settings) -> Settings:
    unknown = sorted(set(given) - set(estimator.DEFAULTS))
    if unknown:
        raise TuningError(TuningFault.SETTINGS, f"unknown: {', '.join(unknown)}")
    return estimator.DEFAULTS | given


def _listed(told: Array) -> Probabilities:
    return tuple(tuple(map(float, row)) for row in told)


MODES: jobs.Modes = {"fit": (FitJob, fit), "score": (EstimateJob, score), "cross_fit": (CrossFitJob, cross_fit)}

if __name__ == "__main__":
    sys.exit(jobs.serve(MODES))
