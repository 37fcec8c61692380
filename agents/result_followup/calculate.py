"""One calculation: a program from the model, run behind the walls, and compared before anybody sees a number."""

from agents.pathway import CalculatorPort, ChatPort, ReferencePort
from agents.result_followup import formulas, prompts
from agents.result_followup.formulas import Formula
from contracts.calculations import Calculation, Comparison, Worked
from contracts.charts import ChartFacts
from contracts.errors import ModelError

CLOSE = 1e-6  # relative; our judgement: two programs of one definition differ by rounding alone


class Calculator:
    """Refuses rather than shows: a missing number is worked out by hand, a wrong one is believed."""

    def __init__(self, code: ChatPort, sandbox: CalculatorPort, reference: ReferencePort) -> None:
        self._code, self._sandbox, self._reference = code, sandbox, reference

    async def work(self, formula: Formula, facts: ChartFacts) -> Worked:
        """Return the calculation with its programs and comparison; without a value where anything is in doubt."""
        inputs = formulas.inputs(facts, formula)
        expected = await self._reference.result(formula.name, inputs)
        ran: list[tuple[str, Calculation]] = []
        value, comparison = None, Comparison.NONE
        try:
            found = await self._result(formula, inputs, ran)
            if expected is not None:
                agrees = abs(found - expected) <= formula.tolerance
                comparison = Comparison.AGREES if agrees else Comparison.DIFFERS
                told = "an independent calculator agrees"
                if not agrees:
                    raise _DoubtError("an independent calculator gives another result")
            else:
                again = await self._result(formula, inputs, ran)
                if abs(found - again) > CLOSE * max(abs(found), abs(again)):
                    raise _DoubtError("two programs give different results")
                told = "two programs agree, and no independent calculator knows it"
            if not formula.plausible.holds(found):
                low, high = formula.plausible.limits
                raise _DoubtError(f"{found:.4g} can't be: expected {low:g} to {high:g}")
            value = found
        except _DoubtError as doubt:
            told = f"not shown: {doubt}"
        except ModelError as fault:
            told = f"not calculated: model {str(fault.kind).replace('_', ' ')}"
        return Worked(
            name=formula.name,
            label=formula.label,
            unit=formula.unit,
            value=value,
            told=told,
            source=formula.source,
            cites=(*formula.needs, *(("sex",) if formula.sex else ())),
            calculations=tuple(calculation for _, calculation in ran),
            comparison=comparison,
            reference=expected,
            model=ran[0][0] if ran else None,
        )

    async def _result(self, formula: Formula, inputs: dict[str, float], ran: list[tuple[str, Calculation]]) -> float:
        """Ask for a program, worded anew each time, and return its result; what ran is added to the list."""
        call = await self._code.ask(prompts.program(formula, tuple(inputs), again=bool(ran)))
        made = await self._sandbox.run(prompts.with_result(prompts.code_of(call.content), formula.name), inputs)
        ran.append((call.model, made))
        if made.fault:
            raise _DoubtError(f"its program gave no result ({made.fault.replace('_', ' ')})")
        return made.outputs[formula.name]


class _DoubtError(Exception):
    """Why a result is not shown."""
