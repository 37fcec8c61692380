"""The measurement of the alert burden: its stays are seeded, its rules do what they are called, and its document says
what was kept."""

import json
import random
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from contracts.decisions import Decision, DecisionKind
from tests.measure.burden import assumptions, laboratory, life, report, streams
from tests.measure.burden.life import Outcome, lived
from tests.measure.burden.looks import Brings, Unshown
from tests.measure.burden.panels import PANELS
from tests.measure.burden.people import PHYSICIAN, People, Shown
from tests.measure.burden.stays import Resource, Setting, Stay, Truth
from tests.measure.burden.streams import BEGIN
from tests.measure.burden.values import Patient, side_of
from tests.measure.burden.variants import AS_IT_IS, MENDS, RULES, Variant
from tests.measure.burden.ward import opened

DOCUMENT = Path(__file__).parents[2] / "docs/alert-burden.md"
KEPT = DOCUMENT.with_suffix(".json")
AS_ASSUMED = Setting()
WITHOUT_REPEATS, EXACT, LEVEL = RULES[1:]
NEW_BY_NAME, DEMANDS_ALONE, ANY_NUMBER, DAILY, WIDE, GATHERING = MENDS[:6]
TESTS = {test.name: test for panel in PANELS for test in panel}
PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960-05-05"}
ENCOUNTER = {
    "resourceType": "Encounter", "id": "e0", "status": "in-progress", "subject": {"reference": "Patient/p"},
}  # fmt: skip
SAID = (laboratory.FLAG, laboratory.RANGE)
STAYS = 100
HOUR = 60
"""In minutes of the stay."""
Charted = tuple[int, *tuple[Resource, ...]]
"""The minute at which they are charted, and results."""


class Prompt(People):
    """Decide after ten minutes, as it was proposed; keep what was decided before."""

    def __init__(self) -> None:
        super().__init__("prompt", AS_ASSUMED)

    def decides_at(self, shown: Shown, planned: datetime | None, floor_before: str | None) -> datetime:
        return shown.at + timedelta(minutes=10)

    def decision(self, shown: Shown, at: datetime) -> Decision:
        suggestion = shown.suggestion
        kind = DecisionKind.KEEP if suggestion.revises else DecisionKind.APPROVE
        return Decision(
            decision_id=shown.case_id, case_id=shown.case_id, version=shown.version, shown_hash=suggestion.sha256(),
            kind=kind, selected=None if suggestion.revises else suggestion.selected, reviewer=PHYSICIAN, decided_at=at,
        )  # fmt: skip


def result(id_: str, test: str, value: float, taken: int, status: str = "final") -> Resource:
    """Return a result with its flag and range, of a sample of that minute of the stay."""
    measured = TESTS[test]
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": status,
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": measured.loinc}], "text": test},
        "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/e0"},
        "effectiveDateTime": (BEGIN + timedelta(minutes=taken)).isoformat(),
        **laboratory.said(measured, value, side_of(measured, value), SAID),
    }


def came_of(variant: Variant, *charted: Charted) -> Outcome:
    """Return what a stay brings in which these results are charted."""
    stay = Stay(0, PATIENT)
    stay.chart(BEGIN, ENCOUNTER)
    for minute, *results in charted:
        for one in results:
            value, test = one["valueQuantity"]["value"], TESTS[one["code"]["text"]]
            stay.says(one, Truth(test.analyte, side_of(test, value), corrects=one["status"] == "corrected"))
        stay.chart(BEGIN + timedelta(minutes=minute), *results)
    with opened(variant) as ward:
        return lived(ward, stay, Prompt())


def versions(outcome: Outcome) -> list[tuple[int, int]]:
    return [(look.generation, look.version) for look in outcome.looks]


HIGH_POTASSIUM = (1, result("k", "Potassium", 7.1, 0))
ONCE, AGAIN, TWO_VERSIONS = [(1, 1)], [(1, 1), (2, 1)], [(1, 1), (1, 2)]


def test_the_same_seed_makes_the_same_stays_and_another_seed_others() -> None:
    first, second, other = (list(streams.stays(seed, 5, AS_ASSUMED)) for seed in (3, 3, 4))
    assert [stay.reports for stay in first] == [stay.reports for stay in second] != [stay.reports for stay in other]
    assert len({report.at for stay in first for report in stay.reports}) > 5


def test_a_tiny_run_gives_the_same_figures_each_time() -> None:
    first, second = (report.summary(life.run(AS_IT_IS, AS_ASSUMED, 7, 2)) for _ in range(2))
    assert first == second
    assert first["stays"] == 2 and first["for_100_stays"]["looks"] > 0


