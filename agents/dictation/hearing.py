"""Where two hearings of a recording must be checked by a person."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from agents.dictation import doses, loops, numbers, places
from agents.dictation.names import Matcher
from agents.dictation.numbers import Item, Kind
from agents.dictation.words import GIVEN, MEASURED, doubted, is_figure
from contracts.dictation import Doubt
from contracts.transcripts import Transcript, Word

_UNSURE = 0.75
"""Below this mean probability of both hearings a number is checked. Our judgement: a model's own are not calibrated,
but those wrong numbers that nothing else told of had 0.56 to 0.70."""
_BEGINS = 2.5
"""Factor of the first word's probability, which is lower, since in it lies how sure the model is to begin at all; our
judgement."""
_LONGEST_S, _MOST = 3.0, 0.7
"""Our judgement: no word lasts longer; and a hearing that has so much less than the other broke off somewhere."""
_GUESSED, _BESIDE = 0.3, 2
"""Our judgement: a word below this probability, within _BESIDE words of a number, a drug or what has one, is marked."""
_MOST_PAIRS = 6_250_000
"""Words of one hearing by words of the other that are compared: 2,500 in each, more than ten minutes hold. Our
judgement of what comparing may cost."""


def better(
    first: Transcript, second: Transcript, medications: Sequence[str] = (), matcher: Matcher | None = None
) -> tuple[Transcript, Transcript]:
    """Return the hearing to make a note of, and the other: the first, unless it alone broke off or went in circles."""
    matcher = matcher or Matcher(medications)
    if _is_broken(first, second, matcher) and not _is_broken(second, first, matcher):
        return second, first
    return first, second


def doubts(
    first: Transcript, second: Transcript, medications: Sequence[str] = (), matcher: Matcher | None = None
) -> tuple[Doubt, ...]:
    """Return what a person must confirm in the first hearing, given the second.

    That is every number, unit or drug's name that the other hearing has otherwise or not at all; every number that is
    improbable, out of place or sounds like another; a drug without its dose and a dose without its drug; and a word
    that is nearly a drug's name but none. What the other hearing has is left out where it goes in circles.
    """
    matcher = matcher or Matcher(medications)
    here, there = read(first, matcher), read(second, matcher)
    circles = loops.found(second, first, matcher.known)
    found: list[Doubt] = []
    for what, i, j, k, n in _compared(here, there):
        if what == "equal":
            found += _unsure(first, here[i:j], second, there[k:n])
            continue
        why = _why((*here[i:j], *there[k:n]))
        if why:
            start = here[i].first if i < len(here) else len(first.words)
            end = here[j - 1].last if j > i else start - 1
            told = (there[k].first, there[n - 1].last) if n > k else None
            usable = told and not any(begin <= told[1] and told[0] <= last for begin, last in circles)
            heard = " ".join(w.text for w in second.words[told[0] : told[1] + 1]) if told and usable else ""
            found.append(Doubt(first=start, last=end, heard_otherwise=heard, why=why))
    return _merged((*found, *_odd(first, here, matcher)))


def read(heard: Transcript, matcher: Matcher) -> list[Item]:
    """Return what was heard as numbers, units, drugs' names, also those in pieces or nearly so, and other words."""
    items = numbers.read([word.text for word in heard.words])
    found: list[Item] = []
    at = 0
    while at < len(items):
        length = next((n for n in (1, 3, 2) if _names_a_drug(items[at : at + n], n, matcher)), 0)
        run = items[at : at + max(length, 1)]
        name = "".join(item.says for item in run)
        found.append(Item(Kind.DRUG, name, run[0].first, run[-1].last, run[-1].ends) if length else run[0])
        at += len(run)
    return found


def _compared(here: Sequence[Item], there: Sequence[Item]) -> Iterable[tuple[str, int, int, int, int]]:
    """Return how one becomes the other, as difflib's opcodes; beyond a limit of work all counts as different."""
    if len(here) * len(there) > _MOST_PAIRS:
        return [("replace", 0, len(here), 0, len(there))]
    return SequenceMatcher(None, [_key(i) for i in here], [_key(i) for i in there], autojunk=False).get_opcodes()


