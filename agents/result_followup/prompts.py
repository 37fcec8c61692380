"""What the models are asked: a program for a calculation, how soon someone must act, and why."""

import json

from agents.claims import quoted, reasons_schema
from agents.result_followup.formulas import Formula
from contracts.charts import ChartFacts
from contracts.model_calls import ChatRequest, Message
from contracts.suggestions import Choice

PROGRAM_TOKENS, LEVEL_TOKENS, REASON_TOKENS = 256, 4, 112
PROGRAMMER = (
    "You write short Python programs. Use only assignments, arithmetic, if, min and max. No import, no print, no "
    "function. The inputs are already variables. Write every line of the definition in its order, and leave the inputs "
    "as they are. The square root of x is x ** (1 / 2), its cube root x ** (1 / 3). Answer with one code block."
)
# A worked example keeps small models to the form; it is no calculation that is ever asked for.
EXAMPLE_NAMES = ("weight", "height", "child")
EXAMPLE_DEFINITION = (
    "product = weight * height / 3600\nsurface is the square root of product\nif child is 1, multiply surface by 0.9"
)
EXAMPLE_PROGRAM = (
    "```python\nproduct = weight * height / 3600\nsurface = product ** (1 / 2)\nif child == 1:\n"
    "    surface = surface * 0.9\n```"
)
EXAMPLE_CHART = 'k: "Potassium 4.1 mmol/L"\nna: "Sodium 131 mmol/L"'
EXAMPLE_REASONS = '{"reasons":[{"text":"Sodium 131 is a little low.","cites":["na"]}]}'


def program(formula: Formula, names: tuple[str, ...]) -> ChatRequest:
    """Ask for the program of a definition; no number of a patient is in it."""
    return ChatRequest(
        step=f"program {formula.name}",
        messages=(
            Message(role="system", content=PROGRAMMER),
            Message(role="user", content=_in_words(EXAMPLE_NAMES, EXAMPLE_DEFINITION)),
            Message(role="assistant", content=EXAMPLE_PROGRAM),
            Message(role="user", content=_in_words(names, formula.definition)),
        ),
        max_tokens=PROGRAM_TOKENS,
    )


def _in_words(names: tuple[str, ...], definition: str) -> str:
    return f"Inputs: {', '.join(names)}\nDefinition:\n{definition}"


def judge(facts: ChartFacts, choices: tuple[Choice, ...]) -> ChatRequest:
    """Ask how soon someone must act, as a closed choice."""
    levels = ", ".join(f"{choice.code} {choice.display.lower()}" for choice in choices)
    return ChatRequest(
        step="judge",
        messages=(
            Message(role="system", content=f"You follow up laboratory results. Answer with one number: {levels}."),
            Message(role="user", content=quoted(facts)),
        ),
        choices=tuple(choice.code for choice in choices),
        max_tokens=LEVEL_TOKENS,
    )


def explain(facts: ChartFacts, chosen: Choice) -> ChatRequest:
    """Ask why, as JSON whose citations are keys of these facts."""
    ask = "The answer is: {}. Say why in short sentences, each citing the results it rests on."
    return ChatRequest(
        step="explain",
        messages=(
            Message(role="system", content="You follow up laboratory results."),
            Message(role="user", content=f"{EXAMPLE_CHART}\n{ask.format('act today')}"),
            Message(role="assistant", content=EXAMPLE_REASONS),
            Message(role="user", content=f"{quoted(facts)}\n{ask.format(chosen.display.lower())}"),
        ),
        json_schema=reasons_schema(facts),
        max_tokens=REASON_TOKENS,
    )


def code_of(answer: str) -> str:
    """Return the program in an answer: its code block, or all of it."""
    block = answer.split("```", 2)
    return (block[1].removeprefix("python") if len(block) > 1 else answer).strip()


def with_result(program_text: str, name: str) -> str:
    """Return the program followed by what the sandbox reads as its result."""
    return f"{program_text}\n{{{json.dumps(name)}: {name}}}"
