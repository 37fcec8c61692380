"""Deterministic findings: critical results, and what a checked calculation means. A model may raise, never lower."""

from collections.abc import Sequence

from agents.result_followup import flagged
from agents.result_followup.analytes import ADULT_FROM_YEARS, ANALYTES, CRITICAL, RESULTS
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
CALCIUM_PER_ALBUMIN, USUAL_ALBUMIN = 0.02, 40.0  # mmol/L for each g/L below 40 g/L: Payne et al., BMJ 1973;4:643


def findings(facts: ChartFacts, worked: Sequence[Worked] = ()) -> tuple[Finding, ...]:
    """Return what the rules found; a critical result demands to act now."""
    charted = tuple(_flagged(fact) for fact in facts.facts if fact.key.startswith((flagged.KEY, flagged.CRITICAL_KEY)))
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
        if limit := analyte.beyond(number):
            text = f"Critical: {fact.shown()} (critical from {limit})"
            found.append(Finding(rule="critical", text=text, source=CRITICAL, cites=(key,), floor=ACT_NOW))
    return [*found, *_calcium(facts)]


def _calcium(facts: ChartFacts) -> list[Finding]:
    """Judge calcium for its albumin, and as it is where none is known: limits wait for no model."""
    total, albumin, fact = facts.number("calcium"), facts.number("albumin"), facts.get("calcium")
    if total is None or fact is None:
        return []
    low, high = ADJUSTED_CALCIUM
    adjusted = total if albumin is None else total + CALCIUM_PER_ALBUMIN * (USUAL_ALBUMIN - albumin)
    if low < adjusted < high:
        return []
    cites, text = ("calcium",), f"Critical: {fact.shown()}, albumin not known (critical from {low:g} or {high:g})"
    if albumin is not None:
        cites = ("calcium", "albumin")
        text = f"Critical: {fact.shown()}, for albumin {USUAL_ALBUMIN:g} g/L {adjusted:.2f} (from {low:g} or {high:g})"
    return [Finding(rule="critical", text=text, source=CRITICAL, cites=cites, floor=ACT_NOW)]


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
    if one.name == "qtc" and one.value >= LONG_QTC_MS:
        text = f"QTc {one.value:.0f} ms: risk of torsade de pointes"
        return Finding(rule="QTc", text=text, source=LONG_QTC, cites=one.cites, floor=ACT_NOW)
    return None
