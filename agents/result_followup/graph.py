"""The agent of result follow-up: calculations, then the graph of `agents.level_graph` over how soon to act."""

import asyncio

from agents import level_graph
from agents.level_graph import Levels
from agents.pathway import Ports, SuggestionGraph
from agents.result_followup import formulas, prompts, rules
from agents.result_followup.calculate import Calculator
from contracts.calculations import Worked
from contracts.charts import ChartFacts
from contracts.result_followup import ResultFollowupOptions
from contracts.suggestions import Choice

PATHWAY = "result_followup"
SYSTEM = "urn:wardflow:followup"
CHOICES = (
    Choice(code=rules.ACT_NOW, display="Act now"),
    Choice(code=rules.TODAY, display="Act today"),
    Choice(code=rules.SEEN, display="Seen, nothing to do"),
)


def build(options: ResultFollowupOptions, ports: Ports) -> SuggestionGraph:
    """Return the compiled graph: `{"facts": ChartFacts}` in, `suggestion` out."""
    calculator = Calculator(ports.model("code"), ports.calculator, ports.reference)

    async def work(facts: ChartFacts) -> tuple[Worked, ...]:
        asked = [asyncio.create_task(calculator.work(formula, facts)) for formula in formulas.needed(facts)]
        try:
            return tuple(await asyncio.gather(*asked))
        finally:  # when one raised, the others are not worth waiting for
            for one in asked:
                one.cancel()

    asked = Levels(
        pathway=PATHWAY,
        system=SYSTEM,
        choices=CHOICES,
        strong_from=options.strong_from,
        moderate_from=options.moderate_from,
        findings=rules.findings,
        judge=lambda facts: prompts.judge(facts, CHOICES),
        explain=prompts.explain,
        work=work,
    )
    return level_graph.build(asked, ports.model("reasoning"))
