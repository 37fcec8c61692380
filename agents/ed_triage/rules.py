"""Deterministic scores on vitals: what the model may raise and never lower (I10)."""

from contracts.charts import ChartFacts
from contracts.suggestions import Finding

NEWS2 = "Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, charts 1 and 2"
ESI_LEVEL_1 = "AHRQ, Emergency Severity Index Implementation Handbook, 2012 edition, chapter 3, decision point A"
ESI_LEVEL_2 = "AHRQ, Emergency Severity Index Implementation Handbook, 2012 edition, chapter 3, decision point B"
ESI_DANGER = "AHRQ, Emergency Severity Index Implementation Handbook, 2012 edition, chapter 3, decision point D"

# NEWS2 chart 1: (upper limit of the band, points), the last band open; numbers are measured values as charted.
BANDS: dict[str, tuple[tuple[float, int], ...]] = {
    "rr": ((8, 3), (11, 1), (20, 0), (24, 2), (float("inf"), 3)),
    "spo2": ((91, 3), (93, 2), (95, 1), (float("inf"), 0)),  # scale 1
    "sbp": ((90, 3), (100, 2), (110, 1), (219, 0), (float("inf"), 3)),
    "hr": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (float("inf"), 3)),
    "temp_c": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (float("inf"), 2)),
}
OXYGEN_POINTS = 2  # any supplemental oxygen, NEWS2 chart 1
CONSCIOUSNESS_POINTS = 3  # anything but alert (CVPU), NEWS2 chart 1
EMERGENCY_FROM, URGENT_FROM, SINGLE_URGENT = 7, 5, 3  # NEWS2 chart 2: clinical response thresholds
ADULT_FROM_YEARS = 16  # NEWS2, recommendation 3: not for children under 16; ESI's paediatric limits are other numbers
WANTED = ("avpu", "rr", "spo2", "sbp", "hr", "temp_c")
# ESI_DANGER, adults: the handbook asks the nurse to consider level 2 above these; as a floor they
# demand level 3, since "consider" is a person's to answer.
DANGER = {"hr": (100.0, "above"), "rr": (20.0, "above"), "spo2": (92.0, "below")}


def news2_points(facts: ChartFacts) -> dict[str, int]:
    """Return the points of each parameter that was measured; a missing one scores nothing and is reported apart."""
    points: dict[str, int] = {}
    for key, bands in BANDS.items():
        value = facts.number(key)
        if value is not None:
            points[key] = next(score for limit, score in bands if not value > limit)
    if facts.number("oxygen_l_min"):
        points["oxygen_l_min"] = OXYGEN_POINTS
    avpu = facts.get("avpu")
    if avpu:
        points["avpu"] = 0 if avpu.value == "alert" else CONSCIOUSNESS_POINTS
    return points


def findings(facts: ChartFacts) -> tuple[Finding, ...]:
    """Return what the rules found, each with its floor (a level, `1` the most urgent) or none."""
    age = facts.number("age")
    if age is not None and age < ADULT_FROM_YEARS:
        text = f"NEWS2 and the danger zone do not apply under {ADULT_FROM_YEARS} years"
        return (Finding(rule="age", text=text, source=NEWS2, cites=("age",)), *_consciousness(facts))
    return (*_news2(facts), *_consciousness(facts), *_danger_zone(facts))


def missing(facts: ChartFacts) -> tuple[str, ...]:
    """Return the keys of the vitals that NEWS2 wants and the chart lacks."""
    return tuple(key for key in WANTED if (facts.get(key) if key == "avpu" else facts.number(key)) is None)


def _news2(facts: ChartFacts) -> list[Finding]:
    points = news2_points(facts)
    if not points:
        return []
    total, highest = sum(points.values()), max(points.values())
    level = None
    if total >= EMERGENCY_FROM:
        level = "2"
    elif total >= URGENT_FROM or highest >= SINGLE_URGENT:
        level = "3"
    scored = tuple(key for key, score in points.items() if score)
    parts = ", ".join(f"{facts_label(facts, key)} {points[key]}" for key in scored) or "all in the normal bands"
    bounded = any(fact.value[:1] in "<>" for key in BANDS if (fact := facts.get(key)))
    at_least = "at least " if bounded or missing(facts) else ""
    by_age = "" if facts.get("age") else "; age unknown, limits of adults"
    return [
        Finding(
            rule="NEWS2", text=f"NEWS2 {at_least}{total} ({parts}){by_age}", source=NEWS2, cites=scored, floor=level
        )
    ]


def _consciousness(facts: ChartFacts) -> list[Finding]:
    avpu = facts.get("avpu")
    if avpu is None or avpu.value == "alert":
        return []
    deep = avpu.value in ("pain", "unresponsive")
    return [
        Finding(
            rule="AVPU",
            text=f"Responds to {avpu.value} only" if avpu.value != "unresponsive" else "Unresponsive",
            source=ESI_LEVEL_1 if deep else ESI_LEVEL_2,
            cites=("avpu",),
            floor="1" if deep else "2",
        )
    ]


def _danger_zone(facts: ChartFacts) -> list[Finding]:
    out: list[str] = []
    for key, (limit, side) in DANGER.items():
        value = facts.number(key)
        if value is not None and (value > limit if side == "above" else value < limit):
            out.append(key)
    if not out:
        return []
    text = "Danger-zone vitals: " + ", ".join(facts_label(facts, key) for key in out) + "; consider level 2"
    return [Finding(rule="danger zone", text=text, source=ESI_DANGER, cites=tuple(out), floor="3")]


def facts_label(facts: ChartFacts, key: str) -> str:
    """Return a fact as one line, or its key where the chart has none."""
    fact = facts.get(key)
    return fact.shown() if fact else key
