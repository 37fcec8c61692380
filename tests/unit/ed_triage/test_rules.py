"""NEWS2 by its chart and by another's implementation; floors; children; what is missing."""

import clincalc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import level_graph
from agents.ed_triage import rules
from tests.fakes.samples import CALM, facts

# Royal College of Physicians, NEWS2, 2017, chart 1: the first and last value of each band.
EDGES = {
    "rr": {8: 3, 9: 1, 11: 1, 12: 0, 20: 0, 21: 2, 24: 2, 25: 3},
    "spo2": {91: 3, 92: 2, 93: 2, 94: 1, 95: 1, 96: 0},
    "sbp": {90: 3, 91: 2, 100: 2, 101: 1, 110: 1, 111: 0, 219: 0, 220: 3},
    "hr": {40: 3, 41: 1, 50: 1, 51: 0, 90: 0, 91: 1, 110: 1, 111: 2, 130: 2, 131: 3},
    "temp_c": {35.0: 3, 35.1: 1, 36.0: 1, 36.1: 0, 38.0: 0, 38.1: 1, 39.0: 1, 39.1: 2},
}


def floor(**vitals: str | float) -> str | None:
    return level_graph.floor(rules.findings(facts(**vitals)))


@pytest.mark.parametrize(("key", "value", "points"), [(k, v, p) for k, edge in EDGES.items() for v, p in edge.items()])
def test_each_edge_of_a_news2_band_scores_as_the_chart_says(key: str, value: float, points: int) -> None:
    assert rules.news2_points(facts(**{key: value})) == {key: points}


@settings(max_examples=400)
@given(
    rr=st.integers(0, 60),
    spo2=st.integers(60, 100),
    sbp=st.integers(40, 280),
    hr=st.integers(20, 220),
    temp=st.integers(300, 430),
    oxygen=st.booleans(),
    alert=st.booleans(),
)
def test_news2_agrees_with_clincalc(
    rr: int, spo2: int, sbp: int, hr: int, temp: int, oxygen: bool, alert: bool
) -> None:
    vitals = {"rr": rr, "spo2": spo2, "sbp": sbp, "hr": hr, "temp_c": temp / 10}
    chart = facts(**vitals, avpu="alert" if alert else "verbal", oxygen_l_min=2 if oxygen else 0)
    theirs = clincalc.calculate("news2", {
        "respiratory_rate": rr, "spo2": spo2, "systolic_bp": sbp, "pulse": hr, "temperature": temp / 10,
        "on_oxygen": oxygen, "consciousness": "alert" if alert else "confusion-or-vpu",
    })  # fmt: skip
    total, single = theirs["result"], theirs["working"]["single_parameter_3"]
    assert sum(rules.news2_points(chart).values()) == total
    ours = next(f for f in rules.findings(chart) if f.rule == "NEWS2")
    assert f"NEWS2 {total} " in ours.text
    assert ours.floor == ("2" if total >= 7 else "3" if total >= 5 or single else None)


@pytest.mark.parametrize(
    ("vitals", "expected"),
    [
        (CALM, None),
        (CALM | {"hr": 101}, "3"),  # danger zone
        (CALM | {"hr": 100}, None),
        (CALM | {"rr": 21}, "3"),
        (CALM | {"spo2": 91}, "3"),
        (CALM | {"spo2": 92}, None),
        (CALM | {"sbp": 90}, "3"),  # a single parameter of 3
        (CALM | {"sbp": 100, "oxygen_l_min": 2}, None),  # NEWS2 4
        (CALM | {"sbp": 100, "oxygen_l_min": 2, "hr": 91}, "3"),  # 5
        (CALM | {"sbp": 100, "oxygen_l_min": 2, "hr": 91, "temp_c": 38.1}, "3"),  # 6
        (CALM | {"sbp": 100, "oxygen_l_min": 2, "hr": 91, "temp_c": 39.1}, "2"),  # 7
        (CALM | {"rr": 25, "sbp": 100, "oxygen_l_min": 2}, "2"),  # NEWS2 7
        (CALM | {"avpu": "verbal"}, "2"),
        (CALM | {"avpu": "confusion"}, "2"),
        (CALM | {"avpu": "pain"}, "1"),
        (CALM | {"avpu": "unresponsive"}, "1"),
        ({}, None),
    ],
)
def test_the_floor_is_the_most_urgent_of_what_the_rules_found(
    vitals: dict[str, str | float], expected: str | None
) -> None:
    assert floor(**vitals) == expected


