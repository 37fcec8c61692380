"""Which laboratory results demand a look, and how urgently."""

import pytest

from tests.unit.measure_oracle.made import CHILD, Resource, floors, found, observation, quantity, result

CRITICAL, LOOK, SHOWN = "1", "2", "~"
PLATELETS = "777-3"
"""Which no limit judges."""
NORMAL = {"low": {"value": 3.5}, "high": {"value": 5.1}}
SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0074"
IN_OTHER_UNIT = {"low": {"value": 3.5, "unit": "mg/dL"}, "high": {"value": 5.1, "unit": "mg/dL"}}


@pytest.mark.parametrize("flag", ["HH", "LL", "AA"])
def test_a_flag_that_a_laboratory_calls_critical_is_most_urgent(flag: str) -> None:
    assert floors(result(value=4.2, flag=flag)) == {"k": CRITICAL}


@pytest.mark.parametrize("flag", ["H", "L", "A", ">", "<", "POS", "DET", "R", "local-7"])
def test_every_other_flag_but_normal_demands_a_look(flag: str) -> None:
    assert floors(result(value=4.2, flag=flag, loinc=PLATELETS)) == {"k": LOOK}


@pytest.mark.parametrize(
    ("loinc", "flag", "unit", "floor"),
    [
        ("2823-3", "H", "mmol/L", SHOWN),
        ("2823-3", "A", "mmol/L", SHOWN),
        ("2823-3", "H", "arb.U", LOOK),
        ("2160-0", "H", "umol/L", SHOWN),
        ("2160-0", "L", "umol/L", LOOK),
        ("2160-0", "A", "umol/L", LOOK),
    ],
)
def test_how_soon_a_number_within_a_limit_of_its_direction_is_to_be_looked_at_nobody_says(
    loinc: str, flag: str, unit: str, floor: str
) -> None:
    assert floors(result(loinc=loinc, flag=flag, referenceRange=None, **quantity(4.2, unit))) == {"k": floor}


@pytest.mark.parametrize("flag", ["N", "NEG", "ND"])
def test_a_result_that_its_laboratory_calls_normal_is_no_item(flag: str) -> None:
    assert floors(result(value=4.2, flag=flag)) == {}


@pytest.mark.parametrize(
    ("text", "floor"), [("Critical high", CRITICAL), ("PANIC VALUE", CRITICAL), ("high", LOOK), ("not critical", None)]
)
def test_flags_in_words_count(text: str, floor: str | None) -> None:
    given = result(value=4.2, flag=None, interpretation=[{"text": text}], loinc=PLATELETS)
    assert floors(given).get("k") == floor


def test_of_several_flags_the_most_urgent_counts() -> None:
    both = [{"coding": [{"code": "H"}]}, {"coding": [{"code": "HH"}]}]
    assert floors(result(value=4.2, flag=None, interpretation=both)) == {"k": CRITICAL}


def test_a_flag_of_a_component_counts() -> None:
    part = {"code": {"text": "K"}, "interpretation": [{"coding": [{"code": "HH"}]}]} | quantity(7)
    assert floors(result(flag=None, valueQuantity=None, component=[part])) == {"k": CRITICAL}


@pytest.mark.parametrize(
    ("value", "given", "floor"),
    [
        (5.4, NORMAL, LOOK),
        (4.2, NORMAL, None),
        (5.4, {"text": "3.5-5.1"}, LOOK),
        (4.2, {"text": "3.5 - 5.1 mmol/L"}, None),
        (5.4, {"text": "< 5,1"}, LOOK),
        (4.2, IN_OTHER_UNIT, LOOK),
        (4.2, {"text": "see below"}, LOOK),
        (4.2, {"low": {"unit": "mmol/L"}}, LOOK),
    ],
)
def test_a_number_is_in_order_only_inside_a_range_that_can_be_compared(
    value: float, given: Resource, floor: str | None
) -> None:
    assert floors(result(value=value, flag=None, referenceRange=[given], loinc=PLATELETS)).get("k") == floor


def test_beside_a_range_that_cannot_be_compared_another_calls_nothing_normal() -> None:
    both = [NORMAL, {"text": "see below"}]
    assert floors(result(value=4.2, flag=None, referenceRange=both, loinc=PLATELETS)) == {"k": LOOK}


def test_a_number_without_flag_and_range_demands_a_look() -> None:
    assert floors(result(value=4.2, flag=None, referenceRange=None, loinc=PLATELETS)) == {"k": LOOK}


