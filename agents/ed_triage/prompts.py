"""What the model is asked: one level, then reasons that name the facts they rest on."""

import json

from agents.claims import quoted, reasons_schema, seen
from contracts.charts import ChartFacts, Fact
from contracts.ed_triage import AcuityScale
from contracts.model_calls import ChatRequest, Message

LEVEL_TOKENS = 4
REASON_TOKENS = 112
# One worked example is what keeps small models short and to the point; the patient in it does not exist.
EXAMPLE_CHART = 'complaint: "Complaint wrist pain after a fall"\nhr: "HR 84 /min"\nspo2: "SpO2 99 %"'
EXAMPLE_REASONS = (
    '{"reasons":[{"text":"Wrist pain after a fall.","cites":["complaint"]},{"text":"HR 84 is normal.","cites":["hr"]}]}'
)


def judge(facts: ChartFacts, scale: AcuityScale) -> ChatRequest:
    """Ask for the level, as a closed choice, in few tokens: each one costs in training and in every answer."""
    first, last = scale.levels[0].code, scale.levels[-1].code
    told = sorted(seen(facts), key=lambda fact: fact.key == "complaint")  # last, where it is read with all the rest
    return ChatRequest(
        step="judge",
        messages=(
            Message(role="system", content=f"Answer with the {scale.name.upper()} level, {first} to {last}."),
            Message(role="user", content=" ".join(f"{fact.key} {_quoted(fact)}" for fact in told)),
        ),
        choices=tuple(level.code for level in scale.levels),
        max_tokens=LEVEL_TOKENS,
    )


def explain(facts: ChartFacts, scale: AcuityScale, level: str) -> ChatRequest:
    """Ask why that level, as JSON whose citations are keys of these facts."""
    ask = "The level is {}. Give the reasons in short sentences, each citing the facts it rests on."
    system, case = _messages(facts, scale, ask.format(level))
    example = Message(role="user", content=f"{EXAMPLE_CHART}\n{ask.format(4)}")
    return ChatRequest(
        step="explain",
        messages=(system, example, Message(role="assistant", content=EXAMPLE_REASONS), case),
        json_schema=reasons_schema(facts),
        max_tokens=REASON_TOKENS,
    )


def _quoted(fact: Fact) -> str:
    """Return a value that can't be taken for more than a value: a number, one word, or text in quotes."""
    plain = fact.number is not None or fact.value.isalnum()
    return fact.value if plain else json.dumps(fact.value, ensure_ascii=False)


def _messages(facts: ChartFacts, scale: AcuityScale, ask: str) -> tuple[Message, ...]:
    levels = ", ".join(f"{level.code} {level.display.lower()}" for level in scale.levels)
    return (
        Message(role="system", content=f"You triage emergency patients. Levels: {levels}."),
        Message(role="user", content=f"{quoted(facts)}\n{ask}"),
    )
