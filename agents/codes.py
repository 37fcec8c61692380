"""Code systems and codes that pathways read from a chart and write to it, each in this one place."""

from contracts.charts import TAG

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
ENCOUNTER_CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"

# LOINC: what an encounter is about
CHIEF_COMPLAINT, HISTORY, MEDICATIONS = "8661-1", "10164-2", "10160-0"
ARRIVAL_MODE = "11459-5"
ACUITY = "11283-9"
EMERGENCY_NOTE = "34878-9"

# LOINC: vital signs
RESPONSIVENESS, CONSCIOUSNESS = "67775-7", "80288-4"  # ACVPU scale, level of consciousness
PAIN = "72514-3"  # verbal numeric rating, 0 to 10
HEART_RATE, RESPIRATORY_RATE, BODY_TEMPERATURE = "8867-4", "9279-1", "8310-5"
OXYGEN_SATURATION, PULSE_OXIMETRY = "2708-6", "59408-5"  # of arterial blood, by pulse oximetry
ARTERIAL_CARBON_DIOXIDE = "2019-8"  # partial pressure in arterial blood
BLOOD_PRESSURE, SYSTOLIC, DIASTOLIC = "85354-9", "8480-6", "8462-4"  # the panel and its two components
OXYGEN_FLOW = "3151-8"
# The same by site, posture or way of measuring, as LOINC names them (Regenstrief Institute, LOINC 2.78, 2024): oral,
# rectal, axillary, tympanic, core, bladder, temporal; sitting, standing, supine, invasive, cuff; palpated, by oximetry
TEMPERATURE_BY_SITE = ("8331-1", "8332-5", "8328-7", "8333-3", "8329-5", "8334-1", "75539-7")
SYSTOLIC_BY_WAY = ("8459-0", "8460-8", "8461-6", "76215-3", "76534-7")
DIASTOLIC_BY_WAY = ("8453-3", "8454-1", "8455-8", "76213-8", "76535-4")
HEART_RATE_BY_WAY, OXIMETRY_BY_SITE, PAIN_REPORTED = ("8893-0", "8889-8"), ("59410-1",), ("98137-3", "38208-5")
QT_INTERVAL = "8634-8"

COMA_SCALE = "9269-2"  # Glasgow coma scale, total
INSPIRED_OXYGEN = ("3150-6", "19994-3")  # fraction of inspired oxygen: inhaled, as set at a ventilator

# SNOMED CT: findings of responsiveness
MENTALLY_ALERT, ACUTE_CONFUSION, RESPONDS_TO_VOICE, RESPONDS_TO_PAIN = (
    "248234008",
    "130987000",
    "300202002",
    "450847001",
)
NOT_RESPONSIVE, UNCONSCIOUS, COMA, STUPOR, DROWSY = "422768004", "418107008", "371632003", "89458003", "271782001"

# SNOMED CT, UK edition: the sub-score of oxygen saturation on one of NEWS2's two scales (HL7 UK, value set CareConnect
# Saturated Oxygen Sp02 Scale, 2018)
SPO2_SCALE_1, SPO2_SCALE_2 = "1104311000000102", "1104321000000108"

# LOINC answers of the ACVPU scale
ALERT, CONFUSED, VERBAL, PAINFUL, UNRESPONSIVE = "LA9340-6", "LA6560-2", "LA17108-4", "LA17107-6", "LA9343-0"

# LOINC: results of a laboratory, in serum, plasma or blood (arterial, venous, capillary; by glucometer or test strip),
# by mass or amount of substance, as LOINC names them (Regenstrief Institute, LOINC 2.78, 2024). No package of its
# groups under a licence that ships was found; what is not listed is shown and judged by its own flag and range.
SODIUM = ("2951-2", "2947-0", "77139-4", "39791-9", "32717-1")
POTASSIUM = (
    "2823-3", "6298-4", "77142-8", "75940-7", "39789-3", "39790-1", "41656-0", "51618-7", "29349-8", "32713-0",
    "12812-4", "12813-2",
)  # fmt: skip
CHLORIDE = ("2075-0", "2069-3", "77138-6")
BICARBONATE = ("1963-8", "1959-6", "2028-9", "1960-4", "14627-4", "69964-5")  # 2028-9 is total carbon dioxide
CREATININE = ("2160-0", "14682-9", "38483-4", "59826-8", "77140-2", "21232-4")
UREA = ("22664-7", "3094-0", "6299-2")  # as urea nitrogen: the latter two, in mass
GLUCOSE = (
    "2345-7", "14749-6", "2339-0", "15074-8", "74774-1", "41653-7", "14743-9", "32016-8", "2340-8", "2341-6",
    "41651-1", "41652-9", "39480-9", "39481-7", "72516-8", "1558-6", "14771-0",
)  # fmt: skip
CALCIUM = ("17861-6", "2000-8", "49765-1")
ALBUMIN = ("1751-7", "61151-7", "61152-5")
MAGNESIUM = ("2601-3", "19123-9", "21377-7")
PHOSPHATE = ("14879-1", "2777-1")
TROPONIN_T = "67151-1"

LABORATORY = ("26436-6", "108252007")  # laboratory studies, LOINC; laboratory procedure, SNOMED CT: as categories
WEIGHT, HEIGHT = "29463-7", "8302-2"
NOT_OF_A_LABORATORY = frozenset(
    (
        CHIEF_COMPLAINT, HISTORY, MEDICATIONS, ARRIVAL_MODE, ACUITY, EMERGENCY_NOTE, RESPONSIVENESS, CONSCIOUSNESS,
        COMA_SCALE, PAIN, *PAIN_REPORTED, HEART_RATE, *HEART_RATE_BY_WAY, RESPIRATORY_RATE, QT_INTERVAL,
        BODY_TEMPERATURE, *TEMPERATURE_BY_SITE, OXYGEN_SATURATION, PULSE_OXIMETRY, *OXIMETRY_BY_SITE, OXYGEN_FLOW,
        *INSPIRED_OXYGEN, SPO2_SCALE_1, SPO2_SCALE_2, BLOOD_PRESSURE, SYSTOLIC, *SYSTOLIC_BY_WAY, DIASTOLIC,
        *DIASTOLIC_BY_WAY, WEIGHT, HEIGHT,
    )
)  # fmt: skip
"""Codes that no result of a laboratory has."""

# UCUM
MMHG, KILOPASCAL = "mm[Hg]", "kPa"
PER_MINUTE, PERCENT, SCORE = "/min", "%", "{score}"
CELSIUS, FAHRENHEIT = "Cel", "[degF]"
LITRES_PER_MINUTE, MILLISECONDS = "L/min", "ms"
MMOL_PER_LITRE, MEQ_PER_LITRE, UMOL_PER_LITRE = "mmol/L", "meq/L", "umol/L"
GRAMS_PER_LITRE, GRAMS_PER_DECILITRE, MG_PER_DECILITRE, NG_PER_LITRE = "g/L", "g/dL", "mg/dL", "ng/L"


def loinc(code: str, display: str = "") -> dict[str, str]:
    """Return a LOINC code as a FHIR Coding, with its display where there is one."""
    return {"system": LOINC, "code": code} | ({"display": display} if display else {})


def category(code: str) -> dict[str, str]:
    """Return a code of the observation categories of HL7 as a FHIR Coding."""
    return {"system": OBSERVATION_CATEGORY, "code": code}


def case_identifier(case_id: str) -> dict[str, str]:
    """Return the FHIR Identifier by which a resource that we write names its case."""
    return {"system": TAG, "value": case_id}
