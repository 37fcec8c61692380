"""The known answers that models' programs are measured by are right, and reach their formula as they were charted."""

import clincalc
import pytest

from agents.result_followup import formulas
from integrations.reference.clincalc import known as reference_inputs
from tests.measure.calculations import known
from tests.measure.calculations.measured import PATHWAY


def test_every_case_has_all_that_its_formula_needs_and_nothing_is_left_out() -> None:
    for case in known.cases(3, 200):
        facts = PATHWAY.read_chart(case.chart, known.ENCOUNTER, known.NOW)
        assert case.formula in [formula.name for formula in formulas.needed(facts)]
        assert facts.left_out == ()


def test_answers_agree_with_an_independent_calculator_where_it_has_one() -> None:
    compared = set()
    for case in known.cases(5, 300):
        formula = next(one for one in formulas.FORMULAS if one.name == case.formula)
        inputs = formulas.inputs(PATHWAY.read_chart(case.chart, known.ENCOUNTER, known.NOW), formula)
        asked = reference_inputs(formula.name, inputs)
        if asked:
            compared.add(formula.name)
            assert case.answer == pytest.approx(clincalc.calculate(*asked)["result"], abs=formula.tolerance)
    assert compared == {formula.name for formula in formulas.FORMULAS} - {"qtc"}


def test_our_own_functions_give_the_known_answers() -> None:
    for case in known.cases(11, 500):
        facts = PATHWAY.read_chart(case.chart, known.ENCOUNTER, known.NOW)
        formula = next(one for one in formulas.FORMULAS if one.name == case.formula)
        assert formulas.computed(formula, facts) == pytest.approx(case.answer, abs=formula.tolerance), case


@pytest.mark.parametrize(("qt", "rate", "qtc"), [(400, 60, 400), (360, 100, 426.8), (500, 50, 470.5)])
def test_qtc_agrees_with_the_cube_root_worked_out_by_hand(qt: float, rate: float, qtc: float) -> None:
    class Fixed:
        def __init__(self) -> None:
            self.drawn = iter((qt, rate))

        def randint(self, _low: int, _high: int) -> float:
            return next(self.drawn)

    assert known.qtc(Fixed(), 60, "male")[1] == pytest.approx(qtc, abs=0.05)  # pyright: ignore[reportArgumentType]
