"""Planted faults in made-up decisions, each beside a twin with nothing wrong."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from agents.ed_triage.pathway import EdTriage
from contracts.charts import ChartFacts
from contracts.decisions import DecisionKind
from contracts.ed_triage import EdTriageOptions
from contracts.errors import TuningError
from contracts.suggestions import MadeBy
from contracts.tuning import Arm, DecidedCase
from tests.fakes.samples import facts
from tuning import curate
from tuning.curate import Beliefs, CuratedSet, Reason
from tuning.suspicion import Fault

PATHWAY = EdTriage(EdTriageOptions(scale="ktas"))
COUNT, REVIEWERS = 600, 6
SEEDS = range(5)
Decide = Callable[[int, int, np.random.Generator], DecidedCase]


def chart(number: int, **changes: float | str) -> ChartFacts:
    told = {"sex": "female" if number % 2 else "male", "complaint": f"complaint {number}", "avpu": "alert"}
    vitals = {"hr": 60 + number % 40, "rr": 12 + number % 9, "sbp": 100 + number % 60, "temp_c": 36 + number % 17 / 10}
    made = facts(**{**told, **vitals, **changes})
    return made.model_copy(update={"encounter_id": f"e-{number}", "patient": f"Patient/p-{number}"})


def near(level: int, rng: np.random.Generator) -> int:
    """What careful people and a fair estimator say: mostly the level, sometimes its neighbour."""
    return int(np.clip(level + rng.choice([0, 0, 0, 0, -1, 1]), 0, 4))


def decided(number: int, level: int, reviewer: str, **changes: object) -> DecidedCase:
    made = DecidedCase(
        row_id=f"r-{number}",
        facts=chart(number),
        kind=DecisionKind.CHANGE,
        selected=str(level + 1),
        decision_id=f"d-{number}",
        reviewer_id=reviewer,
        reviewer_role="triage_nurse",
        arm=Arm.UNAIDED,
        dwell_ms=20000,
    )
    return made.model_copy(update=changes)


def alone(number: int, truth: int, rng: np.random.Generator) -> DecidedCase:
    return decided(number, near(truth, rng), f"nurse-{number % REVIEWERS}")


def careless(number: int, truth: int, rng: np.random.Generator) -> DecidedCase:
    if number % 20:
        return alone(number, truth, rng)
    return decided(number, int(rng.integers(0, 5)), "careless")


def shown(number: int, truth: int, rng: np.random.Generator, approves: float = 0.0) -> DecidedCase:
    reviewer, suggested, own = f"nurse-{number % REVIEWERS}", near(near(truth, rng), rng), near(truth, rng)
    approved = own == suggested or (number % REVIEWERS == 0 and rng.random() < approves)
    kind = DecisionKind.APPROVE if approved else DecisionKind.CHANGE
    told = {"arm": Arm.SHOWN, "made_by": MadeBy.MODEL, "suggested": str(suggested + 1), "kind": kind}
    return decided(number, suggested if approved else own, reviewer, **told)


def always_approved(number: int, truth: int, rng: np.random.Generator) -> DecidedCase:
    return shown(number, truth, rng, approves=1.0)


def soft(level: int) -> list[float]:
    weights = np.exp(-((np.arange(5) - level) ** 2) / 0.8)
    return list(weights / weights.sum())


def planted(decide: Decide, seed: int) -> CuratedSet:
    rng = np.random.default_rng(seed)
    truths = rng.choice(5, COUNT, p=[0.05, 0.15, 0.4, 0.3, 0.1])
    cases = [decide(number, int(truth), rng) for number, truth in enumerate(truths)]
    beliefs = {case.row_id: soft(near(int(truth), rng)) for case, truth in zip(cases, truths, strict=True)}
    return curate.curate(cases, PATHWAY, (), Beliefs(beliefs))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_decision_in_twenty_from_a_careless_reviewer_is_left_out_and_a_careful_twin_is_not(seed: int) -> None:
    made = planted(careless, seed)
    assert [(alarm.fault, alarm.subject) for alarm in made.manifest.alarms] == [(Fault.CARELESS, "careless")]
    assert made.manifest.alarms[0].observed > made.manifest.alarms[0].interval_95[1]
    assert made.refused == {Fault.CARELESS: COUNT // 20}
    assert len(made.rows) == COUNT - COUNT // 20
    twin = planted(alone, seed)
    assert (twin.manifest.alarms, len(twin.rows)) == ((), COUNT)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_who_always_approves_is_left_out_and_a_twin_that_reads_is_not(seed: int) -> None:
    made = planted(always_approved, seed)
    assert [(alarm.fault, alarm.subject) for alarm in made.manifest.alarms] == [(Fault.APPROVES_ALL, "nurse-0")]
    assert made.refused == {Fault.APPROVES_ALL: COUNT // REVIEWERS}
    assert planted(shown, seed).manifest.alarms == ()


def by_sex(flipped: bool) -> CuratedSet:
    rng = np.random.default_rng(1)
    truths = [int(level) for level in rng.integers(0, 5, COUNT)]
    cases, together, apart = [], {}, {}
    for number, truth in enumerate(truths):
        woman = number % 2
        other, own = (4 - truth, truth) if flipped else (truth, truth)
        level = near(other if woman else own, rng)
        cases.append(decided(number, level, f"nurse-{number % REVIEWERS}"))
        together[cases[-1].row_id] = soft(near(level, rng))
        apart[cases[-1].row_id] = soft(near(own if woman else other, rng))
    return curate.curate(cases, PATHWAY, (), Beliefs(together, {"female": apart}))


def test_labels_flipped_for_one_sex_stop_the_set_and_a_twin_trains() -> None:
    with pytest.raises(TuningError, match="subgroup: female"):
        by_sex(flipped=True)
    assert len(by_sex(flipped=False).rows) == COUNT


LEAKS: dict[str, ChartFacts] = {
    "the encounter itself": chart(7),
    "another encounter of the same patient": chart(999).model_copy(update={"patient": "Patient/p-7"}),
    "the same facts under other names": chart(7).model_copy(update={"encounter_id": "x", "patient": "Patient/x"}),
    "the same facts but one": chart(7, hr=61).model_copy(update={"encounter_id": "x", "patient": "Patient/x"}),
    "the same facts, one of them missing": chart(7).model_copy(
        update={"encounter_id": "x", "patient": "Patient/x", "facts": chart(7).facts[:-1]}
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_case_that_measures_does_not_train(leak: str) -> None:
    made = curate.curate([decided(n, 2, "nurse") for n in range(20)], PATHWAY, [LEAKS[leak]])
    assert made.refused == {Reason.LEAK: 1}
    assert "r-7" not in {row.row_id for row in made.manifest.rows}


def test_other_patients_with_like_charts_do_train() -> None:
    held_out = [chart(number + 1000) for number in range(20)]
    few = facts(complaint="fever", sex="male")
    cases = [*(decided(n, 2, "nurse") for n in range(20)), *(decided(n, 2, "nurse", facts=few) for n in (30, 31))]
    assert curate.curate(cases, PATHWAY, held_out).refused == {}


def test_what_was_decided_twice_teaches_once() -> None:
    again = decided(50, 3, "nurse", facts=chart(3).model_copy(update={"encounter_id": "e-50"}))
    made = curate.curate([*(decided(n, 2, "nurse") for n in range(20)), again], PATHWAY, ())
    assert made.refused == {Reason.DUPLICATE: 1}


def weights(made: CuratedSet, cases: Sequence[DecidedCase], reviewer: str) -> float:
    who = {case.row_id: case.reviewer_id for case in cases}
    return sum(row.weight for row in made.rows if who[row.row_id] == reviewer)


def test_no_reviewer_weighs_more_than_two_average_ones() -> None:
    cases = [decided(n, 2, "busy" if n >= 30 else f"nurse-{n % 3}") for n in range(100)]
    made = curate.curate(cases, PATHWAY, ())
    assert weights(made, cases, "busy") == pytest.approx(2 * 100 / 4)
    assert weights(made, cases, "nurse-0") == 10


def test_the_manifest_names_rows_by_hash_and_changes_with_any_of_them() -> None:
    cases = [decided(n, 2, "nurse") for n in range(20)]
    rejected = decided(20, 2, "nurse", kind=DecisionKind.REJECT, selected=None)
    made = curate.curate([*cases, rejected], PATHWAY, ())
    assert made.refused == {"rejected": 1}
    assert [row.row_id for row in made.manifest.rows] == [f"r-{n}" for n in range(20)]
    assert "complaint 3" not in made.manifest.model_dump_json()
    other = curate.curate([*cases[:-1], decided(19, 3, "nurse")], PATHWAY, ())
    assert made.manifest_sha256 != other.manifest_sha256
    assert made.manifest_sha256 == curate.curate([*cases, rejected], PATHWAY, ()).manifest_sha256
