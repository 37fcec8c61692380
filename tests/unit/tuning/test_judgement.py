"""Figures of agreement, against examples worked by hand and against their other forms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.errors import TuningError
from tuning import judgement
from tuning.judgement import Judged, Judgement

LEVELS = ("1", "2", "3", "4", "5")
PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def judge(pairs: Sequence[tuple[int, int | None]], probabilities: Sequence[float | None] | None = None) -> Judgement:
    told = probabilities or [None] * len(pairs)
    cases = [Judged(reference=r, given=g, probability=p) for (r, g), p in zip(pairs, told, strict=True)]
    return judgement.judgement(cases, LEVELS)


def figures(pairs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    reference, given = np.array(pairs).T
    return judgement.ordinal(reference, given, len(LEVELS))


def kappa(rows: list[list[int]]) -> float | None:
    return judgement.quadratic_weighted_kappa(np.array(rows))


def test_kappa_of_two_levels_is_that_of_cohen_without_weights() -> None:
    # Observed agreement 35/50 = 0.7; by chance (25*30 + 25*20)/50^2 = 0.5; (0.7 - 0.5) / (1 - 0.5) = 0.4
    assert kappa([[20, 5], [10, 15]]) == pytest.approx(0.4)


def test_kappa_of_three_levels_weighs_by_the_squared_distance() -> None:
    # Rows and columns 3, 2, 1 and 2, 2, 2 of 6. Observed: 1*1 + 1*1 = 2. Expected, over 6: row 1: 3*2*(0+1+4) = 30;
    # row 2: 2*2*(1+0+1) = 8; row 3: 1*2*(4+1+0) = 10; 48/6 = 8. 1 - 2/8 = 0.75
    assert kappa([[2, 1, 0], [0, 1, 1], [0, 0, 1]]) == pytest.approx(0.75)


def test_kappa_of_perfect_agreement_is_1_and_of_reversed_levels_minus_1() -> None:
    assert kappa([[3, 0, 0], [0, 3, 0], [0, 0, 3]]) == 1
    assert kappa([[0, 0, 3], [0, 3, 0], [3, 0, 0]]) == pytest.approx(-1)


def test_kappa_is_0_for_a_judge_that_always_says_the_same() -> None:
    assert kappa([[0, 4, 0], [0, 5, 0], [0, 6, 0]]) == pytest.approx(0)


def test_kappa_of_one_level_only_is_not_defined() -> None:
    assert kappa([[0, 0], [0, 7]]) is None
    made = judge([(2, 2)] * 5)
    assert made.quadratic_weighted_kappa is None
    assert made.interval_95["quadratic_weighted_kappa"] is None
    assert (made.accuracy, made.interval_95["accuracy"]) == (1, (1, 1))


@given(PAIRS)
def test_kappa_is_the_concordance_of_means_and_variances(pairs: list[tuple[int, int]]) -> None:
    # Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics 45(1), 1989, with population
    # moments: another road to the same number
    x, y = np.array(pairs).T
    spread = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    made = figures(pairs)["quadratic_weighted_kappa"]
    if spread:
        assert made == pytest.approx(2 * ((x - x.mean()) * (y - y.mean())).mean() / spread)
    else:
        assert made is None


@given(PAIRS)
def test_under_triage_over_triage_and_accuracy_are_all_there_is(pairs: list[tuple[int, int]]) -> None:
    made = figures(pairs)
    assert made["under_triage"] + made["over_triage"] + made["accuracy"] == pytest.approx(1)
    assert made["under_triage_two_or_more"] <= made["under_triage"]


def test_what_a_judge_declined_is_counted_as_neither_right_nor_wrong() -> None:
    made = judge([(0, None), (1, 1), (2, 1), (3, 4), (4, None), (2, 2), (2, None), (1, None)])
    assert (made.n, made.declined, made.declined_by_level) == (8, 4, (1, 1, 1, 0, 1))
    assert (made.accuracy, made.under_triage, made.over_triage) == (0.25, 0.125, 0.125)
    assert made.sensitivity_level_1_2 == pytest.approx(1 / 3), "an urgent case without a level was not found"
    assert sum(map(sum, made.confusion)) == 4
    same = judge([(1, 1), (2, 1), (3, 4), (2, 2)])
    assert made.quadratic_weighted_kappa == same.quadratic_weighted_kappa


def test_a_judge_that_declined_every_case_has_no_kappa() -> None:
    made = judge([(0, None), (3, None)])
    assert (made.accuracy, made.quadratic_weighted_kappa, made.declined) == (0, None, 2)
    assert judgement.hacked(made) is None


def test_a_given_level_numerically_above_the_label_is_under_triage() -> None:
    made = judge([(0, 1), (0, 2), (2, 2), (4, 3)])
    assert (made.under_triage, made.under_triage_two_or_more, made.over_triage) == (0.5, 0.25, 0.25)
    assert made.confusion[0] == (0, 1, 1, 0, 0)


def test_sensitivity_counts_urgent_cases_that_stay_urgent() -> None:
    assert judge([(0, 1), (1, 0), (1, 2), (0, 4), (3, 0)]).sensitivity_level_1_2 == 0.5
    assert judge([(2, 0), (4, 4)]).sensitivity_level_1_2 is None


def test_calibration_error_is_the_gap_of_each_bin_weighted_by_its_cases() -> None:
    # Bin (0.8, 0.9]: 0.85 and 0.89, one of two right: |1 - 1.74| = 0.74. Bin (0.2, 0.3]: 0.3, wrong: 0.3. Over 3 cases.
    made = judge([(0, 0), (0, 1), (2, 3), (1, 1)], [0.85, 0.89, 0.3, None])
    assert made.expected_calibration_error == pytest.approx((0.74 + 0.3) / 3)


def test_calibration_error_is_not_defined_without_probabilities_and_0_for_certain_truth() -> None:
    assert judge([(0, 0)]).expected_calibration_error is None
    assert judge([(0, 0), (1, 1)], [1.0, 1.0]).expected_calibration_error == 0


@example([(0, 1)])
@settings(max_examples=20)
@given(PAIRS)
def test_the_interval_of_a_share_contains_it(pairs: list[tuple[int, int]]) -> None:
    made = judge(pairs)
    for name in ("accuracy", "under_triage", "over_triage", "under_triage_two_or_more"):
        interval = made.interval_95[name]
        assert interval is not None
        assert interval[0] <= getattr(made, name) <= interval[1]


def test_the_interval_is_that_of_the_normal_approximation_where_cases_are_many() -> None:
    low, high = judge([(0, 0)] * 100 + [(0, 1)] * 300).interval_95["accuracy"] or (0, 0)
    half = 1.96 * (0.25 * 0.75 / 400) ** 0.5
    assert (low, high) == (pytest.approx(0.25 - half, abs=0.006), pytest.approx(0.25 + half, abs=0.006))


def test_the_same_cases_give_the_same_intervals() -> None:
    pairs = [(n % 5, n * n % 5) for n in range(30)]
    assert judge(pairs, [0.7] * 30) == judge(pairs, [0.7] * 30)


def test_nothing_to_judge_is_refused() -> None:
    with pytest.raises(TuningError):
        judge([])


def test_a_judge_that_always_says_1_is_no_skill_however_safe_it_looks() -> None:
    labels = [0] * 2 + [1] * 15 + [2] * 38 + [3] * 36 + [4] * 9
    always = judge([(label, 0) for label in labels])
    assert (always.sensitivity_level_1_2, always.under_triage) == (1, 0)
    assert "level 1 for 100% of cases, of which 2% are" in (judgement.hacked(always) or "")
    urgent = judge([(label, max(label - 1, 0)) for label in labels])
    assert "over-triage of 98%" in (judgement.hacked(urgent) or "")


def test_honest_judges_are_not_called_hacked() -> None:
    labels = [0] * 2 + [1] * 15 + [2] * 38 + [3] * 36 + [4] * 9
    careful = judge([(label, max(label - (n % 4 == 0), 0)) for n, label in enumerate(labels)])
    assert judgement.hacked(careful) is None
    assert judgement.hacked(judge([(3, 3)] * 95 + [(2, 2)] * 5)) is None
