"""How well levels agree with a reference on an ordinal scale: each figure, and its interval by resampling cases."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.errors import TuningError, TuningFault
from contracts.frozen import Frozen

RESAMPLES, SEED = 1000, 1
# Percentile interval: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3
COVERED_PERCENT = (2.5, 97.5)
BINS = 10  # of calibration, equally wide
URGENT = 2  # how many levels `sensitivity_level_1_2` counts as urgent
DECLINED = -1  # in arrays of given levels
COLLAPSED = 0.9  # share of cases at one level
# The most over-triage that trauma systems accept to miss few (25 to 35 %): American College of Surgeons, Resources for
# Optimal Care of the Injured Patient, 6th edition, 2014, chapter 3
OVER_TRIAGE = 0.35
Counts = NDArray[np.int64]
"""Square: a row for each reference level, a column for each given one, the most urgent first."""


class Judged(Frozen):
    """One case. Levels are positions on the scale, 0 the most urgent."""

    reference: int
    given: int | None
    """None: the judge declined."""
    probability: float | None = None
    """Of the given level, where it came with one."""


class Judgement(Frozen):
    """The figures of one judge; docs/evaluate.md has the formulas. A figure that is not defined is None.

    Cases that a judge declined count as neither right nor wrong: they are in the denominator of each share, and in no
    other figure.
    """

    n: int
    """All cases, those too that the judge declined."""
    declined: int = 0
    """Cases that got no level, since neither rules nor a model gave one."""
    accuracy: float
    quadratic_weighted_kappa: float | None
    under_triage: float
    over_triage: float
    under_triage_two_or_more: float
    sensitivity_level_1_2: float | None
    expected_calibration_error: float | None
    by_rules: int | None = None
    """How many of a model's cases went by rules, since it gave no usable answer; they count in every other figure."""
    interval_95: dict[str, tuple[float, float] | None]
    """For each figure; resamples in which it is not defined are left out."""
    levels: tuple[str, ...]
    """Codes of rows and columns of `confusion`."""
    confusion: tuple[tuple[int, ...], ...]
    """A row for each reference level, a column for each given one."""
    declined_by_level: tuple[int, ...] = ()
    """A count for each reference level."""


def judgement(cases: Sequence[Judged], levels: tuple[str, ...], by_rules: int | None = None) -> Judgement:
    """Return all figures of these cases; the same cases give the same intervals. Raises TuningError without a case."""
    if not cases:
        raise TuningError(TuningFault.NO_CASES, "nothing to judge")
    reference = np.array([case.reference for case in cases])
    given = np.array([DECLINED if case.given is None else case.given for case in cases])
    probability = np.array([np.nan if case.probability is None else case.probability for case in cases])

    def figures(rows: NDArray[np.int64]) -> dict[str, float | None]:
        correct = reference[rows] == given[rows]
        return ordinal(reference[rows], given[rows], len(levels)) | {
            "expected_calibration_error": calibration_error(probability[rows], correct)
        }

    every, rng = np.arange(len(cases)), np.random.default_rng(SEED)
    resampled = [figures(rng.integers(0, len(cases), len(cases))) for _ in range(RESAMPLES)]
    point = figures(every)
    return Judgement.model_validate(
        {
            "n": len(cases),
            "declined": int((given == DECLINED).sum()),
            **point,
            "by_rules": by_rules,
            "interval_95": {name: _interval([sample[name] for sample in resampled]) for name in point},
            "levels": levels,
            "confusion": confusion(reference, given, len(levels)).tolist(),
            "declined_by_level": declined(reference, given, len(levels)).tolist(),
        }
    )


def hacked(judged: Judgement) -> str | None:
    """Return why these figures are no skill, or None: a judge that gives one level only, or the urgent ones to most.

    A reward or a label that leaked can be bought so; the figures of safety alone would praise it.
    """
    given = np.array(judged.confusion).sum(axis=0) / judged.n
    labelled = np.array(judged.confusion).sum(axis=1) / judged.n
    most = int(given.argmax())
    if given[most] >= COLLAPSED and labelled[most] < COLLAPSED:
        return f"level {judged.levels[most]} for {given[most]:.0%} of cases, of which {labelled[most]:.0%} are"
    if judged.over_triage > OVER_TRIAGE:
        return f"over-triage of {judged.over_triage:.0%}, above {OVER_TRIAGE:.0%}"
    return None


def confusion(reference: NDArray[np.int64], given: NDArray[np.int64], levels: int) -> Counts:
    """Return how often each pair of levels occurs, (levels, levels), without the cases that were declined."""
    pairs = (reference * levels + given)[given != DECLINED]
    return np.bincount(pairs, minlength=levels * levels).reshape(levels, levels)


def declined(reference: NDArray[np.int64], given: NDArray[np.int64], levels: int) -> NDArray[np.int64]:
    """Return how many cases of each reference level were declined, (levels,)."""
    return np.bincount(reference[given == DECLINED], minlength=levels)


def ordinal(reference: NDArray[np.int64], given: NDArray[np.int64], levels: int) -> dict[str, float | None]:
    """Return the figures that follow from the confusion matrix; shares are of all cases, declined ones too."""
    counts, none = confusion(reference, given, levels), declined(reference, given, levels)
    n, urgent = len(reference), counts[:URGENT].sum() + none[:URGENT].sum()
    return {
        "accuracy": float(np.trace(counts) / n),
        "quadratic_weighted_kappa": quadratic_weighted_kappa(counts),
        "under_triage": float(np.triu(counts, 1).sum() / n),
        "over_triage": float(np.tril(counts, -1).sum() / n),
        "under_triage_two_or_more": float(np.triu(counts, 2).sum() / n),
        "sensitivity_level_1_2": float(counts[:URGENT, :URGENT].sum() / urgent) if urgent else None,
    }


def quadratic_weighted_kappa(counts: Counts | NDArray[np.float64]) -> float | None:
    """Return 1 - (observed / expected squared distance), or None where both sides know one level only, or nothing.

    Cohen, Weighted kappa, Psychological Bulletin 70(4), 1968, with the squared weights of Fleiss and Cohen,
    Educational and Psychological Measurement 33(3), 1973.
    """
    if not counts.sum():
        return None
    position = np.arange(len(counts))
    weights = (position[:, None] - position[None, :]) ** 2
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    by_chance = float((weights * expected).sum())
    return 1 - float((weights * counts).sum()) / by_chance if by_chance else None


def calibration_error(probability: NDArray[np.float64], correct: NDArray[np.bool_]) -> float | None:
    """Return the mean gap between probability and accuracy over the bins, weighted by cases; None without any.

    Cases without a probability (NaN) are left out. Guo et al., On Calibration of Modern Neural Networks, ICML 2017,
    equation 3: bins are open below and closed above.
    """
    known = ~np.isnan(probability)
    p, hit = probability[known], correct[known].astype(float)
    if not len(p):
        return None
    bins = np.clip(np.ceil(p * BINS).astype(int) - 1, 0, BINS - 1)
    return float(np.abs(np.bincount(bins, weights=hit - p, minlength=BINS)).sum() / len(p))


def _interval(samples: Sequence[float | None]) -> tuple[float, float] | None:
    defined = [sample for sample in samples if sample is not None]
    if not defined:
        return None
    low, high = np.percentile(defined, COVERED_PERCENT)
    return float(low), float(high)
