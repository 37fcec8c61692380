"""Which of NEWS2's two SpO2 scales a person chose, and whether a chart says hypercapnia; it never chooses by itself."""

import re
from collections.abc import Sequence

from agents import codes
from contracts.charts import ChartFacts

CHOSEN = {codes.SPO2_SCALE_1: "1", codes.SPO2_SCALE_2: "2"}
BEFORE = frozenset(
    (
        "royal", "college", "of", "physicians", "rcp", "national", "early", "warning", "score", "news", "news2", "2",
        "spo2", "o2", "oxygen", "saturation", "sats", "use", "using", "on",
    )
)  # fmt: skip
"""Words that may stand before "scale 2"; with any other, such as "not" or "consider", nothing was chosen."""
AFTER = frozenset(("score", "target", "range", "88", "92"))
# Our judgement, by the terms that the BTS guideline for oxygen use (Thorax 2017;72(suppl 1):ii1) uses for it
WORDS = re.compile(
    r"hyper-?capn\w*|hyper-?carb\w*|(?:co[2₂]|carbon dioxide)[ -]?ret[ea]\w*|retain\w* (?:co[2₂]|carbon dioxide)"
    r"|type (?:2|ii|two) (?:respiratory|resp) failure|\bt2rf\b",
    re.IGNORECASE,
)
DENIED = re.compile(r"\b(?:no|not|never|without|denies)\b[^,;.]*$", re.IGNORECASE)
# mmHg, 6 kPa: British Thoracic Society, definition of hypercapnia, Thorax 2017;72:588
PACO2_FROM = 45.0


def scale(texts: Sequence[str], coded: Sequence[str] = ()) -> str | None:
    """Return the scale, `1` or `2`, that all of these texts name, or without a text all codes; else None.

    Beside a text a code may be the hospital's own; one that is known must not say otherwise.
    """
    meant = {CHOSEN.get(code) or _scale(code) for code in coded}
    named = {_scale(text) for text in texts} | (meant - {None} if texts else meant)
    return named.pop() if len(named) == 1 else None


def _scale(text: str) -> str | None:
    words = re.findall(r"\w+", text.lower())
    at = words.index("scale") if "scale" in words else -1
    rest = words[at + 1 :]
    told = rest[:1] in (["1"], ["2"]) and BEFORE.issuperset(words[: max(at, 0)]) and AFTER.issuperset(rest[1:])
    return rest[0] if told else None


def cites(facts: ChartFacts) -> tuple[str, ...]:
    """Return the keys of the facts that say hypercapnia: a reason, the history, or PaCO2."""
    told = [key for key in ("complaint", "history") if (fact := facts.get(key)) and _says(fact.value)]
    return (*told, *(("paco2",) if (facts.number("paco2") or 0) >= PACO2_FROM else ()))


def _says(text: str) -> bool:
    return any(not DENIED.search(text[: match.start()]) for match in WORDS.finditer(text))
