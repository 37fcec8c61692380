"""Which decided cases a second reader would look at again: those that may be more urgent than a person said."""

from collections.abc import Sequence

import numpy as np

from contracts.errors import TuningError, TuningFault
from contracts.frozen import Frozen
from tuning.decoding import Array, Levels
from tuning.judgement import COVERED_PERCENT, RESAMPLES, SEED

ADVICE = 0.25
"""What the pathway's advice adds to a probability of being more urgent than was said. Chosen on decisions alone: a
tenth of them made a level less urgent, a third of these against the advice, were found best so (docs/judges.md)."""


class SecondReading(Frozen):
    """What a second reader finds at this budget of alerts. Shares are of the cases that each field names."""

    alerts: float
    """Share of all cases that may be flagged."""
    flagged: tuple[str, ...]
    """Encounters, the likeliest first."""
    under_triaged: int
    """Cases in which the person was less urgent than the label."""
    found: int
    """Flagged ones of them."""
    found_share: float | None
    """None where nobody was under-triaged."""
    found_share_interval_95: tuple[float, float] | None
    right_share: float
    """Of the flagged ones, those that were under-triaged."""
    right_share_interval_95: tuple[float, float]


def doubt(probabilities: Array, given: Levels, advised: Levels) -> Array:
    """Return for each case the probability that it is more urgent than the given level, raised where advice is too."""
    below = np.cumsum(probabilities, axis=1) - probabilities
    return below[np.arange(len(given)), given] + ADVICE * (advised < given)


def read(
    encounters: Sequence[str], probabilities: Array, given: Levels, advised: Levels, reference: Levels, alerts: float
) -> SecondReading:
    """Flag the cases of most doubt, and measure. Raises TuningError for a budget that allows no case."""
    count = int(alerts * len(given))
    if not count:
        raise TuningError(TuningFault.ALERTS, f"{alerts} of {len(given)} cases is less than one")
    order = np.argsort(-doubt(probabilities, given, advised), kind="stable")[:count]
    flagged = np.isin(np.arange(len(given)), order)
    under = given > reference
    rng = np.random.default_rng(SEED)
    drawn = [rng.integers(0, len(given), len(given)) for _ in range(RESAMPLES)]
    found, right = (
        (flagged & under).sum(),
        _interval([(flagged & under)[d].sum() / max(flagged[d].sum(), 1) for d in drawn]),
    )
    shares = [(flagged & under)[d].sum() / under[d].sum() for d in drawn if under[d].any()]
    return SecondReading(
        alerts=alerts,
        flagged=tuple(encounters[int(at)] for at in order),
        under_triaged=int(under.sum()),
        found=int(found),
        found_share=float(found / under.sum()) if under.any() else None,
        found_share_interval_95=_interval(shares) if shares else None,
        right_share=float(found / count),
        right_share_interval_95=right,
    )


def _interval(samples: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(samples, COVERED_PERCENT)
    return float(low), float(high)
