"""Whether a candidate may take the champion's place: better on the same cases, and no less safe."""

from collections.abc import Sequence

import numpy as np

from contracts.rounds import Verdict
from contracts.tuning import VerdictOutcome
from tuning import paired
from tuning.decoding import Levels
from tuning.judgement import Judged, hacked, judgement


def judge(
    candidate: Sequence[Judged],
    champion: Sequence[Judged],
    rules: Sequence[Judged],
    levels: tuple[str, ...],
    margin: float,
) -> Verdict:
    """Return the verdict; the three have the same cases in the same order.

    Where a judge declined, the middle level stands for it: to decline must neither buy agreement nor safety.

    Non-inferiority of under-triage: the upper bound of the paired interval must stay below `margin`, a share of all
    cases. A champion without skill is no yardstick of safety, since one that always gives level 1 never under-triages;
    nor is a candidate that buys safety by over-triage better (`judgement.hacked`).
    """
    kappa, under = (paired.figure(name, len(levels)) for name in ("quadratic_weighted_kappa", "under_triage"))
    yardstick, other = ("champion", champion) if _skilled(champion, kappa, len(levels)) else ("rules", rules)
    gain, gain_95 = _change(kappa, candidate, champion, len(levels))
    change, change_95 = _change(under, candidate, other, len(levels))
    outcome, reason = VerdictOutcome.BETTER, ""
    if gain_95[0] <= 0:
        outcome = VerdictOutcome.NOT_BETTER
        reason = f"not better: kappa {gain:+.3f} [{gain_95[0]:+.3f}, {gain_95[1]:+.3f}]"
    elif change_95[1] >= margin:
        outcome = VerdictOutcome.LESS_SAFE
        reason = f"less safe than {yardstick}: under-triage {change:+.3f}, up to {change_95[1]:+.3f}, margin {margin}"
    elif no_skill := hacked(judgement(candidate, levels)):
        outcome, reason = VerdictOutcome.NO_SKILL, f"no skill: {no_skill}"
    return Verdict(
        outcome=outcome, reason=reason, kappa_gain=gain, kappa_gain_95=gain_95, yardstick=yardstick,
        under_triage_change=change, under_triage_change_95=change_95,
    )  # fmt: skip


def _arrays(cases: Sequence[Judged], levels: int) -> tuple[Levels, Levels]:
    given = [levels // 2 if case.given is None else case.given for case in cases]
    return np.array([case.reference for case in cases]), np.array(given)


def _skilled(champion: Sequence[Judged], kappa: paired.Figure, levels: int) -> bool:
    reference, given = _arrays(champion, levels)
    return paired.interval(lambda rows: kappa(reference[rows], given[rows]), len(champion))[0] > 0


def _change(
    of: paired.Figure, left: Sequence[Judged], right: Sequence[Judged], levels: int
) -> tuple[float, tuple[float, float]]:
    (reference, given), (same, other) = _arrays(left, levels), _arrays(right, levels)
    if not np.array_equal(reference, same):
        raise ValueError("not the same cases")
    return paired.change(of, reference, given, other)
