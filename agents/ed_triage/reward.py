"""What a decision about an arrival teaches: a soft target, a weight, and a reward of each level; version 1."""

from math import exp

from agents.ed_triage import features, prompts
from contracts.decisions import DecisionKind
from contracts.ed_triage import AcuityScale
from contracts.suggestions import MadeBy
from contracts.tuning import Arm, DecidedCase, NoLesson, TrainingRow

VERSION = 1

# Two triage nurses agree at a weighted kappa of 0.77 (JKMS 2019;34:e189), so that a target on one level alone would
# claim more than people know. Softmax of minus the squared distance over this leaves the level 0.79, a neighbour 0.11.
SPREAD = 0.5

# Under-triage delays care, over-triage costs a place. Our judgement: twice as dear, and no more, since with steeper
# costs a policy learns to answer the most urgent level for everybody, as published triage runs report.
UNDER_TRIAGE = 2.0
# Of reward lost for each level and unit of cost; our judgement: from 1 when right down to -1, four levels under
PER_LEVEL = 0.25
# Below the worst wrong answer by a wide step. Our judgement: published triage runs had to go from -0.5 to -2, since a
# policy learns to answer outside the choice where that costs little.
NO_ANSWER = -2.0

# Weights are ratios of trust: our judgement. An unaided person was shown no level. A change was made against a
# suggestion, with a reason, yet from the suggestion's anchor. An approval may be no more than trust in the machine:
# physicians who were shown wrong advice lost 14 points of accuracy (medRxiv 2025.08.23.25334280), so that it counts a
# third of a change.
# A choice beside an unsure level had no key that accepts it, but the level stood there: against it, the choice is a
# change; with it, nobody knows whether the person agreed or was anchored, so it weighs halfway (our judgement).
WEIGHTS = {DecisionKind.CHANGE: 0.9, DecisionKind.CHOOSE: 0.9, DecisionKind.APPROVE: 0.3}
CHOSEN_AS_SHOWN = 0.6  # our judgement: halfway between the two
UNAIDED = 1.0
# A suggestion shows a dozen facts and the reasons. At reading speed (238 words a minute: Brysbaert, Journal of Memory
# and Language 2019;109:104047) the level, the complaint and one vital sign take 3 s; who was faster read nothing.
DWELL_FLOOR_MS = 3000

# Outcomes come late, are shaped by the decision itself (who is seen at once dies less), and only ever tell against a
# low acuity. So they lower the weight of a decision that they make doubtful, by our judgement to a quarter where the
# patient died or went to intensive care, raise it where they bear it out, and never touch the target.
GRAVE, SERIOUS = ("died", "icu"), ("admitted", "transferred")
# Levels; our judgement: an outcome says nothing for or against the level between
URGENT_UP_TO, NOT_URGENT_FROM = 2, 4
# Our judgement, as above
DOUBTED_BY_GRAVE, DOUBTED_BY_SERIOUS, CONFIRMED_BY_GRAVE = 0.25, 0.6, 1.2


def lesson(case: DecidedCase, scale: AcuityScale) -> TrainingRow | NoLesson:
    """Return the decision as a training row, or why it teaches nothing."""
    codes = [level.code for level in scale.levels]
    refused = _refused(case, codes)
    if refused:
        return refused
    chosen = codes.index(case.selected or "")
    return TrainingRow(
        row_id=case.row_id,
        decision_id=case.decision_id,
        reviewer_role=case.reviewer_role,
        source_model=case.source_model,
        request=prompts.judge(case.facts, scale),
        features=features.features(case.facts),
        target=target(chosen, len(codes)),
        reward=rewards(chosen, len(codes)),
        no_answer=NO_ANSWER,
        weight=_weight(case, chosen + 1),
    )


def target(chosen: int, levels: int) -> tuple[float, ...]:
    """Return the probability of each level, given the position of the one that the person stood for."""
    weights = [exp(-((level - chosen) ** 2) / SPREAD) for level in range(levels)]
    return tuple(weight / sum(weights) for weight in weights)


def rewards(chosen: int, levels: int) -> tuple[float, ...]:
    """Return the reward of giving each level: 1 where it is the person's, less by distance, under-triage dearer."""
    costs = (((level - chosen) * UNDER_TRIAGE) if level > chosen else (chosen - level) for level in range(levels))
    return tuple(1.0 - PER_LEVEL * cost for cost in costs)


def _refused(case: DecidedCase, codes: list[str]) -> NoLesson | None:
    if case.contradiction():
        return NoLesson.CONTRADICTORY
    if case.arm == Arm.SHOWN and case.made_by != MadeBy.MODEL:
        return NoLesson.RULES_ONLY
    if case.kind == DecisionKind.REJECT:
        return NoLesson.REJECTED
    if case.kind in (DecisionKind.KEEP, DecisionKind.WITHDRAW):
        return NoLesson.REVISED
    if case.selected not in codes:
        return NoLesson.UNKNOWN_CHOICE
    if case.arm == Arm.SHOWN and case.selected == case.suggested and (case.dwell_ms or 0) < DWELL_FLOOR_MS:
        return NoLesson.TOO_FAST
    return None


def _trust(case: DecidedCase) -> float:
    if case.arm == Arm.UNAIDED:
        return UNAIDED
    as_shown = case.kind == DecisionKind.CHOOSE and case.selected == case.suggested
    return CHOSEN_AS_SHOWN if as_shown else WEIGHTS[case.kind]


def _weight(case: DecidedCase, level: int) -> float:
    weight = _trust(case)
    kinds = {outcome.kind for outcome in case.outcomes}
    if kinds & set(GRAVE):
        factor = DOUBTED_BY_GRAVE if level >= NOT_URGENT_FROM else CONFIRMED_BY_GRAVE if level <= URGENT_UP_TO else 1.0
    elif kinds & set(SERIOUS):
        factor = DOUBTED_BY_SERIOUS if level >= NOT_URGENT_FROM else 1.0
    else:
        factor = 1.0
    return weight * factor
