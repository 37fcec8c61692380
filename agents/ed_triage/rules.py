"""Deterministic scores on vitals: what the model may raise and never lower (I10)."""

from collections.abc import Mapping

from agents.ed_triage import hypercapnia, oxygen, pews
from agents.ed_triage.bands import Bands
from agents.ed_triage.bands import points as points_of
from agents.repeats import Worse
from contracts.charts import ChartFacts
from contracts.suggestions import Finding

NEWS2 = "Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, charts 1 and 2"
ESI_LEVEL_1 = "AHRQ, Emergency Severity Index Implementation Handbook, 2012 edition, chapter 3, decision point A"
ESI_LEVEL_2 = "AHRQ, Emergency Severity Index Implementation Handbook, 2012 edition, chapter 3, decision point B"
ESI_DANGER = "AHRQ, Emergency Severity Index Implementation Handbook, 2012 edition, chapter 3, decision point D"

# NEWS2 chart 1: (upper limit of the band, points), the last band open; numbers are measured values as charted.
BANDS: Mapping[str, Bands] = {
    "rr": ((8, 3), (11, 1), (20, 0), (24, 2), (float("inf"), 3)),
    "spo2": ((91, 3), (93, 2), (95, 1), (float("inf"), 0)),  # scale 1
    "sbp": ((90, 3), (100, 2), (110, 1), (219, 0), (float("inf"), 3)),
    "hr": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (float("inf"), 3)),
    "temp_c": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (float("inf"), 2)),
}
# NEWS2 chart 1: SpO2 scale 2, for a target of 88 to 92 %
SCALE_2_AIR: Bands = ((83, 3), (85, 2), (87, 1), (float("inf"), 0))
SCALE_2_OXYGEN: Bands = ((83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (float("inf"), 3))  # NEWS2 chart 1
OXYGEN_POINTS = 2  # any supplemental oxygen, NEWS2 chart 1
CONSCIOUSNESS_POINTS = 3  # anything but alert (CVPU), NEWS2 chart 1
EMERGENCY_FROM, URGENT_FROM, SINGLE_URGENT = 7, 5, 3  # NEWS2 chart 2: clinical response thresholds
ADULT_FROM_YEARS = 16  # NEWS2, recommendation 3: not for children under 16; ESI's paediatric limits are other numbers
WANTED = ("avpu", "rr", "spo2", "sbp", "hr", "temp_c")
# ESI_DANGER: the age in years below which, and the heart and respiratory rates above which, the handbook asks the nurse
# to consider level 2; as a floor they demand level 3, since "consider" is a person's to answer.
DANGER_OF_CHILDREN = ((0.25, (180.0, 50.0)), (3.0, (160.0, 40.0)), (8.0, (140.0, 30.0)))
DANGER = (100.0, 20.0)  # ESI_DANGER, above 8 years
DANGER_SPO2_BELOW = 92.0  # ESI_DANGER, at any age; our judgement: not where a person chose NEWS2's SpO2 scale 2
# AVPU by the Glasgow coma scale: Kelly et al., Ann Emerg Med 2004;44:108, medians 15 (A), 13 (V), 8 (P), 3 (U)
DEEP_GCS, ALERT_GCS = 8, 15


def news2_points(facts: ChartFacts) -> dict[str, int]:
    """Return the points of each parameter that was measured; a missing one scores nothing and is reported apart."""
    points: dict[str, int] = {}
    for key, bands in _bands(facts).items():
        value = facts.number(key)
        if value is not None:
            points[key] = points_of(bands, value)
    if given := oxygen.given(facts):
        points[given.key] = OXYGEN_POINTS
    avpu, gcs = facts.get("avpu"), facts.number("gcs")
    if avpu:
        points["avpu"] = 0 if avpu.value == "alert" else CONSCIOUSNESS_POINTS
    elif gcs is not None:
        points["gcs"] = 0 if gcs >= ALERT_GCS else CONSCIOUSNESS_POINTS
    return points


def scale_2(facts: ChartFacts) -> bool:
    """Return whether a person chose SpO2 scale 2 for this adult; what a chart says of hypercapnia never does."""
    age, chosen = facts.number("age"), facts.get("spo2_scale")
    return bool(chosen and chosen.value == "2") and (age is None or age >= ADULT_FROM_YEARS)


def _bands(facts: ChartFacts) -> Mapping[str, Bands]:
    """Return the bands of NEWS2, with those of the SpO2 scale that was chosen."""
    if not scale_2(facts):
        return BANDS
    return {**BANDS, "spo2": SCALE_2_OXYGEN if oxygen.given(facts) else SCALE_2_AIR}


def findings(facts: ChartFacts) -> tuple[Finding, ...]:
    """Return what the rules found, each with its floor (a level, `1` the most urgent) or none."""
    age = facts.number("age")
    if age is not None and age < ADULT_FROM_YEARS:
        text = f"NEWS2 does not apply under {ADULT_FROM_YEARS} years"
        young = Finding(rule="age", text=text, source=NEWS2, cites=("age",))
        return (young, *pews.findings(facts), *_consciousness(facts), *_danger_zone(facts))
    return (*_news2(facts), *_spo2_scale(facts), *_consciousness(facts), *_danger_zone(facts))


def worse(key: str, new: float, old: float) -> bool:
    """Return whether a vital sign scores more points of NEWS2 than before, or lies further out on the same side."""
    bands = BANDS.get(key)
    if bands is None:
        return new != old
    points, before = points_of(bands, new), points_of(bands, old)
    inner = [limit for limit, score in bands if score == 0 and limit != float("inf")]
    middle = inner[0] if inner else bands[-2][0]
    return points > before or (new > middle) != (old > middle) or abs(new - middle) > abs(old - middle)


def worse_for(facts: ChartFacts) -> Worse:
    """Return `worse` for this patient: it also holds where a child's PEWS, or the SpO2 scale in use, gives more."""
    child = pews.bracket(facts)
    own = child[1] if child else _bands(facts)

    def judged(key: str, new: float, old: float) -> bool:
        more = key in own and points_of(own[key], new) > points_of(own[key], old)
        return more or worse(key, new, old)

    return judged


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
    text = f"NEWS2 {at_least}{total} ({parts}){by_age}"
    # a choice of another scale is news to who decided by this one
    chosen = ("spo2_scale",) if "spo2" in points and facts.get("spo2_scale") else ()
    return [Finding(rule="NEWS2", text=text, source=NEWS2, cites=(*scored, *chosen), floor=level)]


def _spo2_scale(facts: ChartFacts) -> list[Finding]:
    """Return which SpO2 scale was used, where the chart holds a choice of scale 2, or says hypercapnia without one."""
    if facts.number("spo2") is None:
        return []
    if scale_2(facts):
        shown, limit = facts_label(facts, "spo2"), f"{DANGER_SPO2_BELOW:g} %"
        text = f"{shown} scored on scale 2, as chosen in the chart; below {limit} is no danger zone then"
        return [Finding(rule="SpO2 scale", text=text, source=NEWS2, cites=("spo2", "spo2_scale"))]
    says = hypercapnia.cites(facts)
    if not says or facts.get("spo2_scale"):
        return []
    text = "SpO2 scored on scale 1; scale 2 is for a person to choose (the chart says hypercapnia)"
    return [Finding(rule="SpO2 scale", text=text, source=NEWS2, cites=("spo2", *says))]


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
    if saturation is not None and saturation < DANGER_SPO2_BELOW and not scale_2(facts):
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
