"""Whether a candidate may take the champion's place: better on the same cases, and no less safe."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.frozen import Frozen
from tuning.judgement import COVERED_PERCENT, RESAMPLES, SEED, Judged, confusion, ordinal

BETTER = "better"
Levels = NDArray[np.int64]


class Verdict(Frozen):
    """Differences are the candidate's figure less the other's, on resampled cases that both judged."""

    verdict: str
    """`better`, or why it was refused."""
    kappa_gain: float
    kappa_gain_95: tuple[float, float]
    yardstick: str
    """Whose under-triage was compared: the champion's, or the rules' where the champion is no better than chance."""
    under_triage_change: float
    under_triage_change_95: tuple[float, float]


def judge(
    candidate: Sequence[Judged],
    champion: Sequence[Judged],
    rules: Sequence[Judged],
    levels: tuple[str, ...],
    margin: float,
) -> Verdict:
    """Return the verdict; the three have the same cases in the same order.

    Non-inferiority of under-triage: the upper bound of the paired interval must stay below `margin`, a share of all
    cases. A champion without skill is no yardstick of safety, since one that always gives level 1 never under-triages.
    """
    kappa = _figure("quadratic_weighted_kappa", levels)
    skilled = _interval(kappa, champion)[0] > 0
    yardstick, other = ("champion", champion) if skilled else ("rules", rules)
    gain, gain_95 = _difference(kappa, candidate, champion)
    change, change_95 = _difference(_figure("under_triage", levels), candidate, other)
    verdict = BETTER
    if gain_95[0] <= 0:
        verdict = f"not better: kappa {gain:+.3f} [{gain_95[0]:+.3f}, {gain_95[1]:+.3f}]"
    elif change_95[1] >= margin:
        verdict = f"less safe than {yardstick}: under-triage {change:+.3f}, up to {change_95[1]:+.3f}, margin {margin}"
    return Verdict(
        verdict=verdict, kappa_gain=gain, kappa_gain_95=gain_95, yardstick=yardstick,
        under_triage_change=change, under_triage_change_95=change_95,
    )  # fmt: skip


Figure = Callable[[Levels, Levels], float]


def _figure(name: str, levels: tuple[str, ...]) -> Figure:
    def value(reference: Levels, given: Levels) -> float:
        return ordinal(confusion(reference, given, len(levels)))[name] or 0.0  # agreement that is undefined is none

    return value


def _arrays(cases: Sequence[Judged]) -> tuple[Levels, Levels]:
    return np.array([case.reference for case in cases]), np.array([case.given for case in cases])


def _resamples(count: int) -> list[Levels]:
    rng = np.random.default_rng(SEED)
    return [rng.integers(0, count, count) for _ in range(RESAMPLES)]


def _percentiles(samples: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(samples, COVERED_PERCENT)
    return float(low), float(high)


def _interval(figure: Figure, cases: Sequence[Judged]) -> tuple[float, float]:
    reference, given = _arrays(cases)
    return _percentiles([figure(reference[rows], given[rows]) for rows in _resamples(len(cases))])


def _difference(figure: Figure, left: Sequence[Judged], right: Sequence[Judged]) -> tuple[float, tuple[float, float]]:
    (reference, given), (same, other) = _arrays(left), _arrays(right)
    if not np.array_equal(reference, same):
        raise ValueError("not the same cases")
    sampled = [figure(reference[rows], given[rows]) - figure(same[rows], other[rows]) for rows in _resamples(len(left))]
    return figure(reference, given) - figure(same, other), _percentiles(sampled)
