"""Emergency triage: acuity scales and code maps, which are configuration."""

from contracts.frozen import Frozen


class AcuityLevel(Frozen):
    code: str
    display: str
    colour: str
    """CSS colour of the scale's own convention; the number and the word always stand beside it."""


class AcuityScale(Frozen):
    """Five levels, `1` the most urgent."""

    name: str
    system: str
    """URI of the code system."""
    levels: tuple[AcuityLevel, ...]


class EdTriageOptions(Frozen):
    """The pathway's own block of the configuration."""

    scale: str = "esi"
    """`esi`, `ktas` or `manchester`."""
    strong_from: float = 0.6
    """Probability of the selected level from which support is called strong."""
    moderate_from: float = 0.4
    codes: dict[str, str] = {
        "8661-1": "complaint",
        "10164-2": "history",
        "10160-0": "medications",
        "11459-5": "arrival_mode",
        "Injury-related presentation": "injury",
        "67775-7": "avpu",
        "80288-4": "avpu",
        "72514-3": "pain_nrs",
        "8867-4": "hr",
        "9279-1": "rr",
        "8310-5": "temp_c",
        "2708-6": "spo2",
        "59408-5": "spo2",
        "8480-6": "sbp",
        "8462-4": "dbp",
        "3151-8": "oxygen_l_min",
    }
    """Code (LOINC, or the hospital's own text) of an Observation or component, to the fact it becomes."""
