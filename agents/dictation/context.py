"""Whether what is said is of this patient, of now, and so: ConText for the sentences of a dictation.

Harkema et al., ConText: an algorithm for determining negation, experiencer, and temporal status from clinical reports,
J Biomed Inform 2009;42:839: trigger terms have a scope that reaches to the end of the sentence or to a term that ends
it. Vital signs are values of now, so that here an earlier moment of the same day counts as earlier too. What is in
doubt is marked, never taken silently.
"""

from collections.abc import Sequence

from agents.dictation.numbers import Item
from agents.dictation.words import vocabulary

Phrase = tuple[str, ...]
OTHER, EARLIER = "said of somebody else, it seems", "said of an earlier time, it seems"
PLANNED, DENIED = "said of what should be or may come, it seems", "denied, it seems"


def _phrases(text: str) -> frozenset[Phrase]:
    return frozenset(tuple(phrase.split()) for phrase in text.split(", "))


OTHERS = _phrases(
    "father, fathers, dad, dads, mother, mothers, mum, mums, mom, moms, brother, sister, sibling, aunt, uncle, cousin, "
    "grandfather, grandmother, grandpa, grandma, grandson, granddaughter, son, sons, daughter, wife, husband, partner, "
    "parents, family, relative, relatives, friend, neighbour, neighbor, baby, babies, foetus, fetus, foetal, fetal, "
    "twin, donor, roommate, flatmate, housemate, colleague, passenger, bystander, stranger, "
    "boyfriend, girlfriend, nephew, niece, another patient, other patient, other driver, next bay, next bed"
)
"""Experiencers other than the patient; our judgement adds to those of Harkema et al. 2009."""
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
]  # fmt: skip
BEFORE = _phrases(
    "yesterday, ago, previously, earlier, last week, last month, last year, last night, last time, "
    "last visit, last set, last reading, this morning, this afternoon, overnight, initially, at 1th, usually, "
    "normally, historically, in the past, at home, in the ambulance, of the ambulance, on arrival, at triage, "
    "in ambulance, at the gp, at his gp, at her gp, at the clinic, at the nursing home, at the care home, "
    "before treatment, before surgery, at that time, used to be, the day before, the night before, at the scene, "
    "on scene, had been, when he, when she, when they, when the, while he was, while she was, "
    "during the night, in the night, a while back, until the, until he, until she, first set, pre hospital, "
    "prehospital, at lunchtime, at breakfast, at noon, at midnight, at school, at work"
) | {(word, name) for names, word in ((DAYS, "last"), (DAYS, "on"), (MONTHS, "in")) for name in names}
"""Of an earlier time, wherever in the clause they stand."""
OF_BEFORE = BEFORE | _phrases(
    "previous, prior, initial, baseline, usual, his normal, her normal, history of, past, watch, monitor at home"
)
"""The same before what is said, with what stands before a noun alone."""
NOT_BEFORE = vocabulary("since unlike than")
"""Words after which an earlier time is none of what is said: the pseudo-triggers of Harkema et al. 2009."""
AHEAD = _phrases(
    "if, unless, should, target, aim, aims, aiming, goal, keep, keeping, maintain, maintaining, until, would, "
    "threshold, in case, expect, expected, call me, alert me, plan, plans, restart, tomorrow, begin"
)
"""Hypothetical, before what is said."""
AFTERWARDS = _phrases("if, once, unless, tomorrow, when he is, when she is, when needed")
"""The same after what is said."""
DENIALS = _phrases("no, not, denies, denied, without, never, nor, neither")
NOW = vocabulary("now currently presently today")
"""Say that what follows is of now, and end the scope of what was said of an earlier time."""
ENDS = NOW | vocabulary("but whereas although though however")
THE_PATIENT = vocabulary("he she patient himself herself")
TELLS = vocabulary("says said reports reported thinks noticed called brought")
"""After the name of somebody who tells of the patient."""
PRESENT = vocabulary("is are now currently")


def doubt(items: Sequence[Item], start: int, end: int, again: bool = False, of_drug: bool = False) -> str:
    """Return why what items `start` to `end` (not in it) say may not be this patient's of now; empty where it is.

    `items` are those of one sentence. `again`: the same is said once more, of now. `of_drug`: an adjective such as
    "previous" is of what the drug is for.
    """
    before, after = _clause(items, start, end)
    words = [item.says for item in items]
    left, right = words[before:start], words[end:after]
    if _named(words[_patient_again(items, before, start) : start]) or (
        right[:1] and right[0] in ("in", "of", "for") and _found(right[1:3], OTHERS)
    ):
        return OTHER
    if again or _of_before(right, BEFORE) or _earlier(left, words[start:end], BEFORE if of_drug else OF_BEFORE):
        return EARLIER
    if _found(left, AHEAD) or _found(right, AFTERWARDS):
        return PLANNED
    joined = [n for n in range(before, start) if items[n].ends in (*",;:",) or items[n].says == "and"]
    return DENIED if _found(words[(joined[-1] + 1 if joined else before) : start], DENIALS) else ""


def _clause(items: Sequence[Item], start: int, end: int) -> tuple[int, int]:
    """Return the first item of what a scope reaches to on the left, and the one after its last on the right."""
    ended = (n + 1 for n in range(start - 1, -1, -1) if items[n].says in ENDS or items[n].ends in (*".;",))
    before = start if start < len(items) and items[start].says in NOW else next(ended, 0)
    ends = (n for n in range(end, len(items)) if items[n].says in ENDS)
    words = [item.says for item in items]
    marks = (
        n
        for n in range(end - 1, len(items))
        if items[n].ends in (*".;",) or (items[n].ends == "," and 0 not in _found(words[n + 1 :], BEFORE))
    )
    return before, min(next(ends, len(items)), next(marks, len(items)) + 1)


def _patient_again(items: Sequence[Item], before: int, start: int) -> int:
    """Return where, after a comma, the patient is spoken of again: nobody named before it is meant then."""
    for at in range(start - 1, before, -1):
        following = [item.says for item in items[at : at + 2]]
        if items[at - 1].ends == "," and {*following} & THE_PATIENT:
            return at
    return before


def _named(clause: Sequence[str]) -> bool:
    """Return whether somebody else is named; who only tells of the patient is none."""
    return any(clause[at + 1 : at + 2] == [] or clause[at + 1] not in TELLS for at in _found(clause, OTHERS))


def _earlier(left: Sequence[str], said: Sequence[str], phrases: frozenset[Phrase]) -> bool:
    """Return whether an earlier time is named on the left; another value in the present between ends its scope."""
    present = any(word in PRESENT for word in said)
    return any(not (present and "and" in left[at:]) for at in _of_before(left, phrases))


def _of_before(words: Sequence[str], phrases: frozenset[Phrase]) -> list[int]:
    return [at for at in _found(words, phrases) if at == 0 or words[at - 1] not in NOT_BEFORE]


def _found(words: Sequence[str], phrases: frozenset[Phrase]) -> list[int]:
    """Return where one of the phrases begins."""
    lengths = {len(phrase) for phrase in phrases}
    return [at for at in range(len(words)) if any(tuple(words[at : at + n]) in phrases for n in lengths)]
