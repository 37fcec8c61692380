"""NEWS2's SpO2 scale 2: only where a person chose it, and what is said where a chart says hypercapnia."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import codes, level_graph
from agents.ed_triage import hypercapnia, resources, rules
from contracts.charts import ChartFacts
from tests.fakes.samples import CALM, NOW, facts

CHOSEN = {"spo2_scale": "2"}
# Royal College of Physicians, NEWS2, 2017, chart 1, SpO2 scale 2: the first and last value of each band.
ON_AIR = {83: 3, 84: 2, 85: 2, 86: 1, 87: 1, 88: 0, 92: 0, 93: 0, 97: 0, 100: 0}
ON_OXYGEN = {83: 3, 84: 2, 85: 2, 86: 1, 87: 1, 88: 0, 92: 0, 93: 1, 94: 1, 95: 2, 96: 2, 97: 3, 100: 3}
OXYGEN = {"oxygen_l_min": 2}
RULE = "SpO2 scale"


STAY = {"resourceType": "Encounter", "id": "enc-1", "subject": {"reference": "Patient/pat-1"}}


def observed(coded_as: str, value: Any, minutes_ago: float = 10, **changes: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat()
    charted = {
        "resourceType": "Observation", "id": "obs-1", "status": "final", "subject": {"reference": "Patient/pat-1"},
        "code": {"coding": [{"code": coded_as}]}, "effectiveDateTime": at,
    }  # fmt: skip
    return charted | ({} if value is None else {"valueQuantity": {"value": value}}) | changes


def read(*chart: dict[str, Any]) -> ChartFacts:
    return resources.read_chart([STAY, *chart], "enc-1", NOW)


def rules_of(chart: ChartFacts) -> dict[str, str | None]:
    return {found.rule: found.floor for found in rules.findings(chart)}


def said(chart: ChartFacts) -> str:
    return next((found.text for found in rules.findings(chart) if found.rule == RULE), "")


@pytest.mark.parametrize(("oxygen", "edges"), [({}, ON_AIR), (OXYGEN, ON_OXYGEN), ({"fio2": 28}, ON_OXYGEN)])
def test_each_edge_of_scale_2_scores_as_the_chart_says(oxygen: dict[str, float], edges: dict[int, int]) -> None:
    scored = {value: rules.news2_points(facts(spo2=value, **CHOSEN, **oxygen))["spo2"] for value in edges}
    assert scored == edges


@given(value=st.integers(2, 100), oxygen=st.booleans(), words=st.sampled_from(("COPD, hypercapnic failure", "cough")))
def test_without_a_choice_scale_1_scores_whatever_the_chart_says(value: int, oxygen: bool, words: str) -> None:
    more: dict[str, Any] = {"complaint": words, "paco2": 70, **(OXYGEN if oxygen else {})}
    plain = {"spo2": value, **(OXYGEN if oxygen else {})}
    for scale in ({}, {"spo2_scale": "1"}, {"spo2_scale": "scale 3"}):
        chart = facts(spo2=value, **more, **scale)
        assert rules.news2_points(chart)["spo2"] == rules.news2_points(facts(**plain))["spo2"]
        assert level_graph.floor(rules.findings(chart)) == level_graph.floor(rules.findings(facts(**plain)))


@given(value=st.integers(2, 100), oxygen=st.booleans())
def test_a_choice_changes_nothing_but_the_saturation(value: int, oxygen: bool) -> None:
    vitals: dict[str, Any] = CALM | {"hr": 125, "spo2": value} | (OXYGEN if oxygen else {})
    one, two = (rules.news2_points(facts(**vitals | scale)) for scale in ({}, CHOSEN))
    assert {**one, "spo2": 0} == {**two, "spo2": 0}


def test_the_danger_zone_of_saturation_is_not_for_who_has_scale_2_and_that_is_said() -> None:
    chart = facts(**CALM | {"spo2": 89} | CHOSEN)
    assert rules_of(chart) == {"NEWS2": None, RULE: None}
    assert said(chart) == "SpO2 89 % scored on scale 2, as chosen in the chart; below 92 % is no danger zone then"
    assert rules_of(facts(**CALM | {"spo2": 89}))["danger zone"] == "3"
    assert rules_of(facts(**CALM | {"spo2": 83} | CHOSEN))["NEWS2"] == "3"
    assert rules_of(facts(**CALM | {"spo2": 97} | CHOSEN | OXYGEN))["NEWS2"] == "3", "too much oxygen"
    assert rules_of(facts(**CALM | {"spo2": 89, "hr": 101} | CHOSEN))["danger zone"] == "3", "for the heart rate"


def test_a_floor_cites_the_choice_so_that_another_choice_is_news() -> None:
    chart = facts(**CALM | {"spo2": 83} | CHOSEN)
    assert next(f.cites for f in rules.findings(chart) if f.rule == "NEWS2") == ("spo2", "spo2_scale")


@pytest.mark.parametrize("age", [0.5, 5, 15])
def test_scale_2_is_not_for_children(age: float) -> None:
    assert rules_of(facts(age=age, spo2=89, **CHOSEN))["danger zone"] == "3"
    assert RULE not in rules_of(facts(age=age, spo2=89, **CHOSEN))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"complaint": "Acute hypercapnic respiratory failure"}, True),
        ({"complaint": "COPD with CO2 retention"}, True),
        ({"complaint": "COPD, CO₂ retainer"}, True),
        ({"complaint": "known to retain CO2"}, True),
        ({"complaint": "Type II respiratory failure"}, True),
        ({"complaint": "dyspnoea; hypercarbia"}, True),
        ({"history": "Type 2 respiratory failure 2024"}, True),
        ({"paco2": 45}, True),
        ({"paco2": 44}, False),
        ({"complaint": "COPD"}, False),
        ({"complaint": "COPD, no hypercapnia"}, False),
        ({"complaint": "COPD without CO2 retention"}, False),
        ({"complaint": "no fever; hypercapnia"}, True),
        ({"complaint": "hypocapnia"}, False),
        ({"complaint": "urinary retention"}, False),
        ({"complaint": "hypercapnia", "spo2_scale": "1"}, False),
    ],
)
def test_hypercapnia_without_a_choice_is_said_and_demands_nothing(more: dict[str, Any], told: bool) -> None:
    chart = facts(**CALM, **more)
    assert said(chart).startswith("SpO2 scored on scale 1; scale 2 is for a person to choose") == told
    assert level_graph.floor(rules.findings(chart)) is None
    found = [f for f in rules.findings(chart) if f.rule == RULE]
    assert all(chart.get(key) for f in found for key in f.cites)


def test_without_a_saturation_nothing_is_said_of_scales() -> None:
    assert said(facts(complaint="hypercapnia", hr=80)) == said(facts(hr=80, **CHOSEN)) == ""


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("2", "2"), ("Scale 2", "2"), ("SpO2 scale 2", "2"), ("NEWS2 SpO2 Scale 1", "1"), ("scale 2 (88-92 %)", "2"),
        ("Royal College of Physicians NEWS2 (National Early Warning Score 2) - oxygen saturation scale 2 score", "2"),
        ("NEWS 2", None), ("NEWS2", None), ("not scale 2", None), ("consider scale 2", None), ("scale 2 or 1", None),
        ("scale 2?", "2"), ("scale 3", None), ("", None), ("yes", None), ("88-92", None), ("scale", None), ("12", None),
    ],
)  # fmt: skip
def test_a_choice_is_read_from_words_of_which_nothing_is_guessed(text: str, scale: str | None) -> None:
    assert hypercapnia.scale([text]) == scale


@given(st.text(max_size=40))
def test_no_text_without_a_2_chooses_scale_2(text: str) -> None:
    if "2" not in text:
        assert hypercapnia.scale([text]) != "2"
    assert hypercapnia.scale([text, f"not {text}"]) is None


def coded(*scales: str, value: Any = 1, **changes: Any) -> dict[str, Any]:
    parts = [
        {"code": {"coding": [{"code": scale}]}, **({} if value is None else {"valueQuantity": {"value": value}})}
        for scale in scales
    ]
    return observed("1104051000000101", 5, id="news", component=parts, **changes)


def chosen(*chart: dict[str, Any]) -> str | None:
    fact = read(*chart).get("spo2_scale")
    return fact.value if fact else None


def test_a_charted_score_on_a_scale_says_that_it_was_chosen() -> None:
    assert chosen(coded(codes.SPO2_SCALE_2)) == "2" and chosen(coded(codes.SPO2_SCALE_1, value=3)) == "1"
    assert chosen(observed(codes.SPO2_SCALE_2, 0)) == "2"
    assert chosen(coded(codes.SPO2_SCALE_1, codes.SPO2_SCALE_2)) == "1", "of both the stricter one"
    assert chosen(coded(codes.SPO2_SCALE_2, codes.SPO2_SCALE_1)) == "1"
    assert chosen(coded(codes.SPO2_SCALE_2, value=None)) is None
    assert chosen(coded(codes.SPO2_SCALE_2, status="entered-in-error")) is None
    assert chosen(coded(codes.SPO2_SCALE_2, encounter={"reference": "Encounter/other"})) is None


@pytest.mark.parametrize(
    "value",
    [
        {"valueString": "Scale 2"},
        {"valueInteger": 2},
        {"valueQuantity": {"value": 2}},
        {"valueQuantity": {"value": 2, "code": "{score}"}},
        {"valueCodeableConcept": {"coding": [{"code": codes.SPO2_SCALE_2}]}},
        {"valueCodeableConcept": {"text": "Scale 2", "coding": [{"code": "LOCAL-17"}]}},
    ],
    ids=str,
)
def test_a_hospitals_own_code_chooses_too(value: dict[str, Any]) -> None:
    own = observed("local-scale", None, **value)
    mapped = resources.read_chart([STAY, own], "enc-1", NOW, {"local-scale": "spo2_scale"})
    fact = mapped.get("spo2_scale")
    assert fact and fact.value == "2"
    assert chosen(observed("x", None, code={"text": "NEWS2 SpO2 scale"}, **value)) == "2"


@pytest.mark.parametrize("value", [{"valueString": "maybe"}, {"valueInteger": 3}, {"valueBoolean": True}, {}], ids=str)
def test_what_names_no_scale_is_named_and_chooses_none(value: dict[str, Any]) -> None:
    chart = read(observed("x", None, code={"text": "NEWS2 SpO2 scale"}, **value))
    assert chart.get("spo2_scale") is None and "SpO2 scale" in chart.left_out[0]


def test_the_newest_choice_counts() -> None:
    older, newer = coded(codes.SPO2_SCALE_2, minutes_ago=30), coded(codes.SPO2_SCALE_1, minutes_ago=5)
    assert chosen(older, newer | {"id": "later"}) == chosen(newer | {"id": "later"}, older) == "1"


@pytest.mark.parametrize(("value", "unit", "mmhg"), [(6.5, "kPa", 49), (52, "mm[Hg]", 52), (6.0, "kPa", 45)])
def test_paco2_is_read_in_its_units(value: float, unit: str, mmhg: int) -> None:
    charted = observed("2019-8", None, valueQuantity={"value": value, "code": unit})
    assert read(charted).number("paco2") == mmhg


def test_a_paco2_without_a_unit_is_a_guess_that_nobody_makes() -> None:
    chart = read(observed("2019-8", 6.5))
    assert chart.get("paco2") is None and "without a unit" in chart.left_out[0]


def test_saturation_is_worse_by_the_scale_in_use() -> None:
    worse = rules.worse_for(facts(spo2=93, **CHOSEN, **OXYGEN))
    assert worse("spo2", 94, 92) and not rules.worse_for(facts(spo2=92, **OXYGEN))("spo2", 94, 92)
