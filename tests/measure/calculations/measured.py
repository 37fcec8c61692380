"""Runs cases through the real calculator, and counts how often a program gave the result of the published formula."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from agents.pathway import CalculatorPort, ChatPort, ReferencePort
from agents.result_followup import formulas
from agents.result_followup.calculate import Calculator
from agents.result_followup.pathway import ResultFollowup
from contracts.calculations import Worked
from contracts.model_calls import ChatRequest, ModelCall
from contracts.result_followup import ResultFollowupOptions
from integrations.inference.budget import tokens_of
from tests.measure.calculations.known import ENCOUNTER, NOW, Case

PATHWAY = ResultFollowup(ResultFollowupOptions())


@dataclass(frozen=True)
class Done:
    case: Case
    worked: Worked
    tokens: int
    seconds: float

    @property
    def agreed(self) -> bool:
        """Whether a program of the model ran and nothing disputes the number."""
        ran = [made for made in self.worked.calculations if not made.fault]
        return bool(ran) and self.worked.value is not None

    @property
    def wrong(self) -> bool:
        """Whether a person would have been shown a number that is not the answer."""
        formula = next(one for one in formulas.FORMULAS if one.name == self.case.formula)
        return self.worked.value is not None and abs(self.worked.value - self.case.answer) > formula.tolerance


class Counting:
    """The model of one calculation, whose tokens are counted."""

    def __init__(self, model: ChatPort) -> None:
        self._model, self.tokens = model, 0

    async def ask(self, request: ChatRequest) -> ModelCall:
        call = await self._model.ask(request)
        self.tokens += tokens_of(call)
        return call


class Once:
    """Asks each question once: it holds no patient's numbers, and at temperature 0 its answer is the same again."""

    def __init__(self, model: ChatPort) -> None:
        self._model, self._said = model, dict[str, asyncio.Task[ModelCall]]()

    async def ask(self, request: ChatRequest) -> ModelCall:
        key = request.sha256()
        if key not in self._said:
            self._said[key] = asyncio.ensure_future(self._model.ask(request))
        return await asyncio.shield(self._said[key])


async def run(
    cases: list[Case], model: ChatPort, sandbox: CalculatorPort, reference: ReferencePort, at_once: int
) -> list[Done]:
    """Return what became of each case, so many worked out at a time."""
    slots = asyncio.Semaphore(at_once)

    async def one(case: Case) -> Done:
        facts = PATHWAY.read_chart(case.chart, ENCOUNTER, NOW)
        (formula,) = (formula for formula in formulas.needed(facts) if formula.name == case.formula)
        counting = Counting(model)
        async with slots:
            start = time.monotonic()
            worked = await Calculator(counting, sandbox, reference).work(formula, facts)
            return Done(case, worked, counting.tokens, time.monotonic() - start)

    return list(await asyncio.gather(*(one(case) for case in cases)))


def summary(done: list[Done], *, timed: bool = True) -> dict[str, Any]:
    """Return the figures of one run."""
    return {
        "cases": len(done),
        "agreed": sum(one.agreed for one in done),
        "shown": sum(one.worked.value is not None for one in done),
        "wrong_shown": sum(one.wrong for one in done),
        "no_opinion": dict(Counter(one.worked.told for one in done if not one.agreed).most_common()),
        "agreed_by_formula": {
            name: f"{sum(one.agreed for one in mine)}/{len(mine)}"
            for name in dict.fromkeys(one.case.formula for one in done)
            if (mine := [one for one in done if one.case.formula == name])
        },
        "tokens_a_calculation": round(mean(one.tokens for one in done), 1),
        "seconds_a_calculation": round(median(one.seconds for one in done), 2) if timed else None,
        "programs": {
            name: sorted({made.program for one in done if one.case.formula == name for made in one.worked.calculations})
            for name in dict.fromkeys(one.case.formula for one in done)
        },
    }
