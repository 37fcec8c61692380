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
# ESI_DANGER: the age in years below which, and the heart and respiratory rates above which, the handbook asks the nurse
# to consider level 2; as a floor they demand level 3, since "consider" is a person's to answer.
DANGER_OF_CHILDREN = ((0.25, (180.0, 50.0)), (3.0, (160.0, 40.0)), (8.0, (140.0, 30.0)))
DANGER = (100.0, 20.0)  # ESI_DANGER, above 8 years
DANGER_SPO2_BELOW = 92.0  # ESI_DANGER, at any age
AIR_PERCENT = 21.0  # of oxygen: any more is supplemental, NEWS2 chart 1
# Words for no device, in lower case; our judgement: every other device gives oxygen
AIR = frozenset(("room air", "air", "ra", "none", "no device", "no oxygen", "breathing room air", "self ventilating"))
# AVPU by the Glasgow coma scale: Kelly et al., Ann Emerg Med 2004;44:108, medians 15 (A), 13 (V), 8 (P), 3 (U)
DEEP_GCS, ALERT_GCS = 8, 15


def news2_points(facts: ChartFacts) -> dict[str, int]:
    """Return the points of each parameter that was measured; a missing one scores nothing and is reported apart."""
    points: dict[str, int] = {}
    for key, bands in BANDS.items():
        value = facts.number(key)
        if value is not None:
            points[key] = next(score for limit, score in bands if not value > limit)
    if oxygen := _oxygen(facts):
        points[oxygen] = OXYGEN_POINTS
    avpu, gcs = facts.get("avpu"), facts.number("gcs")
    if avpu:
        points["avpu"] = 0 if avpu.value == "alert" else CONSCIOUSNESS_POINTS
    elif gcs is not None:
        points["gcs"] = 0 if gcs >= ALERT_GCS else CONSCIOUSNESS_POINTS
    return points


def _oxygen(facts: ChartFacts) -> str | None:
    """Return the key of the fact that says that oxygen is given: a flow, or a bound of one, a fraction, or a device."""
    flow, fraction, device = (facts.get(key) for key in ("oxygen_l_min", "fio2", "oxygen_device"))
    if flow and (flow.number or flow.value[:1] in "<>"):
        return "oxygen_l_min"
    if fraction and (fraction.number or 0) > AIR_PERCENT:
        return "fio2"
    return "oxygen_device" if device and device.value.lower() not in AIR else None


def findings(facts: ChartFacts) -> tuple[Finding, ...]:
    """Return what the rules found, each with its floor (a level, `1` the most urgent) or none."""
    age = facts.number("age")
    if age is not None and age < ADULT_FROM_YEARS:
        text = f"NEWS2 does not apply under {ADULT_FROM_YEARS} years"
        young = Finding(rule="age", text=text, source=NEWS2, cites=("age",))
        return (young, *_consciousness(facts), *_danger_zone(facts))
    return (*_news2(facts), *_consciousness(facts), *_danger_zone(facts))


def worse(key: str, new: float, old: float) -> bool:
    """Return whether a vital sign scores more points of NEWS2 than before, or lies further out on the same side."""
    bands = BANDS.get(key)
    if bands is None:
        return new != old
    points, before = (next(score for limit, score in bands if not value > limit) for value in (new, old))
    inner = [limit for limit, score in bands if score == 0 and limit != float("inf")]
    middle = inner[0] if inner else bands[-2][0]
    return points > before or (new > middle) != (old > middle) or abs(new - middle) > abs(old - middle)


def missing(facts: ChartFacts) -> tuple[str, ...]:
    """Return the keys of the vitals that NEWS2 wants and the chart lacks."""
    measured = {key for key in WANTED if (facts.get(key) if key == "avpu" else facts.number(key)) is not None}
    if facts.number("gcs") is not None:
        measured.add("avpu")
    return tuple(key for key in WANTED if key not in measured)


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
    avpu, gcs = facts.get("avpu"), facts.number("gcs")
    found: list[Finding] = []
    if avpu and avpu.value != "alert":
        deep = avpu.value in ("pain", "unresponsive")
        text = f"Responds to {avpu.value} only" if avpu.value in ("verbal", "pain") else avpu.value.capitalize()
        found.append(_aroused(deep, "AVPU", text, "avpu"))
    if gcs is not None and gcs < ALERT_GCS:
        scored = _aroused(gcs <= DEEP_GCS, "GCS", facts_label(facts, "gcs"), "gcs")
        if not found or (scored.floor or "") < (found[0].floor or ""):
            found.append(scored)
    return found


def _aroused(deep: bool, rule: str, text: str, key: str) -> Finding:
    source, floor = (ESI_LEVEL_1, "1") if deep else (ESI_LEVEL_2, "2")
    return Finding(rule=rule, text=text, source=source, cites=(key,), floor=floor)


def _danger_zone(facts: ChartFacts) -> list[Finding]:
    age = facts.number("age")
    young = None if age is None else next((rates for below, rates in DANGER_OF_CHILDREN if age < below), None)
    rates = young or DANGER
    out = [key for key, limit in zip(("hr", "rr"), rates, strict=True) if (facts.number(key) or 0) > limit]
    saturation = facts.number("spo2")
    if saturation is not None and saturation < DANGER_SPO2_BELOW:
        out.append("spo2")
    if not out:
        return []
    by_age = f" at this age (HR above {rates[0]:g}, RR above {rates[1]:g})" if young else ""
    labels = ", ".join(facts_label(facts, key) for key in out)
    text = f"Danger-zone vitals{by_age}: {labels}; consider level 2"
    return [Finding(rule="danger zone", text=text, source=ESI_DANGER, cites=tuple(out), floor="3")]


def facts_label(facts: ChartFacts, key: str) -> str:
    """Return a fact as one line, or its key where the chart has none."""
    fact = facts.get(key)
    return fact.shown() if fact else key
