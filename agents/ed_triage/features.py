"""A chart as text and numbers, for a judge that is no language model."""

import re
from collections.abc import Iterable

from agents import level_graph
from agents.ed_triage import complaints, rules
from agents.ed_triage.complaints import LEAST_URGENT
from contracts.charts import ChartFacts
from contracts.tuning import Features

MEASURED = ("age", "pain_nrs", "sbp", "dbp", "hr", "rr", "temp_c", "spo2")
DEPTH = ("alert", "confused", "verbal", "pain", "unresponsive")  # ACVPU, NEWS2 chart 1
# Our judgement: a judge only learns from these two, and no rule uses them.
ELDERLY_FROM_YEARS, YOUNG_BELOW_YEARS = 65.0, 40.0
# Below, "CTAS 2008" is Bullard et al., Revisions to the CTAS adult guidelines, CJEM 2008;10(2):136-151.
# Pain bands, and what they ask for where the pain is central and where it is peripheral, both taken as acute, since a
# chart seldom says; CTAS 2008, table of the pain modifier
PAIN = ((8.0, 2, 3), (4.0, 3, 4), (1.0, 4, 5))
SPO2 = ((90.0, 1), (92.0, 2), (95.0, 3))  # below: level; CTAS 2008, table of respiratory distress
FEVER_ABOVE_C = 38.5  # CTAS 2008, temperature modifier of adults
# Systemic inflammatory response: Bone et al., Chest 1992;101(6):1644-55; without the white cells
SIRS_TEMP_C, SIRS_HR_ABOVE, SIRS_RR_ABOVE = (36.0, 38.0), 90, 20
SIRS_SEPTIC = 3  # CTAS 2008: with fever "looks septic", level 2; fewer, "looks unwell", level 3
FEVER_SEPTIC, FEVER_UNWELL = 2, 3  # level of a fever: CTAS 2008
# Points of the worst parameter to a level: CTAS 2008 describes shock and compromise in words; that they are the two
# worst bands of NEWS2 is our judgement
CIRCULATION = {3: 2, 2: 3}
HYPERTENSION = ((220.0, 130.0, 3), (200.0, 110.0, 4))  # systolic or diastolic above: level; CTAS 2008, no symptoms
EARLY_WARNING = 3  # our judgement: NEWS2 total where a single parameter could already be in its worst band


def features(facts: ChartFacts) -> Features:
    """Return the complaint in normal words, and the same numbers for every chart; None where not measured."""
    told = facts.get("complaint")
    text = complaints.normal(told.value if told else "")
    found = complaints.groups(text)
    numbers: dict[str, float | None] = {key: facts.number(key) for key in MEASURED}
    numbers |= _person(facts) | _scores(facts) | _modifiers(facts, text)
    numbers |= {f"complaint_{name}": float(held) for name, held in found.items()}
    return Features(text=text, numbers={**numbers, "complaint_level": float(complaints.level(found))})


def by_pain(facts: ChartFacts) -> str | None:
    """Return the level that the pain modifier asks for, or None.

    Misjudged pain was the first cause of mistriage with KTAS, 64 of 186: Moon et al., PLOS ONE 2019;14(9):e0216972.
    """
    level = features(facts).numbers["modifier_pain"]
    return None if level is None or level >= LEAST_URGENT else f"{level:.0f}"


def _person(facts: ChartFacts) -> dict[str, float | None]:
    arrived = _word(facts, "arrival_mode")
    age, pain = facts.number("age") or 0.0, facts.number("pain_nrs") or 0.0
    return {
        "female": float(_word(facts, "sex") == "female"),
        "injury": float(_word(facts, "injury") == "yes"),
        "ambulance": float("ambulance" in arrived),
        "public_ambulance": float("public ambulance" in arrived),
        "walked_in": float("walk" in arrived),
        "elderly": float(age >= ELDERLY_FROM_YEARS),
        "young": float(age < YOUNG_BELOW_YEARS),
        "in_pain": float(pain > 0),
        "moderate_pain": float(pain >= PAIN[1][0]),
        "no_spo2": float(facts.number("spo2") is None),
        "no_pressure": float(facts.number("sbp") is None),
    }


def _scores(facts: ChartFacts) -> dict[str, float | None]:
    hr, sbp, dbp = (facts.number(key) for key in ("hr", "sbp", "dbp"))
    points, found, avpu = rules.news2_points(facts), rules.findings(facts), _word(facts, "avpu") or DEPTH[0]
    depth = DEPTH.index(avpu) if avpu in DEPTH else 1  # what is not listed counts as not alert
    total = sum(points.values())
    return {
        # Allgoewer and Burri, Schockindex, Deutsche Medizinische Wochenschrift 1967;92(43)
        "shock_index": hr / sbp if hr is not None and sbp else None,
        "pulse_pressure": sbp - dbp if sbp is not None and dbp is not None else None,
        "news2": float(total),
        "news2_highest": float(max(points.values(), default=0)),
        "early_warning": float(total >= EARLY_WARNING),
        "unconsciousness": float(depth),
        "not_alert": float(depth > 0),
        "sirs": float(_sirs(facts)),
        "rules_floor": float(level_graph.floor(found) or LEAST_URGENT),
    }


def _sirs(facts: ChartFacts) -> int:
    temp, hr, rr = (facts.number(key) for key in ("temp_c", "hr", "rr"))
    low, high = SIRS_TEMP_C
    met = (
        temp is not None and not low <= temp <= high,
        hr is not None and hr > SIRS_HR_ABOVE,
        rr is not None and rr > SIRS_RR_ABOVE,
    )
    return sum(met)


def _modifiers(facts: ChartFacts, text: str) -> dict[str, float | None]:
    """Return the level that each first-order modifier of CTAS, and so of KTAS, asks for; 5 where it asks for none."""
    points, pain, temp = rules.news2_points(facts), facts.number("pain_nrs") or 0.0, facts.number("temp_c")
    sbp, dbp, spo2 = (facts.number(key) for key in ("sbp", "dbp", "spo2"))
    central = bool(re.search(complaints.CENTRAL, text))
    # high pressure has a modifier of its own
    low = points.get("sbp", 0) if sbp is not None and sbp < HYPERTENSION[1][0] else 0
    flow = max(low, points.get("hr", 0))
    fever = FEVER_SEPTIC if _sirs(facts) >= SIRS_SEPTIC else FEVER_UNWELL
    asked = {
        "breathing": _first((spo2 is not None and spo2 < limit, level) for limit, level in SPO2),
        "circulation": CIRCULATION.get(flow, LEAST_URGENT),
        "fever": fever if temp is not None and temp > FEVER_ABOVE_C else LEAST_URGENT,
        "pain": _first((pain >= limit, inside if central else outside) for limit, inside, outside in PAIN),
        "pressure": _first(((sbp or 0) > high or (dbp or 0) > low, level) for high, low, level in HYPERTENSION),
    }
    told = {f"modifier_{name}": float(level) for name, level in asked.items()}
    return {**told, "modifier_least": min(told.values()), "central": float(central)}


def _first(cases: Iterable[tuple[bool, int]]) -> int:
    return next((level for held, level in cases if held), LEAST_URGENT)


def _word(facts: ChartFacts, key: str) -> str:
    fact = facts.get(key)
    return fact.value.lower() if fact else ""
