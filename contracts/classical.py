"""What the process of the classical estimator is asked beside fitting, and what it answers."""

from contracts.frozen import Frozen
from contracts.tuning import Features, TrainingRow

Probabilities = tuple[tuple[float, ...], ...]
"""A row for each case, a column for each level; each row sums to 1."""
LEAST_ROWS = 40
"""Fewer decisions say nothing about five levels."""


class EstimateJob(Frozen):
    """Ask a fitted estimator about charts."""

    artefact: str
    """Folder, as in the report of its fit."""
    file_sha256: dict[str, str]
    """As in that report: another file is refused before it is opened."""
    rows: tuple[Features, ...]


class CrossFitJob(Frozen):
    """Ask about each row an estimator that did not learn from it."""

    rows: tuple[TrainingRow, ...]
    folds: int
    inner_folds: int = 0
    """Also cross-fit the rows that each fold learns from, so that what follows can be fixed without its own rows."""
    apart_by: str = ""
    """Name of a yes/no number: instead of folds, those with yes are asked of those with no, and the other way."""
    settings: dict[str, float | int | str] = {}


class Told(Frozen):
    """The last line that the process prints after `score` and `cross_fit`."""

    probabilities: Probabilities
    fold: tuple[int, ...] = ()
    """Of each row: which estimator it was asked of."""
    inner: tuple[Probabilities, ...] = ()
    """For each fold, the rows that it learned from, in their order."""
