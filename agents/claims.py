"""What a model may see of a chart, the form in which it gives reasons, and whether the chart bears them out (I7)."""

import json
import re

from contracts.charts import ChartFacts, Fact, FactKind
from contracts.suggestions import Claim

REASON_CHARS = 80
MOST_REASONS = 2  # our judgement: more are not read
NUMBER = re.compile(r"\d+(?:\.\d+)?")
WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
SHORT_LABELS = {"hr", "rr"}
FILLERS = {"the", "and", "with", "for", "has", "not", "are", "was"}


def seen(facts: ChartFacts) -> list[Fact]:
    """Return the facts that a model may see."""
    return [fact for fact in facts.facts if fact.kind not in (FactKind.IDENTITY, FactKind.STAY)]


def quoted(facts: ChartFacts) -> str:
    """Return those facts as lines of key and quoted text.

    Chart text is data: nothing in it can choose an answer outside the schema.
    """
    return "\n".join(f"{fact.key}: {json.dumps(fact.shown(), ensure_ascii=False)}" for fact in seen(facts))


def reasons_schema(facts: ChartFacts) -> str:
    """Return the JSON schema of a few short reasons, each citing keys of these facts."""
    keys = [fact.key for fact in seen(facts)]
    reason = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": REASON_CHARS},
            "cites": {
                "type": "array",
                "items": {"enum": keys},
                "minItems": 1,
                "maxItems": 2,
            },  # unbounded arrays never end
        },
        "required": ["text", "cites"],
        "additionalProperties": False,
    }
    reasons = {"type": "array", "items": reason, "minItems": 1, "maxItems": MOST_REASONS}
    schema = {
        "type": "object",
        "properties": {"reasons": reasons},
        "required": ["reasons"],
        "additionalProperties": False,
    }
    return json.dumps(schema, sort_keys=True)


def borne_out(claim: Claim, facts: ChartFacts) -> bool:
    """Return whether the chart says what the claim says, as far as words can be compared (I7).

    Every citation must resolve in this chart and be named in the text by a word or number of its own, and every
    number of the text must stand in a cited fact.
    """
    cited = [fact for key in claim.cites if (fact := facts.get(key)) and fact in seen(facts)]
    if not cited or len(cited) < len(claim.cites):
        return False
    said, known = _words(claim.text), [_words(f"{fact.label} {fact.value}") for fact in cited]
    told = claim.text.lower()
    for fact in cited:  # the 2 of "SpO2" and the 10 of "3 of 10" are no values
        told = told.replace(fact.label.lower(), " ")
        for scale in (fact.unit, fact.unit.replace("of ", "/")):
            told = told.replace(scale, " ") if NUMBER.search(scale) else told
    measured = {word for fact in cited for word in NUMBER.findall(fact.value)}
    return all(said & words for words in known) and set(NUMBER.findall(told)) <= measured


def _words(text: str) -> set[str]:
    return {
        word
        for word in WORD.findall(text.lower())
        if word in SHORT_LABELS or word[0].isdigit() or (len(word) > 2 and word not in FILLERS)
    }