def _is_broken(heard: Transcript, other: Transcript, matcher: Matcher) -> bool:
    circles = loops.found(heard, other, matcher.known)
    broke_off = len(read(heard, matcher)) < _MOST * len(read(other, matcher))
    return bool(circles) or broke_off or any(map(_holds_more, heard.words))


def _holds_more(word: Word) -> bool:
    """Return whether a word is so long that others lie in it: a model that breaks off gives the rest to its last."""
    return word.end_s - word.start_s > _LONGEST_S


def _odd(heard: Transcript, items: Sequence[Item], matcher: Matcher) -> Iterator[Doubt]:
    """Yield what can't be trusted however often it is heard."""
    yield from places.suspects(items)
    yield from doses.suspects(items)
    yield from _guessed(heard, items)
    for at, word in enumerate(heard.words):
        if _holds_more(word):
            yield Doubt(first=at, last=at, heard_otherwise="", why=Kind.NUMBER)
    for n, item in enumerate(items):
        if item.kind == Kind.DRUG and (item.says not in matcher.known or item.first < item.last):
            yield doubted(items, n, n, Kind.DRUG)
        elif matcher.unmatched and (of := next((m for m in (1, 2, 3) if _joined(items, n, m) in matcher.unmatched), 0)):
            yield doubted(items, n, n + of - 1, Kind.DRUG)


def _unsure(first: Transcript, here: Sequence[Item], second: Transcript, there: Sequence[Item]) -> Iterable[Doubt]:
    """Yield the numbers that both hearings have, and were not sure of."""
    for at, (one, other) in enumerate(zip(here, there, strict=True)):
        if is_figure(here, at) and (_least(first, one) + _least(second, other)) / 2 < _UNSURE:
            yield doubted(here, at, at)


def _guessed(heard: Transcript, items: Sequence[Item]) -> Iterable[Doubt]:
    """Yield the words that the model all but guessed beside a number, a drug or what has one: they may be its part."""
    telling = [n for n, item in enumerate(items) if item.kind != Kind.WORD or item.says in MEASURED.keys() | GIVEN]
    near = {n + d for n in telling for d in range(-_BESIDE, _BESIDE + 1)}
    for n, item in enumerate(items):
        if n in near and _least(heard, item) < _GUESSED:
            yield doubted(items, n, n)


def _least(heard: Transcript, item: Item) -> float:
    """Return the probability of the least sure word."""
    told = [word.probability for word in heard.words[item.first : item.last + 1]]
    if item.first == 0 and told and told[0] is not None:
        told[0] *= _BEGINS
    return min((probability for probability in told if probability is not None), default=1.0)


def _why(items: Iterable[Item]) -> str:
    """Return which of numbers and drug names are among them, for a person; empty where neither is."""
    kinds = {Kind.NUMBER if item.kind == Kind.UNIT else item.kind for item in items}
    return " and ".join(kind for kind in (Kind.NUMBER, Kind.DRUG) if kind in kinds)


def _merged(found: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """Return the doubts in the order of their words, those that share words as one."""
    kept: list[Doubt] = []
    for doubt in sorted(found, key=lambda d: (d.first, d.last)):
        before = kept[-1] if kept else None
        if before is None or doubt.first > before.last:
            kept.append(doubt)
            continue
        heard = " ".join(filter(None, (before.heard_otherwise, doubt.heard_otherwise)))
        why = " and ".join(k for k in (Kind.NUMBER, Kind.DRUG) if k in f"{before.why} {doubt.why}")
        last = max(before.last, doubt.last)
        kept[-1] = Doubt(first=before.first, last=last, heard_otherwise=heard, why=why)
    return tuple(kept)


def _key(item: Item) -> tuple[Kind, str]:
    return item.kind, item.says


def _joined(items: Sequence[Item], at: int, length: int) -> str:
    return "".join(item.says for item in items[at : at + length])


def _names_a_drug(run: Sequence[Item], length: int, matcher: Matcher) -> bool:
    """Return whether the words are one drug's name, heard in pieces where they are several."""
    if len(run) < length or any(item.kind != Kind.WORD for item in run):
        return False
    alone = any(matcher.is_drug(item.says, single=True) for item in run)
    return alone if length == 1 else not alone and matcher.is_drug(_joined(run, 0, length), single=False)
