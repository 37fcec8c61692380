"""What can't be compared is never normal, whatever the form in which a laboratory reports it (I19, I20)."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import level_graph
from agents.pathway import Ports, Relevance, suggest
from agents.result_followup import rules
from agents.result_followup.pathway import ResultFollowup
from agents.result_followup.results import Standing, results
from contracts.charts import ChartFacts
from contracts.result_followup import ResultFollowupOptions
from tests.fakes.results import ENCOUNTER, PATHWAY
from tests.fakes.results import result as charted
from tests.fakes.samples import NOW, decision

LAB = {"category": [{"coding": [{"code": "laboratory"}]}]}
K, TROPONIN, LACTATE = "2823-3", "6598-7", "2524-7"
RANGE = {"referenceRange": [{"low": {"value": 3.5}, "high": {"value": 5.1}}]}
Resource = dict[str, Any]


def observed(code: str = TROPONIN, id_: str = "r", **more: Any) -> Resource:
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "meta": {"versionId": "1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": f"Test {code}"},
        "subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/enc-1"}, **more,
    }  # fmt: skip


def quantity(value: Any, unit: str = "mmol/L", **more: Any) -> Resource:
    return {"valueQuantity": {"value": value, **({"unit": unit} if unit else {}), **more}}


def flag(*codes: str, text: str = "") -> Resource:
    return {"interpretation": [{"coding": [{"code": code}]} for code in codes] + ([{"text": text}] if text else [])}


def ranged(**limits: Any) -> Resource:
    return {"referenceRange": [limits]}


def read(*found: Resource, age: str = "") -> ChartFacts:
    patient = {"resourceType": "Patient", "id": "p", **({"birthDate": age} if age else {})}
    return PATHWAY.read_chart([ENCOUNTER, patient, *found], "enc-1", NOW)


def floor(*found: Resource, age: str = "") -> str | None:
    return level_graph.floor(rules.findings(read(*found, age=age)))


UNREMARKABLE = {
    "inside its range": quantity(4) | RANGE,
    "inside its range in the same unit": quantity(4) | ranged(low={"value": 3.5, "unit": "mmol/L"}),
    "inside a range in words": quantity(4) | ranged(text="3.5 - 5.1 mmol/L"),
    "below a bound in words": quantity(4) | ranged(text="<5"),
    "an integer": {"valueInteger": 4} | RANGE,
    "a number as text": {"valueString": "4.0"} | RANGE,
    "flagged normal": quantity(4) | flag("N"),
    "called normal": quantity(4) | flag(text="Normal"),
    "a word": {"valueString": "Not detected"},
    "a coded word": {"valueCodeableConcept": {"coding": [{"code": "x", "display": "Negative"}]}},
    "words flagged normal": {"valueString": "clear, straw"} | flag("N"),
    "at most a bound": quantity(0.01, comparator="<") | ranged(low={"value": 0}, high={"value": 0.04}),
    "a group of others": {"hasMember": [{"reference": "Observation/x"}]},
    "not there yet": {"status": "registered"},
    "flagged normal by its long name": {
        "interpretation": [{"coding": [{"code": "N", "display": "Normal (applies to non-numeric results)"}]}]
    }
    | quantity(4),
    "a qualifier": {"valueCodeableConcept": {"text": "Not detected (qualifier value)"}},
    "a culture without growth": {"valueString": "No growth after 5 days"},
    "nothing seen": {"valueString": "No parasites seen"},
    "susceptible": quantity(2) | flag("S"),
    "above a low bound": quantity(61) | ranged(text=">60"),
    "in a range whose text says the same": quantity(4)
    | ranged(low={"value": 3.5}, high={"value": 5.1}, text="3.5-5.1"),
    "as its range says": {"valueString": "Yellow"} | ranged(text="yellow"),
    "three places": {"valueString": "1.015"} | ranged(text="1.005-1.030"),
    "a leading zero": {"valueString": "0.012"} | ranged(high={"value": 0.04}),
    "a range said twice": quantity(7, "10*3/uL") | ranged(low={"value": 4}, high={"value": 11}, text="4.0-11.0 K/uL"),
    "a critical range beside": quantity(4)
    | {
        "referenceRange": [
            *RANGE["referenceRange"],
            {"low": {"value": 2}, "high": {"value": 7}, "type": {"text": "critical"}},
        ]
    },
    "a local code for normal": {"interpretation": [{"coding": [{"code": "214", "display": "Normal"}]}]} | quantity(4),
    "normal in words with a range in words": {"valueString": "Negative"} | ranged(text="Negative"),
}
DEMANDING = {
    "no flag and no range": quantity(4),
    "above": quantity(6) | RANGE,
    "below": quantity(3) | RANGE,
    "a second range broken": quantity(3.4) | {"referenceRange": [{"high": {"value": 5}}, {"high": {"value": 0.9}}]},
    "a range in another unit": quantity(4, "mg/dL") | ranged(low={"value": 3.5, "unit": "mmol/L"}),
    "a range in words only": quantity(4) | ranged(text="see the comment"),
    "a range without numbers": quantity(4) | ranged(low={"unit": "mmol/L"}, high={"unit": "mmol/L"}),
    "above a range in words": quantity(6) | ranged(text="3.5-5.1"),
    "an integer above": {"valueInteger": 7} | RANGE,
    "a text above": {"valueString": ">10.0"} | RANGE,
    "off the scale": quantity(4) | flag(">") | RANGE,
    "a bound that may be outside": quantity(5, comparator="<") | ranged(low={"value": 3}, high={"value": 9}),
    "flagged by a local system": quantity(4) | flag("ABN") | RANGE,
    "flagged in words": quantity(4) | flag(text="High") | RANGE,
    "flagged second": quantity(4) | flag("N", "H") | RANGE,
    "a flag that is not critical": quantity(4) | flag(text="Not critical, but high") | RANGE,
    "positive": {"valueCodeableConcept": {"text": "Positive"}} | flag("POS"),
    "positive without a flag": {"valueCodeableConcept": {"text": "Positive"}},
    "a code without words": {"valueCodeableConcept": {"coding": [{"code": "260373001"}]}},
    "a ratio": {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}},
    "true": {"valueBoolean": True},
    "no value": {},
    "a number that is none": quantity("4,0") | RANGE,
    "a modifier": quantity(4) | RANGE | {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]},
    "a component": {
        "component": [{"code": {"text": "a"}, **quantity(4), **RANGE}, {"code": {"text": "b"}, **flag("H")}]
    },
    "a range that is none": quantity(4) | {"referenceRange": "3.5-5.1"},
    "words after a bound": quantity(9.5, "") | ranged(text=">=1.0 reactive"),
    "a text beyond words after a bound": {"valueString": "50"} | ranged(text=">10 positive"),
    "an age in front of a range": quantity(15, "") | ranged(text="0-18 years: 3-5"),
    "half of a range": quantity(5000, "ng/L") | ranged(low={"value": 0}, high={"value": "14"}),
    "half of a range in another unit": quantity(9)
    | ranged(low={"value": 3.5, "unit": "mmol/L"}, high={"value": 5.1, "unit": "meq/L"}),
    "the other half as text": quantity(5000, "ng/L") | ranged(low={"value": 0}, text="0-14 ng/L"),
    "one of two ranges": quantity(900)
    | {"referenceRange": [{"low": {"value": 0}, "high": {"value": 10000}}, {"text": "men <34, women <16"}]},
    "a measuring range": quantity(900) | ranged(low={"value": 0}, high={"value": 10000}, text="measuring range"),
    "a critical range": quantity(6.1) | ranged(low={"value": 2.8}, high={"value": 6.2}, type={"text": "critical"}),
    "at a strict bound": quantity(14) | ranged(text="<14"),
    "a comparator that nobody knows": quantity(4, comparator="ad") | RANGE,
    "a bound below zero": quantity(1, comparator="<") | ranged(low={"value": -2}, high={"value": 2}),
    "words after a number": {"valueString": "5 WBC, malaria parasites seen"}
    | ranged(low={"value": 0}, high={"value": 10}),
    "a flag after a number": {"valueString": "4.9 HH"} | ranged(low={"value": 0}, high={"value": 10}),
    "an exponent": {"valueString": "1.5E3"} | ranged(low={"value": 0}, high={"value": 10}),
    "a separated number": {"valueString": "1.200"} | ranged(low={"value": 0}, high={"value": 10}),
    "two values": quantity(4) | {"valueString": "7.4 grossly"} | RANGE,
    "a reason for no value": quantity(4) | {"dataAbsentReason": {"text": "error"}} | RANGE,
    "two names of a value": {"valueCodeableConcept": {"text": "Negative", "coding": [{"display": "Positive"}]}},
    "expected to be found": {"valueString": "Not detected"} | ranged(text="Detected"),
    "a converter's None": {"valueString": "None"},
    "one positive of two": {"valueString": "Negative for influenza A positive for influenza B"},
    "nothing, and something": {"valueString": "No yeast - gram positive cocci seen"},
    "no growth, but": {"valueString": "No growth - Staphylococcus aureus isolated"},
    "no specimen": {"valueString": "No specimen found"},
    "no doubt": {"valueString": "No doubt malaria parasites seen"},
    "a normal code beside another": quantity(900) | {"interpretation": [{"coding": [{"code": "N"}, {"code": "HI"}]}]},
    "a normal code with another text": quantity(900)
    | {"interpretation": [{"coding": [{"code": "N"}], "text": "Above reference range"}]},
    "a code within a text": {"valueString": "x"} | flag(text="Reactive, previously NR"),
    "a flagged component of another kind": {
        "component": [{"code": {"coding": [{"code": "2708-6"}]}, **quantity(48, "%"), **flag("L")}]
    }
    | quantity(1.2)
    | flag("N"),
    "contained, of somebody else": {
        "hasMember": [{"reference": "#m"}],
        "contained": [observed(id_="m", **flag("HH")) | {"subject": {"reference": "Patient/q"}}],
    },
    "growth but for": {"valueString": "no growth of coliforms but staphylococci seen"},
    "a modifier of a range": quantity(4)
    | ranged(low={"value": 3}, high={"value": 5}, modifierExtension=[{"url": "x"}]),
    "a broken component": {"component": [{"code": {"text": "a"}, **quantity(4), **RANGE}, "x"]},
    "unknown status": {"status": "unknown"} | quantity(9) | RANGE,
    "registered with a flag": {"status": "registered"} | flag("H"),
}
CRITICAL = {
    "flagged": flag("HH"),
    "second flag": flag("H", "LL"),
    "second coding": {"interpretation": [{"coding": [{"code": "H"}, {"code": "HH"}]}]},
    "in words": flag(text="Critical high"),
    "by a local code": flag("CRIT"),
    "panic": flag(text="PANIC VALUE"),
    "in another language": flag(text="kritisch erhöht"),
    "as text": quantity("7.4") | flag("HH"),
    "without a value": flag("AA"),
    "as a text": flag(text="HH"),
    "as a display": {"interpretation": [{"coding": [{"display": "LL"}]}]},
    "bare": {"interpretation": "HH"},
    "with a star": flag("HH*"),
    "two in one": flag("H~HH"),
    "by a local system": flag("PH"),
    "called in": flag(text="phoned? no - critical high"),
    "in French": flag(text="valeur critique"),
    "in the value": {"valueString": "CRITICAL HIGH >500"},
    "unknown status": {"status": "unknown"} | flag("HH"),
    "registered": {"status": "registered"} | flag("HH"),
    "beside a normal flag": flag("N", "HH"),
    "odd time": flag("HH") | {"effectiveDateTime": "05.01.2026 08:00"},
    "no meta": flag("HH") | {"meta": None},
    "a component of another kind": {
        "component": [{"code": {"coding": [{"code": "2708-6"}]}, **quantity(48, "%"), **flag("LL")}]
    },
    "a contained panel": {
        "hasMember": [{"reference": "#m"}],
        "contained": [observed(id_="m", component=[{"code": {"text": "b"}, **flag("HH")}])],
    },
    "contained": {"hasMember": [{"reference": "#m"}], "contained": [observed(id_="m", **flag("HH"))]},
    "a component": {"component": [{"code": {"text": "b"}, **quantity(4), **flag("HH")}]},
}


@pytest.mark.parametrize("form", UNREMARKABLE)
def test_what_is_known_to_be_in_order_opens_nothing(form: str) -> None:
    result = observed(**LAB | UNREMARKABLE[form])
    assert PATHWAY.relevance(result) == Relevance.INFORMS
    assert [fact for fact in read(result).facts if fact.key.startswith(("other_", "critical_"))] == []


@pytest.mark.parametrize("form", DEMANDING)
def test_everything_else_opens_a_case_and_is_shown_in_it(form: str) -> None:
    result = observed(**LAB | DEMANDING[form])
    assert PATHWAY.relevance(result) == Relevance.OPENS
    facts = read(result)
    assert PATHWAY.attention([result], facts)
    shown = [f for f in facts.facts if f.resource == "Observation/r/_history/1"]
    assert shown or any("Observation/r" in line for line in facts.left_out)
    assert not shown or floor(result) == rules.TODAY


@pytest.mark.parametrize("form", CRITICAL)
def test_what_the_laboratory_calls_critical_demands_to_act_now(form: str) -> None:
    for code in (K, LACTATE):
        result = observed(code, **LAB | quantity(4) | CRITICAL[form])
        assert PATHWAY.relevance(result) == Relevance.OPENS and floor(result) == rules.ACT_NOW


@pytest.mark.parametrize(
    ("more", "relevance"),
    [
        ({}, Relevance.OPENS),  # potassium is a laboratory's
        ({"category": [{"coding": [{"code": "CH"}]}]}, Relevance.OPENS),  # HL7 v2 table 0074
        ({"category": [{"text": "Laboratory"}]}, Relevance.OPENS),
    ],
)  # fmt: skip
def test_a_result_is_known_without_the_category_laboratory(more: Resource, relevance: Relevance) -> None:
    assert PATHWAY.relevance(observed(K, **more | quantity(7.4))) == relevance
    assert floor(observed(K, **more | quantity(7.4))) == rules.ACT_NOW


def test_what_is_no_result_is_none_of_ours() -> None:
    pulse = observed("8867-4", category=[{"coding": [{"code": "vital-signs"}]}], **quantity(118, "/min") | flag("H"))
    complaint = observed("8661-1", valueString="cough")
    qt = observed("8634-8", **quantity(510, "ms"))
    assert [PATHWAY.relevance(one) for one in (pulse, complaint, qt)] == [
        Relevance.NONE, Relevance.NONE, Relevance.INFORMS,
    ]  # fmt: skip
    assert PATHWAY.relevance(observed("x", **quantity(4) | flag("H"))) == Relevance.OPENS  # only laboratories flag so


def test_our_own_limits_hold_whatever_the_range_says() -> None:
    wide = ranged(low={"value": 1}, high={"value": 9})
    assert PATHWAY.relevance(observed(K, **LAB | quantity(7.4) | wide)) == Relevance.OPENS
    assert floor(observed(K, **LAB | quantity(7.4) | wide)) == rules.ACT_NOW


def test_a_value_without_a_unit_is_shown_as_charted_and_judged_by_its_own_range() -> None:
    creatinine = observed("2160-0", **LAB | quantity(12.4, "") | flag("H"))
    glucose = observed("2345-7", **LAB | quantity(38, "") | flag("L"))
    for result, shown in ((creatinine, "12.4 (flagged H)"), (glucose, "38 (flagged L)")):
        facts = read(result)
        assert [fact.value for fact in facts.facts] == [shown] and floor(result) == rules.TODAY
    assert floor(observed(K, **LAB | quantity(7.4, ""))) == rules.ACT_NOW  # in every unit that it is reported in


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        ("77142-8", 7.6, "mmol/L", "1"), ("41653-7", 31, "mg/dL", "1"), ("38483-4", 6.1, "mg/dL", "1"),
        ("2000-8", 4.3, "mmol/L", "1"), ("2000-8", 2.4, "mmol/L", None),
    ],
)  # fmt: skip
def test_an_analyte_is_judged_by_whatever_code_it_comes(
    code: str, value: float, unit: str, expected: str | None
) -> None:
    assert floor(observed(code, **LAB | quantity(value, unit))) == expected


def test_calcium_is_judged_for_its_albumin_where_that_is_known() -> None:
    calcium = observed("2000-8", "ca", **LAB | quantity(1.75), effectiveDateTime=AT7)
    albumin = observed("1751-7", "alb", **LAB | quantity(20, "g/L") | flag("N"))
    assert floor(calcium) == rules.ACT_NOW
    assert floor(calcium, albumin | {"effectiveDateTime": AT8}) is None
    assert floor(calcium, albumin) == rules.ACT_NOW, "nobody knows of when it is"


@pytest.mark.parametrize(
    "more", [{"valueString": ">10.0"}, quantity(28.2, "mg/dL"), quantity(6.0)], ids=["words", "unit", "child"]
)
def test_a_flag_is_shown_where_no_limit_of_ours_could_judge(more: Resource) -> None:
    result = observed(K, **LAB | more | flag("H") | RANGE)
    born = "2020-01-01" if more == quantity(6.0) else "1970-01-01"
    facts = read(result, age=born)
    assert floor(result, age=born) == (rules.ACT_NOW if "valueString" in more else rules.TODAY)
    assert any("flagged H" in fact.value for fact in facts.facts)


def test_a_newer_value_in_order_takes_the_place_of_an_older_flagged_one() -> None:
    older = observed(LACTATE, "a", effectiveDateTime="2026-01-05T07:00:00Z", **LAB | quantity(9.8) | flag("HH"))
    newer = observed(LACTATE, "b", effectiveDateTime="2026-01-05T08:00:00Z", **LAB | quantity(1.2) | flag("N"))
    for chart in ((older, newer), (newer, older)):
        assert floor(*chart) is None
    assert floor(older, newer | {"effectiveDateTime": "2026-01-05T06:00:00Z"}) == rules.ACT_NOW


AT7, AT8 = "2026-01-05T07:00:00Z", "2026-01-05T08:00:00Z"
HH = LAB | quantity(12) | flag("HH") | {"effectiveDateTime": AT7}
IN_ORDER = LAB | quantity(1.2) | flag("N") | {"effectiveDateTime": AT8}


@pytest.mark.parametrize(
    "later",
    [
        {"effectiveDateTime": AT7},  # at the same moment
        {"effectiveDateTime": "2099-01-05T08:00:00Z"},  # ahead of the clock
        {"effectiveDateTime": "2026-01-06"},  # of some time of a day
        {"focus": [{"reference": "Patient/donor"}]},
        {"subject": {"reference": "Patient/q"}},
        {"specimen": {"reference": "Specimen/2"}},
        {"valueQuantity": None, "valueString": "Not detected"},
        {"code": {"coding": []}},
        {"status": "entered-in-error"},
        {"status": "unknown"},
        {"modifierExtension": [{"url": "urn:x"}]},
        {"effectiveDateTime": None, "issued": AT8},  # when it was sampled, nobody knows
    ],
    ids=str,
)
def test_what_is_no_later_value_of_the_same_test_hides_nothing(later: Resource) -> None:
    critical, other = observed(LACTATE, "a", **HH), observed(LACTATE, "b", **IN_ORDER) | later
    for chart in ((critical, other), (other, critical)):
        assert floor(*chart) == rules.ACT_NOW


@pytest.mark.parametrize("moment", [{"effectivePeriod": {"start": AT8}}, {"effectiveInstant": AT8}, {"issued": AT8}])
def test_a_later_critical_value_counts_in_whatever_element_its_time_stands(moment: Resource) -> None:
    before = observed(LACTATE, "a", **IN_ORDER | {"effectiveDateTime": AT7})
    after = {key: value for key, value in observed(LACTATE, "b", **HH).items() if key != "effectiveDateTime"} | moment
    assert floor(before, after) == floor(after, before) == rules.ACT_NOW


def test_parts_of_one_panel_and_like_parts_of_others_hide_each_other_nowhere() -> None:
    def panel(id_: str, code: str, at: str, *parts: Resource) -> Resource:
        named = [{"code": {"coding": [{"code": "RES"}]}, **part} for part in parts]
        return observed(code, id_, effectiveDateTime=at, component=named, **LAB)

    found, clear = flag("AA") | {"valueString": "Reactive"}, flag("N") | {"valueString": "Negative"}
    assert floor(panel("hiv", "1-1", AT7, found), panel("flu", "2-2", AT8, clear)) == rules.ACT_NOW
    assert floor(panel("one", "1-1", AT7, found, clear)) == rules.ACT_NOW


def test_of_two_values_in_one_resource_each_is_judged() -> None:
    parts = [{"code": {"coding": [{"code": K}]}, **quantity(value)} for value in (7.4, 4.0)]
    for component in (parts, parts[::-1]):
        assert floor(observed("24321-2", **LAB, component=component, effectiveDateTime=AT7)) == rules.ACT_NOW


def test_a_result_that_a_search_brings_twice_is_shown_once() -> None:
    result = observed(LACTATE, **LAB | quantity(9) | flag("HH"))
    assert len(read(result, result).facts) == 1


def test_every_result_of_another_patient_has_a_line_of_its_own() -> None:
    others = [observed(code, id_, **LAB | quantity(7.4) | flag("HH")) for code, id_ in ((K, "r10"), (TROPONIN, "r1"))]
    facts = read(*(one | {"subject": {"reference": "Patient/q"}} for one in others))
    assert [line.partition(",")[0] for line in facts.left_out] == ["Observation/r10", "Observation/r1"]


@pytest.mark.parametrize("value", [{"valueString": "7,4"}, quantity("7,4"), {"valueQuantity": {"unit": "mmol/L"}}])
def test_a_normal_flag_proves_nothing_of_an_analyte_that_is_not_read(value: Resource) -> None:
    result = observed(K, **LAB | value | flag("N"))
    assert PATHWAY.relevance(result) == Relevance.OPENS and floor(result) == rules.TODAY


def test_an_order_rests_on_the_most_urgent_result() -> None:
    found = observed(TROPONIN, "trop", **LAB | quantity(5000, "ng/L") | flag("HH"))
    facts = read(observed("2951-2", "na", **LAB | quantity(140) | flag("N")), found)
    made = asyncio.run(suggest(PATHWAY, facts, Ports()))
    (order,) = PATHWAY.results(made, decision(selected="1"), "res-1", {"tag": [{"system": "urn:x", "code": "case"}]})
    assert order["reasonReference"] == {"reference": "Observation/trop"}


def test_of_two_values_at_one_moment_the_worse_is_shown_too() -> None:
    high = observed(K, "a", effectiveDateTime=AT7, **LAB | quantity(7.4) | flag("H"))
    low = observed(K, "b", effectiveDateTime=AT7, **LAB | quantity(4.1) | flag("N"))
    for chart in ((high, low), (low, high)):
        assert floor(*chart) == rules.ACT_NOW


def test_a_flag_is_judged_by_limits_of_its_own_value_and_side_alone() -> None:
    before = observed(K, "a", effectiveDateTime=AT7, **LAB | quantity(4.0) | flag("N"))
    unread = observed(K, "b", effectiveDateTime=AT8, **LAB | quantity(29, "mg/dL") | flag("H"))
    assert floor(before, unread) == rules.TODAY
    magnesium = observed("2601-3", **LAB | quantity(5.0) | flag("H"))
    assert floor(magnesium) == rules.TODAY, "there is no limit on that side"


@pytest.mark.parametrize("whose", [{}, {"identifier": {"value": "7"}}, {"reference": "https://x/fhir/Patient/p"}])
def test_a_result_that_names_nobody_here_is_named(whose: Resource) -> None:
    result = observed(TROPONIN, **LAB | quantity(5000) | flag("HH")) | {"subject": whose}
    assert PATHWAY.relevance(result) == Relevance.OPENS
    facts = read(result)
    assert any("Observation/r" in line for line in facts.left_out) and floor(result) == rules.TODAY


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_what_was_withdrawn_opens_nothing(status: str) -> None:
    result = observed(K, **LAB | quantity(7.4) | flag("HH") | {"status": status})
    assert PATHWAY.relevance(result) == Relevance.INFORMS and read(result).facts == ()


@pytest.mark.parametrize(
    "category",
    [
        {"coding": [{"code": "PAR"}]},
        {"text": "Microbiology"},
        {"text": "Laboratory results"},
        {"coding": [{"code": "108252007"}]},
    ],
)  # fmt: skip
def test_laboratories_are_known_by_more_than_one_word(category: Resource) -> None:
    assert PATHWAY.relevance(observed("x", category=[category], valueString="P. falciparum seen")) == Relevance.OPENS


def test_a_bedside_device_may_report_as_an_examination_and_vital_signs_are_none_of_ours() -> None:
    exam = {"category": [{"coding": [{"code": "exam"}]}]}
    assert PATHWAY.relevance(observed(LACTATE, **exam | quantity(15) | flag("HH"))) == Relevance.OPENS
    assert PATHWAY.relevance(observed(TROPONIN, **quantity(9999, "ng/L"))) == Relevance.OPENS
    pressure = observed("85354-9", component=[{"code": {"coding": [{"code": "8480-6"}]}, **quantity(120) | flag("N")}])
    for vital in (pressure | RANGE, pressure | {"category": [{"text": "Vital Signs"}]}, pressure | flag("N")):
        assert PATHWAY.relevance(vital) == Relevance.NONE


def test_long_texts_are_read_in_no_time() -> None:
    begun = time.process_time()
    PATHWAY.relevance(observed(**LAB | {"valueString": " " * 100_000 + "x"} | ranged(text=" " * 100_000 + "x")))
    assert time.process_time() - begun < 1


def test_names_and_keys_tell_results_apart() -> None:
    name = "Multiplex PCR in nasopharyngeal swab influenza"
    two = [observed("", f"o{n}", valueString="Detected", **LAB) | {"code": {"text": f"{name} {n}"}} for n in "AB"]
    shown = read(*two).facts
    assert len({fact.key for fact in shown}) == len(shown) == 2
    bare = read(observed("XYZ", **LAB | quantity(5) | flag("HH")) | {"code": {"coding": [{"code": "XYZ"}]}})
    assert bare.facts[0].label == "XYZ"


def test_a_bound_hides_no_flagged_result_behind_unclear_ones() -> None:
    unclear = [
        observed(f"{30000 + n}-0", f"u{n}", effectiveDateTime=AT8, **LAB | {"valueString": "yellow"}) for n in range(25)
    ]
    flagged = observed(TROPONIN, "t", effectiveDateTime=AT7, **LAB | quantity(5000) | flag("H"))
    assert "flagged H" in read(*unclear, flagged).facts[0].value


def test_a_bound_hides_no_critical_result_and_says_how_many_it_hides() -> None:
    at = {"effectiveDateTime": "2026-01-05T08:00:00Z"}
    enzymes = [observed(f"{10000 + n}-0", f"e{n}", **LAB | quantity(n) | flag("H") | at) for n in range(22)]
    critical = [observed(f"{20000 + n}-0", f"c{n}", **LAB | quantity(n) | flag("HH")) for n in range(25)]
    facts = read(*enzymes, critical[0])
    assert len(facts.facts) == 20 and facts.facts[0].key == "critical_20000_0"
    assert facts.left_out[-1].startswith("3 more results that are not known to be in order")
    assert len(read(*enzymes, *critical).facts) == 25


def test_the_headline_names_the_most_urgent_and_says_how_many_more_there_are() -> None:
    enzymes = [observed(f"{10000 + n}-0", f"e{n}", **LAB | quantity(n) | flag("H")) for n in range(4)]
    flagged = observed(K, "k", **LAB | quantity(7.4) | flag("HH"))
    facts = read(*enzymes, flagged, age="1960-01-01")
    told = PATHWAY.headline(facts)
    assert told.startswith("Test 2823-3 7.4 mmol/L (flagged HH)") and "Potassium" not in told, "one of each resource"
    assert told.count("(flagged H)") == 2 and "and 2 more (66" in told
    kidney = read(observed("2160-0", **LAB | quantity(300, "umol/L") | flag("N")), age="1960-01-01")
    assert "Age" not in PATHWAY.headline(kidney)


def test_a_hospital_adds_its_own_words() -> None:
    result = observed(**LAB | {"valueString": "o. B."})
    assert PATHWAY.relevance(result) == Relevance.OPENS
    ours = ResultFollowup(ResultFollowupOptions(unremarkable_words=("o. B.", "o. B")))
    assert ours.relevance(result) == Relevance.INFORMS


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.sampled_from(["H", "HH", "7.4", "", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["coding", "code", "text", "value", "low", "high", "unit"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(element=st.sampled_from(["interpretation", "referenceRange", "valueQuantity", "component", "category"]), odd=ODD)
def test_a_critical_value_is_never_lost_behind_an_odd_element(element: str, odd: Any) -> None:
    """Whatever is charted beside it, potassium of 7.4 flagged HH opens a case that shows it, or says that it can't."""
    result = observed(K, **LAB | quantity(7.4) | flag("HH") | RANGE) | {element: odd}
    if element in ("interpretation", "valueQuantity") and not (odd is None or odd == []):
        result |= {"component": [{"code": {"text": "b"}, **quantity(4), **flag("HH")}]}
    kept = PATHWAY.relevance(result)
    facts = read(result)
    assert kept == Relevance.OPENS
    assert PATHWAY.attention([result], facts)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_number_is_in_order_exactly_inside_its_range(value: float, low: float, width: float) -> None:
    limits = ranged(low={"value": low}, high={"value": low + width})
    (found,) = results(observed(**LAB | quantity(value) | limits))
    assert (found.standing == Standing.UNREMARKABLE) == (low <= value <= low + width)


def test_a_known_test_that_came_with_a_bare_code_has_a_name() -> None:
    (told,) = results(charted("k", 7.2) | {"interpretation": [{"coding": [{"code": "HH"}]}]})
    assert told.name == "Potassium"
