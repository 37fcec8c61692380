"""Compares what was heard with what was said."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.dictation.numbers import Item, Kind, read
from contracts.dictation import Doubt
from contracts.transcripts import Transcript
from tests.measure.dictations.texts import Dictation


@dataclass(frozen=True)
class Score:
    errors: int
    """Words that are wrong, missing or too many, numbers compared as values."""
    said: int
    drugs_heard: int
    changed: int
    """Numbers and their units that are not as said, lost or made up."""
    unmarked: tuple[str, ...]
    """Of these, what no doubt touches: what was said, and what was heard."""


Pair = tuple[Item | None, Item | None, int]
"""What was said, what was heard, and the word of the hearing where it is, or would be."""


def scored(dictation: Dictation, heard: Transcript, doubts: Sequence[Doubt]) -> Score:
    """Return how well it was heard, and which wrong numbers no person would be asked about."""
    said, got = read(dictation.text.split()), read([word.text for word in heard.words])
    pairs = aligned(said, got)
    stretches = _stretches(pairs)
    wrong = [pair for stretch in stretches for pair in stretch]
    numbers = [(a, b) for a, b, _ in wrong if _counts(a) or _counts(b)]
    unmarked = tuple(line for stretch in stretches for line in _unmarked(stretch, doubts))
    names = Counter(item.says for item in got)
    return Score(
        errors=len(wrong),
        said=len(said),
        drugs_heard=sum(names[name] > 0 for name in dictation.drugs),
        changed=len(numbers),
        unmarked=unmarked,
    )


def aligned(said: Sequence[Item], got: Sequence[Item]) -> list[Pair]:
    """Return the pairs of least edit distance."""
    costs = [[0] * (len(got) + 1) for _ in range(len(said) + 1)]
    for i in range(len(said) + 1):
        for k in range(len(got) + 1):
            if i and k:
                same = _key(said[i - 1]) == _key(got[k - 1])
                swap = costs[i - 1][k - 1] + (0 if same else 2 if said[i - 1].kind == got[k - 1].kind else 3)
                costs[i][k] = min(swap, costs[i - 1][k] + 2, costs[i][k - 1] + 2)
            else:
                costs[i][k] = 2 * (i + k)
    pairs: list[Pair] = []
    i, k = len(said), len(got)
    while i or k:
        word = got[k].first if k < len(got) else (got[-1].last + 1 if got else 0)
        if i and k:
            same = _key(said[i - 1]) == _key(got[k - 1])
            swap = 0 if same else 2 if said[i - 1].kind == got[k - 1].kind else 3
            if costs[i][k] == costs[i - 1][k - 1] + swap:
                pairs.append((said[i - 1], got[k - 1], got[k - 1].first))
                i, k = i - 1, k - 1
                continue
        if i and costs[i][k] == costs[i - 1][k] + 2:
            pairs.append((said[i - 1], None, word))
            i -= 1
        else:
            pairs.append((None, got[k - 1], got[k - 1].first))
            k -= 1
    return pairs[::-1]


def _key(item: Item) -> tuple[Kind, str]:
    return item.kind, item.says


def _counts(item: Item | None) -> bool:
    return item is not None and item.kind in (Kind.NUMBER, Kind.UNIT)


def _stretches(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Return the runs of pairs that differ."""
    found: list[list[Pair]] = [[]]
    for a, b, at in pairs:
        if a is not None and b is not None and _key(a) == _key(b):
            found.append([])
        else:
            found[-1].append((a, b, at))
    return [run for run in found if run]


def _unmarked(stretch: Sequence[Pair], doubts: Sequence[Doubt]) -> Iterator[str]:
    """Yield each wrong number that no doubt tells of.

    One that was heard must itself be marked. One that was said and not heard is nowhere: what is marked must touch the
    run of wrong words that it is lost in, since which of them stands for it nobody knows.
    """
    touched = any(_marked(b, at, doubts) for _, b, at in stretch)
    for a, b, at in stretch:
        if (_counts(b) and not _marked(b, at, doubts)) or (_counts(a) and not _counts(b) and not touched):
            yield f"{a.says if a else '-'} > {b.says if b else '-'} at {at}"


def _marked(got: Item | None, at: int, doubts: Sequence[Doubt]) -> bool:
    """Return whether a doubt holds a word of it; of what was lost, whether one is there or right beside."""
    if got is not None:
        return any(d.first <= got.last and max(d.last, d.first) >= got.first for d in doubts)
    return any(d.first <= at and d.last >= at - 1 for d in doubts)
