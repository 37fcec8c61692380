"""A chart as numbers: what is read of a complaint, and what the modifiers of CTAS ask for."""

import pytest

from agents.ed_triage import complaints
from agents.ed_triage.features import features
from tests.fakes.samples import facts


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pain, chest", "chest pain"),
        ("Rt. side motor weakness", "right side motor weakness"),
        ("H-Headache", "headache"),
        ("LBP - Low back pain", "low back pain low back pain"),
        ("DI, drug intoxication", "drug intoxication drug intoxication"),
        ("scalp lac.", "scalp laceration"),
        ("??", ""),
    ],
)
def test_a_complaint_is_read_in_normal_words(typed: str, meant: str) -> None:
    assert complaints.normal(typed) == meant


@pytest.mark.parametrize(
    ("typed", "group", "level"),
    [
        ("Discomfort, Chest", "chest_pain", 2),
        ("mental change", "altered_consciousness", 2),
        ("post-CPR state", "arrest", 1),
        ("Open Wound", "wound", 4),
        ("for PEG tube change", "errand", 5),
        ("an unheard-of word", None, 5),
    ],
)
def test_a_complaint_belongs_to_groups_of_which_the_most_urgent_counts(
    typed: str, group: str | None, level: int
) -> None:
    made = features(facts(complaint=typed)).numbers
    assert made["complaint_level"] == level
    if group:
        assert made[f"complaint_{group}"] == 1


@pytest.mark.parametrize(
    ("complaint", "pain", "level"),
    [("chest pain", 8, 2), ("chest pain", 4, 3), ("chest pain", 1, 4), ("chest pain", 0, 5), ("ankle pain", 9, 3),
     ("ankle pain", 5, 4), ("ankle pain", 2, 5)],
)  # fmt: skip
def test_pain_asks_for_a_level_by_its_severity_and_place(complaint: str, pain: float, level: int) -> None:
    assert features(facts(complaint=complaint, pain_nrs=pain)).numbers["modifier_pain"] == level


@pytest.mark.parametrize(
    ("vitals", "modifier", "level"),
    [
        ({"spo2": 89.0}, "breathing", 1),
        ({"spo2": 91.0}, "breathing", 2),
        ({"spo2": 94.0}, "breathing", 3),
        ({"spo2": 95.0}, "breathing", 5),
        ({"sbp": 90.0}, "circulation", 2),
        ({"hr": 120.0}, "circulation", 3),
        ({"temp_c": 38.6, "hr": 91.0, "rr": 21.0}, "fever", 2),
        ({"temp_c": 38.6, "hr": 80.0, "rr": 16.0}, "fever", 3),
        ({"temp_c": 38.5, "hr": 120.0, "rr": 30.0}, "fever", 5),
        ({"sbp": 221.0, "dbp": 90.0}, "pressure", 3),
        ({"sbp": 150.0, "dbp": 111.0}, "pressure", 4),
    ],
)
def test_vitals_ask_for_a_level_at_the_limits_of_the_guideline(
    vitals: dict[str, float], modifier: str, level: int
) -> None:
    made = features(facts(**vitals)).numbers
    assert made[f"modifier_{modifier}"] == level
    assert made["modifier_least"] <= level


def test_every_chart_has_the_same_numbers_and_says_what_was_not_measured() -> None:
    empty = features(facts())
    full = features(facts(complaint="fever", sex="female", age=70.0, hr=100.0, sbp=80.0, dbp=50.0, avpu="verbal"))
    assert list(empty.numbers) == list(full.numbers)
    assert (empty.text, empty.numbers["hr"], empty.numbers["shock_index"]) == ("", None, None)
    assert (full.numbers["shock_index"], full.numbers["female"], full.numbers["unconsciousness"]) == (1.25, 1, 2)
