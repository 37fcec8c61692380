"""Finds people whose decisions should not teach, by what an estimator says that did not learn from those decisions."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from contracts.decisions import DecisionKind
from contracts.frozen import Frozen
from contracts.tuning import Arm, DecidedCase, TrainingRow
from tuning.decoding import Array, Levels, expected
from tuning.judgement import COVERED_PERCENT, SEED, confusion, quadratic_weighted_kappa

LEAST_ROWS = 15
"""Of a reviewer, and of each side of a subgroup: fewer are judged by nobody."""
RESAMPLES = 4000
FALSE_ALARMS = 0.01
"""Chance that a set of decisions with nothing wrong raises an alarm about reviewers, split among them (Bonferroni)."""
APART = 0.2
"""Kappa that the sides of a subgroup may lose by not learning from each other."""

Lesson = tuple[DecidedCase, TrainingRow]


class Fault(StrEnum):
    CARELESS = "careless_reviewer"
    """Further from what charts like theirs suggest than chance makes others."""
    APPROVES_ALL = "approves_all"
    """Approves more than others do where the suggestion is likely right, and where it is not."""
    SUBGROUP = "subgroup"
    """One side of a subgroup was decided by other rules than the other."""


class Alarm(Frozen):
    fault: Fault
    subject: str
    """The reviewer, or the subgroup."""
    rows: int
    observed: float
    expected: float
    interval_95: tuple[float, float]
    """What chance would make of it, were nothing wrong."""
    text: str


def reviewers(lessons: Sequence[Lesson], told: Sequence[Sequence[float]]) -> list[Alarm]:
    """Return the alarms about reviewers. Two or more of them are needed, since each is compared with the others."""
    who = np.array([case.reviewer_id for case, _ in lessons])
    names = [str(name) for name, rows in zip(*np.unique(who, return_counts=True), strict=True) if rows >= LEAST_ROWS]
    beliefs, decided = np.array(told), _decided(lessons)
    distance = (decided - expected(beliefs)) ** 2
    found = (
        _approves_all(name, lessons, beliefs, who, len(names)) or _careless(name, distance, who == name, len(names))
        for name in names
    )
    return [alarm for alarm in found if alarm]


def subgroup(
    name: str, lessons: Sequence[Lesson], told: Sequence[Sequence[float]], apart: Sequence[Sequence[float]]
) -> Alarm | None:
    """Return an alarm where decisions about one side agree with all decisions, but not with those of the other side."""
    rows = [row for _, row in lessons]
    if not two_sided(name, rows):
        return None
    side = _side(name, rows)
    decided, together, across = _decided(lessons), np.array(told).argmax(axis=1), np.array(apart).argmax(axis=1)
    levels = len(told[0])

    def kappa(given: Levels, rows: Levels) -> float:
        return quadratic_weighted_kappa(confusion(decided[rows], given[rows], levels)) or 0.0

    every, rng = np.arange(len(decided)), np.random.default_rng(SEED)
    drawn = [rng.integers(0, len(decided), len(decided)) for _ in range(RESAMPLES // 4)]
    lost = np.percentile([kappa(together, rows) - kappa(across, rows) for rows in drawn], COVERED_PERCENT)
    left = np.percentile([kappa(across, rows) for rows in drawn], COVERED_PERCENT)
    if lost[0] <= APART and left[1] >= 0:
        return None
    return Alarm(
        fault=Fault.SUBGROUP,
        subject=name,
        rows=int(side.sum()),
        observed=kappa(across, every),
        expected=kappa(together, every),
        interval_95=(float(left[0]), float(left[1])),
        text=f"{name}: decisions about one side agree with those about the other at a kappa of"
        f" {kappa(across, every):.2f} [{left[0]:.2f}, {left[1]:.2f}], with all at {kappa(together, every):.2f}",
    )


def two_sided(name: str, rows: Sequence[TrainingRow]) -> bool:
    """Return whether both sides of a subgroup have enough rows to be judged."""
    side = _side(name, rows)
    return min(side.sum(), (~side).sum()) >= LEAST_ROWS


def _side(name: str, rows: Sequence[TrainingRow]) -> "np.ndarray":
    return np.array([row.features.numbers[name] == 1 for row in rows])


def _careless(name: str, distance: Array, own: "np.ndarray", reviewers: int) -> Alarm | None:
    others = distance[~own]
    if len(others) < LEAST_ROWS:
        return None
    count, observed = int(own.sum()), float(distance[own].mean())
    by_chance = np.random.default_rng(SEED).choice(others, (RESAMPLES, count)).mean(axis=1)
    if observed <= np.quantile(by_chance, 1 - FALSE_ALARMS / reviewers / 2):
        return None
    low, high = np.percentile(by_chance, COVERED_PERCENT)
    text = (
        f"{count} decisions lie {observed:.2f} squared levels from what the charts suggest, others {others.mean():.2f}"
    )
    return Alarm(
        fault=Fault.CARELESS, subject=name, rows=count, observed=observed, expected=float(others.mean()),
        interval_95=(float(low), float(high)), text=text,
    )  # fmt: skip


def _approves_all(
    name: str, lessons: Sequence[Lesson], beliefs: Array, who: "np.ndarray", reviewers: int
) -> Alarm | None:
    shown = np.array([case.arm == Arm.SHOWN and case.suggested is not None for case, _ in lessons])
    own, others = shown & (who == name), shown & (who != name)
    if min(own.sum(), others.sum()) < LEAST_ROWS:
        return None
    approved = np.array([case.kind == DecisionKind.APPROVE for case, _ in lessons])
    likely = np.array([
        bool(case.suggested in row.request.choices) and row.request.choices.index(case.suggested or "") == level
        for (case, row), level in zip(lessons, beliefs.argmax(axis=1), strict=True)
    ])  # fmt: skip
    rate = np.zeros(len(lessons))
    for stratum in (likely, ~likely):  # one more of each, so that a small stratum promises nothing
        rate[stratum] = (approved[stratum & others].sum() + 1) / ((stratum & others).sum() + 2)
    count, observed = int(own.sum()), float(approved[own].mean())
    by_chance = (np.random.default_rng(SEED).random((RESAMPLES, count)) < rate[own]).mean(axis=1)
    if observed <= np.quantile(by_chance, 1 - FALSE_ALARMS / reviewers / 2):
        return None
    low, high = np.percentile(by_chance, COVERED_PERCENT)
    text = f"approved {observed:.0%} of {count} suggestions, where others would have {rate[own].mean():.0%}"
    return Alarm(
        fault=Fault.APPROVES_ALL, subject=name, rows=count, observed=observed, expected=float(rate[own].mean()),
        interval_95=(float(low), float(high)), text=text,
    )  # fmt: skip


def _decided(lessons: Sequence[Lesson]) -> Levels:
    return np.array([int(np.argmax(row.target)) for _, row in lessons])
