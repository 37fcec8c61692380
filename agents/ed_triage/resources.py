"""FHIR R4 in and out of emergency triage, pure: what is read of a chart, a decision to an acuity Observation."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from fhir.resources.R4B.observation import Observation

from agents import charts, codes
from agents.charts import Reading, Resource
from agents.ed_triage import hypercapnia, responsiveness
from agents.physiology import MEASURES, UNITS, Range
from agents.quantities import Measure, known, same
from contracts.charts import ChartFacts, FactKind
from contracts.decisions import Decision
from contracts.ed_triage import AcuityScale

# NEWS2 has two scales: Royal College of Physicians, 2017, chart 1
SCALES = Measure(known(same, codes.SCORE, "score", "1"), (1, 2))
PACO2 = Range(5, 250, "our judgement, mmHg: widely around what blood gas analysers show")
# An Observation of another key is left aside
SHOWN = {
    "complaint": Reading("Complaint", kind=FactKind.PRESENTATION),
    "history": Reading("History", kind=FactKind.PRESENTATION),
    "medications": Reading("Takes or was given", kind=FactKind.PRESENTATION),
    "arrival_mode": Reading("Arrived by", kind=FactKind.PRESENTATION),
    "injury": Reading("Injury", kind=FactKind.PRESENTATION),
    "pain_nrs": Reading("Pain", "of 10", FactKind.PRESENTATION, MEASURES["pain_nrs"]),
    "avpu": Reading("Responsiveness", understood=responsiveness.level, rank=responsiveness.depth),
    "gcs": Reading("GCS", "of 15", measure=MEASURES["gcs"]),
    "hr": Reading("HR", "/min", measure=MEASURES["hr"]),
    "rr": Reading("RR", "/min", measure=MEASURES["rr"]),
    "sbp": Reading("SBP", "mmHg", measure=MEASURES["sbp"]),
    "dbp": Reading("DBP", "mmHg", measure=MEASURES["dbp"]),
    "temp_c": Reading("Temp", "°C", measure=MEASURES["temp_c"]),
    "spo2": Reading("SpO2", "%", measure=MEASURES["spo2"]),
    "spo2_scale": Reading(
        "SpO2 scale",
        measure=SCALES,
        understood=hypercapnia.scale,
        says=hypercapnia.CHOSEN,
        rank=lambda scale: scale != "2",  # of two of one moment the stricter one
    ),
    "oxygen_l_min": Reading("Oxygen", "L/min", measure=MEASURES["oxygen_l_min"]),
    "fio2": Reading("FiO2", "%", measure=MEASURES["fio2"]),
    "oxygen_device": Reading("Oxygen by"),
    "paco2": Reading("PaCO2", "mmHg", measure=Measure(UNITS["sbp"], PACO2.limits, bare=False)),
    "encounter": Reading("Encounter", kind=FactKind.STAY),
}
KEYS = {
    codes.CHIEF_COMPLAINT: "complaint",
    codes.HISTORY: "history",
    codes.MEDICATIONS: "medications",
    codes.ARRIVAL_MODE: "arrival_mode",
    "Injury-related presentation": "injury",
    codes.RESPONSIVENESS: "avpu",
    codes.CONSCIOUSNESS: "avpu",
    codes.PAIN: "pain_nrs",
    codes.HEART_RATE: "hr",
    codes.RESPIRATORY_RATE: "rr",
    codes.BODY_TEMPERATURE: "temp_c",
    codes.OXYGEN_SATURATION: "spo2",
    codes.PULSE_OXIMETRY: "spo2",
    codes.SYSTOLIC: "sbp",
    codes.DIASTOLIC: "dbp",
    **dict.fromkeys(codes.TEMPERATURE_BY_SITE, "temp_c"),
    **dict.fromkeys(codes.SYSTOLIC_BY_WAY, "sbp"),
    **dict.fromkeys(codes.DIASTOLIC_BY_WAY, "dbp"),
    **dict.fromkeys(codes.HEART_RATE_BY_WAY, "hr"),
    **dict.fromkeys(codes.OXIMETRY_BY_SITE, "spo2"),
    **dict.fromkeys(codes.PAIN_REPORTED, "pain_nrs"),
    codes.OXYGEN_FLOW: "oxygen_l_min",
    codes.COMA_SCALE: "gcs",
    **dict.fromkeys(codes.INSPIRED_OXYGEN, "fio2"),
    "Oxygen delivery device": "oxygen_device",
    **dict.fromkeys(hypercapnia.CHOSEN, "spo2_scale"),
    "NEWS2 SpO2 scale": "spo2_scale",
    codes.ARTERIAL_CARBON_DIOXIDE: "paco2",
}
"""Code of an Observation or component to the fact that it becomes, where the configuration maps none of its own."""
ACUITY = codes.loinc(codes.ACUITY, "Acuity assessment at First encounter")


def read_chart(
    resources: Sequence[Resource],
    encounter_id: str,
    as_of: datetime,
    keys: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
) -> ChartFacts:
    """Return what triage reads of a chart, by the configured map of codes or KEYS; see `agents.charts.read_chart`."""
    return charts.read_chart(resources, encounter_id, as_of, SHOWN, KEYS if keys is None else keys, zone)


def acuity(facts: ChartFacts, scale: AcuityScale, decision: Decision, id_: str, meta: Resource) -> Resource:
    """Return the acuity that a person decided, as an Observation of the encounter."""
    level = next(level for level in scale.levels if level.code == decision.selected)
    coding = {"system": scale.system, "code": level.code, "display": level.display}
    body = {
        "resourceType": "Observation",
        "id": id_,
        "meta": meta,
        "identifier": [codes.case_identifier(decision.case_id)],
        "status": "final",
        "category": [{"coding": [codes.category("survey")]}],
        "code": {"coding": [ACUITY], "text": "Triage acuity"},
        **({"subject": {"reference": facts.patient}} if facts.patient else {}),
        "encounter": {"reference": f"Encounter/{facts.encounter_id}"},
        "effectiveDateTime": decision.decided_at.isoformat(),
        "valueCodeableConcept": {"coding": [coding], "text": f"{level.code} {level.display}"},
    }
    if decision.reason:
        body["note"] = [{"text": decision.reason}]
    Observation.model_validate(body)
    return json.loads(json.dumps(body))
