"""Whether one judge is better than another on the same cases."""

from collections.abc import Callable

import numpy as np

from contracts.frozen import Frozen
from tuning.decoding import Levels
from tuning.judgement import COVERED_PERCENT, RESAMPLES, SEED, ordinal

Figure = Callable[[Levels, Levels], float]
"""Of reference and given levels."""


class Difference(Frozen):
    """Of quadratic weighted kappa, the first judge's less the second's."""

    kappa: float
    interval_95: tuple[float, float]
    says: str


def difference(reference: Levels, first: Levels, second: Levels, levels: int) -> Difference:
    """Return the difference, its interval, and what it says."""
    kappa, (low, high) = change(figure("quadratic_weighted_kappa", levels), reference, first, second)
    says = "better" if low > 0 else "worse" if high < 0 else "no difference is shown: the interval includes 0"
    return Difference(kappa=kappa, interval_95=(low, high), says=says)


def figure(name: str, levels: int) -> Figure:
    """Return that figure of `judgement.ordinal`; agreement that is undefined counts as 0."""

    def value(reference: Levels, given: Levels) -> float:
        return ordinal(reference, given, levels)[name] or 0.0

    return value


def change(of: Figure, reference: Levels, first: Levels, second: Levels) -> tuple[float, tuple[float, float]]:
    """Return the first judge's figure less the second's, with its interval by resampling cases, the same for both."""

    def less(rows: Levels) -> float:
        return of(reference[rows], first[rows]) - of(reference[rows], second[rows])

    return less(np.arange(len(reference))), interval(less, len(reference))


def interval(value: Callable[[Levels], float], count: int) -> tuple[float, float]:
    """Return the 95 % interval of what `value` makes of so many cases, drawn with replacement from a fixed seed."""
    rng = np.random.default_rng(SEED)
    low, high = np.percentile([value(rng.integers(0, count, count)) for _ in range(RESAMPLES)], COVERED_PERCENT)
    return float(low), float(high)