def test_what_comes_of_the_assumptions_is_near_to_them() -> None:
    made = list(streams.stays(1, STAYS, AS_ASSUMED))
    charted = report.streams([Outcome(stay) for stay in made])
    assert charted["shares"]["corrected"] == pytest.approx(assumptions.CORRECTED.value, abs=0.002)
    assert 0.18 < charted["share_of_first_results_abnormal"] < 0.28, "the mean of the tests' shares"
    assert 0.002 < charted["shares"]["critical"] < 0.008
    assert sum(stay.ward for stay in made) / STAYS == pytest.approx(1 - assumptions.EMERGENCY.value, abs=0.06)
    silent = [
        one for stay in streams.stays(1, 5, Setting(silent=True)) for told in stay.reports for one in told.resources
    ]
    assert not any(one.get(laboratory.FLAG) or one.get(laboratory.RANGE) for one in silent)


def test_a_value_goes_on_near_to_where_it_was_and_one_out_of_its_range_comes_nearer() -> None:
    potassium, patient = TESTS["Potassium"], Patient(random.Random(1), factor=0)
    first, _ = patient.next(potassium, BEGIN)
    later = [patient.next(potassium, BEGIN)[0] for _ in range(50)]
    assert all(abs(new - old) <= 5 * potassium.variation * old for old, new in pairwise([first, *later]))
    mended: list[float] = []
    for _ in range(50):
        patient.known["Potassium"] = 7.0, BEGIN
        mended.append(patient.next(potassium, BEGIN + timedelta(days=1))[0])
    assert mean(mended) == pytest.approx(6.0, abs=0.2), "half of the way to 5.0"


def test_every_assumption_has_a_source_or_is_ours() -> None:
    assert all(one.source and one.what for one in assumptions.ALL)
    assert len({one.what for one in assumptions.ALL}) == len(assumptions.ALL) > 30
    assert all(test.share_source and test.variation_source for test in TESTS.values())


@pytest.mark.parametrize(
    ("variant", "expected"), [(AS_IT_IS, ONCE), (WITHOUT_REPEATS, AGAIN), (EXACT, ONCE), (LEVEL, ONCE)]
)
def test_a_repeat_asks_again_only_without_its_rule(variant: Variant, expected: list[tuple[int, int]]) -> None:
    found = came_of(variant, HIGH_POTASSIUM, (HOUR, result("k-2", "Potassium", 7.1, HOUR - 5)))
    assert versions(found) == expected
    assert list(found.unshown.values()) == ([] if variant is WITHOUT_REPEATS else [Unshown.REPEAT])
    assert (found.demanding, len(found.critical)) == (2, 2)


@pytest.mark.parametrize(("variant", "expected"), [(AS_IT_IS, ONCE), (EXACT, AGAIN), (LEVEL, ONCE)])
def test_a_version_that_says_the_same_asks_again_only_by_exact_versions(
    variant: Variant, expected: list[tuple[int, int]]
) -> None:
    found = came_of(variant, (1, result("k", "Potassium", 7.1, 0, "preliminary")), (HOUR, HIGH_POTASSIUM[1]))
    assert versions(found) == expected
    assert [look.brings for look in found.looks][1:] == [Brings.SAME][: len(expected) - 1]
    assert (found.demanding, found.unshown) == (1, {})


@pytest.mark.parametrize("variant", [AS_IT_IS, LEVEL])
def test_by_level_a_critical_result_is_missed_after_another(variant: Variant) -> None:
    found = came_of(variant, HIGH_POTASSIUM, (HOUR, result("glu", "Glucose", 1.4, HOUR - 5)))
    assert versions(found) == (AGAIN if variant is AS_IT_IS else ONCE)
    figures = report.summary([found])
    assert figures["critical_missed"] == figures["never_shown"]["missed"] == (0 if variant is AS_IT_IS else 1)


def test_by_level_what_is_more_urgent_is_not_missed() -> None:
    low = result("na", "Sodium", 133, 0)
    found = came_of(LEVEL, (1, low), (HOUR, result("k", "Potassium", 7.1, HOUR - 5)))
    assert versions(found) == AGAIN and found.unshown == {}


def test_what_a_look_brings_is_named_by_the_most_urgent_of_it() -> None:
    found = came_of(
        AS_IT_IS,
        (1, result("na", "Sodium", 133, 0)),
        (HOUR, result("na-2", "Sodium", 131, HOUR)),
        (2 * HOUR, result("hb", "Haemoglobin", 104, 2 * HOUR)),
        (3 * HOUR, result("na-3", "Sodium", 147, 3 * HOUR)),
        (4 * HOUR, result("na-4", "Sodium", 149, 4 * HOUR), result("k", "Potassium", 7.1, 4 * HOUR)),
        (5 * HOUR, result("hb", "Haemoglobin", 98, 2 * HOUR, "corrected")),
        (6 * HOUR, result("na-5", "Sodium", 140, 6 * HOUR)),
    )
    assert [look.brings for look in found.looks] == [
        Brings.FIRST, Brings.SAME_FLAG, Brings.FIRST, Brings.OTHER_FLAG, Brings.CRITICAL, Brings.CORRECTION,
    ]  # fmt: skip
    assert "Potassium 7.1 mmol/L" in found.looks[4].told


