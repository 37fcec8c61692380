"""Whether a number lies inside of the ranges that its laboratory gives, or can't be compared with them; pure (I19)."""

import re
from dataclasses import dataclass
from typing import Any

from agents.charts import Resource, clean
from agents.result_followup.charted import MOST_CHARS, NUMERIC, TAIL, Number, is_number, tail_of, units_of, words_of

NOT_NORMAL_RANGES = re.compile(
    r"measur|analytic|detect|report|critic|panic|therap|toxic|target|treat|action", re.IGNORECASE
)
SPAN = re.compile(rf"\(?(?P<low>{NUMERIC}) ?(?:-|\u2013|to) ?(?P<high>{NUMERIC})\)? ?(?P<unit>{TAIL})?")
BOUND = re.compile(rf"(?P<side><=|>=|<|>|\u2264|\u2265) ?(?P<limit>{NUMERIC}) ?(?P<unit>{TAIL})?")
SAYS_NORMAL = re.compile(r"^(?:normal|reference|ref\.?)? ?(?:range|values?)? ?:? ?", re.IGNORECASE)
NO_NORMAL_RANGE = "other"


def compare(limits: Resource, number: Number) -> str | None:
    """Return `low` or `high` where the number lies outside of this range, empty inside, None: not comparable.

    Of several ranges, for other ages or uses, every one counts: who they are meant for is a person's to see. Inside one
    that is no range of what is normal says nothing: NO_NORMAL_RANGE.
    """
    text = str(limits.get("text") or "")
    kinds = [clean(word) for word in words_of(limits.get("type"))]
    normal = not kinds or any(word.lower().startswith(("normal", "recommended")) for word in kinds)
    spans: list[_Span | None] = [_structured(limits, number)] if limits.get("low") or limits.get("high") else []
    if text and (not spans or (_parsed(text) and not _repeats(text, spans[0]))):
        spans.append(_written(text, number))
    for span in spans:
        if span and (side := _outside(span, number)):
            return side
    vague = any(span is None or not span.whole or _may_be_outside(span, number) for span in spans)
    if not spans or vague or limits.get("modifierExtension"):
        return None
    return "" if normal and not NOT_NORMAL_RANGES.search(text) else NO_NORMAL_RANGE


def _repeats(text: str, span: "_Span | None") -> bool:
    """Return whether a text says the same two numbers, if in another spelling of the unit."""
    match = _parsed(text)
    if span is None or match is None or "low" not in match.re.groupindex:
        return False
    return (float(match["low"]), float(match["high"])) == (span.low, span.high)


@dataclass(frozen=True)
class _Span:
    low: float | None
    high: float | None
    strict: bool = False
    """Whether the limits themselves lie outside."""
    whole: bool = True
    """Whether all of it could be compared."""


def _structured(limits: Resource, number: Number) -> _Span:
    low, high = _limit(limits.get("low"), number), _limit(limits.get("high"), number)
    whole = (low is not None or not limits.get("low")) and (high is not None or not limits.get("high"))
    return _Span(low, high, whole=whole)


def _limit(quantity: Any, number: Number) -> float | None:
    value = quantity.get("value") if isinstance(quantity, dict) else None
    return float(value) if is_number(value) and _same_unit(units_of(quantity), number) else None


def _parsed(text: str) -> re.Match[str] | None:
    told = SAYS_NORMAL.sub("", clean(text)[:MOST_CHARS], count=1)
    return SPAN.fullmatch(told) or BOUND.fullmatch(told)


def _written(text: str, number: Number) -> _Span | None:
    match = _parsed(text)
    if match is None or not {*tail_of(match)} <= {*number.units}:  # words after a number are a unit only if it has it
        return None
    if "side" not in match.re.groupindex:
        return _Span(float(match["low"]), float(match["high"]))
    limit, strict = float(match["limit"]), match["side"] in ("<", ">")
    above = match["side"] in (">", ">=", "\u2265")
    return _Span(limit if above else None, None if above else limit, strict)


def _outside(span: _Span, number: Number) -> str:
    value, side = number.value, number.comparator[:1]
    if span.high is not None and (value > span.high or (value == span.high and (span.strict or side == ">"))):
        return "" if side == "<" and value == span.high else "high"
    if span.low is not None and (value < span.low or (value == span.low and (span.strict or side == "<"))):
        return "" if side == ">" and value == span.low else "low"
    return ""


def _may_be_outside(span: _Span, number: Number) -> bool:
    """Return whether a bound may be anything on its side; below 0 is nothing, unless the range says so."""
    side = number.comparator[:1]
    return (side == ">" and span.high is not None) or (side == "<" and span.low not in (None, 0))


def _same_unit(units: tuple[str, ...], number: Number) -> bool:
    if number.as_text and number.units:
        return bool({*units} & {*number.units})
    return not units or bool({*units} & {*number.units}) or (not number.units and not number.as_text)
