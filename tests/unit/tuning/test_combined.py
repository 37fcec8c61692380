"""Pooling, decoding, the second reader and the paired difference, on made-up judges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import TuningError
from tuning import combined, decoding, paired, second_reader
from tuning.combined import Member
from tuning.decoding import Array, Levels

COUNT, LEVELS = 400, 5


def soft(levels: Levels, spread: float = 0.8) -> Array:
    weights = np.exp(-((np.arange(LEVELS) - levels[:, None]) ** 2) / spread)
    return weights / weights.sum(axis=1, keepdims=True)


def blurred(truth: Levels, seed: int, share: float = 0.5) -> Levels:
    rng = np.random.default_rng(seed)
    off = rng.choice([-1, 1], len(truth)) * (rng.random(len(truth)) < share)
    return np.clip(truth + off, 0, LEVELS - 1)


@pytest.fixture
def truth() -> Levels:
    return np.random.default_rng(0).choice(LEVELS, COUNT, p=[0.05, 0.15, 0.4, 0.3, 0.1])


def member(truth: Levels, probabilities: Array) -> Member:
    return combined.frozen(probabilities, combined.folds(truth))


ONES = np.ones(COUNT)


def test_a_better_judge_has_the_larger_share_of_the_pool(truth: Levels) -> None:
    weak, strong = soft(blurred(truth, 1, 0.9)), soft(blurred(truth, 2, 0.2))
    made = combined.pool([member(truth, weak), member(truth, strong)], truth, ONES)
    assert made.share > 0.6
    alone = combined.pool([member(truth, weak)], truth, ONES)
    assert alone.share == 0
    assert (made.levels == truth).mean() > (alone.levels == truth).mean()


def test_a_judge_that_knows_nothing_changes_no_level(truth: Levels) -> None:
    judge, nothing = soft(blurred(truth, 1)), np.full((COUNT, LEVELS), 1 / LEVELS)
    with_it = combined.pool([member(truth, judge), member(truth, nothing)], truth, ONES)
    without = combined.pool([member(truth, judge)], truth, ONES)
    assert (with_it.levels == without.levels).mean() > 0.98


def test_what_is_fixed_for_a_fold_never_saw_its_decisions(truth: Levels) -> None:
    judge = member(truth, soft(blurred(truth, 1)))
    before = combined.pool([judge], truth, ONES)
    own = judge.fold == 3
    after = combined.pool([judge], np.where(own, LEVELS - 1 - truth, truth), ONES)
    assert np.array_equal(before.probabilities[own], after.probabilities[own])
    assert np.array_equal(before.levels[own], after.levels[own])
    assert not np.array_equal(before.probabilities[~own], after.probabilities[~own])


def test_folds_spread_every_level_evenly_and_are_the_same_each_time(truth: Levels) -> None:
    fold = combined.folds(truth)
    assert np.array_equal(fold, combined.folds(truth))
    for level in range(LEVELS):
        counts = np.bincount(fold[truth == level], minlength=combined.FOLDS)
        assert counts.max() - counts.min() <= 1


def test_decoding_undoes_the_overconfidence_of_a_judge(truth: Levels) -> None:
    overconfident = soft(blurred(truth, 1), spread=0.15)
    assert decoding.fit(overconfident, truth, ONES).temperature > 1
    assert decoding.fit(soft(truth, spread=4.0), truth, ONES).temperature < 1


@given(st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5).filter(lambda row: sum(row) > 0.01))
def test_a_decoded_level_is_a_level_and_probabilities_stay_a_distribution(row: list[float]) -> None:
    fixed = decoding.Decoding(temperature=0.7, cuts=(0.9, 1.8, 2.5, 3.2))
    told = np.array([row]) / sum(row)
    assert 0 <= fixed.levels(told)[0] < LEVELS
    assert fixed.calibrated(told).sum() == pytest.approx(1)


def test_a_certain_judge_is_decoded_to_its_own_level(truth: Levels) -> None:
    told = np.eye(LEVELS)[truth]
    assert np.array_equal(decoding.fit(told, truth, ONES).levels(told), truth)


def test_the_second_reader_flags_the_decisions_that_the_judge_finds_too_low(truth: Levels) -> None:
    given_ = truth.copy()
    low = np.random.default_rng(3).choice(np.flatnonzero(truth < 4), 30, replace=False)
    given_[low] += 1
    nothing = np.full(COUNT, LEVELS)
    ids = [f"e-{n}" for n in range(COUNT)]
    made = second_reader.read(ids, soft(blurred(truth, 1, 0.2)), given_, nothing, truth, 0.15)
    assert len(made.flagged) == 60
    assert made.under_triaged == 30
    assert made.found == len({f"e-{n}" for n in low} & set(made.flagged))
    assert made.found_share is not None
    assert made.found_share_interval_95 is not None
    assert made.found_share > 0.8
    assert made.found_share_interval_95[0] <= made.found_share <= made.found_share_interval_95[1]
    assert made.right_share == pytest.approx(made.found / 60)


def test_advice_that_is_more_urgent_than_the_decision_raises_doubt(truth: Levels) -> None:
    told = soft(truth)
    plain = second_reader.doubt(told, truth, np.full(COUNT, LEVELS))
    advised = second_reader.doubt(told, truth, truth - 1)
    assert np.allclose(advised - plain, second_reader.ADVICE)
    assert np.array_equal(second_reader.doubt(told, truth, truth), plain)


def test_nobody_under_triaged_is_no_share_and_no_budget_is_refused(truth: Levels) -> None:
    ids, nothing = [f"e-{n}" for n in range(COUNT)], np.full(COUNT, LEVELS)
    made = second_reader.read(ids, soft(truth), truth, nothing, truth, 0.1)
    assert (made.found_share, made.found_share_interval_95, made.under_triaged) == (None, None, 0)
    with pytest.raises(TuningError, match="alerts"):
        second_reader.read(ids, soft(truth), truth, nothing, truth, 0.001)


def test_the_paired_difference_says_when_its_interval_includes_0(truth: Levels) -> None:
    good, bad = blurred(truth, 1, 0.1), blurred(truth, 2, 0.9)
    assert paired.difference(truth, good, bad, LEVELS).says == "better"
    assert paired.difference(truth, bad, good, LEVELS).says == "worse"
    same = paired.difference(truth, good, good, LEVELS)
    assert (same.kappa, same.interval_95) == (0, (0, 0))
    assert "includes 0" in same.says
