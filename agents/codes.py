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
BLOOD_PRESSURE, SYSTOLIC, DIASTOLIC = "85354-9", "8480-6", "8462-4"  # the panel and its two components
OXYGEN_FLOW = "3151-8"
QT_INTERVAL = "8634-8"

# LOINC answers of the ACVPU scale
ALERT, CONFUSED, VERBAL, PAINFUL, UNRESPONSIVE = "LA9340-6", "LA6560-2", "LA17108-4", "LA17107-6", "LA9343-0"

# LOINC: results of a laboratory, by specimen or by mass and amount of substance
SODIUM, SODIUM_BLOOD = "2951-2", "2947-0"
POTASSIUM, POTASSIUM_BLOOD = "2823-3", "6298-4"
CHLORIDE, CHLORIDE_BLOOD = "2075-0", "2069-3"
BICARBONATE, BICARBONATE_BLOOD, CARBON_DIOXIDE = "1963-8", "1959-6", "2028-9"
CREATININE_MASS, CREATININE = "2160-0", "14682-9"
UREA, UREA_NITROGEN_MASS = "22664-7", "3094-0"
GLUCOSE_MASS, GLUCOSE, GLUCOSE_BLOOD_MASS = "2345-7", "14749-6", "2339-0"
CALCIUM_MASS, CALCIUM = "17861-6", "2000-8"
ALBUMIN, ALBUMIN_BROMOCRESOL = "1751-7", "61151-7"
MAGNESIUM, MAGNESIUM_MASS = "2601-3", "19123-9"
PHOSPHATE, PHOSPHATE_MASS = "14879-1", "2777-1"
TROPONIN_T = "67151-1"

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
