"""One calculation as a person sees it: by the published formula, withheld where a second opinion disputes it."""

from agents.pathway import CalculatorPort, ChatPort, ReferencePort
from agents.result_followup import formulas, prompts
from agents.result_followup.formulas import Formula
from contracts.calculations import Calculation, Comparison, Worked
from contracts.charts import ChartFacts
from contracts.errors import ModelError


class Calculator:
    """An independent calculator and a model's program may withhold a number; neither is needed for one."""

    def __init__(self, code: ChatPort, sandbox: CalculatorPort, reference: ReferencePort) -> None:
        self._code, self._sandbox, self._reference = code, sandbox, reference

    async def work(self, formula: Formula, facts: ChartFacts) -> Worked:
        """Return the calculation with its second opinions; without a value where anything disputes it."""
        inputs, value = formulas.inputs(facts, formula), formulas.computed(formula, facts)
        expected = await self._reference.result(formula.name, inputs)
        model, made, said = await self._program(formula, inputs)
        low, high = formula.plausible.limits
        opinions = [number for number in (expected, _output(formula, made)) if number is not None]
        disputed = any(abs(number - value) > formula.tolerance for number in opinions)
        if not formula.plausible.holds(value):
            told = f"not shown: {value:.4g} can't be: expected {low:g} to {high:g}"
        elif expected is not None and abs(expected - value) > formula.tolerance:
            told = "not shown: an independent calculator gives another result"
        elif disputed:
            told = f"not shown: a program of {model} gives another result"
        else:
            told = "; ".join(["by the published formula", *_agreeing(expected, made, model), *said])
        shown = not disputed and formula.plausible.holds(value)
        return Worked(
            name=formula.name,
            label=formula.label,
            unit=formula.unit,
            value=value if shown else None,
            told=told + _moment(facts, formula),
            source=formula.source,
            cites=(*formula.needs, *(("sex",) if formula.sex else ())),
            calculations=(made,) if made else (),
            comparison=Comparison.DIFFERS if disputed else Comparison.AGREES if opinions else Comparison.NONE,
            reference=expected,
            model=model,
        )

    async def _program(
        self, formula: Formula, inputs: dict[str, float]
    ) -> tuple[str | None, Calculation | None, list[str]]:
        """Return who wrote a program, what it gave, and what a person is told where it gave nothing."""
        try:
            call = await self._code.ask(prompts.program(formula, tuple(inputs)))
        except ModelError as fault:
            return None, None, [f"no second opinion: model {str(fault.kind).replace('_', ' ')}"]
        made = await self._sandbox.run(prompts.with_result(prompts.code_of(call.content), formula.name), inputs)
        if made.fault:
            return call.model, made, [f"the program of {call.model} gave no result ({made.fault.replace('_', ' ')})"]
        return call.model, made, []


def _output(formula: Formula, made: Calculation | None) -> float | None:
    return made.outputs.get(formula.name) if made and not made.fault else None


def _agreeing(expected: float | None, made: Calculation | None, model: str | None) -> list[str]:
    told = ["an independent calculator agrees"] if expected is not None else []
    return [*told, f"a program of {model} agrees"] if made and not made.fault else told


def _moment(facts: ChartFacts, formula: Formula) -> str:
    """Return when its inputs were taken, for a person."""
    taken = sorted(fact.effective_at for key in formula.needs if (fact := facts.get(key)) and fact.effective_at)
    if not taken:
        return ""
    first, last = (f"{at:%Y-%m-%d %H:%M}" for at in (taken[0], taken[-1]))
    return f"; of {first} UTC" if first == last else f"; of {first} to {last} UTC"
