"""What a laboratory flagged is named, whether or not a rule here knows it."""

import pytest

from agents import level_graph
from agents.result_followup import rules
from contracts.charts import ChartFacts
from tests.fakes.results import ENCOUNTER, PATHWAY, flagged, result
from tests.fakes.samples import NOW


def read(*results: dict[str, object]) -> ChartFacts:
    return PATHWAY.read_chart([ENCOUNTER, *results], "enc-1", NOW)


@pytest.mark.parametrize(
    ("flag", "floor"),
    [("H", rules.TODAY), ("A", rules.TODAY), ("HH", rules.ACT_NOW), ("LL", rules.ACT_NOW), ("AA", rules.ACT_NOW)],
)
def test_a_flagged_result_that_no_rule_knows_is_shown_and_never_called_in_order(flag: str, floor: str) -> None:
    facts = read(result("k", 4.1), flagged("Troponin I", 0.9, flag))
    assert facts.facts[-1].shown() == f"Troponin I 0.9 ng/mL (flagged {flag})"
    assert level_graph.floor(rules.findings(facts)) == floor


def test_a_result_that_is_in_order_or_of_another_stay_or_patient_is_not_shown() -> None:
    elsewhere = flagged("Troponin I", 0.9, "H")
    facts = read(
        flagged("Troponin I", 0.9, "N"),
        elsewhere | {"encounter": {"reference": "Encounter/other"}},
        elsewhere | {"subject": {"reference": "Patient/other"}},
        elsewhere | {"status": "entered-in-error"},
    )
    assert facts.facts == ()


def test_without_a_flag_its_range_decides_and_without_both_nobody_knows() -> None:
    plain = {k: v for k, v in flagged("Troponin I", 0.9, "H").items() if k != "interpretation"}
    within = plain | {"referenceRange": [{"low": {"value": 0}, "high": {"value": 1}}]}
    beyond = plain | {"referenceRange": [{"low": {"value": 0}, "high": {"value": 0.04}}]}
    assert [fact.value for fact in read(within).facts] == []
    assert [fact.value for fact in read(beyond).facts] == ["0.9 ng/mL (out of its range)"]
    assert [fact.value for fact in read(plain).facts] == ["0.9 ng/mL (no flag and no range)"]


def test_the_newest_of_the_same_result_counts_and_a_broken_one_hides_no_other() -> None:
    older = flagged("Troponin I", 0.2, "H") | {"effectiveDateTime": "2026-01-05T07:00:00Z"}
    newer = flagged("Troponin I", 0.9, "H") | {"effectiveDateTime": "2026-01-05T08:00:00Z", "id": "again"}
    bare = flagged("Lactate", 9, "HH", "2524-7") | {"interpretation": "HH"}
    broken = flagged("Lactate", 9, "HH", "2524-8") | {"interpretation": [7]}
    facts = read(newer, bare, broken, older)
    assert [fact.value for fact in facts.facts] == ["9 ng/mL (flagged HH)", "0.9 ng/mL (flagged H)"]
    assert facts.left_out == ("Observation/lab-2524-8, which can't be read",)


def test_however_many_are_flagged_a_critical_one_is_shown_first() -> None:
    enzymes = [
        flagged(f"Enzyme {n}", 90 + n, "H", f"e-{n}") | {"effectiveDateTime": f"2026-01-05T08:{n:02}:00Z"}
        for n in range(23)
    ]
    older = flagged("Haemoglobin", 38, "LL", "718-7") | {"effectiveDateTime": "2026-01-05T07:00:00Z"}
    facts = read(*enzymes, older)
    assert facts.facts[0].label == "Haemoglobin" and level_graph.floor(rules.findings(facts)) == rules.ACT_NOW


def test_an_analyte_that_is_read_is_shown_again_only_where_the_laboratory_calls_it_critical() -> None:
    high, critical = (flagged("Potassium", 6.2, flag, "2823-3", "mmol/L") for flag in ("H", "HH"))
    assert level_graph.floor(rules.findings(read(high))) is None
    assert level_graph.floor(rules.findings(read(critical))) == rules.ACT_NOW
