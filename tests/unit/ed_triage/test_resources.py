"""A chart as it was at a moment, and the Observation of a decision."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B.observation import Observation
from hypothesis import example, given
from hypothesis import strategies as st

from agents import charts
from agents.ed_triage import prompts, resources
from contracts.charts import ChartFacts, FactKind
from contracts.errors import FhirError, FhirFault
from tests.fakes.samples import ESI, NOW, decision, facts

CODES = resources.KEYS
ENCOUNTER = {"resourceType": "Encounter", "id": "enc-1", "subject": {"reference": "Patient/pat-1"}}
PATIENT = {
    "resourceType": "Patient",
    "id": "pat-1",
    "meta": {"versionId": "4"},
    "name": [{"given": ["Zebedee"], "family": "Quillfeather"}],
    "gender": "male",
    "birthDate": "1971-01-05",
}


def observed(loinc: str = "8867-4", value: Any = 80, minutes_ago: float = 10, **changes: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat()
    given = {
        "resourceType": "Observation",
        "id": "obs-1",
        "meta": {"versionId": "3"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "subject": {"reference": "Patient/pat-1"},
        "effectiveDateTime": at,
    }
    return given | ({"valueQuantity": {"value": value}} if value is not None else {}) | changes


def read(*chart: Any) -> ChartFacts:
    return resources.read_chart([ENCOUNTER, *chart], "enc-1", NOW, CODES)


def test_the_newest_value_of_a_fact_is_read_in_whatever_order_the_chart_comes() -> None:
    older, newer = observed(value=80, minutes_ago=20), observed(value=112, minutes_ago=5)
    assert read(older, newer).number("hr") == read(newer, older).number("hr") == 112


@pytest.mark.parametrize(
    "when",
    [
        {"effectiveDateTime": "2026-01-05T08:41:00Z"},
        {"effectiveDateTime": "2026-01-06"},
        {"effectiveInstant": "2026-01-05T08:41:00Z"},
        {"effectivePeriod": {"start": "2026-01-05T08:41:00Z"}},
        {"issued": "2026-01-05T08:41:00Z"},
        {"meta": {"lastUpdated": "2026-01-05T08:41:00Z"}},
    ],
    ids=str,
)
def test_what_was_measured_after_as_of_is_named_and_not_used(when: dict[str, Any]) -> None:
    later = {k: v for k, v in observed(value=140).items() if k != "effectiveDateTime"} | when
    chart = read(observed(value=80), later)
    assert chart.number("hr") == 80
    assert len(chart.left_out) == 1
    assert "HR 140" in chart.left_out[0]


def test_a_clock_may_be_ahead_by_minutes() -> None:
    assert read(observed(value=80), observed(value=140, minutes_ago=-9)).number("hr") == 140


def test_a_value_without_a_moment_gives_way_to_one_with_it() -> None:
    undated = {k: v for k, v in observed(value=140).items() if k != "effectiveDateTime"}
    assert read(observed(value=80), undated).number("hr") == read(undated, observed(value=80)).number("hr") == 80


def test_a_fact_names_the_version_that_it_came_from() -> None:
    hr = read(observed()).get("hr")
    assert hr is not None
    assert (hr.resource, hr.shown(), hr.kind) == ("Observation/obs-1/_history/3", "HR 80 /min", FactKind.VITAL)


@pytest.mark.parametrize("subject", [{"reference": "Patient/other"}, {"reference": ""}, {}])
def test_observations_of_another_patient_are_left_out(subject: dict[str, str]) -> None:
    assert read(observed(subject=subject)).facts == ()


@pytest.mark.parametrize("status", charts.IGNORED_STATUS)
def test_what_was_entered_in_error_is_left_out(status: str) -> None:
    assert read(observed(value=80), observed(value=200, minutes_ago=1, status=status)).number("hr") == 80


def test_fahrenheit_is_read_as_celsius() -> None:
    temp = read(observed("8310-5", None, valueQuantity={"value": 101.3, "code": "[degF]"})).get("temp_c")
    assert temp is not None
    assert (temp.number, temp.value) == (38.5, "38.5")


def test_the_components_of_a_blood_pressure_are_facts_of_their_own() -> None:
    parts = [
        {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value}}
        for code, value in (("8480-6", 98), ("8462-4", 60))
    ]
    chart = read(observed("85354-9", None, component=parts))
    assert (chart.number("sbp"), chart.number("dbp")) == (98, 60)


def test_a_text_may_be_a_string_a_concept_or_a_display() -> None:
    code = "67775-7"
    for value in (
        {"valueString": " Alert "},
        {"valueCodeableConcept": {"text": "Alert"}},
        {"valueCodeableConcept": {"coding": [{"display": "Alert"}]}},
    ):
        avpu = read(observed(code, None, **value)).get("avpu")
        assert avpu is not None
        assert avpu.value == "alert"


def test_the_complaint_of_the_encounter_stands_in_where_none_was_observed() -> None:
    encounter = ENCOUNTER | {"reasonCode": [{"text": "fell from a ladder"}]}
    told = resources.read_chart([encounter], "enc-1", NOW, CODES).get("complaint")
    assert told is not None
    assert told.value == "fell from a ladder"
    assert len(read(observed("8661-1", None, valueString="x" * 1000)).facts[0].value) == charts.COMPLAINT_CHARS


@pytest.mark.parametrize(
    ("born", "years"), [("1971-01-05", 55), ("1971-01-06", 54), ("1971-02", 54), ("1971", 55), ("2026-01-05", 0)]
)
def test_the_age_is_that_at_as_of(born: str, years: int) -> None:
    assert read(PATIENT | {"birthDate": born}).number("age") == years


def test_the_name_is_marked_as_identity() -> None:
    name = read(PATIENT).get("name")
    assert name is not None
    assert (name.kind, name.value, name.resource) == (
        FactKind.IDENTITY, "Zebedee Quillfeather", "Patient/pat-1/_history/4",
    )  # fmt: skip


def test_a_chart_without_its_encounter_is_refused() -> None:
    with pytest.raises(FhirError) as refused:
        resources.read_chart([observed()], "enc-1", NOW, CODES)
    assert refused.value.kind == FhirFault.MISSING


@pytest.mark.parametrize(
    "odd",
    [
        {"code": {}},
        {"code": {"text": "no code of ours"}},
        {"valueQuantity": {}},
        {"component": []},
        {"effectiveDateTime": None},
        {"effectiveDateTime": "2026"},
        {"status": None},
        {"meta": {}},
    ],
)
def test_a_missing_field_costs_one_observation_at_most(odd: dict[str, Any]) -> None:
    assert read(observed() | odd, observed("9279-1", 18)).number("rr") == 18


UNREADABLE = [
    {k: v for k, v in observed().items() if k != "id"},
    observed(code=None),
    observed(code={"coding": None}),
    observed(code={"coding": [{"code": ["8867-4"]}]}),
    observed(component=None),
    observed(component=["x"]),
    observed(value="80"),
    observed(value=float("nan")),
    observed(valueQuantity=None),
    observed(effectiveDateTime=20260105),
    observed(effectiveDateTime="2026-13-45T00:00:00Z"),
    observed(effectiveDateTime="2016-12-31T23:59:60Z"),
]


@pytest.mark.parametrize("resource", UNREADABLE, ids=range(len(UNREADABLE)))
def test_an_observation_that_cannot_be_read_is_named_and_hides_no_other(resource: dict[str, Any]) -> None:
    chart = read(observed("9279-1", 18), resource, observed("2708-6", 97))
    assert (chart.number("rr"), chart.number("spo2")) == (18, 97)
    assert len(chart.left_out) == 1


ODD = [
    {},
    observed(value=10**400),
    {"resourceType": "Patient", "id": "pat-1", "birthDate": "1980-13-01"},
    {"resourceType": "Patient", "id": "pat-1", "birthDate": 1980},
    {"resourceType": "Patient", "id": "pat-1", "name": [{"given": [None], "family": "X"}]},
    {"resourceType": "Patient", "id": "pat-1", "gender": 1},
]
CRASHES = (KeyError, TypeError, AttributeError, ValueError, OverflowError)


@pytest.mark.parametrize("resource", ODD, ids=range(len(ODD)))
def test_no_other_odd_resource_ends_the_charts_reading(resource: dict[str, Any]) -> None:
    assert read(observed("9279-1", 18), resource).number("rr") == 18


def test_what_has_no_id_is_no_evidence() -> None:
    assert read(observed(id=None)).facts == ()


def test_before_anybody_knows_who_it_is_what_was_observed_in_the_encounter_is_read() -> None:
    nobody = {"resourceType": "Encounter", "id": "enc-1"}
    unnamed = {k: v for k, v in observed().items() if k != "subject"}
    chart = resources.read_chart([nobody, unnamed, observed("9279-1", 18)], "enc-1", NOW, CODES)
    assert (chart.patient, chart.number("hr"), chart.number("rr")) == ("", 80, None)


@pytest.mark.parametrize(
    "encounter", [{"resourceType": "Encounter", "id": "enc-1"}, ENCOUNTER], ids=["unknown", "known"]
)
def test_what_was_observed_in_another_encounter_is_left_out(encounter: dict[str, Any]) -> None:
    other = observed(subject=encounter.get("subject"), encounter={"reference": "Encounter/enc-0"})
    assert resources.read_chart([encounter, other], "enc-1", NOW, CODES).facts == ()


def test_what_is_no_number_is_not_read_as_one() -> None:
    assert read(observed(value=None, valueQuantity={"value": True})).number("hr") is None


def test_what_stands_in_another_unit_is_never_scored_as_ours() -> None:
    chart = read(observed("8310-5", None, valueQuantity={"value": 93.2, "unit": "K"}), observed(value=80))
    assert (chart.get("temp_c"), chart.number("hr")) == (None, 80)
    assert chart.left_out == ("Temp 93.2 K, in a unit that is not known (Observation/obs-1)",)


def test_of_a_panel_only_the_part_that_cannot_be_used_is_left_out() -> None:
    parts = [
        {"code": {"coding": [{"code": "8480-6"}]}, "valueQuantity": {"value": 98, "code": "mm[Hg]"}},
        {"code": {"coding": [{"code": "8462-4"}]}, "dataAbsentReason": {"text": "not performed"}},
    ]
    chart = read(observed("85354-9", None, component=parts))
    assert (chart.number("sbp"), chart.get("dbp")) == (98, None)
    assert chart.left_out == ("DBP without a value (Observation/obs-1)",)


def test_a_measurement_that_was_not_made_is_named() -> None:
    chart = read(observed(value=None, dataAbsentReason={"coding": [{"code": "unknown"}]}))
    assert (chart.facts, chart.left_out) == ((), ("HR without a value (Observation/obs-1)",))


@pytest.mark.parametrize(("told", "number"), [("120", 120), ("fast", None), ("120 or so", None), ("-120", None)])
def test_a_vital_in_words_is_a_number_or_is_left_out(told: str, number: float | None) -> None:
    chart = read(observed(value=None, valueString=told))
    assert chart.number("hr") == number
    assert len(chart.facts) + len(chart.left_out) == 1


def test_what_names_another_patient_in_this_stay_is_named() -> None:
    other = observed(subject={"reference": "Patient/other"}, encounter={"reference": "Encounter/enc-1"})
    assert read(other).left_out == ("Observation/obs-1, which is of this stay and names another patient",)


@pytest.mark.parametrize("born", ["2062-01-05", "1871-01-05"])
def test_an_impossible_age_is_no_age(born: str) -> None:
    chart = read(PATIENT | {"birthDate": born})
    assert chart.get("age") is None
    assert len(chart.left_out) == 1


def test_every_moment_is_told_in_utc() -> None:
    hr = read(observed(effectiveDateTime="2026-01-05T10:20:00+02:00")).get("hr")
    assert hr and hr.effective_at and hr.effective_at.isoformat() == "2026-01-05T08:20:00+00:00"


@pytest.mark.parametrize(("status", "shown"), [("finished", "finished"), ("cancelled", "cancelled"), ("arrived", None)])
def test_a_stay_that_has_ended_is_shown_and_told_to_no_model(status: str, shown: str | None) -> None:
    ended = ENCOUNTER | {"status": status}
    chart = resources.read_chart([ended, observed()], "enc-1", NOW, CODES)
    told = chart.get("encounter")
    assert (told and told.value) == shown
    assert status not in prompts.judge(chart, ESI).model_dump_json()


def test_a_stay_without_period_class_or_status_is_read() -> None:
    assert read(observed()).number("hr") == 80


def test_a_complaint_may_be_coded_only() -> None:
    encounter = ENCOUNTER | {"reasonCode": [{"coding": [{"code": "29857009", "display": "Chest pain"}]}]}
    told = resources.read_chart([encounter], "enc-1", NOW, CODES).get("complaint")
    assert told and told.value == "Chest pain"


@pytest.mark.parametrize(
    ("charted", "shown"),
    [
        ("chest\x00 pain\r\n<b>now</b>", "chest pain <b>now</b>"),
        ("no \u202eniap\u202c pain", "no niap pain"),
        ("pain\U000e0049\U000e0047\u200b free", "pain free"),
        ("\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645"),
        ("x" * 3_000_000, "x" * 299 + "…"),
    ],
    ids=["control", "bidi", "tags", "persian", "3 MB"],
)
def test_what_is_not_seen_is_not_kept_and_what_is_cut_is_marked(charted: str, shown: str) -> None:
    told = read(observed("8661-1", None, valueString=charted)).get("complaint")
    assert told and told.value == shown


@pytest.mark.parametrize(
    "text", ["Not alert", "Not alert; but arousable by minor stimulation", "Alert but newly confused"]
)
def test_alert_is_read_only_where_nothing_else_is_said(text: str) -> None:
    avpu = read(observed("67775-7", None, valueString=text)).get("avpu")
    assert avpu is not None
    assert avpu.value != "alert"


def test_unresponsive_by_code_alone_is_unresponsive() -> None:
    coded = {"coding": [{"system": "http://loinc.org", "code": "LA9343-0"}]}  # LOINC 2.77, answer list LL3830-8
    avpu = read(observed("80288-4", None, valueCodeableConcept=coded)).get("avpu")
    assert avpu is not None
    assert avpu.value == "unresponsive"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@example("birthDate", "1980-13-01")
@given(st.sampled_from([*observed(), *PATIENT, "component", "valueString", "valueCodeableConcept"]), json_values)
def test_whatever_stands_in_a_field_reading_ends_in_facts_or_fhir_error(field: str, value: Any) -> None:
    for resource in (ENCOUNTER, PATIENT, observed()):
        chart = [r | ({field: value} if r is resource else {}) for r in (ENCOUNTER, PATIENT, observed())]
        with suppress(FhirError):
            resources.read_chart(chart, "enc-1", NOW, CODES)


def test_the_acuity_of_a_decision_is_a_valid_observation_of_the_encounter() -> None:
    meta = {"tag": [{"system": "urn:wardflow:written", "code": "case"}]}
    body = resources.acuity(facts(hr=112), ESI, decision(selected="3", reason="calmer now"), "res-1", meta)
    Observation.model_validate(body)
    assert body["valueCodeableConcept"]["coding"] == [{"system": ESI.system, "code": "3", "display": "Urgent"}]
    assert (body["subject"], body["encounter"]) == ({"reference": "Patient/pat-1"}, {"reference": "Encounter/enc-1"})
    assert body["identifier"] == [{"system": "urn:wardflow:written", "value": "case-1"}]
    assert (body["effectiveDateTime"], body["note"]) == (NOW.isoformat(), [{"text": "calmer now"}])


@pytest.mark.parametrize(
    ("charted", "known"),
    [("A", "alert"), ("P", "pain"), ("Responds to voice", "verbal"), ("Unresponsive", "unresponsive"), ("odd", "odd")],
)
def test_levels_of_responsiveness_become_the_words_that_the_rules_know(charted: str, known: str) -> None:
    resource = observed("67775-7") | {"valueCodeableConcept": {"text": charted}}
    resource.pop("valueQuantity", None)
    fact = read(resource).get("avpu")
    assert fact and fact.value == known


def test_what_is_not_seen_stands_in_no_line_of_what_was_left_out() -> None:
    chart = read(observed(value=None, valueQuantity={"value": 80, "unit": "/min\u202e\u200b"}))
    assert chart.left_out == ("HR 80 /min, in a unit that is not known (Observation/obs-1)",)


def test_a_reference_to_a_version_names_the_resource() -> None:
    told = observed(
        subject={"reference": "Patient/pat-1/_history/7"}, encounter={"reference": "Encounter/enc-1/_history/2"}
    )
    assert read(told).number("hr") == 80


def test_a_component_without_a_code_costs_no_other() -> None:
    assert read(observed(component=[{"valueQuantity": {"value": 1}}])).number("hr") == 80


def test_of_two_values_of_one_moment_the_one_kept_later_is_read_in_whatever_order_they_come() -> None:
    early, late = (
        observed(value=value, meta={"versionId": "1", "lastUpdated": f"2026-01-05T08:2{n}:00Z"})
        for n, value in ((1, 80), (2, 128))
    )
    assert read(early, late).number("hr") == read(late, early).number("hr") == 128
