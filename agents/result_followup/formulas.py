"""Which calculations a set of results needs, how each is defined in print, and their results by these definitions.

No limit waits for a model. A model may write a program from the definition too, as a second opinion; no result is
ever in what it is asked.
"""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta

from agents.physiology import Range
from agents.result_followup.analytes import ADULT_FROM_YEARS
from contracts.charts import ChartFacts
from contracts.frozen import Frozen


class Formula(Frozen):
    name: str
    label: str
    unit: str
    needs: tuple[str, ...]
    """Keys of facts that have a number."""
    sex: bool = False
    """Whether it also takes `female`: 1 or 0."""
    definition: str
    """In the names of the inputs; a model turns it into a program."""
    source: str
    plausible: Range
    """A result outside is refused: the program is wrong, or the results are no patient's."""
    tolerance: float
    """By which two calculators may differ, as they round."""
    within: timedelta
    """How far apart in time its inputs may have been taken; age and sex do not count."""


ONE_SAMPLE = timedelta(hours=1)  # our judgement: what is reported apart of one sample, or drawn again at once
ONE_TRACING = timedelta(minutes=5)  # our judgement: a heart rate of the same tracing, since QT follows the rate
HOURS_24 = timedelta(hours=24)  # our judgement: the results of one day
FORMULAS = (
    Formula(
        name="egfr",
        label="eGFR",
        unit="mL/min/1.73 m²",
        needs=("creatinine", "age"),
        sex=True,
        definition=(
            "scr = creatinine / 88.4\n"
            "kappa is 0.7 if female is 1, else 0.9\n"
            "alpha is -0.241 if female is 1, else -0.302\n"
            "egfr = 142 * min(scr / kappa, 1) ** alpha * max(scr / kappa, 1) ** -1.2 * 0.9938 ** age\n"
            "if female is 1, multiply egfr by 1.012"
        ),
        source="CKD-EPI 2021: Inker et al., N Engl J Med 2021;385:1737",
        plausible=Range(1, 200, "our judgement: kidneys that do nothing, and beyond a young pregnant woman's"),
        tolerance=1.0,  # our judgement: both round to a whole number
        within=HOURS_24,  # our judgement: there is one input that was taken
    ),
    Formula(
        name="anion_gap",
        label="Anion gap",
        unit="mmol/L",
        needs=("na", "cl", "hco3"),
        definition="anion_gap is sodium na minus the sum of chloride cl and bicarbonate hco3",
        source="Emmett and Narins, Medicine 1977;56:38, without potassium",
        plausible=Range(-10, 60, "our judgement: widely around what is calculated; below 0 in bromism or myeloma"),
        tolerance=0.11,  # our judgement: both round to a tenth
        within=ONE_SAMPLE,
    ),
    Formula(
        name="corrected_calcium",
        label="Calcium for albumin 40 g/L",
        unit="mmol/L",
        needs=("calcium", "albumin"),
        definition="corrected_calcium = calcium + 0.02 * (40 - albumin)",
        source="Payne et al., BMJ 1973;4:643",
        plausible=Range(0.8, 6, "our judgement: widely around what calcium itself is"),
        tolerance=0.011,  # our judgement: both round to a hundredth
        within=HOURS_24,  # our judgement: albumin changes slowly, and is not measured with every calcium
    ),
    Formula(
        name="corrected_sodium",
        label="Sodium for glucose",
        unit="mmol/L",
        needs=("na", "glucose"),
        definition=(
            "glucose_mgdl = glucose * 18.016\ncorrected_sodium = na + 1.6 * (glucose_mgdl - 100) / 100"
        ),
        source="Katz, N Engl J Med 1973;289:843",
        plausible=Range(90, 220, "our judgement: widely around what sodium itself is, with the correction"),
        tolerance=0.11,  # our judgement: both round to a tenth
        within=ONE_SAMPLE,
    ),
    Formula(
        name="qtc",
        label="QTc (Fridericia)",
        unit="ms",
        needs=("qt", "hr"),
        definition="rr_seconds = 60 / hr\nqtc = qt divided by the cube root of rr_seconds",
        source="Fridericia, Acta Med Scand 1920;53:469",
        plausible=Range(200, 800, "our judgement: shorter and longer were measured or corrected wrongly"),
        tolerance=0.5,  # our judgement: both round to a whole number
        within=ONE_TRACING,
    ),
)  # fmt: skip
# mmol/L; at or below it the correction of sodium says nothing, by our judgement: above 11.1 a random glucose is that of
# diabetes (WHO/IDF, Definition and diagnosis of diabetes mellitus and intermediate hyperglycaemia, 2006)
HIGH_GLUCOSE = 11.1


