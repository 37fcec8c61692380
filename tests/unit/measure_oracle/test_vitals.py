"""Which vital signs demand attention at triage, and how urgently."""

import pytest

from tests.measure.oracle.items import of_chart
from tests.measure.oracle.signs import points
from tests.unit.measure_oracle.made import AT, CHILD, Resource, encounter, floors, found, observation, patient, vital

HR, RR, SPO2, SBP, TEMP, AVPU, GCS = "8867-4", "9279-1", "59408-5", "8480-6", "8310-5", "67775-7", "9269-2"


@pytest.mark.parametrize(
    ("key", "value", "worth"),
    [
        *(("rr", 8, 3), ("rr", 9, 1), ("rr", 20, 0), ("rr", 21, 2), ("rr", 25, 3)),
        *(("spo2", 91, 3), ("spo2", 92, 2), ("spo2", 95, 1), ("spo2", 96, 0)),
        *(("sbp", 90, 3), ("sbp", 100, 2), ("sbp", 110, 1), ("sbp", 111, 0), ("sbp", 220, 3)),
        *(("hr", 40, 3), ("hr", 50, 1), ("hr", 90, 0), ("hr", 91, 1), ("hr", 111, 2), ("hr", 131, 3)),
        *(("temp", 35.0, 3), ("temp", 36.0, 1), ("temp", 38.0, 0), ("temp", 38.1, 1), ("temp", 39.1, 2)),
        *(("hr", 90.6, 0), ("hr", 130.5, 2), ("temp", 38.04, 0)),
    ],
)
def test_points_are_those_of_the_chart_of_news2_and_between_bands_the_fewer(key: str, value: float, worth: int) -> None:
    assert points(key, value) == worth


@pytest.mark.parametrize(("loinc", "value"), [(SBP, 88), (RR, 8), (HR, 38), (TEMP, 34.8)])
def test_one_parameter_in_its_worst_band_is_level_3(loinc: str, value: float) -> None:
    assert floors(vital("v", loinc, value)) == {"v": "3"}


def test_an_aggregate_of_seven_is_level_2_for_all_that_contribute_to_it() -> None:
    signs = [vital("hr", HR, 100), vital("rr", RR, 21), vital("sbp", SBP, 105), vital("temp", TEMP, 37.0)]
    oxygen: Resource = {"code": {"coding": [{"system": "http://loinc.org", "code": "3150-6"}]}}
    oxygen |= {"valueQuantity": {"value": 40, "unit": "%"}}
    saturation = vital("spo2", SPO2, 95, component=[oxygen])
    assert floors(*signs, saturation) == dict.fromkeys(["hr", "rr", "sbp", "spo2"], "2")
    assert floors(*signs, vital("spo2", SPO2, 95)) == {"rr": "3"} | dict.fromkeys(["hr", "sbp", "spo2"], "3")
    assert floors(*signs[:3]) == {"rr": "3"}


@pytest.mark.parametrize(
    ("word", "floor"),
    [
        ("Alert", None),
        ("A - Alert", None),
        ("Alert and oriented x3", None),
        ("V", "2"),
        ("New onset of agitation and confusion", "2"),
        ("P - Pain", "1"),
        ("Unresponsive", "1"),
        ("Comatose", "1"),
        ("was unresponsive, now alert", None),
    ],
)
def test_responsiveness_is_read_in_words_and_letters(word: str, floor: str | None) -> None:
    assert floors(vital("a", AVPU, word)).get("a") == floor
    assert floors(vital("a", AVPU, word), born=CHILD).get("a") == floor


def test_of_a_text_and_a_code_the_deeper_counts() -> None:
    coded = {"text": "confused", "coding": [{"system": "http://snomed.info/sct", "code": "422768004"}]}
    assert floors(observation("a", AVPU, {"valueCodeableConcept": coded})) == {"a": "1"}


def test_a_coma_scale_speaks_where_responsiveness_is_missing_or_alert() -> None:
    assert floors(vital("g", GCS, 8)) == {"g": "1"}
    assert floors(vital("g", GCS, 14), vital("a", AVPU, "alert")) == {"g": "2"}
    assert floors(vital("g", GCS, 8), vital("a", AVPU, "voice")) == {"a": "2"}
    assert floors(vital("g", GCS, 8), vital("a", AVPU, "hard to say")) == {}