@pytest.mark.parametrize(
    ("said", "floor"),
    [
        ({"valueString": "Gram-positive cocci"}, LOOK),
        ({"valueString": "not detected"}, None),
        ({"valueCodeableConcept": {"text": "Negative"}}, None),
        ({"valueCodeableConcept": {"coding": [{"code": "x"}]}}, LOOK),
        ({"valueString": "7.4"}, CRITICAL),
        ({"valueInteger": 7}, CRITICAL),
        ({"valueString": ">10.0"}, CRITICAL),
        ({"valueBoolean": True}, LOOK),
        ({}, LOOK),
    ],
)
def test_values_in_other_shapes_are_judged_by_what_they_say(said: Resource, floor: str | None) -> None:
    body: Resource = {"valueQuantity": None, "referenceRange": None} | said
    assert floors(result(flag=None, **body)).get("k") == floor


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "floor"),
    [
        ("2823-3", 6.9, "MEQ/L", CRITICAL),
        ("2823-3", 28.2, "mg/dL", LOOK),
        ("77142-8", 7.6, "mmol/L", CRITICAL),
        ("2345-7", 31, "mg/dL", CRITICAL),
        ("2345-7", 38, "", LOOK),
        ("2951-2", 110, "", CRITICAL),
        ("718-7", 4.1, "g/dL", CRITICAL),
        ("2000-8", 4.3, "mmol/L", CRITICAL),
        ("2160-0", 12.4, "", LOOK),
    ],
)
def test_a_critical_limit_holds_in_the_unit_that_is_charted(loinc: str, value: float, unit: str, floor: str) -> None:
    assert floors(result(flag="H", loinc=loinc, **quantity(value, unit))) == {"k": floor}


def test_limits_of_adults_are_not_applied_to_a_child() -> None:
    assert floors(result(value=7.4, flag="H"), born=CHILD) == {"k": LOOK}


def test_beside_albumin_calcium_is_not_called_critical() -> None:
    albumin = result("alb", 20, "L", loinc="1751-7")
    assert floors(result(flag="L", loinc="2000-8", **quantity(1.6, "mmol/L")), albumin) == {"k": SHOWN, "alb": LOOK}


@pytest.mark.parametrize(
    "category",
    [
        [{"coding": [{"code": "laboratory"}]}],
        [{"text": "Laboratory"}],
        [{"coding": [{"system": SYSTEM, "code": "CH"}]}],
        None,
    ],
)
def test_a_laboratory_is_known_in_every_spelling_and_by_a_known_analyte(category: list[Resource] | None) -> None:
    unknown: Resource = {"loinc": "99999-9", "flag": None, "referenceRange": None}
    assert floors(result(category=category, **unknown)) == ({"k": LOOK} if category else {})
    assert floors(result(category=category, referenceRange=None, flag=None)) == {"k": CRITICAL}


def test_without_category_a_range_makes_a_result_but_of_no_vital_sign() -> None:
    assert floors(result(category=None, loinc="1988-5")) == {"k": CRITICAL}
    assert floors(result(category=None, loinc="8310-5", **quantity(36.8))) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"focus": [{"reference": "Patient/child"}]},
        {"subject": {"reference": "Patient/other"}},
        {"encounter": {"reference": "Encounter/other"}},
        {"meta": {"tag": [{"system": "urn:wardflow:written"}]}},
        {"status": "registered", "valueQuantity": None, "interpretation": None},
        {"valueQuantity": None, "hasMember": [{"reference": "Observation/x"}]},
    ],
)
def test_what_is_withdrawn_or_no_result_of_this_patient_is_no_item(more: Resource) -> None:
    assert floors(result(**more)) == {}


def test_a_later_number_of_the_same_test_takes_the_place_of_an_earlier_one() -> None:
    earlier = result("k1", 7.2, minute=1)
    assert floors(earlier, result("k2", 4.2, "N", minute=2, loinc="77142-8")) == {}
    assert floors(earlier, result("k2", 7.4, minute=1)) == {"k1": CRITICAL, "k2": CRITICAL}
    assert floors(earlier, result("k2", 4.2, "N", minute=2, status="entered-in-error")) == {"k1": CRITICAL}
    assert floors(earlier, result("n", 140, "N", minute=2, loinc="2951-2")) == {"k1": CRITICAL}


def test_where_only_the_hospital_knows_the_zone_a_number_may_be_the_later_one() -> None:
    earlier = result("k1", 7.2, minute=1)
    assert floors(earlier, result("k2", 4.2, "N", effectiveDateTime="2026-11-28T05:00:00")) == {}
    assert floors(earlier, result("k2", 4.2, "N", effectiveDateTime="2026-11-27")) == {}
    assert floors(earlier, result("k2", 4.2, "N", effectiveDateTime="2026-11-26")) == {"k1": CRITICAL}
    assert floors(result("k1", 7.2, effectiveDateTime="2026-11-28")) == {"k1": CRITICAL}


def test_words_stay_beside_later_ones() -> None:
    words: Resource = {"valueQuantity": None, "valueString": "clotted", "flag": None}
    assert floors(result("k1", minute=1, **words), result("k2", 4.2, "N", minute=2)) == {"k1": LOOK}


def test_a_stay_that_is_over_has_no_items() -> None:
    assert found(result(), status="finished") == []


def test_an_item_names_what_it_is_about() -> None:
    (item,) = found(result(version=3))
    assert (item.pathway, item.encounter, item.resource, item.version) == ("result_followup", "e", "Observation/k", "3")
    assert (item.key, item.number, item.units, item.direction) == ("potassium", 7.2, frozenset(["mmol/l"]), 1)
    assert item.effective and item.effective.minute == 0


def test_what_a_nurse_writes_down_without_category_is_no_result() -> None:
    assert floors(observation("c", "75325-1", {"valueString": "dizzy"})) == {}
    assert floors(observation("c", "8661-1", {"valueString": "chest pain"}, interpretation=[{"text": "new"}])) == {}