def _egfr(given: Mapping[str, float]) -> float:
    scr, female = given["creatinine"] / 88.4, bool(given["female"])  # µmol/L to mg/dL, as the definition says (2021)
    kappa, alpha = (0.7, -0.241) if female else (0.9, -0.302)  # Inker et al. 2021, of women and of men
    ratio = scr / kappa
    value = 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938 ** given["age"]  # Inker et al. 2021
    return value * (1.012 if female else 1)  # Inker et al. 2021


def _corrected_sodium(given: Mapping[str, float]) -> float:
    return given["na"] + 1.6 * (given["glucose"] * 18.016 - 100) / 100  # Katz 1973, glucose in mg/dL


COMPUTED: Mapping[str, Callable[[Mapping[str, float]], float]] = {
    "egfr": _egfr,
    "anion_gap": lambda given: given["na"] - (given["cl"] + given["hco3"]),
    "corrected_calcium": lambda given: given["calcium"] + 0.02 * (40 - given["albumin"]),  # Payne et al. 1973, g/L
    "corrected_sodium": _corrected_sodium,
    "qtc": lambda given: given["qt"] / math.cbrt(60 / given["hr"]),  # Fridericia 1920, seconds in a minute
}
"""Each formula's definition as a function of its inputs, by name."""


def computed(formula: Formula, facts: ChartFacts) -> float:
    """Return its result for a chart for which it is `needed`."""
    return COMPUTED[formula.name](inputs(facts, formula))


def results(facts: ChartFacts) -> dict[str, float]:
    """Return the plausible results of all that this chart needs, by name."""
    found = ((formula, computed(formula, facts)) for formula in needed(facts))
    return {formula.name: value for formula, value in found if formula.plausible.holds(value)}


def needed(facts: ChartFacts) -> tuple[Formula, ...]:
    """Return the calculations for which this chart has every input, and which mean something for this patient."""
    age = facts.number("age")
    return tuple(formula for formula in FORMULAS if _has(facts, formula) and (age is None or age >= ADULT_FROM_YEARS))


def inputs(facts: ChartFacts, formula: Formula) -> dict[str, float]:
    """Return the numbers that its program gets, by name."""
    numbers = {key: facts.number(key) for key in formula.needs}
    given = {key: number for key, number in numbers.items() if number is not None}
    return given | ({"female": float(_sex(facts) == "female")} if formula.sex else {})


def _has(facts: ChartFacts, formula: Formula) -> bool:
    if any(facts.number(key) is None for key in formula.needs) or any(_bounded(facts, key) for key in formula.needs):
        return False
    taken = [fact for key in formula.needs if key != "age" and (fact := facts.get(key))]
    known = [fact.effective_at for fact in taken if fact.effective_at]
    several = len({fact.resource for fact in taken}) > 1
    if several and (len(known) < len(taken) or max(known) - min(known) > formula.within):
        return False  # they belong to different moments, or nobody knows
    if formula.name == "corrected_sodium" and (facts.number("glucose") or 0) <= HIGH_GLUCOSE:
        return False
    return not formula.sex or _sex(facts) in ("female", "male")


def _bounded(facts: ChartFacts, key: str) -> bool:
    fact = facts.get(key)
    return fact is not None and fact.value[:1] in "<>"


def _sex(facts: ChartFacts) -> str:
    fact = facts.get("sex")
    return fact.value if fact else ""