def test_adult_scores_are_not_applied_under_sixteen() -> None:
    child = {"rr": 25, "hr": 100, "spo2": 94, "temp_c": 39.5}
    assert floor(**child, age=16) == "2"
    assert floor(**child, age=15) == "3"
    assert [f.rule for f in rules.findings(facts(**child, age=15))] == ["age", "PEWS", "danger zone"]


@pytest.mark.parametrize(
    ("age", "hr", "rr"), [(0.1, 180, 50), (0.5, 160, 40), (2, 160, 40), (5, 140, 30), (9, 100, 20), (40, 100, 20)]
)
def test_the_danger_zone_is_that_of_the_age(age: float, hr: float, rr: float) -> None:
    zone = "danger zone"
    inside = rules.findings(facts(age=age, hr=hr, rr=rr, spo2=92))
    assert zone not in [f.rule for f in inside]
    for beyond in ({"hr": hr + 1}, {"rr": rr + 1}, {"spo2": 91}):
        found = rules.findings(facts(**{"age": age, "hr": hr, "rr": rr, "spo2": 92} | beyond))
        assert [f.floor for f in found if f.rule == zone] == ["3"]


def test_oxygen_counts_in_whatever_way_it_is_charted() -> None:
    for oxygen in ({"oxygen_l_min": 2}, {"fio2": 40}, {"oxygen_device": "Non-rebreather mask"}):
        assert floor(**CALM | {"sbp": 100, "hr": 91, "temp_c": 39.1} | oxygen) == "2", oxygen  # NEWS2 7 with oxygen
    for air in ({"oxygen_l_min": 0}, {"fio2": 21}, {"oxygen_device": "Room air"}):
        assert sum(rules.news2_points(facts(**CALM | air)).values()) == 0, air


def test_a_coma_scale_speaks_where_responsiveness_is_missing() -> None:
    calm = {key: value for key, value in CALM.items() if key != "avpu"}
    assert [floor(**calm, gcs=gcs) for gcs in (3, 8, 9, 14, 15)] == ["1", "1", "2", "2", None]
    assert rules.news2_points(facts(**calm, gcs=14))["gcs"] == 3 and "avpu" not in rules.missing(facts(**calm, gcs=14))
    assert floor(**CALM, gcs=7) == "1", "a scale that says worse than the word"
    assert floor(avpu="not alert", gcs=3) == "1" and floor(avpu="pain", gcs=14) == "1"


def test_an_unresponsive_child_is_still_level_one() -> None:
    assert floor(age=4, avpu="unresponsive") == "1"


def test_missing_vitals_are_named_and_the_score_says_at_least() -> None:
    chart = facts(rr=25, avpu="alert")
    assert rules.missing(chart) == ("spo2", "sbp", "hr", "temp_c")
    assert rules.findings(chart)[0].text.startswith("NEWS2 at least 3")
    assert rules.missing(facts(**CALM)) == ()


def test_without_any_vital_the_rules_find_nothing() -> None:
    assert rules.findings(facts(complaint="cough")) == ()


def test_every_finding_names_its_source_and_cites_facts_of_the_chart() -> None:
    chart = facts(rr=30, hr=140, spo2=85, avpu="pain", sbp=85)
    for finding in rules.findings(chart):
        assert finding.source
        assert finding.cites
        assert all(chart.get(key) for key in finding.cites)


@pytest.mark.parametrize("key", EDGES)
def test_a_value_that_is_no_number_scores_as_the_worst(key: str) -> None:
    assert rules.news2_points(facts(**{key: float("nan")})) == {key: 3}


def test_a_vital_that_has_no_number_is_missing() -> None:
    assert "spo2" in rules.missing(facts(spo2="<70", avpu="alert"))
