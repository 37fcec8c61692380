"""The National PEWS of England for children, as far as a chart holds its parts; pure.

Of its seven parts five are read here: respiratory rate, SpO2, oxygen, heart rate and systolic pressure. Respiratory
distress and capillary refill are not, so a total is always "at least". Temperature gives no points, and responsiveness
none either: the source escalates it by itself, and `agents.ed_triage.rules` has a rule for it.
"""

import re
from collections.abc import Mapping
from math import inf

from agents.ed_triage import oxygen
from agents.ed_triage.bands import Bands, points
from contracts.charts import ChartFacts, Fact
from contracts.suggestions import Finding

NPEWS = (
    "NHS England, Configuration Document for SPOT NPEWS, 26 February 2025, and National Paediatric Early Warning "
    "System Observation and Escalation Charts, 2023"
)
ADULT_FROM_YEARS = 16  # NEWS2, 2017, recommendation 3: NEWS2 from 16 on; NPEWS itself goes on to 18
# NPEWS, "Parameters for scoring": in years, where each age bracket ends, what it is called, and its bands, the points
# beside the highest value of each. Rates in /min, pressures in mmHg.
BRACKETS: tuple[tuple[float, str, Mapping[str, Bands]], ...] = (
    (1.0, "0 to 11 months", {
        "rr": ((9.99, 4), (19.99, 2), (29.99, 1), (49.99, 0), (59.99, 1), (69.99, 2), (inf, 4)),
        "hr": ((79.99, 4), (89.99, 2), (109.99, 1), (149.99, 0), (169.99, 1), (179.99, 2), (inf, 4)),
        "sbp": ((49.99, 4), (59.99, 2), (69.99, 1), (89.99, 0), (99.99, 1), (109.99, 2), (inf, 4)),
    }),
    (5.0, "1 to 4 years", {
        "rr": ((9.99, 4), (19.99, 2), (39.99, 0), (49.99, 1), (59.99, 2), (inf, 4)),
        "hr": ((59.99, 4), (69.99, 2), (89.99, 1), (139.99, 0), (149.99, 1), (169.99, 2), (inf, 4)),
        "sbp": ((49.99, 4), (59.99, 2), (79.99, 1), (99.99, 0), (119.99, 1), (129.99, 2), (inf, 4)),
    }),
    (13.0, "5 to 12 years", {
        "rr": ((9.99, 4), (14.99, 2), (19.99, 1), (24.99, 0), (39.99, 1), (49.99, 2), (inf, 4)),
        "hr": ((59.99, 4), (69.99, 2), (79.99, 1), (119.99, 0), (139.99, 1), (159.99, 2), (inf, 4)),
        "sbp": ((69.99, 4), (79.99, 2), (89.99, 1), (109.99, 0), (119.99, 1), (129.99, 2), (inf, 4)),
    }),
    (inf, "13 years and above", {
        "rr": ((9.99, 4), (14.99, 1), (24.99, 0), (29.99, 1), (39.99, 2), (inf, 4)),
        "hr": ((49.99, 4), (59.99, 2), (69.99, 1), (99.99, 0), (119.99, 1), (129.99, 2), (inf, 4)),
        "sbp": ((79.99, 4), (89.99, 2), (99.99, 1), (119.99, 0), (129.99, 1), (139.99, 2), (inf, 4)),
    }),
)  # fmt: skip
SPO2: Bands = ((91.0, 4), (94.99, 1), (inf, 0))  # percent, in every bracket: NPEWS
FRACTION: Bands = ((29.99, 1), (49.99, 2), (inf, 4))  # percent, in every bracket; what is less scores 1: NPEWS
FLOW: Bands = ((1.99, 1), (5.99, 2), (inf, 4))  # L/min, likewise: NPEWS
DEVICE = 1  # our judgement: NPEWS scores the level, and 1 is the least that any level scores
HIGH_FLOW_POINTS = 4  # NPEWS: high flow, BiPAP and CPAP score so, whatever their level
HIGH_FLOW = re.compile(r"high.?flow|\bhfn[co]\b|\bbi-?pap\b|\bc-?pap\b", re.IGNORECASE)
# The totals from which NPEWS wants a medical review at once, within 15 and within 30 minutes ("Emergency", "High",
# "Medium"). Our judgement: they demand the levels that have these times in CTAS (Beveridge et al., CJEM
# 1999;1(suppl):S2-28).
ESCALATION = ((13, "1"), (9, "2"), (5, "3"))
# Our judgement: one part in its worst band demands level 3, as one parameter of NEWS2 does. Not a high pressure alone,
# since a cuff frightens children, and 140 mmHg at 13 years is no emergency by itself.
WORST, WORST_LEVEL = 4, "3"


