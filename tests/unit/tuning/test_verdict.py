"""Better on the same cases, and no less safe: else refused, and told why."""

import pytest

from contracts.rounds import Verdict
from contracts.tuning import VerdictOutcome
from tuning.judgement import Judged
from tuning.verdict import judge

LEVELS = ("1", "2", "3", "4", "5")
TRUTH = [n % 5 for n in range(200)]
MARGIN = 0.1


def said(*given: int) -> list[Judged]:
    """Return judged cases; fewer given levels are repeated."""
    return [Judged(reference=truth, given=given[n % len(given)]) for n, truth in enumerate(TRUTH)]


def right_but(every: int, shift: int) -> list[Judged]:
    shifted = [min(4, max(0, truth + shift)) if n % every == 0 else truth for n, truth in enumerate(TRUTH)]
    return [Judged(reference=truth, given=given) for truth, given in zip(TRUTH, shifted, strict=True)]


def verdict(candidate: list[Judged], champion: list[Judged]) -> Verdict:
    return judge(candidate, champion, rules=said(2), levels=LEVELS, margin=MARGIN)


def test_more_agreement_with_no_less_safety_is_better() -> None:
    told = verdict(right_but(6, -1), right_but(2, -1))
    assert (told.outcome, told.yardstick) == (VerdictOutcome.BETTER, "champion")
    assert 0 < told.kappa_gain_95[0] < told.kappa_gain < told.kappa_gain_95[1]


def test_the_same_model_is_not_better() -> None:
    same = right_but(3, -1)
    told = verdict(same, same)
    assert told.outcome == VerdictOutcome.NOT_BETTER and told.verdict.startswith("not better") and told.kappa_gain == 0


def test_more_agreement_at_the_price_of_safety_is_refused() -> None:
    over_triages, under_triages = said(*[max(0, level - 1) for level in range(5)]), right_but(3, +1)
    told = verdict(under_triages, over_triages)
    assert told.kappa_gain_95[0] > 0
    assert told.outcome == VerdictOutcome.LESS_SAFE and told.verdict.startswith("less safe than champion")


def test_safety_that_is_bought_by_over_triage_is_refused() -> None:
    told = verdict(right_but(2, -1), said(0))
    assert told.kappa_gain_95[0] > 0 and told.under_triage_change <= 0
    assert told.outcome == VerdictOutcome.NO_SKILL and told.verdict.startswith("no skill: over-triage of 40%")


@pytest.mark.parametrize("level", [0, 2])
def test_one_answer_for_everybody_is_never_better(level: int) -> None:
    assert verdict(said(level), said(0)).outcome == VerdictOutcome.NOT_BETTER
    assert verdict(said(level), right_but(2, -1)).outcome == VerdictOutcome.NOT_BETTER


def test_a_champion_that_always_says_most_urgent_is_no_yardstick_of_safety() -> None:
    """It never under-triages; measured against it, every useful model would be refused for ever."""
    told = verdict(right_but(5, +1), said(0))
    assert (told.outcome, told.yardstick) == (VerdictOutcome.BETTER, "rules")
    assert told.under_triage_change < 0


def test_rules_that_decline_are_a_yardstick_as_rules_that_give_the_middle_level() -> None:
    """Whoever gives no level never under-triages: measured against that, every useful model would be refused."""
    declined = [Judged(reference=truth, given=None) for truth in TRUTH]
    told = judge(right_but(5, +1), said(0), rules=declined, levels=LEVELS, margin=MARGIN)
    assert told == verdict(right_but(5, +1), said(0))


def test_a_candidate_gains_nothing_by_declining_what_is_hard() -> None:
    shy = [case if case.reference == 2 else Judged(reference=case.reference, given=None) for case in right_but(9, -1)]
    assert verdict(shy, right_but(3, -1)).outcome == VerdictOutcome.NOT_BETTER


def test_a_verdict_needs_the_same_cases() -> None:
    with pytest.raises(ValueError, match="same cases"):
        verdict(said(1), list(reversed(said(1)[:-1])))
