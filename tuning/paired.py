"""Whether one judge agrees better than another on the same cases."""

import numpy as np

from contracts.frozen import Frozen
from tuning.decoding import Levels
from tuning.judgement import COVERED_PERCENT, RESAMPLES, SEED, confusion, quadratic_weighted_kappa


class Difference(Frozen):
    """Of quadratic weighted kappa, the first judge's less the second's."""

    kappa: float
    interval_95: tuple[float, float]
    says: str


def difference(reference: Levels, first: Levels, second: Levels, levels: int) -> Difference:
    """Return the difference, and its interval by resampling cases: both judges always on the same ones."""

    def kappa(rows: Levels) -> float:
        one, other = (
            quadratic_weighted_kappa(confusion(reference[rows], given[rows], levels)) or 0.0
            for given in (first, second)
        )
        return one - other

    rng, count = np.random.default_rng(SEED), len(reference)
    low, high = np.percentile([kappa(rng.integers(0, count, count)) for _ in range(RESAMPLES)], COVERED_PERCENT)
    says = "better" if low > 0 else "worse" if high < 0 else "no difference is shown: the interval includes 0"
    return Difference(kappa=kappa(np.arange(count)), interval_95=(float(low), float(high)), says=says)
