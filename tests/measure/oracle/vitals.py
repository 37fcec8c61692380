"""Which vital signs demand attention at triage: NEWS2, responsiveness, the danger zone of the ESI handbook. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.measure.oracle.resources import Resource, ages
from tests.measure.oracle.signs import ALERT, Sign, newest, points, scale_chosen

OXYGEN_POINTS, CONSCIOUSNESS_POINTS, WORST_POINTS = 2, 3, 3
AIR_PERCENT = 21
NEWS2_YEARS = 16
URGENT, EMERGENCY = 5, 7
"""Aggregate scores, NEWS2 2017, chart 2."""
DANGER_SPO2_PERCENT = 92
DANGER = ((1 / 12, 190, 60), (0.25, 180, 55), (1, 180, 55), (3, 160, 40), (5, 140, 35), (8, 140, 30), (12, 120, 30))
DANGER_GROWN = (100, 20)
"""Age below which it holds in years, heart rate, respiratory rate: of the ESI handbook, decision point D, the greater
limit of the 4th edition (2012) and the 5th (2023), since they disagree on children."""
DEEP = 2
"""Of responsiveness: pain or unresponsive."""
DEEP_GCS, VOICE_GCS = 8, 14


@dataclass(frozen=True)
class VitalDemand:
    sign: Sign
    rule: str
    floor: str


def demands(patient: Resource | None, observations: list[Resource], at: datetime) -> list[VitalDemand]:
    """Return what demands attention among the vital signs of one stay; one sign may be named by several rules."""
    charted = newest(observations, at)
    signs = {key: sign for key, sign in charted.items() if sign}
    if "avpu" in charted and "avpu" not in signs:
        signs.pop("gcs", None)  # it speaks only where responsiveness is missing, or says alert
    if scale_chosen(observations):
        signs.pop("spo2", None)
    between = ages(patient, at)
    found = [*_by_responsiveness(signs), *_by_danger_zone(signs, between)]
    if between and between[0] >= NEWS2_YEARS:
        found += _by_news2(signs)
    return found


def _by_responsiveness(signs: dict[str, Sign]) -> Iterator[VitalDemand]:
    said, scale = signs.get("avpu"), signs.get("gcs")
    if said and said.value > ALERT:
        yield VitalDemand(said, "responsiveness", "1" if said.value == DEEP else "2")
    elif scale and scale.value <= VOICE_GCS:
        yield VitalDemand(scale, "Glasgow coma scale", "1" if scale.value <= DEEP_GCS else "2")


def _by_danger_zone(signs: dict[str, Sign], between: tuple[float, float] | None) -> Iterator[VitalDemand]:
    oxygen = signs.get("spo2")
    if oxygen and oxygen.value < DANGER_SPO2_PERCENT:
        yield VitalDemand(oxygen, "ESI danger zone", "3")
    if between is None:
        return
    heart, breath = next(((hr, rr) for below, hr, rr in DANGER if between[0] < below), DANGER_GROWN)
    for key, limit in (("hr", heart), ("rr", breath)):
        if key in signs and signs[key].value > limit:
            yield VitalDemand(signs[key], "ESI danger zone", "3")


def _by_news2(signs: dict[str, Sign]) -> Iterator[VitalDemand]:
    given = [(sign, points(key, sign.value)) for key, sign in signs.items()]
    oxygen = [s for k, s in signs.items() if (k == "flow" and s.value > 0) or (k == "fio2" and s.value > AIR_PERCENT)]
    given += [(sign, OXYGEN_POINTS) for sign in oxygen[:1]]
    deep = [demand.sign for demand in _by_responsiveness(signs)]
    given += [(sign, CONSCIOUSNESS_POINTS) for sign in deep]
    score = sum(many for _, many in given)
    for sign, many in given:
        if many and score >= EMERGENCY:
            yield VitalDemand(sign, f"NEWS2 {score}", "2")
        elif many and score >= URGENT:
            yield VitalDemand(sign, f"NEWS2 {score}", "3")
        elif many >= WORST_POINTS:
            yield VitalDemand(sign, "NEWS2, one parameter in its worst band", "3")