def test_a_result_in_order_without_flag_and_range_is_named_so() -> None:
    bare = {name: told for name, told in result("na", "Sodium", 140, 0).items() if name not in SAID}
    found = came_of(AS_IT_IS, HIGH_POTASSIUM, (HOUR, bare))
    assert [look.brings for look in found.looks] == [Brings.CRITICAL, Brings.UNCLEAR]


def test_a_result_that_was_withdrawn_before_anybody_looked_is_not_missed() -> None:
    gone = result("k-2", "Potassium", 5.9, HOUR)
    found = came_of(LEVEL, HIGH_POTASSIUM, (HOUR, gone), (2 * HOUR, gone | {"status": "entered-in-error"}))
    assert list(found.unshown.values()) == [Unshown.MISSED], "somebody could have looked for an hour"
    stay = came_of(AS_IT_IS, HIGH_POTASSIUM, (HOUR, result("k-2", "Potassium", 5.9, -HOUR)))
    assert list(stay.unshown.values()) == [Unshown.REPLACED], "an older sample, reported late"


def test_by_what_demands_a_look_alone_a_normal_result_makes_no_version() -> None:
    normal = (5, result("na", "Sodium", 140, 0))
    assert versions(came_of(DEMANDS_ALONE, HIGH_POTASSIUM, normal)) == ONCE
    assert versions(came_of(DEMANDS_ALONE, HIGH_POTASSIUM, (5, result("na", "Sodium", 133, 0)))) == TWO_VERSIONS


def test_with_what_is_new_by_name_a_version_that_says_the_same_leaves_an_open_case_as_it_is() -> None:
    glucose = result("glu", "Glucose", 1.4, HOUR, "preliminary")
    found = came_of(NEW_BY_NAME, HIGH_POTASSIUM, (HOUR, glucose), (HOUR + 5, glucose | {"status": "final"}))
    assert versions(found) == AGAIN


@pytest.mark.parametrize(
    ("variant", "before", "hours", "after", "asks"),
    [
        (ANY_NUMBER, 105, 2, 104, False),
        (ANY_NUMBER, 105, 2, 95, True),  # far from it
        (ANY_NUMBER, 105, 20, 104, True),
        (DAILY, 105, 20, 104, False),
        (DAILY, 105, 30, 104, True),
        (DAILY, 105, 20, 95, True),
        (DAILY, 68, 20, 68, True),  # critical
        (WIDE, 105, 20, 95, False),
        (AS_IT_IS, 105, 20, 104, True),
    ],
)
def test_a_number_of_any_test_repeats_what_was_accepted_as_long_as_a_mend_says(
    variant: Variant, before: float, hours: int, after: float, asks: bool
) -> None:
    first = (1, result("hb", "Haemoglobin", before, 0))
    found = came_of(variant, first, (hours * HOUR, result("hb-2", "Haemoglobin", after, hours * HOUR)))
    assert versions(found) == (AGAIN if asks else ONCE)


def test_a_number_with_another_flag_is_no_repeat_for_a_mend() -> None:
    other = result("hb-2", "Haemoglobin", 105, HOUR) | {"interpretation": [{"coding": [{"code": "A"}]}]}
    assert versions(came_of(WIDE, (1, result("hb", "Haemoglobin", 105, 0)), (HOUR, other))) == AGAIN


def test_what_is_gathered_is_looked_at_once_and_a_critical_result_at_once() -> None:
    hb, na = result("hb", "Haemoglobin", 104, 0), result("na", "Sodium", 133, 0)
    found = came_of(GATHERING, (1, hb), (9, na))
    assert versions(found) == ONCE and found.unshown == {} and found.decided == 1
    found = came_of(GATHERING, (1, hb), (9, HIGH_POTASSIUM[1]), (12, na))
    assert [look.brings for look in found.looks] == [Brings.CRITICAL, Brings.FIRST]
    assert versions(found) == TWO_VERSIONS and found.decided == 1, "not before what came was read"


def test_the_document_says_what_was_kept() -> None:
    kept, document = json.loads(KEPT.read_text()), DOCUMENT.read_text()
    for name, told in report.parts(kept).items():
        begin, end = (mark.format(name) for mark in report.MARKS)
        assert document.count(begin) == 1 and document.partition(begin)[2].partition(end)[0] == told
    assert {name: kept[name] for name in ("assumptions", "tests")} == json.loads(json.dumps(report.assumed()))
    assert [row["name"] for row in kept["rules"]] == [rule.name for rule in RULES]
    if "mends" in kept:  # measured with `--what-if`
        assert [row["name"] for row in kept["mends"]] == [rule.name for rule in (AS_IT_IS, *MENDS)]


def test_keeping_figures_changes_nothing_else_of_the_document(tmp_path: Path) -> None:
    kept = json.loads(KEPT.read_text())
    copy = tmp_path / "copy.md"
    copy.write_text(DOCUMENT.read_text().replace(report.page(kept), "old figures"))
    report.keep(kept, copy)
    assert copy.read_text() == DOCUMENT.read_text()
