"""Deterministic findings: critical results, and what a calculation means. A model may raise, never lower."""

from agents.result_followup import flagged, formulas
from agents.result_followup.analytes import ADULT_FROM_YEARS, ANALYTES, CRITICAL, RESULTS
from contracts.charts import ChartFacts, Fact
from contracts.suggestions import Finding

ACT_NOW, TODAY, SEEN = "1", "2", "3"
# KDIGO 2024 Clinical Practice Guideline for CKD, table 2: GFR categories, by their lower bound in mL/min/1.73 m²
KDIGO = ((90.0, "G1"), (60.0, "G2"), (45.0, "G3a"), (30.0, "G3b"), (15.0, "G4"), (0.0, "G5"))
KDIGO_SOURCE = "KDIGO 2024, table 2"
# mL/min/1.73 m²: below it people are referred, KDIGO 2012, recommendation 5.1.1 (Kidney Int Suppl 2013;3:112); that
# somebody looks today is our judgement, since in an emergency it may be new, and drugs are dosed by it
REFERRED_BELOW = 30.0
LONG_QTC_MS = 500.0  # AHA/ACC Scientific Statement on torsade de pointes in hospital, Circulation 2010;121:1047
LONG_QTC = "Drew et al., Circulation 2010;121:1047"


def findings(facts: ChartFacts) -> tuple[Finding, ...]:
    """Return what the rules found; a critical result demands to act now. Nothing of it waits for a calculator."""
    keys = (flagged.KEY, flagged.CRITICAL_KEY)
    charted = tuple(_flagged(fact) for fact in facts.facts if fact.key.startswith(keys))
    lost = _left_out(facts)
    if not charted and not any(facts.get(key) for key in RESULTS):
        text = "None of this stay's results is one that Wardflow reads: look them up in the chart"
        return (*lost, Finding(rule="unread", text=text, source=CRITICAL))
    return (*_critical(facts), *charted, *_computed(facts), *lost)


def _left_out(facts: ChartFacts) -> list[Finding]:
    """What can't be used may be anything (I19)."""
    if not facts.left_out:
        return []
    text = f"{len(facts.left_out)} of what this chart holds could not be used: look it up"
    return [
        Finding(rule="left out", text=text, source="our judgement: what can't be compared is not normal", floor=TODAY)
    ]


def _flagged(fact: Fact) -> Finding:
    """Nobody is told that all is well while something is flagged that no rule here can judge."""
    critical = flagged.is_critical(fact)
    text = f"Critical: {fact.shown()}" if critical else f"{fact.shown()}: no limit here judges it, so judge it yourself"
    floor = ACT_NOW if critical else TODAY
    return Finding(
        rule="flagged", text=text, source="the laboratory's own flag, range and words", cites=(fact.key,), floor=floor
    )


def _critical(facts: ChartFacts) -> list[Finding]:
    found: list[Finding] = []
    age = facts.number("age")
    if age is not None and age < ADULT_FROM_YEARS:
        text = f"Critical limits here are those of adults: not applied under {ADULT_FROM_YEARS} years"
        return [Finding(rule="age", text=text, source=CRITICAL, cites=("age",))]
    for key, analyte in ANALYTES.items():
        number, fact = facts.number(key), facts.get(key)
        if number is None or fact is None:
            continue
        if key != "calcium" and (limit := analyte.beyond(number)):
            text = f"Critical: {fact.shown()} (critical from {limit})"
            found.append(Finding(rule="critical", text=text, source=CRITICAL, cites=(key,), floor=ACT_NOW))
    return [*found, *_calcium(facts)]


def _calcium(facts: ChartFacts) -> list[Finding]:
    """Judge calcium for its albumin, and as it is where none of its time is known."""
    total, fact = facts.number("calcium"), facts.get("calcium")
    if total is None or fact is None:
        return []
    adjusted = formulas.results(facts).get("corrected_calcium")
    limit = ANALYTES["calcium"].beyond(total if adjusted is None else adjusted)
    if limit is None:
        return []
    if adjusted is None:
        text, cites = f"Critical: {fact.shown()}, albumin not known (critical from {limit})", ("calcium",)
    else:
        text, cites = f"Critical: {fact.shown()}, {adjusted:.2f} for albumin 40 g/L", ("calcium", "albumin")
    return [Finding(rule="critical", text=text, source=CRITICAL, cites=cites, floor=ACT_NOW)]


def _computed(facts: ChartFacts) -> list[Finding]:
    found, cites = formulas.results(facts), {one.name: one.needs for one in formulas.FORMULAS}
    told: list[Finding] = []
    if (egfr := found.get("egfr")) is not None:
        stage = next(name for limit, name in KDIGO if egfr >= limit)
        text = f"eGFR {egfr:.0f} mL/min/1.73 m²: KDIGO {stage}; not valid while creatinine is changing"
        floor = TODAY if egfr < REFERRED_BELOW else None
        told.append(Finding(rule="KDIGO", text=text, source=KDIGO_SOURCE, cites=(*cites["egfr"], "sex"), floor=floor))
    if (qtc := found.get("qtc")) is not None and qtc >= LONG_QTC_MS:
        text = f"QTc {qtc:.0f} ms: risk of torsade de pointes"
        told.append(Finding(rule="QTc", text=text, source=LONG_QTC, cites=cites["qtc"], floor=ACT_NOW))
    return told
