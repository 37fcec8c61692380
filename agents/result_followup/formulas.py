"""Which calculations a set of results needs, how each is defined in print, and what an honest answer looks like.

The program is a model's to write, from the definition; nothing here computes the result, and no reference's answer
is ever in what the model is asked.
"""

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
    ),
)  # fmt: skip
# mmol/L; at or below it the correction of sodium says nothing, by our judgement: above 11.1 a random glucose is that of
# diabetes (WHO/IDF, Definition and diagnosis of diabetes mellitus and intermediate hyperglycaemia, 2006)
HIGH_GLUCOSE = 11.1


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
    if formula.name == "corrected_sodium" and (facts.number("glucose") or 0) <= HIGH_GLUCOSE:
        return False
    return not formula.sex or _sex(facts) in ("female", "male")


def _bounded(facts: ChartFacts, key: str) -> bool:
    fact = facts.get(key)
    return fact is not None and fact.value[:1] in "<>"


def _sex(facts: ChartFacts) -> str:
    fact = facts.get("sex")
    return fact.value if fact else ""
