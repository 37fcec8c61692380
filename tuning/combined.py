"""Several judges as one: pooled, calibrated and cut on decisions of other cases than those that are judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuning import decoding
from tuning.decoding import Array, Levels

FOLDS, INNER_FOLDS = 10, 5
SHARES = np.round(np.arange(0, 1.01, 0.05), 2)  # of the second judge


@dataclass(frozen=True)
class Member:
    """One judge's probabilities of every case, (cases, levels), and what may be fixed on them."""

    outer: Array
    """From an estimator that did not learn from the case."""
    fold: Levels
    """Of each case."""
    inner: Sequence[Array]
    """For each fold, the probabilities of the cases outside it, from estimators that learned from neither."""


@dataclass(frozen=True)
class Pooled:
    probabilities: Array
    levels: Levels
    share: float
    """Of the second judge, mean over folds; 0 where there is none."""


def frozen(probabilities: Array, fold: Levels) -> Member:
    """Return a judge that learned from none of these cases."""
    return Member(probabilities, fold, [probabilities[fold != number] for number in range(int(fold.max()) + 1)])


def folds(decided: Levels) -> Levels:
    """Return a fold for each case, levels spread evenly; the same cases give the same folds."""
    order = np.lexsort((np.random.default_rng(1).permutation(len(decided)), decided))
    fold = np.empty(len(decided), int)
    fold[order] = np.arange(len(decided)) % FOLDS
    return fold


def pool(members: Sequence[Member], decided: Levels, weights: Array) -> Pooled:
    """Return calibrated probabilities and levels of one judge or two; each fold's settings come from the other folds.

    The pool is log-linear, which leaves a level unlikely that one judge rules out. `decided` holds decisions; what
    measures has no place here.
    """
    fold = members[0].fold
    probabilities, levels, shares = np.empty_like(members[0].outer), np.empty(len(fold), int), []
    for number in range(int(fold.max()) + 1):
        others, own = fold != number, fold == number
        share = _share([member.inner[number] for member in members], decided[others], weights[others])
        fixed = decoding.fit(_mixed([m.inner[number] for m in members], share), decided[others], weights[others])
        mixed = _mixed([member.outer[own] for member in members], share)
        probabilities[own], levels[own] = fixed.calibrated(mixed), fixed.levels(mixed)
        shares.append(share)
    return Pooled(probabilities, levels, float(np.mean(shares)))


def _share(told: Sequence[Array], decided: Levels, weights: Array) -> float:
    if len(told) == 1:
        return 0.0
    rows = np.arange(len(decided))

    def loss(share: float) -> float:
        return float(-(weights * np.log(_mixed(told, share)[rows, decided])).sum())

    return float(min(SHARES, key=loss))


def _mixed(told: Sequence[Array], share: float) -> Array:
    logs = [np.log(np.clip(one, decoding.LEAST, None)) for one in told]
    mixed = np.exp(logs[0] if len(logs) == 1 else (1 - share) * logs[0] + share * logs[1])
    return mixed / mixed.sum(axis=1, keepdims=True)
