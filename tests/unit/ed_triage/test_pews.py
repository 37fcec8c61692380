"""A child's partial PEWS: its bands as the source prints them, its floors, its age brackets, and what is left open."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents import level_graph
from agents.ed_triage import pews, rules
from agents.ed_triage.resources import read_chart
from tests.fakes.samples import NOW, facts

# NHS England, Configuration Document for SPOT NPEWS, 26 February 2025: the lowest value of each band and its points.
PRINTED = {
    0.5: {"rr": "0:4 10:2 20:1 30:0 50:1 60:2 70:4", "hr": "0:4 80:2 90:1 110:0 150:1 170:2 180:4",
          "sbp": "0:4 50:2 60:1 70:0 90:1 100:2 110:4"},
    3: {"rr": "0:4 10:2 20:0 40:1 50:2 60:4", "hr": "0:4 60:2 70:1 90:0 140:1 150:2 170:4",
        "sbp": "0:4 50:2 60:1 80:0 100:1 120:2 130:4"},
    8: {"rr": "0:4 10:2 15:1 20:0 25:1 40:2 50:4", "hr": "0:4 60:2 70:1 80:0 120:1 140:2 160:4",
        "sbp": "0:4 70:2 80:1 90:0 110:1 120:2 130:4"},
    14: {"rr": "0:4 10:1 15:0 25:1 30:2 40:4", "hr": "0:4 50:2 60:1 70:0 100:1 120:2 130:4",
         "sbp": "0:4 80:2 90:1 100:0 120:1 130:2 140:4"},
}  # fmt: skip
CALM = {
    0.5: {"rr": 40, "spo2": 98, "hr": 130, "sbp": 80},
    3: {"rr": 30, "spo2": 98, "hr": 110, "sbp": 90},
    8: {"rr": 20, "spo2": 98, "hr": 95, "sbp": 100},
    14: {"rr": 16, "spo2": 98, "hr": 80, "sbp": 110},
}
AGES = st.sampled_from(sorted(PRINTED))
CASES = [
    (age, key, float(low), int(score))
    for age, table in PRINTED.items()
    for key, printed in table.items()
    for low, score in (band.split(":") for band in printed.split())
]


def floor(**vitals: str | float) -> str | None:
    return level_graph.floor(pews.findings(facts(**vitals)))


@pytest.mark.parametrize(("age", "key", "low", "score"), CASES)
def test_each_band_begins_where_the_source_prints_it(age: float, key: str, low: float, score: int) -> None:
    assert pews.parts(facts(**{"age": age, key: low})) == {key: score}


@pytest.mark.parametrize(("age", "key"), [(age, key) for age, table in PRINTED.items() for key in table])
def test_each_whole_value_scores_as_the_source_prints_it(age: float, key: str) -> None:
    bands = [(float(low), int(score)) for low, score in (band.split(":") for band in PRINTED[age][key].split())]
    for value in range(300):
        expected = next(score for low, score in reversed(bands) if value >= low)
        assert pews.parts(facts(**{"age": age, key: value})) == {key: expected}, value


@given(age=st.floats(0, 15.9), value=st.integers(2, 100))
@example(age=3, value=91)
@example(age=3, value=92)
@example(age=3, value=94)
@example(age=3, value=95)
def test_saturation_scores_alike_at_every_age(age: float, value: int) -> None:
    expected = 4 if value <= 91 else 1 if value < 95 else 0
    assert pews.parts(facts(age=age, spo2=value)) == {"spo2": expected}


@pytest.mark.parametrize(
    ("oxygen", "score"),
    [
        ({"oxygen_l_min": 0.1}, 1), ({"oxygen_l_min": 1.99}, 1), ({"oxygen_l_min": 2}, 2), ({"oxygen_l_min": 5.99}, 2),
        ({"oxygen_l_min": 6}, 4), ({"fio2": 22}, 1), ({"fio2": 29.9}, 1), ({"fio2": 30}, 2), ({"fio2": 49.9}, 2),
        ({"fio2": 50}, 4), ({"oxygen_device": "Nasal prongs"}, 1), ({"oxygen_device": "High flow nasal cannula"}, 4),
        ({"oxygen_device": "HFNC"}, 4), ({"oxygen_device": "BiPAP"}, 4), ({"oxygen_device": "CPAP mask"}, 4),
        ({"oxygen_device": "HFNC", "fio2": 25}, 4), ({"oxygen_device": "Face mask", "oxygen_l_min": 8}, 4),
        ({"oxygen_l_min": "<2"}, 1), ({"oxygen_l_min": 1, "fio2": 60}, 4),
    ],
    ids=str,
)  # fmt: skip
def test_oxygen_scores_by_its_level_and_high_flow_the_most(oxygen: dict[str, Any], score: int) -> None:
    assert list(pews.parts(facts(age=3, **oxygen)).values()) == [score]


def test_air_is_no_oxygen() -> None:
    air = {"oxygen_l_min": 0, "fio2": 21, "oxygen_device": "Room air"}
    assert pews.parts(facts(age=3, rr=30, **air)) == {"rr": 0}


@given(age=AGES, changes=st.dictionaries(st.sampled_from(("rr", "spo2", "hr", "sbp")), st.integers(2, 100)))
def test_the_floor_follows_the_review_times_of_the_source(age: float, changes: dict[str, int]) -> None:
    vitals = CALM[age] | changes
    scored = pews.parts(facts(age=age, **vitals))
    total, worst = sum(scored.values()), {key for key, score in scored.items() if score == 4}
    by_total = "1" if total >= 13 else "2" if total >= 9 else "3" if total >= 5 else None
    high = vitals["sbp"] > 80  # the first band ends below
    assert floor(age=age, **vitals) == (by_total or ("3" if worst - ({"sbp"} if high else set()) else None))
    text = pews.findings(facts(age=age, **vitals))[0].text
    assert text.startswith(f"PEWS at least {total} at ")
    assert "respiratory distress and capillary refill are not read" in text


@pytest.mark.parametrize(
    ("vitals", "expected"),
    [
        ({}, None),
        ({"hr": 59}, "3"),  # a slow heart, which the danger zone does not know
        ({"rr": 9}, "3"),
        ({"sbp": 49}, "3"),
        ({"sbp": 130}, None),  # a high pressure alone
        ({"sbp": 130, "hr": 145}, "3"),  # 5
        ({"sbp": 49, "rr": 60, "hr": 145}, "2"),  # 9
        ({"sbp": 49, "rr": 60, "hr": 150, "spo2": 93}, "2"),  # 11
        ({"sbp": 49, "rr": 60, "hr": 170}, "2"),  # 12
        ({"sbp": 49, "rr": 60, "hr": 170, "spo2": 93}, "1"),  # 13
    ],
)
def test_a_toddler_has_the_level_of_the_score(vitals: dict[str, float], expected: str | None) -> None:
    assert floor(age=3, **CALM[3] | vitals) == expected


CHARTED = st.fixed_dictionaries(
    {},
    optional={
        "rr": st.integers(5, 80), "spo2": st.integers(80, 100), "hr": st.integers(40, 200), "sbp": st.integers(40, 150),
        "oxygen_l_min": st.integers(0, 15), "fio2": st.integers(21, 100),
    },
)  # fmt: skip


@given(age=st.floats(0, 15.9), vitals=CHARTED)
def test_more_that_is_charted_never_lowers_the_level(age: float, vitals: dict[str, int]) -> None:
    whole = level_graph.floor(rules.findings(facts(age=age, **vitals))) or "5"
    for key in vitals:
        rest = {name: value for name, value in vitals.items() if name != key}
        assert whole <= (level_graph.floor(rules.findings(facts(age=age, **rest))) or "5")


@pytest.mark.parametrize("age", [16, 17, 40])
def test_an_adult_has_none(age: float) -> None:
    assert pews.findings(facts(age=age, rr=60, hr=200)) == ()
    assert "PEWS" not in [found.rule for found in rules.findings(facts(age=age, rr=60))]


def test_an_unknown_age_or_no_part_of_it_has_none() -> None:
    assert pews.findings(facts(rr=60, hr=200)) == ()
    assert pews.findings(facts(age=3, temp_c=40, avpu="alert")) == ()


@pytest.mark.parametrize(
    ("born", "bracket"),
    [
        ("2026-01-05", "0 to 11 months"), ("2025-01-06", "0 to 11 months"), ("2025-01-05", "1 to 4 years"),
        ("2024-01-06", "1 to 4 years"), ("2021-01-06", "1 to 4 years"), ("2021-01-05", "5 to 12 years"),
        ("2013-01-06", "5 to 12 years"), ("2013-01-05", "13 years and above"), ("2010-01-06", "13 years and above"),
        ("2010-01-05", None),
    ],
)  # fmt: skip
def test_a_bracket_begins_on_the_birthday(born: str, bracket: str | None) -> None:
    stay = {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p"}}
    child = {"resourceType": "Patient", "id": "p", "birthDate": born}
    found = pews.bracket(read_chart([stay, child], "e", NOW))
    assert (found and found[0]) == bracket


def test_brackets_and_bands_leave_no_gap() -> None:
    assert [end for end, _, _ in pews.BRACKETS] == [1, 5, 13, float("inf")]
    for _, _, bands in pews.BRACKETS:
        for band in (*bands.values(), pews.SPO2, pews.FRACTION, pews.FLOW):
            assert all(low < high for (low, _), (high, _) in pairwise(band)) and band[-1][0] == float("inf")


def test_a_value_that_is_no_number_scores_as_the_worst() -> None:
    assert pews.parts(facts(age=3, rr=float("nan"), spo2=float("nan"))) == {"rr": 4, "spo2": 4}


def test_the_finding_cites_what_scored_and_says_whose_the_levels_are() -> None:
    (found,) = pews.findings(facts(age=3, **CALM[3] | {"rr": 55, "oxygen_l_min": 2}))
    assert found.cites == ("rr", "oxygen_l_min") and "our judgement" in found.source and "NPEWS" in found.source
    assert "RR 55 /min 2, Oxygen 2 L/min 2" in found.text and "1 to 4 years" in found.text


def test_a_childs_value_is_worse_by_the_childs_bands() -> None:
    infant, adult = rules.worse_for(facts(age=0.5)), rules.worse_for(facts(age=40))
    assert infant("hr", 100, 112) and not adult("hr", 100, 112)  # NEWS2 calls what is nearer to 90 better
    assert infant("sbp", 112, 105) and not adult("sbp", 112, 105)


@given(
    age=AGES,
    key=st.sampled_from(("rr", "hr", "sbp", "spo2", "temp_c")),
    new=st.integers(2, 200),
    old=st.integers(2, 200),
)
def test_what_is_worse_for_anybody_is_worse_for_a_child(age: float, key: str, new: int, old: int) -> None:
    if rules.worse(key, new, old):
        assert rules.worse_for(facts(age=age))(key, new, old)
