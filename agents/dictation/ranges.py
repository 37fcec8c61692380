"""What a dictated number can plausibly be. Outside it a person types the value: it is too easily confirmed by a key."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    low: float
    high: float
    why: str
    """The source of the two numbers, or why they are our judgement."""

    @property
    def limits(self) -> tuple[float, float]:
        return self.low, self.high

    def holds(self, value: float) -> bool:
        """Return whether the value lies in the range, its ends included."""
        return self.low <= value <= self.high


# "Our judgement" is here: a living patient in an emergency department may have it, and common devices show it. A real
# value outside costs the typing of it; a misheard one inside is marked by the other rules or heard by the person.
RANGES = {
    "systolic": Range(50, 270, "our judgement, mmHg: below 50 cuffs seldom read, and monitors end near 270"),
    "diastolic": Range(20, 150, "our judgement, mmHg: widely around what an emergency department measures"),
    "heart rate": Range(20, 240, "our judgement, /min: faster is only a small child's tachycardia or an artefact"),
    "respiratory rate": Range(4, 70, "our judgement, /min: slower is an arrest, faster only a newborn's distress"),
    "saturation": Range(50, 100, "our judgement, %: oximeters are made to be right from 70 (ISO 80601-2-61)"),
    "temperature": Range(30, 43, "our judgement, °C: colder is deep hypothermia, and 43 ends most thermometers' scale"),
    "pain": Range(0, 10, "the numeric rating scale's own ends"),
    "gcs": Range(3, 15, "the scale's own ends: Teasdale and Jennett, Lancet 1974;304:81"),
    "age": Range(0, 120, "our judgement, years: hardly anybody was older"),
    "glucose": Range(1, 60, "our judgement, mmol/L: where meters show HI or LO"),
    "potassium": Range(1, 10, "our judgement, mmol/L: outside nobody lives"),
    "sodium": Range(90, 190, "our judgement, mmol/L: outside nobody lives"),
    "lactate": Range(0, 30, "our judgement, mmol/L: where analysers end"),
    "creatinine": Range(10, 2000, "our judgement, µmol/L: widely around what is measured"),
    "haemoglobin": Range(20, 250, "our judgement, g/L: outside nobody lives"),
    "troponin": Range(0, 100_000, "our judgement, ng/L: where assays end"),
    "crp": Range(0, 600, "our judgement, mg/L: widely around what is measured"),
    "score": Range(0, 100, "our judgement: no common score goes further"),
    "weight": Range(1, 400, "our judgement, kg: from a small newborn to what beds carry"),
    "ph": Range(6, 8, "our judgement: outside nobody lives"),
}
MOST_GRAMS = 4.0
"""Our judgement: above this few drugs are given at once; magnesium sulfate and piperacillin come to 4."""
DOSES = {
    "g": Range(0, MOST_GRAMS, "our judgement: see MOST_GRAMS"),
    "mg": Range(0, MOST_GRAMS * 1000, "the same in milligrams"),
    "mcg": Range(0, 5000, "our judgement: from here people say milligrams"),
    "unit": Range(0, 50_000, "our judgement: a week's colecalciferol; only penicillins go further"),
    "tablet": Range(0, 20, "our judgement: a course of steroids has 8 or 12 at once; more is an overdose or misheard"),
    "puff": Range(0, 20, "our judgement: salbutamol by spacer is 10"),
    "drop": Range(0, 40, "our judgement: widely around what is prescribed"),
}
"""What one dose can be, by its unit."""
DOSES_OF = {
    **dict.fromkeys(
        (("insulin", "unit"), ("actrapid", "unit"), ("novorapid", "unit"), ("humalog", "unit"), ("lantus", "unit")),
        Range(0, 100, "our judgement: few people inject more at once, and U100 pens end at 60 or 80"),
    ),
    ("methotrexate", "mg"): Range(0, 30, "our judgement: a week's dose of arthritis or psoriasis is at most 25 to 30"),
    ("colchicine", "mg"): Range(0, 2, "our judgement: 1.8 mg is the most of one day in an acute attack"),
}
"""The same of drugs of which a tenfold dose kills, by name and unit; each is checked beside its unit's own."""
