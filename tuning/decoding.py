"""From the probabilities of all levels to one level: sharpened by a temperature, cut where agreement is best."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from contracts.frozen import Frozen
from tuning.judgement import quadratic_weighted_kappa

Array = NDArray[np.float64]
Levels = NDArray[np.int64]
TEMPERATURES = np.round(np.geomspace(0.4, 2.5, 41), 4)
STEP, REACH, PASSES = 0.05, 8, 3  # of the search for cuts: levels, steps to each side, times through all cuts
LEAST = 1e-6


class Decoding(Frozen):
    """Fixed on decisions, never on the levels that measure."""

    temperature: float
    """Below 1 sharpens. Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2."""
    cuts: tuple[float, ...]
    """Borders between levels on the scale of the expected level, 0 the most urgent."""

    def calibrated(self, probabilities: Array) -> Array:
        """Return the probabilities at this temperature, (cases, levels)."""
        return tempered(probabilities, self.temperature)

    def levels(self, probabilities: Array) -> Levels:
        """Return the level of each case, from probabilities as the judge gave them."""
        return _cut(expected(self.calibrated(probabilities)), self.cuts)


def fit(probabilities: Array, decided: Levels, weights: Array) -> Decoding:
    """Return the decoding under which these decisions are likeliest, and then agree best.

    Cuts instead of the likeliest level: a level that is rare and hard to tell is never the likeliest, though it often
    is the level of least expected squared distance, which kappa counts. The squared distance alone would be rounding;
    searching also makes up for what the expectation is drawn to the middle.
    """
    rows = np.arange(len(decided))

    def loss(temperature: float) -> float:
        return float(-(weights * np.log(tempered(probabilities, temperature)[rows, decided])).sum())

    temperature = min(TEMPERATURES, key=loss)
    scale = expected(tempered(probabilities, temperature))
    levels = probabilities.shape[1]

    def agreement(cuts: tuple[float, ...]) -> float:
        counts = np.zeros((levels, levels))
        np.add.at(counts, (decided, _cut(scale, cuts)), weights)
        return quadratic_weighted_kappa(counts) or 0.0

    halves = tuple(level + 0.5 for level in range(levels - 1))
    return Decoding(temperature=float(temperature), cuts=_searched(halves, agreement))


def expected(probabilities: Array) -> Array:
    """Return the mean level of each case."""
    return probabilities @ np.arange(probabilities.shape[1])


def tempered(probabilities: Array, temperature: float) -> Array:
    """Return the probabilities to the power of 1 / temperature, each row summing to 1."""
    powers = np.clip(probabilities, LEAST, None) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def _cut(scale: Array, cuts: tuple[float, ...]) -> Levels:
    return np.searchsorted(np.array(cuts), scale, side="right")


def _searched(cuts: tuple[float, ...], agreement: Callable[[tuple[float, ...]], float]) -> tuple[float, ...]:
    best = agreement(cuts)
    for _ in range(PASSES):
        for at in range(len(cuts)):
            for step in range(-REACH, REACH + 1):
                tried = (*cuts[:at], round(cuts[at] + step * STEP, 4), *cuts[at + 1 :])
                if list(tried) == sorted(set(tried)) and (value := agreement(tried)) > best:
                    best, cuts = value, tried
    return cuts