@pytest.mark.parametrize(
    ("born", "heart", "breath", "demanded"),
    [
        ("1966-04-12", 101, 21, {"hr": "3", "rr": "3"}),
        ("1966-04-12", 100, 20, {}),
        (CHILD, 121, 31, {"hr": "3", "rr": "3"}),
        (CHILD, 115, 26, {}),
        ("2024-03-02", 150, 44, {"rr": "3"}),
        ("2026-11-27", 185, 58, {}),
        ("", 150, 44, {}),
    ],
)
def test_the_danger_zone_is_that_of_the_age(born: str, heart: float, breath: float, demanded: dict[str, str]) -> None:
    assert floors(vital("hr", HR, heart), vital("rr", RR, breath), born=born) == demanded


def test_a_saturation_below_92_is_level_3_at_every_age() -> None:
    assert floors(vital("s", SPO2, 91), born=CHILD) == {"s": "3"}
    assert floors(vital("s", SPO2, 92), born=CHILD) == {}
    assert floors(vital("s", SPO2, 91), born="") == {"s": "3"}


def test_the_newest_value_counts_and_in_doubt_the_harmless_one() -> None:
    low, fine = vital("s1", SPO2, 85, minute=1), vital("s2", SPO2, 98, minute=2)
    assert floors(low, fine) == {}
    assert floors(low, vital("s2", "2708-6", 84, minute=2)) == {"s2": "3"}
    assert floors(low, vital("s2", SPO2, 98, minute=1)) == {}
    assert floors(low, vital("s2", SPO2, 98, effectiveDateTime=None)) == {}
    assert floors(low, vital("s2", SPO2, 98, minute=2, status="entered-in-error")) == {"s1": "3"}


def test_where_only_the_hospital_knows_the_zone_a_later_value_may_be_the_newest() -> None:
    low, fine = vital("s1", SPO2, 85, minute=1), vital("s2", SPO2, 98, effectiveDateTime="2026-11-28T05:00:00")
    assert floors(low, fine) == {}
    assert floors(low, fine | {"effectiveDateTime": "2026-11-28"}) == {}
    assert floors(low, fine | {"effectiveDateTime": "2026-11-26"}) == {"s1": "3"}
    assert floors(low | {"effectiveDateTime": "2026-11-28T09:01:00"}) == {"s1": "3"}


def test_where_a_scale_of_spo2_was_chosen_nothing_is_claimed_of_it() -> None:
    low = vital("s1", SPO2, 85)
    chosen = observation("c", "1104321000000108", {"valueInteger": 2})
    chosen["code"]["coding"][0]["system"] = "http://snomed.info/sct"
    assert floors(low, chosen) == {}
    assert floors(low, observation("c", "x", {"valueInteger": 2}, code={"text": "NEWS2 SpO2 scale"})) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"valueQuantity": {"value": 85, "unit": "mmHg"}},
        {"valueQuantity": {"value": 85, "comparator": "<"}},
        {"valueQuantity": {"value": 0.85}},
        {"valueQuantity": None, "dataAbsentReason": {"text": "error"}},
        {"effectiveDateTime": "2026-11-28T12:11:00+00:00"},
        {"focus": [{"reference": "Patient/child"}]},
    ],
)
def test_of_what_cannot_be_read_for_certain_nothing_is_claimed(more: Resource) -> None:
    assert floors(vital("s", SPO2, 85, **more)) == {}


@pytest.mark.parametrize(
    ("loinc", "said"),
    [
        (TEMP, {"valueString": "34,8"}),
        (TEMP, {"valueQuantity": {"value": 94.0, "unit": "F", "code": "degF"}}),
        (SPO2, {"valueQuantity": {"value": "88", "unit": "%"}}),
        (HR, {"valueInteger": 38}),
    ],
)
def test_numbers_are_read_in_the_shapes_that_charts_have(loinc: str, said: Resource) -> None:
    assert floors(observation("v", loinc, said)) == {"v": "3"}


def test_a_pressure_is_read_from_its_panel() -> None:
    systolic = {"code": {"coding": [{"system": "http://loinc.org", "code": SBP}]}, "valueQuantity": {"value": 80}}
    assert floors(observation("bp", "85354-9", {"component": [systolic]})) == {"bp": "3"}


def test_only_an_emergency_is_triaged() -> None:
    inpatient = encounter() | {"class": {"code": "IMP"}}
    chart = {"Patient/p": patient(), "Encounter/e": inpatient, "Observation/s": vital("s", SPO2, 85)}
    assert of_chart(chart, AT) == []
    assert len(found(vital("s", SPO2, 85))) == 1