def bracket(facts: ChartFacts) -> tuple[str, Mapping[str, Bands]] | None:
    """Return what the child's age bracket is called and its bands; None for an adult or an unknown age."""
    age = facts.get("age")
    if age is None or age.number is None or age.number >= ADULT_FROM_YEARS:
        return None
    # on the first birthday 365 days are less than a year of 365.25
    years = max(age.number, 1.0) if age.value == "12 months" else age.number
    name, bands = next((name, bands) for end, name, bands in BRACKETS if years < end)
    return name, {**bands, "spo2": SPO2, "fio2": FRACTION, "oxygen_l_min": FLOW}


def parts(facts: ChartFacts) -> dict[str, int]:
    """Return the points of each part that the chart holds, by the fact's key; empty for an adult."""
    of_age = bracket(facts)
    if of_age is None:
        return {}
    bands = of_age[1]
    measured = {key: facts.number(key) for key in ("rr", "spo2", "hr", "sbp")}
    scored = {key: points(bands[key], value) for key, value in measured.items() if value is not None}
    if given := _oxygen(facts):
        scored[given[0].key] = given[1]
    return scored


def findings(facts: ChartFacts) -> tuple[Finding, ...]:
    """Return the score of a child, with the level that it demands; nothing where no part of it is charted."""
    of_age, scored = bracket(facts), parts(facts)
    if of_age is None or not scored:
        return ()
    told = ", ".join(f"{_shown(facts, key)} {score}" for key, score in scored.items() if score)
    text = (
        f"PEWS at least {sum(scored.values())} at {of_age[0]} ({told or 'all in the normal bands'}); respiratory "
        "distress and capillary refill are not read"
    )
    source = f"{NPEWS}; which level it demands is our judgement"
    cites = tuple(key for key, score in scored.items() if score)
    return (Finding(rule="PEWS", text=text, source=source, cites=cites, floor=_level(facts, scored)),)


def _level(facts: ChartFacts, scored: Mapping[str, int]) -> str | None:
    total = sum(scored.values())
    level = next((level for least, level in ESCALATION if total >= least), None)
    worst = [key for key, score in scored.items() if score == WORST]
    if level is None and any(not (key == "sbp" and _is_high(facts)) for key in worst):
        return WORST_LEVEL
    return level


def _is_high(facts: ChartFacts) -> bool:
    """Return whether the systolic pressure lies above its lowest band."""
    of_age = bracket(facts)
    return bool(of_age and (facts.number("sbp") or 0) > of_age[1]["sbp"][0][0])


def _oxygen(facts: ChartFacts) -> tuple[Fact, int] | None:
    """Return what says most of the oxygen that is given, and its points; None where none is given."""
    flow, fraction, device = oxygen.flow(facts), oxygen.fraction(facts), oxygen.device(facts)
    told: list[tuple[Fact, int]] = []
    if device:
        told.append((device, HIGH_FLOW_POINTS if HIGH_FLOW.search(device.value) else DEVICE))
    told += [(fact, points(bands, fact.number or 0)) for fact, bands in ((flow, FLOW), (fraction, FRACTION)) if fact]
    return max(told, key=lambda one: one[1], default=None)


def _shown(facts: ChartFacts, key: str) -> str:
    fact = facts.get(key)
    return fact.shown() if fact else key
