"""Deterministic findings: critical results, and what a checked calculation means. A model may raise, never lower."""

from collections.abc import Sequence

from agents.result_followup import flagged
from agents.result_followup.analytes import ANALYTES, CRITICAL, RESULTS
from agents.result_followup.formulas import ADULT_FROM_YEARS
from contracts.calculations import Comparison, Worked
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
ADJUSTED_CALCIUM = (1.8, 3.5)  # mmol/L, RCPath G158 (2017), as CRITICAL


def findings(facts: ChartFacts, worked: Sequence[Worked] = ()) -> tuple[Finding, ...]:
    """Return what the rules found; a critical result demands to act now."""
    charted = tuple(_flagged(fact) for fact in facts.facts if fact.key.startswith(flagged.KEY))
    if not charted and not any(facts.get(key) for key in RESULTS):
        text = "None of this stay's results is one that Wardflow reads: look them up in the chart"
        return (Finding(rule="unread", text=text, source=CRITICAL),)
    return (*_critical(facts), *charted, *(found for one in worked if (found := _meaning(one))))


def _flagged(fact: Fact) -> Finding:
    """Nobody is told that all is well while something is flagged that no rule here can judge."""
    if flagged.is_critical(fact):
        text, floor = f"The laboratory calls it critical: {fact.shown()}", ACT_NOW
    else:
        text, floor = f"{fact.shown()}: no rule here knows this result, so judge it yourself", TODAY
    return Finding(rule="flagged", text=text, source="the laboratory's own flag", cites=(fact.key,), floor=floor)


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
        low, high = analyte.low, analyte.high
        if (low is not None and number <= low) or (high is not None and number >= high):
            limit = f"at most {low:g}" if low is not None and number <= low else f"at least {high:g}"
            text = f"Critical: {fact.shown()} (critical from {limit})"
            found.append(Finding(rule="critical", text=text, source=CRITICAL, cites=(key,), floor=ACT_NOW))
    return found


def _meaning(one: Worked) -> Finding | None:
    """A number that no second calculator confirmed is shown, but nothing is concluded from it."""
    if one.value is None or one.comparison != Comparison.AGREES:
        return None
    if one.name == "egfr":
        stage = next(name for limit, name in KDIGO if one.value >= limit)
        text = f"eGFR {one.value:.0f} {one.unit}: KDIGO {stage}; not valid while creatinine is changing"
        return Finding(
            rule="KDIGO",
            text=text,
            source=KDIGO_SOURCE,
            cites=one.cites,
            floor=TODAY if one.value < REFERRED_BELOW else None,
        )
    if one.name == "corrected_calcium":
        low, high = ADJUSTED_CALCIUM
        if one.value <= low or one.value >= high:
            text = f"Critical: {one.label} {one.value:.2f} {one.unit}"
            return Finding(rule="critical", text=text, source=CRITICAL, cites=one.cites, floor=ACT_NOW)
    if one.name == "qtc" and one.value >= LONG_QTC_MS:
        text = f"QTc {one.value:.0f} ms: risk of torsade de pointes"
        return Finding(rule="QTc", text=text, source=LONG_QTC, cites=one.cites, floor=ACT_NOW)
    return None
